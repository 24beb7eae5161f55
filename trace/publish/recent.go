package publish

import (
	"time"

	"atoll/trace"
)

// freshFor is how long an answer is sent again. A snapshot holds up the next job for a
// moment: whoever connects, and however often, ten in a second are made.
const freshFor = 100 * time.Millisecond

// recent makes answers, and keeps the last one.
type recent struct {
	snapshot func() (trace.Snapshot, error)
	now      func() time.Time
	made     time.Time
	document []byte
	err      error
}

// answer is the document to send.
func (r *recent) answer() ([]byte, error) {
	if now := r.now(); r.made.IsZero() || now.Sub(r.made) >= freshFor {
		r.document, r.err = r.make()
		r.made = r.now()
	}
	return r.document, r.err
}

func (r *recent) make() ([]byte, error) {
	s, err := r.snapshot()
	if err != nil {
		return encode(answer{Error: err.Error()})
	}
	return encode(answer{Snapshot: s})
}
