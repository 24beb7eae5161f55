package pipeline

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"atoll/model"
	"atoll/pipeline/source"
	"atoll/sched"
)

// Pace is what heat leaves for inference. Its methods are called by one goroutine.
type Pace interface {
	// Changed has a token when the share may be another than before.
	Changed() <-chan struct{}
	// Share is the share of the time that jobs may take, 0 to 1.
	Share() float64
	// Held is told, whenever a job could begin, whether the share holds one back.
	Held(bool)
}

// kept is how many inputs of a source wait for a job at most: of pictures the newest.
// Of sound also what came just before, as its network remembers what it heard, and
// would begin in the middle of a word else.
var kept = [model.NumModalities]int{model.Vision: 1, model.Audio: 4, model.Text: 1}

// A job that finds something else than the one before, or nothing clear, or nothing in
// what was very new, is followed by attention: some more inputs of its source count as
// wholly new. Fusion wants to see it more than once, and one look can err.
const (
	surprise  = 0.25 // change of a cue's probability
	attention = 4    // inputs after that
	unclear   = 0.15 // probabilities from here to 1 less this
	startling = 0.5  // salience
	doubt     = 2    // inputs after that
)

// dispatcher is between the sources' queues and inference. A goroutine for each source
// takes inputs out of its queue and tells the policy how new they are; one goroutine
// does the jobs that the policy asks for.
type dispatcher struct {
	p *Pipeline

	mu      sync.Mutex
	policy  sched.Policy
	boxes   []box
	filling int           // sources that may still bring something
	changed chan struct{} // one token: there may be something to do
}

// box holds the inputs of one source that wait for a job.
type box struct {
	items    []*source.Item // oldest first
	limit    int
	busy     bool          // a job has taken some
	whole    bool          // none may be lost: the source waits until it is empty
	change   *sched.Change // nil: each is new
	free     chan struct{} // one token: a job has begun or ended
	p        float64       // of the cue, as found last
	attend   int           // inputs that count as new, whatever is in them
	newest   float64       // salience of the newest input that a job has not taken, at most
	startled bool          // by what the job took
	left     uint64        // made room without being inferred
}

func newDispatcher(p *Pipeline) *dispatcher {
	d := &dispatcher{
		p: p, policy: p.Policy, boxes: make([]box, len(p.Inputs)), filling: len(p.Inputs),
		changed: make(chan struct{}, 1),
	}
	for i, in := range p.Inputs {
		b := box{limit: kept[in.Modality], free: make(chan struct{}, 1)}
		switch {
		case in.Whole || in.Modality == model.Text:
			b.limit, b.whole = 1, true
		case in.Modality == model.Vision:
			b.change = sched.NewChange(sched.GridSide*sched.GridSide, sched.GridFloor)
		default:
			b.change = sched.NewChange(sched.Bands, sched.BandsFloor)
		}
		b.items = make([]*source.Item, 0, b.limit)
		d.boxes[i] = b
	}
	return d
}

// listen takes what comes out of queue i until that is closed and empty.
func (d *dispatcher) listen(ctx context.Context, i int) {
	defer d.finish()
	in, b := d.p.Inputs[i], &d.boxes[i]
	var sense encoder
	for {
		item, err := in.Queue.Get(ctx)
		if err != nil {
			d.await(ctx, b, d.done)
			return
		}
		var features []uint8
		if b.change != nil {
			features = sense.features(item)
		}
		if !d.await(ctx, b, d.empty) {
			in.Queue.Recycle(item)
			return
		}
		d.offer(i, item, features)
	}
}

// await waits until so, if b is to be inferred whole. It fails when ctx ends.
func (d *dispatcher) await(ctx context.Context, b *box, so func(*box) bool) bool {
	for b.whole && !so(b) {
		select {
		case <-b.free:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// empty reports whether no input of b waits, done also that none is being inferred.
func (d *dispatcher) empty(b *box) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(b.items) == 0
}

func (d *dispatcher) done(b *box) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(b.items) == 0 && !b.busy
}

func (d *dispatcher) finish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.filling--
	signal(d.changed)
}

// offer puts item i into its box and tells the policy. What has no features is new.
func (d *dispatcher) offer(i int, item *source.Item, features []uint8) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := &d.boxes[i]
	if len(b.items) == b.limit {
		oldest := b.items[0]
		copy(b.items, b.items[1:])
		b.items[b.limit-1] = item
		b.left++
		if oldest.Reset { // a recording's start is never lost
			b.items[0].Reset = true
		}
		d.p.Inputs[i].Queue.Recycle(oldest)
	} else {
		b.items = append(b.items, item)
	}
	salience := 1.0
	if len(features) > 0 {
		salience = b.change.See(features)
		b.newest = max(b.newest, salience)
	}
	if b.attend > 0 {
		b.attend--
		salience = 1
	}
	now := d.p.Clock.Now()
	d.policy.Arrive(now, i, salience)
	if d.p.Witness != nil {
		d.p.Witness.Arrived(now, i, features)
	}
	signal(d.changed)
}

// signal leaves a token unless there is one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// take returns the next job with its inputs, or none and when to ask again should
// nothing happen; over says that there will be no more.
func (d *dispatcher) take(items []*source.Item) (job sched.Job, taken []*source.Item, at time.Duration, over bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.p.Clock.Now()
	if d.p.Pace != nil {
		d.policy.SetBudget(now, d.p.Pace.Share())
	}
	job, ok := d.policy.Next(now)
	if d.p.Pace != nil {
		d.p.Pace.Held(d.policy.Held())
	}
	if ok {
		b := &d.boxes[job.Source]
		items = append(items, b.items...)
		job.Inputs = len(items)
		b.items = b.items[:0]
		b.busy = true
		b.startled, b.newest = b.newest >= startling, 0
		signal(b.free)
		if b.change != nil {
			b.change.Inferred()
		}
		return job, items, 0, false
	}
	at, ok = d.policy.Wake(now)
	if d.filling == 0 && (!ok || d.idle()) { // a policy may leave out what waits
		return job, items, 0, true
	}
	if !ok {
		at = math.MaxInt64
	}
	return job, items, at, false
}

// idle reports whether nothing waits.
func (d *dispatcher) idle() bool {
	for i := range d.boxes {
		if len(d.boxes[i].items) > 0 {
			return false
		}
	}
	return true
}

// work does the jobs that the policy asks for until there will be no more.
func (d *dispatcher) work(ctx context.Context, out chan<- observation) {
	observers := make([]*Observer, len(d.p.Inputs))
	for i := range observers {
		observers[i] = NewObserver(d.p.Faces, d.p.Voice, d.p.Mood)
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	items := make([]*source.Item, 0, slices.Max(kept[:]))
	var pace <-chan struct{}
	if d.p.Pace != nil {
		pace = d.p.Pace.Changed()
	}
	for ctx.Err() == nil {
		job, taken, at, over := d.take(items[:0])
		if over {
			return
		}
		if len(taken) > 0 {
			began := d.p.Clock.Now()
			found, ok := d.p.infer(ctx, job.Source, observers[job.Source], taken, out)
			d.ended(job, began, found, ok)
			continue
		}
		timer.Reset(max(0, at-d.p.Clock.Now()))
		select {
		case <-d.changed:
		case <-pace:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// ended tells of a job that began then. found is the probability of the cue, if it did
// find any.
func (d *dispatcher) ended(job sched.Job, began time.Duration, found float64, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.p.Clock.Now()
	d.policy.Done(now, job, now-began)
	d.p.stats[job.Source].ended(now, job)
	if d.p.Witness != nil {
		d.p.Witness.Ended(now, job, now-began)
	}
	b := &d.boxes[job.Source]
	b.busy = false
	switch {
	case ok && math.Abs(found-b.p) > surprise:
		b.p, b.attend = found, attention
	case ok && b.startled:
		b.attend = max(b.attend, doubt)
	case ok && found > unclear && found < 1-unclear:
		b.attend = max(b.attend, 1)
	}
	signal(b.free)
}

// event tells the policy, if it learns, that something was found out.
func (d *dispatcher) event() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l, ok := d.policy.(sched.Learner); ok {
		l.Event(d.p.Clock.Now())
	}
}

func (d *dispatcher) learned() (s sched.State, learns bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, learns := d.policy.(sched.Learner)
	if learns {
		s = l.State()
	}
	return s, learns
}

// clear recycles what was not inferred by the end.
func (d *dispatcher) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.boxes {
		b := &d.boxes[i]
		for _, item := range b.items {
			d.p.Inputs[i].Queue.Recycle(item)
			b.left++
		}
		b.items = b.items[:0]
	}
}

// passed is how many inputs of source i were not inferred, though its queue had room.
func (d *dispatcher) passed(i int) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.boxes[i].left
}

// encoder makes the features that inputs of one source are compared by.
type encoder struct {
	grid    [sched.GridSide * sched.GridSide]uint8
	bands   [sched.Bands]uint8
	scratch [sched.BandSamples]float32
}

// features are those of an item, valid until the next; none for one without content.
func (e *encoder) features(it *source.Item) []uint8 {
	switch it.Modality {
	case model.Vision:
		if sched.Grid(e.grid[:], it.Image.Pix, it.Image.Width, it.Image.Height) {
			return e.grid[:]
		}
	case model.Audio:
		if sched.BandEnergies(e.bands[:], it.Audio, &e.scratch) {
			return e.bands[:]
		}
	}
	return nil
}

// infer does one job: it infers from each of the items, oldest first. It returns the
// probability of the cue in the newest that could be inferred.
func (p *Pipeline) infer(ctx context.Context, i int, observer *Observer, items []*source.Item, out chan<- observation) (found float64, ok bool) {
	in, stats := p.Inputs[i], &p.stats[i]
	for _, item := range items {
		evidence, took, err := observer.Observe(item)
		in.Queue.Recycle(item)
		stats.count(took, err)
		if errors.Is(err, ErrNoWords) {
			continue
		}
		if err != nil && ctx.Err() == nil {
			p.Logger.Error().Err(err).Str("source", in.Name).Msg("job failed")
		}
		if err == nil {
			found, ok = evidence.P, true
		}
		out <- observation{evidence, err != nil}
	}
	return found, ok
}
