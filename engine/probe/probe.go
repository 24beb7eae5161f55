// Package probe shows what a model computes inside: it runs a copy of the model whose
// outputs are the tensors that are asked for. Calibration, the search for sparse
// patterns and the comparison of a converted model with its origin are built on it.
package probe

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"atoll/engine"
	"atoll/model"
)

const (
	// deadline of one inference. Models this is for take milliseconds; it only ends
	// those that hang.
	deadline = time.Minute
	// maxShown is how many tensors one copy shows besides the model's own outputs: the
	// engine carries 64 in all. For more there are several copies.
	maxShown = 48
)

// Sample is what one inference is fed: the elements of each input of the model, in its
// order, row-major.
type Sample [][]float32

// Probe is a model that shows tensors. It is not safe for concurrent use.
type Probe struct {
	parts  []part
	values [][]float32 // in the order of the tensors asked for
	given  []int       // for each the input that it is, -1 for none
}

// part is one copy of the model, with a decoder for each of its outputs.
type part struct {
	model  *engine.Model
	decode []decoder
}

// Open loads copies of the model's first subgraph into the worker that show the given
// tensors, which must not be constants. Quantized ones are shown as the real numbers
// that they stand for. Close frees the copies.
func Open(w *engine.Worker, m *model.Model, tensors []int32) (*Probe, error) {
	g := &m.Subgraphs[0]
	p := &Probe{values: make([][]float32, len(tensors)), given: make([]int, len(tensors))}
	places := make(map[int32][]int) // of a computed tensor in values
	var computed []int32
	for at, t := range tensors {
		if t < 0 || int(t) >= len(g.Tensors) {
			return nil, fmt.Errorf("probe: tensor %d of %d", t, len(g.Tensors))
		}
		if len(m.Buffers[g.Tensors[t].Buffer]) > 0 {
			return nil, fmt.Errorf("probe: tensor %d, %q, is a constant", t, g.Tensors[t].Name)
		}
		if p.given[at] = slices.Index(g.Inputs, t); p.given[at] >= 0 {
			continue
		}
		if places[t] == nil {
			computed = append(computed, t)
		}
		places[t] = append(places[t], at)
	}
	for chunk := range slices.Chunk(computed, maxShown) {
		if err := p.load(w, m, chunk, places); err != nil {
			p.Close()
			return nil, fmt.Errorf("probe: %w", err)
		}
	}
	return p, nil
}

// load adds a copy whose outputs are the tensors of chunk and behind them the model's
// own: XNNPACK aborts the worker if an operator's results lead nowhere.
func (p *Probe) load(w *engine.Worker, m *model.Model, chunk []int32, places map[int32][]int) error {
	shown := *m
	shown.Subgraphs = slices.Clone(m.Subgraphs)
	shown.Subgraphs[0].Outputs = append(slices.Clone(chunk), slices.DeleteFunc(slices.Clone(m.Subgraphs[0].Outputs),
		func(t int32) bool { return slices.Contains(chunk, t) })...)
	shown.SignatureDefs, shown.AssociatedFiles = nil, nil
	data, err := shown.Write()
	if err != nil {
		return err
	}
	loaded, err := w.Load("with inner tensors as outputs", data)
	if err != nil {
		return err
	}
	p.parts = append(p.parts, part{model: loaded})
	part := &p.parts[len(p.parts)-1]
	outputs := loaded.Outputs()
	for i, t := range chunk {
		declared := &shown.Subgraphs[0].Tensors[t]
		if !slices.EqualFunc(declared.Shape, outputs[i].Shape, func(d int32, got int) bool { return int(d) == got }) {
			return fmt.Errorf("tensor %.64q has shape %v in the file, but %v when the model runs: convert it again, with fixed shapes", declared.Name, declared.Shape, outputs[i].Shape)
		}
		d, err := newDecoder(&shown.Subgraphs[0].Tensors[t], &outputs[i])
		if err != nil {
			return err
		}
		part.decode = append(part.decode, d)
		for _, at := range places[t] {
			p.values[at] = d.values
		}
	}
	return nil
}

// Run makes one inference and returns the elements of the tensors in the order in which
// they were asked for. They are the probe's, until the next run.
func (p *Probe) Run(s Sample) ([][]float32, error) {
	for _, part := range p.parts {
		inputs := part.model.Inputs()
		if err := fill(inputs, s); err != nil {
			return nil, fmt.Errorf("probe: %w", err)
		}
		if _, err := part.model.Run(deadline); err != nil {
			return nil, fmt.Errorf("probe: %w", err)
		}
		for _, d := range part.decode {
			d.read()
		}
	}
	for at, input := range p.given {
		if input >= 0 && input < len(s) {
			p.values[at] = s[input]
		}
	}
	return p.values, nil
}

// fill copies a sample into a model's inputs.
func fill(inputs []engine.Tensor, s Sample) error {
	if len(s) != len(inputs) {
		return fmt.Errorf("sample with %d inputs for a model with %d", len(s), len(inputs))
	}
	for i := range inputs {
		x := &inputs[i]
		if x.Type != engine.Float32 {
			return fmt.Errorf("input %q is %v: only float32 can be fed", x.Name, x.Type)
		}
		if len(x.Float32s()) != len(s[i]) {
			return fmt.Errorf("sample has %d elements for input %q of shape %v", len(s[i]), x.Name, x.Shape)
		}
		copy(x.Float32s(), s[i])
	}
	return nil
}

// Close frees the copies.
func (p *Probe) Close() error {
	var errs []error
	for _, part := range p.parts {
		errs = append(errs, part.model.Close())
	}
	p.parts = nil
	return errors.Join(errs...)
}

// Observe runs the model on all samples and shows every tensor of each to visit. The
// values are good until visit returns; an error of visit ends it.
func Observe(w *engine.Worker, m *model.Model, tensors []int32, samples []Sample, visit func(sample int, tensor int32, values []float32) error) error {
	p, err := Open(w, m, tensors)
	if err != nil {
		return err
	}
	defer p.Close()
	for n, s := range samples {
		values, err := p.Run(s)
		if err != nil {
			return fmt.Errorf("sample %d: %w", n, err)
		}
		for i, t := range tensors {
			if err := visit(n, t, values[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
