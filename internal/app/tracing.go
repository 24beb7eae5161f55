package app

import (
	"github.com/rs/zerolog"

	"atoll/trace"
	"atoll/trace/publish"
)

// tracer sees where the time of inferences goes.
type tracer interface {
	Snapshot() (trace.Snapshot, error)
	Close() error
}

// tracing shows to other processes what a run's tracer sees: by a socket in the state
// folder, and at its end by a file there. A folder that can't be written costs both, but
// never the run.
type tracing struct {
	tracer tracer
	state  string
	server *publish.Server // nil: there is none
	log    zerolog.Logger
}

// showTraces begins to show what t sees. Close ends that, and t.
func showTraces(t tracer, state string, log zerolog.Logger) *tracing {
	s := &tracing{tracer: t, state: state, log: log}
	if state == "" {
		return s
	}
	var err error
	if s.server, err = publish.Serve(state, t.Snapshot, log); err != nil {
		log.Warn().Err(err).Msg("no traces of inferences for others to ask for (atoll trace)")
	}
	return s
}

// Close saves what was seen last, and ends all. It comes after the last inference.
func (s *tracing) Close() {
	if s.server != nil {
		s.save() // before the socket goes, so that one of both always answers
		if err := s.server.Close(); err != nil {
			s.log.Warn().Err(err).Msg("socket of traces")
		}
	}
	if err := s.tracer.Close(); err != nil {
		s.log.Warn().Err(err).Msg("tracer")
	}
}

// save leaves what the run before has saved where this one had no job: it could not
// start, or was stopped at once.
func (s *tracing) save() {
	last, err := s.tracer.Snapshot()
	if err == nil && len(last.Models) == 0 && last.Lost == 0 {
		return
	}
	if err == nil {
		err = publish.Save(s.state, last)
	}
	if err != nil {
		s.log.Warn().Err(err).Msg("last traces of inferences can't be saved")
	}
}
