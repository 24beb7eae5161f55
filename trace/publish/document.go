package publish

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"atoll/trace"
)

// Bounds of a document, which are far above what any run has.
const (
	maxDocument = 1 << 20 // bytes
	maxModels   = 256
	maxBuckets  = 64 // powers of two of nanoseconds
)

// answer is the document that is sent: a snapshot, or why there is none.
type answer struct {
	trace.Snapshot
	Error string `json:"error,omitempty"`
}

// encode is one document, with a newline.
func encode(a answer) ([]byte, error) {
	b, err := json.Marshal(a)
	if err == nil && len(b) >= maxDocument {
		err = fmt.Errorf("snapshot has %d bytes: at most %d are sent", len(b), maxDocument-1)
	}
	return append(b, '\n'), err
}

// decode reads a document, which may come from anyone.
func decode(b []byte) (trace.Snapshot, error) {
	if len(b) > maxDocument {
		return trace.Snapshot{}, fmt.Errorf("it is longer than %d bytes", maxDocument)
	}
	if len(b) == 0 {
		return trace.Snapshot{}, errors.New("it is empty")
	}
	var a answer
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&a); err != nil {
		return trace.Snapshot{}, err
	}
	if _, err := d.Token(); err != io.EOF {
		return trace.Snapshot{}, errors.New("it goes on after its end")
	}
	if a.Error != "" {
		return trace.Snapshot{}, fmt.Errorf("the run has none: %.400q", a.Error)
	}
	return a.Snapshot, check(&a.Snapshot)
}

// check says what of a snapshot can't be.
func check(s *trace.Snapshot) error {
	if s.Source != trace.EBPF && s.Source != trace.SchedStat {
		return fmt.Errorf("source %.40q is not known", s.Source)
	}
	for _, list := range []struct {
		what      string
		len, most int
	}{
		{"models", len(s.Models), maxModels},
		{"preemptors", len(s.Preemptors), trace.MaxPreemptors},
		{"slowest jobs", len(s.Slowest), trace.MaxSlowest},
	} {
		if list.len > list.most {
			return fmt.Errorf("%d %s: at most %d can be", list.len, list.what, list.most)
		}
	}
	for i := range s.Models {
		if n := len(s.Models[i].Histogram); n > maxBuckets {
			return fmt.Errorf("a histogram of %d buckets: at most %d can be", n, maxBuckets)
		}
	}
	for i := range s.Slowest {
		if n := len(s.Slowest[i].Holders); n > trace.MaxHolders {
			return fmt.Errorf("a job with %d holders: at most %d can be", n, trace.MaxHolders)
		}
	}
	return checkTimes(s)
}

// checkTimes refuses times below 0, which nothing takes.
func checkTimes(s *trace.Snapshot) error {
	least := min(s.For, 0)
	see := func(times ...time.Duration) {
		for _, d := range times {
			least = min(least, d)
		}
	}
	for i := range s.Models {
		m := &s.Models[i]
		see(m.P50, m.P99, m.Max, m.Wall, m.Helpers.OnCPU, m.Helpers.Waiting)
		see(m.Parts[:]...)
		for _, b := range m.Histogram {
			see(b.From)
		}
	}
	for i := range s.Slowest {
		j := &s.Slowest[i]
		see(j.Wall, j.Helpers.OnCPU, j.Helpers.Waiting)
		see(j.Parts[:]...)
		for _, h := range j.Holders {
			see(h.Time)
		}
	}
	for _, h := range s.Preemptors {
		see(h.Time)
	}
	if least < 0 {
		return fmt.Errorf("a time of %v can't be", least)
	}
	return nil
}
