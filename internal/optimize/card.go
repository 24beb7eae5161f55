package optimize

import (
	"fmt"
	"slices"
	"time"

	"atoll/internal/task"
	"atoll/model"
	"atoll/precision/quantize"
)

// Card is what changed. As JSON it is
//
//	{
//	  "before": {"bytes", "ops", "latency_ms", "accuracy", "sparsity"},
//	  "after":  {"bytes", "ops", "latency_ms", "accuracy", "sparsity"},
//	  "layers": [{"name", "snr_db", "relative_error", "format", "sparsity"}],
//	  "notes":  ["…"]
//	}
//
// Accuracy is null if there is nothing to judge by; layers are empty without calibration
// data.
type Card struct {
	Before State    `json:"before"`
	After  State    `json:"after"`
	Layers []Layer  `json:"layers"`
	Notes  []string `json:"notes"`
}

// State is a model as it was or is.
type State struct {
	Bytes     int64       `json:"bytes"`
	Ops       int         `json:"ops"`
	LatencyMS float64     `json:"latency_ms"` // median of warm inferences on this machine
	Accuracy  *float64    `json:"accuracy"`   // 0 to 1, on data that nothing was tuned to
	Sparsity  float64     `json:"sparsity"`   // share of the weights that are zero
	Score     *task.Score `json:"-"`          // what Accuracy is of
}

// Layer is the error of one layer, with that of all layers before it.
type Layer struct {
	Name     string  `json:"name"`
	SNR      float64 `json:"snr_db"`
	Relative float64 `json:"relative_error"`
	Format   string  `json:"format"`   // how it is stored and computed
	Sparsity float64 `json:"sparsity"` // share of its weights that are zero
}

// finish writes the model, reads it as anybody else would, and measures it.
func (j *job) finish(before *State, m *model.Model) (*Result, error) {
	data, err := m.Write()
	if err != nil {
		return nil, err
	}
	written, err := model.Read(data)
	if err != nil {
		return nil, fmt.Errorf("the converted model can't be read again: %w", err)
	}
	loaded, err := j.load(j.worker, data)
	if err != nil {
		return nil, fmt.Errorf("the converted model: %w", err)
	}
	defer loaded.Close()
	after, err := j.state(written, len(data), loaded)
	if err != nil {
		return nil, fmt.Errorf("the converted model: %w", err)
	}
	if after.Bytes > before.Bytes {
		j.note("The file grew: the original stores its weights in less than this precision takes.")
	}
	card := Card{Before: *before, After: *after, Layers: []Layer{}, Notes: append([]string{}, j.notes...)}
	if len(j.samples) > 0 {
		if card.Layers, err = j.layers(written); err != nil {
			return nil, err
		}
	}
	if after.Accuracy != nil && exceeds(*before.Accuracy-*after.Accuracy, j.o.MaxDrop) {
		err = &DropError{*before.Accuracy, *after.Accuracy, j.o.MaxDrop}
	}
	return &Result{data, card}, err
}

// state measures a model of a file of so many bytes, as it was read and loaded.
func (j *job) state(m *model.Model, size int, loaded task.Model) (s *State, err error) {
	report := model.Inspect(m, int64(size))
	s = &State{Bytes: report.Bytes, Ops: len(m.Subgraphs[0].Operators), Sparsity: report.Sparsity}
	if s.LatencyMS, err = latency(loaded); err != nil {
		return nil, err
	}
	if j.task == nil {
		return s, nil
	}
	score, err := j.task.Judge(loaded)
	if err != nil {
		return nil, err
	}
	s.Score, s.Accuracy = &score, &score.Accuracy
	return s, nil
}

// Bounds of a measurement of latency.
const (
	warmRuns    = 5
	measureRuns = 101
	measureTime = 2 * time.Second
	runDeadline = time.Minute
)

// latency is the median of warm inferences, in ms.
func latency(m task.Model) (float64, error) {
	var times []time.Duration
	for began := time.Now(); len(times) < measureRuns+warmRuns && (len(times) <= warmRuns || time.Since(began) < measureTime); {
		t, err := m.Run(runDeadline)
		if err != nil {
			return 0, err
		}
		times = append(times, t.Invoke)
	}
	times = times[warmRuns:]
	slices.Sort(times)
	return float64(times[len(times)/2]) / float64(time.Millisecond), nil
}

// layers compares the written model with the original layer by layer.
func (j *job) layers(written *model.Model) ([]Layer, error) {
	errors, err := quantize.Compare(j.ctx, j.worker, j.prepared, written, j.factors, spread(j.samples, searchSamples))
	if err != nil {
		return nil, fmt.Errorf("errors of layers: %w", err)
	}
	formats, zeros := make(map[string]quantize.Format), make(map[string]float64)
	for i, l := range quantize.Layers(j.pruned) {
		formats[l.Name] = j.formats[i]
		if zeros[l.Name], err = zerosOf(j.pruned, l.Weights); err != nil {
			return nil, err
		}
	}
	list := make([]Layer, len(errors))
	for i, e := range errors {
		list[i] = Layer{Name: e.Name, SNR: e.SNR, Relative: e.Relative, Format: formats[e.Name].String(), Sparsity: zeros[e.Name]}
	}
	return list, nil
}
