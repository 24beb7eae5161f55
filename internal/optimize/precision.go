package optimize

import (
	"fmt"

	"atoll/internal/task"
	"atoll/model"
	"atoll/model/graph"
	"atoll/precision/quantize"
)

// precisions are the formats of all layers, by precision. Mixed is searched for.
var precisions = map[string]quantize.Format{
	"f32": quantize.Float32, "f16": quantize.Float16, "int8-dynamic": quantize.Weights8, "int8": quantize.Static8, "mixed": quantize.Static8,
}

// convert makes the model that is to be written.
func (j *job) convert() (*model.Model, error) {
	if j.prepared == nil {
		m := j.original
		graph.ShareBuffers(m)
		graph.Clean(m)
		return m, nil
	}
	if j.o.Sparsity > 0 {
		if err := j.prune(); err != nil {
			return nil, fmt.Errorf("sparsity: %w", err)
		}
	}
	m, err := j.quantize()
	if err != nil {
		return nil, fmt.Errorf("precision: %w", err)
	}
	return m, j.encode(m)
}

// quantize writes the pruned model in the precision that is asked for.
func (j *job) quantize() (*model.Model, error) {
	precision := j.o.Precision
	if precision == "" {
		precision = j.stored()
	}
	format, layers := precisions[precision], quantize.Layers(j.pruned)
	if len(layers) == 0 {
		return nil, quantize.ErrNoLayers
	}
	j.formats = make([]quantize.Format, len(layers))
	for i := range j.formats {
		j.formats[i] = format
	}
	if format < quantize.Weights8 || j.task == nil {
		return quantize.Convert(j.pruned, quantize.Plan{Formats: j.formats})
	}
	s := &quantize.Search{
		Formats: j.formats, Clipping: j.o.Clipping, Observe: j.observe, Cost: j.cost, Rough: j.rough, Round: j.round, Threads: len(j.workers),
		Progress: func(doing string, done, total int) { j.o.Report(Progress{doing, done, total}) },
	}
	var t *quantize.Trial
	var err error
	if precision == "mixed" {
		t, err = s.Mixed(j.ctx, j.pruned, j.bound)
	} else {
		t, err = s.Run(j.ctx, j.pruned)
	}
	if err != nil {
		return nil, err
	}
	j.formats, j.factors = t.Plan.Formats, j.ofPrepared(t.Factors)
	return quantize.Convert(t.Model, t.Plan)
}

// ofPrepared says of which tensors of the prepared model factors are that are known by
// those of the pruned one: what was removed is missing there.
func (j *job) ofPrepared(factors quantize.Factors) quantize.Factors {
	named := make(map[string][]float64)
	for t, list := range factors {
		named[j.pruned.Subgraphs[0].Tensors[t].Name] = list
	}
	of := make(quantize.Factors)
	for t := range j.prepared.Subgraphs[0].Tensors {
		if list := named[j.prepared.Subgraphs[0].Tensors[t].Name]; list != nil {
			of[int32(t)] = list
		}
	}
	return of
}

// stored is the precision of the model's weights as they are.
func (j *job) stored() string {
	for _, t := range j.original.Subgraphs[0].Tensors {
		if t.Type == model.TypeFloat16 {
			return "f16"
		}
	}
	return "f32"
}

func (j *job) observe(m *model.Model) (map[int32]*quantize.Statistics, error) {
	return quantize.Observe(j.ctx, j.worker, m, j.samples)
}

func (j *job) round(m *model.Model, ranges map[int32]quantize.Range) (map[int]quantize.Weights, error) {
	return quantize.SecondOrder(j.worker, m, spread(j.samples, searchSamples), ranges)
}

// cost is the loss of a candidate, and rough the same by fewer samples. They may be
// called from several goroutines.
func (j *job) cost(m *model.Model) (float64, error)  { return j.lossOf(m, j.loss) }
func (j *job) rough(m *model.Model) (float64, error) { return j.lossOf(m, j.roughLoss) }

func (j *job) lossOf(m *model.Model, loss *task.Loss) (float64, error) {
	data, err := m.Write()
	if err != nil {
		return 0, err
	}
	w := <-j.idle
	defer func() { j.idle <- w }()
	loaded, err := j.load(w, data)
	if err != nil {
		return 0, err
	}
	defer loaded.Close()
	return loss.Of(loaded)
}

// bound reports whether a candidate keeps to half the drop that is allowed, on the data
// that calibrated it: on others it will lose somewhat more.
func (j *job) bound(m *model.Model) (bool, error) {
	data, err := m.Write()
	if err != nil {
		return false, err
	}
	loaded, err := j.load(j.worker, data)
	if err != nil {
		return false, err
	}
	defer loaded.Close()
	after, err := j.task.JudgeCalibration(loaded)
	if err != nil {
		return false, err
	}
	if !after.Labelled {
		return !exceeds(max(1-after.Accuracy, after.Risk), j.o.MaxDrop/2), nil
	}
	before, err := j.task.JudgeCalibration(j.reference)
	return !exceeds(before.Accuracy-after.Accuracy, j.o.MaxDrop/2), err
}
