package pipeline

import (
	"errors"
	"sync"
	"time"

	"atoll/engine"
	"atoll/model"
	"atoll/sched"
)

// InputStats tells what became of one source's items.
type InputStats struct {
	Name     string         `json:"name"`
	Modality model.Modality `json:"modality"`
	Broken   uint64         `json:"broken"`   // inputs that could not be decoded, or only in part
	Retries  uint64         `json:"retries"`  // times the source failed and began again
	Received uint64         `json:"received"` // items the source delivered
	Dropped  uint64         `json:"dropped"`  // of them, not inferred: too little new in them, or too old when their turn came
	Inferred uint64         `json:"inferred"`
	Failed   uint64         `json:"failed"`
	Skipped  uint64         `json:"skipped"` // texts without a word in them
	Mean     time.Duration  `json:"mean_ns"` // of an inference, with the hop to the worker
	Max      time.Duration  `json:"max_ns"`
	Jobs     uint64         `json:"jobs"` // of the scheduler, each of one input or of several
	Late     uint64         `json:"late"` // of them, ended after the deadline of their newest input
	// Stalest is the longest that an input waited until a job that took it, or a newer
	// one, had ended.
	Stalest time.Duration `json:"stalest_ns"`
}

// inputStats is written by one goroutine and read by any.
type inputStats struct {
	mu       sync.Mutex
	inferred uint64
	failed   uint64
	skipped  uint64
	sum, max time.Duration
	jobs     uint64
	late     uint64
	stalest  time.Duration
}

func (s *inputStats) count(took engine.Timing, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, ErrNoWords):
		s.skipped++
		return
	case err != nil:
		s.failed++
		return
	}
	s.inferred++
	s.sum += took.Total
	s.max = max(s.max, took.Total)
}

// ended counts a job that ended now.
func (s *inputStats) ended(now time.Duration, job sched.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs++
	if now > job.Deadline {
		s.late++
	}
	s.stalest = max(s.stalest, now-job.Unseen)
}

// Stats returns the counters of every input so far. What still waits in a queue
// when the run has ended counts as dropped.
func (p *Pipeline) Stats() []InputStats {
	list := make([]InputStats, 0, len(p.stats))
	for i := range p.stats {
		in, s := &p.Inputs[i], &p.stats[i]
		queue := in.Queue.Stats()
		s.mu.Lock()
		x := InputStats{
			Name: in.Name, Modality: in.Modality,
			Received: queue.Received, Dropped: queue.Dropped + p.left[i].Load() + p.dispatch.passed(i),
			Inferred: s.inferred, Failed: s.failed, Skipped: s.skipped, Max: s.max,
			Jobs: s.jobs, Late: s.late, Stalest: s.stalest,
		}
		if c := in.Counters; c != nil {
			x.Broken, x.Retries = c.Broken.Load()+c.Cut.Load(), c.Retries.Load()
		}
		if s.inferred > 0 {
			x.Mean = s.sum / time.Duration(s.inferred)
		}
		s.mu.Unlock()
		list = append(list, x)
	}
	return list
}
