package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"atoll/pipeline/fusion"
)

// closeTimeout bounds how long the end of a run waits for standard output.
const closeTimeout = 2 * time.Second

// maxUnprinted bounds the events that wait for a slow reader of standard output.
const maxUnprinted = 256

// printer writes events beside the pipeline, which must not wait for whoever
// reads standard output. When too many wait, the newest are lost and counted:
// they are in the log.
type printer struct {
	w      io.Writer
	log    zerolog.Logger
	json   bool
	events chan fusion.Event
	done   chan struct{}
	lost   atomic.Uint64
	failed bool // for the goroutine, and once done is closed
}

func startPrinter(w io.Writer, asJSON bool, log zerolog.Logger) *printer {
	p := &printer{w: w, log: log, json: asJSON, events: make(chan fusion.Event, maxUnprinted), done: make(chan struct{})}
	go p.run()
	return p
}

func (p *printer) print(e fusion.Event) {
	e.Evidence = slices.Clone(e.Evidence)
	select {
	case p.events <- e:
	default:
		p.lost.Add(1)
	}
}

// close waits until what is left is written, or for closeTimeout if nobody reads
// it. It returns how many events were lost and whether the writer still works.
func (p *printer) close() (lost uint64, works bool) {
	close(p.events)
	select {
	case <-p.done:
		return p.lost.Load(), !p.failed
	case <-time.After(closeTimeout):
		return p.lost.Load() + uint64(len(p.events)) + 1, false
	}
}

func (p *printer) run() {
	defer close(p.done)
	for e := range p.events {
		if p.failed {
			p.lost.Add(1)
			continue
		}
		if err := p.write(e); err != nil {
			p.failed = true
			p.lost.Add(1)
			p.log.Warn().Err(err).Msg("standard output is gone, events go to the log only")
		}
	}
}

func (p *printer) write(e fusion.Event) error {
	if p.json {
		return json.NewEncoder(p.w).Encode(e)
	}
	because := make([]string, len(e.Evidence))
	for i, c := range e.Evidence {
		because[i] = fmt.Sprintf("%s %s %.2f", printable(c.Source), c.Cue, c.P)
	}
	_, err := fmt.Fprintf(p.w, "%7.2fs  %-12s %-9s p %.2f  %s\n", e.At.Seconds(), e.Name, e.State, e.P, strings.Join(because, ", "))
	return err
}
