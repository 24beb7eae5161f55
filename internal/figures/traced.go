package figures

import (
	"context"
	"errors"
	"strings"
	"time"

	"atoll/engine"
	"atoll/internal/app"
	"atoll/internal/config"
	"atoll/internal/material"
	"atoll/model"
	"atoll/pipeline"
	"atoll/pipeline/fusion"
	"atoll/pipeline/source"
	"atoll/sched"
	"atoll/trace"
)

// TracedPipeline is what tracing costs a pipeline of one camera and one microphone that
// infers every input.
type TracedPipeline struct {
	Median map[model.Modality]Ratio // of the time of an inference
	CPU    Ratio                    // of CPU time, both processes together
	Jobs   int                      // of all slices
}

// slice times: after tracing was turned on or off the machine settles, then it is measured.
const (
	tracedSettles = time.Second
	tracedSlice   = 3 * time.Second
)

// MeasureTracedPipeline runs the pipeline, at real speed, and turns tracing on and off
// while it runs, in pairs of slices in an order that a seed says. The inputs lie in memory:
// no camera's pictures are decoded, so that the whole of which tracing takes a share is
// no larger than on a board.
func MeasureTracedPipeline(d material.Data, pairs int, seed uint64) (t TracedPipeline, err error) {
	tracer := &switchedTracer{}
	defer tracer.close()
	took := map[model.Modality][]time.Duration{}
	tracer.done = func(name string, total time.Duration) {
		modality, _, _ := strings.Cut(name, "/")
		if m, err := model.ParseModality(modality); err == nil {
			took[m] = append(took[m], total)
		}
	}
	senses, err := app.OpenSenses(endlessConfig(), engine.Options{Tracer: tracer})
	if err != nil {
		return t, err
	}
	defer senses.Close()
	stop, err := runEndless(d, senses)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, stop()) }()

	run := func() (s slice, err error) {
		time.Sleep(tracedSettles)
		tracer.mu.Lock()
		clear(took)
		tracer.mu.Unlock()
		before, err := cpuOf(senses.EngineStats())
		if err != nil {
			return s, err
		}
		time.Sleep(tracedSlice)
		after, err := cpuOf(senses.EngineStats())
		tracer.mu.Lock()
		defer tracer.mu.Unlock()
		s = slice{map[model.Modality]time.Duration{}, after - before}
		for modality, list := range took {
			s.median[modality] = quantile(list, 0.5)
			t.Jobs += len(list)
		}
		return s, err
	}
	t.Median, t.CPU, err = tracer.pairs(pairs, seed, run, func(trace.Snapshot) {})
	return t, err
}

func endlessConfig() config.Config {
	c := config.Default()
	c.Scheduler.Policy = sched.EveryFrame
	c.Engine.Deadline.Duration *= 20 // machines that measure are busy
	return c
}

// runEndless starts a pipeline whose camera sees a face and whose microphone hears someone
// read, until stop.
func runEndless(d material.Data, senses *app.Senses) (stop func() error, err error) {
	face, err := d.Picture("pictures", "astronaut.png")
	if err != nil {
		return nil, err
	}
	speech, err := d.Recordings("librivox")
	if err != nil {
		return nil, err
	}
	c := pipeline.Config{Clock: source.NewClock(), Emit: func(fusion.Event) {}}
	for _, in := range []endless{
		{model.Vision, "camera", material.FramePeriod, c.Clock, func(it *source.Item) {
			it.Image.Width, it.Image.Height = face.Width, face.Height
			it.Image.Pix = append(it.Image.Pix, face.Pix...)
		}},
		{model.Audio, "microphone", source.ChunkSamples * time.Second / source.SampleRate, c.Clock, func(it *source.Item) {
			samples := speech[0].Samples
			at := int(it.Seq) * source.ChunkSamples % (len(samples) - source.ChunkSamples)
			it.Audio = append(it.Audio, samples[at:at+source.ChunkSamples]...)
		}},
	} {
		queue, err := source.NewQueue(app.QueueLength[in.modality], source.DropOldest)
		if err != nil {
			return nil, err
		}
		c.Inputs = append(c.Inputs, pipeline.Input{Name: in.name, Modality: in.modality, Source: in, Queue: queue})
	}
	p, err := app.Assemble(endlessConfig(), senses, c, app.Surroundings{})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	return func() error {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}, nil
}

// endless is a source that fills in an item every period.
type endless struct {
	modality model.Modality
	name     string
	period   time.Duration
	clock    source.Clock
	fill     func(*source.Item)
}

// Run implements source.Source.
func (e endless) Run(ctx context.Context, out *source.Queue) error {
	for seq := uint64(1); ; seq++ {
		at := time.Duration(seq) * e.period
		if err := e.clock.Sleep(ctx, at); err != nil {
			return err
		}
		it := out.Blank()
		it.Modality, it.Source, it.Seq, it.At = e.modality, e.name, seq, at
		e.fill(it)
		if err := out.Put(ctx, it); err != nil {
			return err
		}
	}
}
