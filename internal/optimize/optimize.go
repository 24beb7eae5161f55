// Package optimize makes a model smaller and faster in one go: it makes weights zero,
// chooses precisions, and measures before and after. The rooms behind it are sparsity
// and precision; this is the way from one file to another.
package optimize

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"atoll/engine"
	"atoll/engine/probe"
	"atoll/internal/task"
	"atoll/model"
	"atoll/precision/quantize"
)

// Options say what is wanted. The zero value only simplifies the graph.
type Options struct {
	Precision string  // one of model.Precisions; "" leaves weights as they are stored
	Sparsity  float64 // share of the prunable weights that become zero, 0 for none
	Pattern   string  // of zeros: see sparsity.Pattern, or channels to remove; "" is unstructured
	Method    string  // that chooses zeros: see sparsity.Method; "" is the best
	// MaxDrop is how much accuracy may be lost. Mixed precision is searched for within
	// it, and a model that loses more is not written. 0 stands for DefaultMaxDrop.
	MaxDrop   float64
	Calibrate string // folder, or vision, audio, text; "" for none
	Clipping  quantize.Clipping
	Seed      uint64
	// State is a file that remembers finished layers, so that work that was stopped goes
	// on where it was; "" for none. Channels are removed too fast for that.
	State string
	// Report is told of what is done; may be nil.
	Report func(Progress)
}

// DefaultMaxDrop is how much accuracy may be lost if nothing else is said.
const DefaultMaxDrop = 0.02

// Progress is how far one part of the work is.
type Progress struct {
	Doing       string
	Done, Total int
}

// Result is a converted model and what is to be said about it.
type Result struct {
	Model []byte
	Card  Card
}

// NeedsDataError says that something can't be done without calibration data.
type NeedsDataError struct{ What string }

func (e *NeedsDataError) Error() string {
	return fmt.Sprintf("%s needs calibration data: name a folder of pictures, recordings, texts or arrays, or one of %s, %s, %s",
		e.What, task.Vision, task.Audio, task.Text)
}

// DropError says that the converted model loses more accuracy than it may.
type DropError struct {
	Before, After, Most float64
}

func (e *DropError) Error() string {
	return fmt.Sprintf("accuracy falls from %.3f to %.3f, by more than %.3g: allow more, ask for less sparsity, or use mixed precision", e.Before, e.After, e.Most)
}

// maxWorkers bounds the workers of one run: each has copies of the models.
const maxWorkers = 4

// exceeds reports whether accuracy drops by more than it may. Shares of decisions differ
// by more than rounding does.
func exceeds(drop, most float64) bool { return drop > most+1e-9 }

// Run converts a .tflite file. It measures models in workers of its own, one for each
// processor. With a *DropError there is a result all the same, for those who want to
// see where the accuracy went.
func Run(ctx context.Context, workers engine.Options, data []byte, o Options) (*Result, error) {
	if o.Report == nil {
		o.Report = func(Progress) {}
	}
	if o.MaxDrop == 0 {
		o.MaxDrop = DefaultMaxDrop
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	j := &job{ctx: ctx, o: o, idle: make(chan *engine.Worker, maxWorkers)}
	defer j.close()
	if err := j.start(workers); err != nil {
		return nil, err
	}
	if err := j.open(data); err != nil {
		return nil, err
	}
	before, err := j.state(j.original, len(data), j.reference)
	if err != nil {
		return nil, err
	}
	converted, err := j.convert()
	if err != nil {
		return nil, err
	}
	return j.finish(before, converted)
}

// check refuses names that nothing has, before any work is done.
func (o *Options) check() error {
	if _, ok := precisions[o.Precision]; !ok && o.Precision != "" {
		return fmt.Errorf("unknown precision %q: use one of %v", o.Precision, model.Precisions)
	}
	if o.Clipping != "" {
		if _, err := quantize.ParseClipping(string(o.Clipping)); err != nil {
			return err
		}
	}
	return nil
}

// samples for calibration and for measuring errors. More narrow the search's noise, but
// take time in each of its thousand steps.
const (
	calibrationSamples = 64
	searchSamples      = 48
	roughSamples       = 16
)

// job is one run.
type job struct {
	ctx       context.Context
	worker    *engine.Worker // for all but the search
	workers   []*engine.Worker
	idle      chan *engine.Worker // those that the search may use
	o         Options
	original  *model.Model // as it was read
	prepared  *model.Model // plain floats; nil if they are not needed
	pruned    *model.Model // with zeros, else prepared
	reference task.Model
	task      *task.Task // nil without calibration data
	samples   []probe.Sample
	loss      *task.Loss
	roughLoss *task.Loss // of fewer samples
	formats   []quantize.Format
	factors   quantize.Factors // of the equalized channels
	notes     []string
}

// start starts the workers.
func (j *job) start(o engine.Options) error {
	for range min(maxWorkers, runtime.GOMAXPROCS(0)) {
		w, err := engine.Start(o)
		if err != nil {
			return err
		}
		j.workers = append(j.workers, w)
		j.idle <- w
	}
	j.worker = j.workers[0]
	return nil
}

func (j *job) close() {
	for _, w := range j.workers {
		w.Close()
	}
}

// interruptible is a loaded model that runs no more when the work is to end.
type interruptible struct {
	*engine.Model
	ctx context.Context
}

func (m *interruptible) Run(deadline time.Duration) (engine.Timing, error) {
	if err := m.ctx.Err(); err != nil {
		return engine.Timing{}, err
	}
	return m.Model.Run(deadline)
}

func (j *job) load(w *engine.Worker, data []byte) (*interruptible, error) {
	m, err := w.Load("model", data)
	if err != nil {
		return nil, err
	}
	return &interruptible{m, j.ctx}, nil
}

// note adds a sentence to the card.
func (j *job) note(format string, args ...any) {
	j.notes = append(j.notes, fmt.Sprintf(format, args...))
}

// open reads the model and what it is calibrated with.
func (j *job) open(data []byte) (err error) {
	if j.original, err = model.Read(data); err != nil {
		return err
	}
	if j.o.Precision != "" || j.o.Sparsity > 0 {
		if j.prepared, err = model.Read(data); err != nil {
			return err
		}
		if err := quantize.Prepare(j.prepared); err != nil {
			return err
		}
		j.pruned = j.prepared
	}
	if j.reference, err = j.load(j.worker, data); err != nil {
		return err
	}
	if j.o.Calibrate == "" {
		return j.withoutData()
	}
	if j.task, err = task.Open(j.o.Calibrate, j.reference); err != nil {
		return err
	}
	j.notes = append(j.notes, j.task.Notes()...)
	if j.prepared == nil {
		return nil
	}
	if j.samples, err = j.task.Samples(calibrationSamples); err != nil {
		return err
	}
	if j.loss, err = j.task.NewLoss(spread(j.samples, searchSamples)); err != nil {
		return err
	}
	j.roughLoss, err = j.task.NewLoss(spread(j.samples, roughSamples))
	return err
}

// withoutData refuses what can't be done without calibration.
func (j *job) withoutData() error {
	switch {
	case j.o.Sparsity > 0:
		return &NeedsDataError{"sparsity"}
	case j.o.Precision == "int8" || j.o.Precision == "mixed":
		return &NeedsDataError{"precision " + j.o.Precision}
	}
	return nil
}

// spread takes at most n samples, evenly.
func spread(samples []probe.Sample, n int) []probe.Sample {
	if len(samples) <= n {
		return samples
	}
	list := make([]probe.Sample, n)
	for i := range list {
		list[i] = samples[i*len(samples)/n]
	}
	return list
}
