package pipeline

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"atoll/engine/enginetest"
	"atoll/model"
	"atoll/pipeline/fusion"
	"atoll/pipeline/source"
)

// steady is a Pace that gives one share and counts who waits.
type steady struct {
	share   float64
	waiting atomic.Int32
	holds   atomic.Int32
}

func (p *steady) Share() float64 { return p.share }
func (p *steady) Hold()          { p.waiting.Add(1); p.holds.Add(1) }
func (p *steady) Release()       { p.waiting.Add(-1) }

func TestPause(t *testing.T) {
	const took = 10 * time.Millisecond
	for _, c := range []struct {
		m     model.Modality
		took  time.Duration
		share float64
		want  time.Duration
	}{
		{model.Vision, took, 1, 0},
		{model.Vision, took, 1.5, 0},
		{model.Vision, took, 0.5, took},
		{model.Vision, took, 0.1, 9 * took},
		{model.Vision, took, 1e-9, maxPause},
		{model.Vision, took, math.SmallestNonzeroFloat64, maxPause},
		{model.Vision, took, 0, maxPause},
		{model.Vision, took, -1, maxPause},
		{model.Vision, took, math.NaN(), maxPause},
		{model.Vision, time.Hour, 0.5, maxPause},
		{model.Vision, 0, 0.5, 0},
		{model.Audio, took, 0.01, 0},
		{model.Text, took, 0.01, 0},
		{model.Audio, took, 0, maxPause},
		{model.Text, took, 0, maxPause},
	} {
		if got := pause(c.m, c.took, c.share); (got - c.want).Abs() > time.Microsecond {
			t.Errorf("pause(%v, %v, %v) = %v, want %v", c.m, c.took, c.share, got, c.want)
		}
	}
}

// watch is a source of pictures at a fixed rate, whose size tells their number.
type watch struct {
	clock source.Clock
	every time.Duration
	items int
}

func (w watch) Run(ctx context.Context, out *source.Queue) error {
	for i := range w.items {
		if err := w.clock.Sleep(ctx, time.Duration(i)*w.every); err != nil {
			return err
		}
		it := out.Blank()
		it.Modality, it.Source, it.At = model.Vision, "cam", w.clock.Now()
		it.Image.Resize(128, 128)
		if err := out.Put(ctx, it); err != nil {
			return err
		}
	}
	return nil
}

// paced runs one camera whose inferences take 10 ms each, and returns when they began.
func paced(t *testing.T, w watch, pace Pace, policy source.Policy) (began []time.Duration, stats InputStats) {
	t.Helper()
	w.clock = source.NewClock()
	m := faceModel()
	infer := m.Infer
	m.Infer = func(m *enginetest.Model) error {
		began = append(began, w.clock.Now())
		time.Sleep(10 * time.Millisecond)
		return infer(m)
	}
	faces, err := NewFaceDetector(m, 0.5, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	fuser, err := fusion.New(fusion.DefaultRules())
	if err != nil {
		t.Fatal(err)
	}
	queue, err := source.NewQueue(1, policy)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{
		Inputs: []Input{{Name: "cam", Modality: model.Vision, Source: w, Queue: queue, Finite: true}},
		Faces:  faces, Fuser: fuser, Clock: w.clock, Pace: pace, Emit: func(fusion.Event) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return began, p.Stats()[0]
}

// The share of the time that a camera's inferences take is the one given, as far as
// there are pictures enough, and the work that waits is told of.
func TestVisionKeepsThePace(t *testing.T) {
	for _, c := range []struct {
		share float64
		items int
		every time.Duration // from one inference to the next
		holds bool
	}{
		{1, 50, 20 * time.Millisecond, false},
		{0.6, 50, 20 * time.Millisecond, false}, // the camera is slower than that
		{0.25, 100, 40 * time.Millisecond, true},
		{0.1, 100, 100 * time.Millisecond, true},
		{0, 600, 2010 * time.Millisecond, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			pace := &steady{share: c.share}
			began, stats := paced(t, watch{every: 20 * time.Millisecond, items: c.items}, pace, source.DropOldest)
			if len(began) < 5 {
				t.Fatalf("share %v: %d inferences of %d pictures: it must go on", c.share, len(began), c.items)
			}
			for i := range began[1 : len(began)-1] { // the last one may come late: no more pictures
				if got := began[i+1] - began[i]; (got - c.every).Abs() > time.Millisecond {
					t.Fatalf("share %v: %v from one inference to the next, want %v", c.share, got, c.every)
				}
			}
			if got := pace.holds.Load() > 0; got != c.holds {
				t.Errorf("share %v: %d jobs were held back", c.share, pace.holds.Load())
			}
			if pace.waiting.Load() != 0 {
				t.Errorf("share %v: %d jobs still wait", c.share, pace.waiting.Load())
			}
			if stats.Inferred+stats.Dropped != stats.Received || stats.Received != uint64(c.items) {
				t.Errorf("share %v: stats %+v do not add up", c.share, stats)
			}
		})
	}
}

// With a queue that blocks the pace slows the source and loses nothing.
func TestPaceLosesNothingOfWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pace := &steady{share: 0.1}
		began, stats := paced(t, watch{every: time.Millisecond, items: 50}, pace, source.Block)
		if len(began) != 50 || stats.Dropped != 0 {
			t.Errorf("%d inferences, stats %+v; want 50 and nothing dropped", len(began), stats)
		}
		if last := began[49]; last < 4900*time.Millisecond || last > 5*time.Second {
			t.Errorf("the last one began after %v, want 4.9s", last)
		}
	})
}

// A job that waits for the pace does not hold up the end of the run.
func TestHeldJobEndsWithTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		queue, err := source.NewQueue(1, source.DropOldest)
		if err != nil {
			t.Fatal(err)
		}
		pace := &steady{}
		p := &Pipeline{Config: Config{Clock: source.NewClock(), Pace: pace}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := queue.Put(ctx, queue.Blank()); err != nil {
			t.Fatal(err)
		}
		err = p.rest(ctx, Input{Queue: queue}, time.Hour)
		if got := p.Clock.Now(); err != context.DeadlineExceeded || got != time.Second {
			t.Errorf("rest: %v after %v, want the end of the context after 1s", err, got)
		}
		if pace.waiting.Load() != 0 || pace.holds.Load() != 1 {
			t.Errorf("%d wait, %d held; want 0, 1", pace.waiting.Load(), pace.holds.Load())
		}
	})
}
