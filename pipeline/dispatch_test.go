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
	"atoll/sched"
)

// steady is a Pace that gives one share and counts how often a job is held back.
type steady struct {
	share float64
	held  atomic.Int32
}

func (p *steady) Share() float64           { return p.share }
func (p *steady) Changed() <-chan struct{} { return nil }
func (p *steady) Held(back bool) {
	if back {
		p.held.Add(1)
	}
}

// watch is a source of pictures at a fixed rate, grey but for what paint adds.
type watch struct {
	clock source.Clock
	every time.Duration
	items int
	paint func(i int, pix []byte)
}

func (w watch) Run(ctx context.Context, out *source.Queue) error {
	for i := range w.items {
		if err := w.clock.Sleep(ctx, time.Duration(i)*w.every); err != nil {
			return err
		}
		it := out.Blank()
		it.Modality, it.Source, it.At, it.Seq = model.Vision, "cam", w.clock.Now(), uint64(i)
		it.Image.Resize(128, 128)
		for k := range it.Image.Pix {
			it.Image.Pix[k] = 100
		}
		if w.paint != nil {
			w.paint(i, it.Image.Pix)
		}
		if err := out.Put(ctx, it); err != nil {
			return err
		}
	}
	return nil
}

// restless changes half of every second picture.
func restless(i int, pix []byte) {
	if i%2 == 1 {
		for k := range pix[:len(pix)/2] {
			pix[k] = 200
		}
	}
}

// watched runs one camera whose inferences take 10 ms each, and returns when they began.
func watched(t *testing.T, w watch, pace Pace, policy string, work float64, whole bool) (began []time.Duration, stats InputStats) {
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
	full := source.DropOldest
	if whole {
		full = source.Block
	}
	queue, err := source.NewQueue(1, full)
	if err != nil {
		t.Fatal(err)
	}
	inputs := []Input{{Name: "cam", Modality: model.Vision, Source: w, Queue: queue, Finite: true, Whole: whole}}
	p, err := New(Config{
		Inputs: inputs, Policy: policyFor(t, policy, work, inputs), Faces: Only(faces), Fuser: fuser,
		Clock: w.clock, Pace: pace, Once: whole, Emit: func(fusion.Event) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := queue.Stats(); got.InUse != 0 || got.Waiting != 0 {
		t.Errorf("at the end %d items are lent out and %d wait", got.InUse, got.Waiting)
	}
	stats = p.Stats()[0]
	if stats.Inferred+stats.Dropped != stats.Received {
		t.Errorf("stats %+v do not add up", stats)
	}
	return began, stats
}

// Heat's share of the time is kept, whatever the policy, and the work that waits is
// told of. With none left, what would become stale is inferred all the same.
func TestJobsKeepTheShareOfHeat(t *testing.T) {
	for _, c := range []struct {
		policy string
		share  float64
		want   float64 // of the time
		held   bool
	}{
		{sched.EveryFrame, 1, 0.5, false}, // as many as there are
		{sched.EveryFrame, 0.25, 0.25, true},
		{sched.LIF, 1, 0.5, false},
		{sched.LIF, 0.25, 0.25, true},
		{sched.LIF, 0.1, 0.1, true},
		{sched.LIF, 0, 0.005, true},
		{sched.EDF, 0.1, 0.1, true},
		{sched.FIFO, 0.3, 0.3, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			pace := &steady{share: c.share}
			began, _ := watched(t, watch{every: 20 * time.Millisecond, items: 3000, paint: restless}, pace, c.policy, 1, false)
			got := float64(len(began)) * 0.010 / 60
			if math.Abs(got-c.want) > 0.05*c.want+0.002 {
				t.Errorf("%s, share %v: inference took %.3f of the time, want %v", c.policy, c.share, got, c.want)
			}
			if held := pace.held.Load() > 0; held != c.held {
				t.Errorf("%s, share %v: work was held back: %v, want %v", c.policy, c.share, held, c.held)
			}
		})
	}
}

// A still scene is looked at now and then, and a change at once.
func TestChangeIsInferredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const every, changes = 20 * time.Millisecond, 2000
		began, stats := watched(t, watch{every: every, items: 3000, paint: func(i int, pix []byte) {
			if i >= changes {
				restless(1, pix)
			}
		}}, nil, sched.LIF, 0.05, false)
		for i, at := range began[:len(began)-1] {
			if gap := began[i+1] - at; gap > 2*time.Second {
				t.Errorf("nothing was inferred for %v after %v", gap, at)
			}
		}
		if stats.Inferred > 160 {
			t.Errorf("%d of 3000 pictures were inferred, hardly one of which was new", stats.Inferred)
		}
		at := changes * every
		for _, b := range began {
			if b >= at {
				if late := b - at; late > every {
					t.Errorf("the change was inferred %v after it came", late)
				}
				return
			}
		}
		t.Error("the change was not inferred")
	})
}

// Of what ends by itself and shall be seen whole nothing is lost, also when heat
// leaves little.
func TestWholeSourcesLoseNothing(t *testing.T) {
	for _, policy := range sched.Policies() {
		synctest.Test(t, func(t *testing.T) {
			began, stats := watched(t, watch{every: time.Millisecond, items: 50}, &steady{share: 0.5}, policy, 1, true)
			if len(began) != 50 || stats.Dropped != 0 {
				t.Errorf("%s: %d of 50 were inferred, %d dropped", policy, len(began), stats.Dropped)
			}
		})
	}
}

// A box keeps the newest inputs, and a recording's start.
func TestBoxKeepsTheNewest(t *testing.T) {
	queue, err := source.NewQueue(64, source.DropOldest)
	if err != nil {
		t.Fatal(err)
	}
	inputs := []Input{{Name: "mic", Modality: model.Audio, Queue: queue}}
	p := &Pipeline{Config: Config{Inputs: inputs, Policy: policyFor(t, sched.LIF, 1, inputs), Clock: source.NewClock()}}
	d := newDispatcher(p)
	for i := range 10 {
		it := queue.Blank()
		it.Modality, it.Seq, it.Reset = model.Audio, uint64(i), i == 2
		d.offer(0, it, nil)
	}
	job, items, _, over := d.take(nil)
	if over || job.Source != 0 || len(items) != kept[model.Audio] {
		t.Fatalf("job %+v of %d items, over %v; want one of %d", job, len(items), over, kept[model.Audio])
	}
	for i, it := range items {
		if want := uint64(10 - len(items) + i); it.Seq != want || it.Reset != (i == 0) {
			t.Errorf("item %d is number %d with reset %v, want %d", i, it.Seq, it.Reset, want)
		}
	}
	if got := d.passed(0); got != 6 {
		t.Errorf("%d were passed over, want 6", got)
	}
}
