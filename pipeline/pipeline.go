// Package pipeline runs the fixed way of the data: source → sched → precision → engine →
// decode → fusion → events. Each source has its goroutine and a bounded queue; each queue has a
// goroutine that looks how new its inputs are; one goroutine infers what the scheduler
// asks for, and one fuses. None waits for another's input, so a source that stalls,
// fails or lies about time costs only its own evidence.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"atoll/model"
	"atoll/pipeline/fusion"
	"atoll/pipeline/source"
	"atoll/sched"
)

// maxObservations bounds what waits for fusion. It is not dropped from: whoever
// infers waits, and the sources' queues drop.
const maxObservations = 64

// Input is one source with the queue it fills.
type Input struct {
	Name     string
	Modality model.Modality
	Source   source.Source
	Queue    *source.Queue
	Counters *source.Counters // the source's own; may be nil
	Finite   bool             // it ends by itself
	Whole    bool             // each of its inputs is inferred, and in order
}

// Config is what a Pipeline is made of.
type Config struct {
	Inputs  []Input
	Faces   Variants[*FaceDetector]   // needed if an input is vision
	Voice   Variants[*VoiceDetector]  // needed if an input is audio
	Mood    Variants[*MoodClassifier] // needed if an input is text
	Fuser   *fusion.Fuser
	Clock   source.Clock
	Logger  zerolog.Logger
	Once    bool         // end when the finite inputs have ended, whatever others there are
	Policy  sched.Policy // decides what is inferred when; its sources are the inputs
	Pace    Pace         // nil: heat limits nothing
	Witness Witness      // may be nil
	// Emit is called with every event, in order, by the goroutine that fuses. It
	// must not keep the event's evidence and must not block.
	Emit func(fusion.Event)
}

// Witness hears of all that the scheduler hears of, in order. Its methods must not
// block, and are called by one goroutine at a time.
type Witness interface {
	// Arrived tells of an input and what it is compared by, which it must not keep.
	Arrived(at time.Duration, input int, features []uint8)
	// Ended tells of a job and how long it took.
	Ended(at time.Duration, job sched.Job, took time.Duration)
}

// Pipeline runs once.
type Pipeline struct {
	Config
	stats    []inputStats    // one for each input
	left     []atomic.Uint64 // items that nobody took out of each queue
	dispatch *dispatcher
}

// New makes a pipeline. It fails when an input's modality has no model, or nothing
// decides what is inferred.
func New(c Config) (*Pipeline, error) {
	for _, in := range c.Inputs {
		have := map[model.Modality]int{model.Vision: len(c.Faces.Senses), model.Audio: len(c.Voice.Senses), model.Text: len(c.Mood.Senses)}
		if have[in.Modality] == 0 {
			return nil, fmt.Errorf("source %s: no model for %v", in.Name, in.Modality)
		}
	}
	if c.Policy == nil {
		return nil, errors.New("no scheduling policy: nothing would be inferred")
	}
	p := &Pipeline{Config: c, stats: make([]inputStats, len(c.Inputs)), left: make([]atomic.Uint64, len(c.Inputs))}
	p.dispatch = newDispatcher(p)
	return p, nil
}

// Run runs until every source is used up, with Once every finite one, or ctx ends.
// It returns the errors of sources that failed for good; the others went on without
// them.
func (p *Pipeline) Run(ctx context.Context) error {
	observations := make(chan observation, maxObservations)
	failures := make([]error, len(p.Inputs))

	var producers, listeners, finite sync.WaitGroup
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for i, in := range p.Inputs {
		if in.Finite {
			finite.Add(1)
		}
		producers.Go(func() {
			failures[i] = p.produce(ctx, in)
			in.Queue.Close()
		})
		listeners.Go(func() {
			p.dispatch.listen(ctx, i)
			if in.Finite {
				finite.Done()
			}
		})
	}
	if p.Once {
		producers.Go(func() { finite.Wait(); stop() })
	}
	go func() {
		p.dispatch.work(ctx, observations)
		listeners.Wait()
		p.dispatch.clear()
		close(observations)
	}()
	p.fuse(observations)
	producers.Wait()
	for i, in := range p.Inputs {
		p.left[i].Store(uint64(in.Queue.Stats().Waiting))
	}
	return errors.Join(failures...)
}

// Learned is what the scheduler has learned so far, if it does learn.
func (p *Pipeline) Learned() (sched.State, bool) { return p.dispatch.learned() }

// produce runs one source to its end.
func (p *Pipeline) produce(ctx context.Context, in Input) error {
	err := in.Source.Run(ctx, in.Queue)
	switch {
	case err == nil:
		p.Logger.Info().Str("source", in.Name).Msg("source used up")
	case ctx.Err() != nil:
		return nil
	default:
		p.Logger.Error().Err(err).Str("source", in.Name).Msg("source failed, going on without it")
		return fmt.Errorf("source %s: %w", in.Name, err)
	}
	return nil
}

// observation is what one job says: evidence, or that it failed.
type observation struct {
	evidence fusion.Evidence
	failed   bool
}

// fuse owns the fuser. It wakes for evidence and for the moment at which an
// event can change without any.
func (p *Pipeline) fuse(in <-chan observation) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var events []fusion.Event
	for {
		select {
		case o, open := <-in:
			if !open {
				return
			}
			if now := p.Clock.Now(); o.failed {
				p.Fuser.Failure(now, o.evidence.Modality, o.evidence.Source)
			} else {
				p.Fuser.Observe(now, o.evidence)
			}
		case <-timer.C:
		}
		now := p.Clock.Now()
		events = p.Fuser.Advance(now, events[:0])
		for _, e := range events {
			p.Emit(e)
			p.dispatch.event()
		}
		if due, ok := p.Fuser.NextDeadline(); ok {
			timer.Reset(max(0, due-now))
		} else {
			timer.Stop()
		}
	}
}
