// Package source is where inputs come from: pictures, sound and text from files, streams and standard input. Every kind of source
// is one file that registers itself; all deliver Items into a bounded Queue, whose consumer hands them back for reuse.
package source

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"atoll/model"
)

const (
	// SampleRate is that of all audio items, in hertz.
	SampleRate = 16000
	// ChunkSamples is the length of every audio item.
	ChunkSamples = 512
	// MaxTextBytes is the longest text of an item; longer lines are cut.
	MaxTextBytes = 64 << 10
)

// chunkTime is the time that one audio item lasts.
const chunkTime = time.Second * ChunkSamples / SampleRate

// Item is one input as a source delivers it. Items are recycled: a consumer that is done with one, and with what its slices
// point to, calls Queue.Recycle.
type Item struct {
	Modality model.Modality
	Source   string        // the source's name in the configuration
	Name     string        // file name, "" for a stream
	Seq      uint64        // counts from 1 per source; a gap is what the queue dropped
	At       time.Duration // when it was taken, on the Clock; of an audio chunk, when its last sample was
	Image    Image         // vision
	Audio    []float32     // audio: ChunkSamples mono samples at SampleRate in [-1, 1]
	Reset    bool          // audio: first chunk of a new recording: the detector's state starts over
	Text     string        // text: one line of valid UTF-8 without its end, at most MaxTextBytes
	free     bool          // lies in a queue's free list
}

// Image is an 8-bit RGB picture: rows from top to bottom without padding, 3 bytes a pixel.
type Image struct {
	Width, Height int
	Pix           []byte
}

// Resize makes m a picture of width x height pixels, reusing its memory where that is large enough. The pixels are undefined.
func (m *Image) Resize(width, height int) {
	m.Width, m.Height = width, height
	n := 3 * width * height
	if cap(m.Pix) < n {
		m.Pix = make([]byte, n)
	}
	m.Pix = m.Pix[:n]
}

// Source delivers inputs.
type Source interface {
	// Run delivers into out until the source is used up (nil), ctx ends (its error) or the source fails for good. It never closes
	// out, and whatever it started has ended when it returns. A Source runs once.
	Run(ctx context.Context, out *Queue) error
}

// Env is what a source needs of the world around it.
type Env struct {
	Clock    Clock          // nil: a clock that starts now
	Stdin    io.Reader      // what raw, pcm and, without another path, lines read
	Logger   zerolog.Logger // the zero value logs nothing
	Seed     uint64         // of the jitter between attempts to reconnect
	Counters *Counters      // nil: not counted
	// Dial opens network connections; nil dials for real.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Counters counts what a source met besides the items it delivered. All fields may be read at any time.
type Counters struct {
	Broken  atomic.Uint64 // inputs skipped: pictures, recordings or frames that could not be decoded
	Cut     atomic.Uint64 // lines longer than MaxTextBytes
	Retries atomic.Uint64 // failures after which a live source started again
	Refused atomic.Uint64 // clients turned away because all places were taken
}

// base is what all sources have in common.
type base struct {
	cfg      Config
	env      Env
	modality model.Modality
	log      zerolog.Logger
	seq      uint64
}

// item takes a blank item from out and labels it.
func (b *base) item(out *Queue, name string) *Item {
	it := out.Blank()
	it.Modality, it.Source, it.Name = b.modality, b.cfg.Name, name
	return it
}

// put delivers it; like Queue.Put it owns the item whatever happens.
func (b *base) put(ctx context.Context, out *Queue, it *Item) error {
	b.seq++
	it.Seq = b.seq
	return out.Put(ctx, it)
}
