package app

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/rs/zerolog"

	"atoll/internal/durable"
	"atoll/pipeline"
	"atoll/sched"
)

// synapsesName is the file of the state folder that keeps what the scheduler learned.
const synapsesName = "synapses.json"

// memory keeps what a scheduler learns from one run to the next. A file that can't be
// read or written costs what was learned, never the run.
type memory struct {
	file string // "": nothing may outlive the run
	log  zerolog.Logger
}

// remember gives p, before it is used, what an earlier run has learned.
func remember(p sched.Policy, state string, log zerolog.Logger) memory {
	learner, learns := p.(sched.Learner)
	if !learns || state == "" {
		return memory{}
	}
	m := memory{filepath.Join(state, synapsesName), log}
	data, err := durable.Read(m.file, sched.MaxState)
	if errors.Is(err, os.ErrNotExist) {
		return m
	}
	var s sched.State
	if err == nil {
		s, err = sched.ParseState(data)
	}
	if err == nil {
		err = learner.Restore(s)
	}
	if err != nil {
		log.Warn().Err(err).Msg("what the scheduler had learned can't be used: it begins anew")
	}
	return m
}

// keep saves what the scheduler of p has learned so far.
func (m memory) keep(p *pipeline.Pipeline) {
	s, learns := p.Learned()
	if m.file == "" || !learns {
		return
	}
	data, err := json.Marshal(s)
	if err == nil {
		err = durable.Replace(m.file, append(data, '\n'))
	}
	if err != nil {
		m.log.Warn().Err(err).Msg("what the scheduler has learned can't be kept")
	}
}
