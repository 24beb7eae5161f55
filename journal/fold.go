package journal

import (
	"hash/maphash"
	"time"

	"github.com/rs/zerolog"
)

// maxKinds bounds the kinds of records that are counted apart in one interval.
const maxKinds = 256

var otherMessages = []byte("other messages")

// kind counts the records of one level and message within an interval.
type kind struct {
	level   zerolog.Level
	seen    int64
	message [maxMessage]byte // escaped; set once records are folded
	length  int
}

// folded is how many records of the kind were not written.
func (k *kind) folded(burst int64) int64 { return max(0, k.seen-burst) }

// folder folds floods of records: see the package comment. It never allocates after newFolder.
type folder struct {
	burst    int64
	interval time.Duration
	until    time.Duration // end of the interval, since boot
	seed     maphash.Seed
	index    map[uint64]int
	kinds    []kind // kinds[0] counts all beyond maxKinds
	total    int64  // records folded since the journal was opened
}

func newFolder(burst int, interval time.Duration) *folder {
	return &folder{
		burst:    int64(burst),
		interval: interval,
		seed:     maphash.MakeSeed(),
		index:    make(map[uint64]int, maxKinds),
		kinds:    make([]kind, 1, maxKinds+1),
	}
}

// admit counts a record and reports whether it is to be written; first is true for the first one of the interval that is not.
func (f *folder) admit(level zerolog.Level, message []byte) (write, first bool) {
	k := f.kind(level, message)
	k.seen++
	k.level = max(k.level, level)
	if k.seen <= f.burst {
		return true, false
	}
	if k.length == 0 {
		if k == &f.kinds[0] {
			message = otherMessages
		}
		k.length = copy(k.message[:], cutEscaped(message, maxMessage))
	}
	f.total++
	return false, k.seen == f.burst+1
}

func (f *folder) kind(level zerolog.Level, message []byte) *kind {
	hash := maphash.Bytes(f.seed, message) ^ uint64(level+1)*0x9E3779B97F4A7C15
	if i, ok := f.index[hash]; ok {
		return &f.kinds[i]
	}
	if len(f.kinds) == cap(f.kinds) {
		return &f.kinds[0]
	}
	f.index[hash] = len(f.kinds)
	f.kinds = append(f.kinds, kind{level: level})
	return &f.kinds[len(f.kinds)-1]
}

// roll ends the interval: it hands every kind that was folded to say and starts a new one.
func (f *folder) roll(mono time.Duration, say func(k *kind, folded int64)) {
	for i := range f.kinds {
		if n := f.kinds[i].folded(f.burst); n > 0 {
			say(&f.kinds[i], n)
		}
	}
	clear(f.index)
	f.kinds = f.kinds[:1]
	f.kinds[0] = kind{level: zerolog.TraceLevel}
	f.until = mono + f.interval
}
