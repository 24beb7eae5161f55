package figures

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"atoll/trace"
)

// switchedTracer is a tracer that can be turned off, with nothing of it left, while the
// worker goes on. One worker is all it knows.
type switchedTracer struct {
	asked func()                                  // at the begin of a job, if not nil
	done  func(model string, total time.Duration) // at its end, if not nil

	mu          sync.Mutex    // what follows; between a job's begin and its end nothing is turned
	tracer      *trace.Tracer // nil: off
	pid, thread int
	ends        [2]int // of the socket; a descriptor of our own for the worker's
	models      map[uint32]string
	number      int
	model       string // of the job
	tracing     bool   // of the job
}

// Started implements engine.Tracer, as do the next four.
func (s *switchedTracer) Started(pid, parentEnd, workerEnd int) int {
	own, err := unix.FcntlInt(uintptr(workerEnd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	s.pid, s.ends, s.models = pid, [2]int{parentEnd, own}, map[uint32]string{}
	return 0
}

func (s *switchedTracer) Loaded(_ int, model uint32, name string, thread int) {
	s.models[model], s.thread = name, thread
	if s.tracer != nil {
		s.tracer.Loaded(s.number, model, name, thread)
	}
}

func (s *switchedTracer) Begin(_ int, model uint32, at time.Time) (marks [3]uint64, usage bool) {
	s.mu.Lock()
	if s.asked != nil {
		s.asked()
	}
	s.model, s.tracing = s.models[model], s.tracer != nil
	if !s.tracing {
		return marks, false
	}
	return s.tracer.Begin(s.number, model, at)
}

func (s *switchedTracer) End(_ int, total time.Duration, usage [3]uint64) {
	defer s.mu.Unlock()
	if s.tracing {
		s.tracer.End(s.number, total, usage)
	}
	if s.done != nil {
		s.done(s.model, total)
	}
}

func (s *switchedTracer) Gone(int) {}

func (s *switchedTracer) on() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tracer = trace.Open(trace.Options{})
	s.tracer.Source() // known once its programs are loaded
	s.number = s.tracer.Started(s.pid, s.ends[0], s.ends[1])
	for model, name := range s.models {
		s.tracer.Loaded(s.number, model, name, s.thread)
	}
}

func (s *switchedTracer) off() (trace.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	snapshot, err := s.tracer.Snapshot()
	s.tracer.Gone(s.number)
	if s.tracer.Source() == trace.EBPF {
		for _, end := range s.ends {
			unix.SetsockoptInt(end, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
		}
	}
	s.tracer.Close()
	s.tracer = nil
	return snapshot, err
}

func (s *switchedTracer) close() {
	if s.tracer != nil {
		s.tracer.Close()
	}
	if s.pid != 0 {
		unix.Close(s.ends[1])
	}
}
