package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"atoll/model"
	"atoll/pipeline/audio"
	"atoll/pipeline/source/wav"
)

// wavFile is a mono recording of 16-bit samples that count up from 0.
func wavFile(rate, samples int) string {
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00")
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(2*rate))
	b = append(b, 2, 0, 16, 0)
	b = binary.LittleEndian.AppendUint32(append(b, "data"...), uint32(2*samples))
	for i := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(i))
	}
	return string(b)
}

func TestWAVIsPlayedInRealTime(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.wav"), wavFile(16000, 2*512+100))
	write(t, filepath.Join(dir, "b.WAV"), wavFile(8000, 2*256))
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Kind: "wav", Path: dir}, Env{Clock: NewClock()}, Block)
		began := time.Now()
		items, err := r.rest()
		if err != nil || len(items) != 4 {
			t.Fatalf("%d chunks, %v; want 4: the part of a chunk is left out", len(items), err)
		}
		for i, it := range items {
			if want := time.Duration(i+1) * 32 * time.Millisecond; it.At != want || it.Seq != uint64(i+1) {
				t.Errorf("chunk %d ends at %v, Seq %d; want %v", i, it.At, it.Seq, want)
			}
			if want := i%2 == 0; it.Reset != want || len(it.Audio) != ChunkSamples || it.Modality != model.Audio {
				t.Errorf("chunk %d: Reset %v, %d samples, %v; want Reset %v", i, it.Reset, len(it.Audio), it.Modality, want)
			}
		}
		if v := items[1].Audio[3]; v != 515./32768 {
			t.Errorf("sample 515 = %v", v)
		}
		if items[0].Name != "a.wav" || items[3].Name != "b.WAV" {
			t.Errorf("names %q and %q", items[0].Name, items[3].Name)
		}
		if took := time.Since(began); took != 128*time.Millisecond {
			t.Errorf("took %v, want 128ms", took)
		}
	})
}

func TestWAVBrokenFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.wav"), "no recording")
	write(t, filepath.Join(dir, "b.wav"), wavFile(16000, 2000)[:2500]) // 1228 samples of it
	write(t, filepath.Join(dir, "c.wav"), wavFile(16000, 512))
	write(t, filepath.Join(dir, "d.wav"), wavFile(16000, 511))
	write(t, filepath.Join(dir, "e.wav"), wavFile(16000, 512)[:1000])
	r := start(t, Config{Kind: "wav", Path: dir}, Env{}, Block)
	items, err := r.rest()
	if err != nil || len(items) != 3 {
		t.Errorf("%d chunks, %v; want what can be read", len(items), err)
	}
	if n := r.env.Counters.Broken.Load(); n != 3 {
		t.Errorf("%d broken files, want a, d and e", n)
	}
	for _, want := range []string{"not a WAV file", "cut short: 2456 of 4000 bytes", "shorter than 32ms", "cut short: 956 of 1024 bytes"} {
		if n := strings.Count(r.log.String(), want); n != 1 {
			t.Errorf("%q was logged %d times, want once:\n%s", want, n, r.log)
		}
	}
}

// TestWAVCutShortIsPlayed: it is all there is, and each round of a loop plays it.
func TestWAVCutShortIsPlayed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wav")
	write(t, path, wavFile(16000, 2000)[:2500])
	r := start(t, Config{Kind: "wav", Path: path}, Env{}, Block)
	if items, err := r.rest(); err != nil || len(items) != 2 {
		t.Errorf("%d chunks, %v; want the 2 whole ones and no error", len(items), err)
	}
	r = start(t, Config{Kind: "wav", Path: path, Loop: true}, Env{}, Block)
	for i := range 6 {
		if it := r.next(); it.At != time.Duration(i+1)*chunkTime {
			t.Errorf("chunk %d at %v: there was a pause", i, it.At)
		}
	}
	r.stop()
	if n := strings.Count(r.log.String(), `"level":"warn"`); n != 1 || !strings.Contains(r.log.String(), "a file is cut short") {
		t.Errorf("%d warnings, want one that says that it is cut short:\n%s", n, r.log)
	}
	if c := r.env.Counters; c.Broken.Load() != 0 || c.Retries.Load() != 0 {
		t.Errorf("%d broken files, %d retries; want none", c.Broken.Load(), c.Retries.Load())
	}
}

// TestLoopOverEmptyWAVDoesNotSpin: synctest's time only moves on while the source sleeps.
func TestLoopOverEmptyWAVDoesNotSpin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wav")
	write(t, path, wavFile(16000, 100))
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Kind: "wav", Path: path, Loop: true}, Env{Clock: NewClock()}, Block)
		time.Sleep(time.Hour)
		r.stop()
		if n := r.env.Counters.Retries.Load(); n < 100 || n > 400 {
			t.Errorf("%d attempts in an hour, want one every 15 to 30 s", n)
		}
	})
}

// TestChunksAreTheDetectorsFrames: the two packages do not know each other.
func TestChunksAreTheDetectorsFrames(t *testing.T) {
	if ChunkSamples != audio.FrameSize || SampleRate != audio.SampleRate || wav.Rate != SampleRate {
		t.Errorf("chunks of %d samples at %d Hz of recordings at %d Hz; the detector takes %d at %d Hz",
			ChunkSamples, SampleRate, wav.Rate, audio.FrameSize, audio.SampleRate)
	}
}

func TestWAVLoops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wav")
	write(t, path, wavFile(16000, 1024))
	r := start(t, Config{Kind: "wav", Path: path, Loop: true}, Env{}, Block)
	for i := range 6 {
		it := r.next()
		if it.Reset != (i%2 == 0) || it.At != time.Duration(i+1)*chunkTime {
			t.Errorf("chunk %d at %v, Reset %v", i, it.At, it.Reset)
		}
		r.out.Recycle(it)
	}
	r.stop()
}

func TestPCM(t *testing.T) {
	var floats []byte
	for range 2 * 2 * 512 { // two chunks of stereo, and a part of one
		floats = binary.LittleEndian.AppendUint32(floats, math.Float32bits(0.25))
	}
	floats = append(floats, 1, 2, 3)
	r := start(t, Config{Kind: "pcm", Format: "f32le", Channels: 2}, Env{Stdin: bytes.NewReader(floats)}, Block)
	items, err := r.rest()
	if err != nil || len(items) != 2 || !items[0].Reset || items[1].Reset || items[1].Audio[511] != 0.25 {
		t.Errorf("%d chunks, %v", len(items), err)
	}
	r = start(t, Config{Kind: "pcm", Rate: 48000}, Env{Stdin: bytes.NewReader(make([]byte, 2*48000))}, Block)
	if items, err := r.rest(); err != nil || len(items) != 31 {
		t.Errorf("a second at 48 kHz: %d chunks, %v; want 31", len(items), err)
	}
	broken := errors.New("unplugged")
	r = start(t, Config{Kind: "pcm"}, Env{Stdin: io.MultiReader(bytes.NewReader(make([]byte, 1024)), errReader{broken})}, Block)
	if items, err := r.rest(); !errors.Is(err, broken) || !strings.Contains(err.Error(), "standard input") || len(items) != 1 {
		t.Errorf("%d chunks, %v; want the one before the error", len(items), err)
	}
}

func TestPCMIsTimedAtArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, out := io.Pipe()
		r := start(t, Config{Kind: "pcm"}, Env{Clock: NewClock(), Stdin: in}, Block)
		time.Sleep(time.Minute)
		out.Write(make([]byte, 1024))
		if it := r.next(); it.At != time.Minute {
			t.Errorf("chunk at %v, want when it came", it.At)
		}
		r.stop()
	})
}

// TestAudioDoesNotAllocate plays on and on, with every chunk given back.
func TestAudioDoesNotAllocate(t *testing.T) {
	r := start(t, Config{Kind: "pcm", Rate: 44100}, Env{Clock: NewClock(), Stdin: zeros{}}, Block)
	n := testing.AllocsPerRun(200, func() { r.out.Recycle(r.next()) })
	r.stop()
	if n != 0 {
		t.Errorf("a chunk allocates %v times, want 0", n)
	}
}

func TestPacedClockDoesNotAllocate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pacer{clock: NewClock()}
		n := testing.AllocsPerRun(100, func() {
			if _, err := p.wait(t.Context(), time.Second); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("waiting allocates %v times, want 0", n)
		}
	})
}
