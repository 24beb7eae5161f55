package prune

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"

	"atoll/engine"
	"atoll/engine/probe"
	"atoll/model"
	"atoll/sparsity/gradient"
	"atoll/sparsity/observe"
)

// Importance says how much errors of a layer's results matter for the results of the
// model, in the mean over positions and rows 1.
type Importance struct {
	Positions [][]float32 // by sample
	Rows      []float64
	// Scale makes an error of the layer one of the model: the mean square of derivatives.
	Scale float64
}

// floor is the least importance of a position: what doesn't matter in the dense model
// may in a pruned one.
const floor = 0.05

func even(l *observe.Layer, samples int) *Importance {
	m := &Importance{Positions: make([][]float32, samples), Rows: make([]float64, l.Rows), Scale: 1}
	for i := range m.Rows {
		m.Rows[i] = 1
	}
	ones := make([]float32, l.Positions)
	for i := range ones {
		ones[i] = 1
	}
	for i := range m.Positions {
		m.Positions[i] = ones
	}
	return m
}

// Slopes says how fast what counts changes with each of the model's outputs.
type Slopes func(outputs [][]float32) [][]float32

// draws is how many random combinations of the outputs are carried back for a sample.
const draws = 2

// Measure carries derivatives back through the dense model: with J those of the weighted
// outputs by a layer's results, the squares of Jᵀv for random signs v are in the mean the
// diagonal of JᵀJ, the Gauss-Newton matrix. It knows layers with pictures as results.
func Measure(ctx context.Context, w *engine.Worker, dense *model.Model, samples []probe.Sample, slopes Slopes, seed uint64) (map[string]*Importance, error) {
	tape, err := gradient.New(dense)
	if err != nil {
		return nil, err
	}
	computed := tape.Computed()
	p, err := probe.Open(w, dense, computed)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	g := &dense.Subgraphs[0]
	found := make(map[string]*Importance)
	for _, t := range computed {
		if x := &g.Tensors[t]; len(x.Shape) == 4 && x.Shape[0] == 1 {
			found[x.Name] = newImportance(len(samples), int(x.Shape[1]*x.Shape[2]), int(x.Shape[3]))
		}
	}
	for n, sample := range samples {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		shown, err := p.Run(sample)
		if err != nil {
			return nil, err
		}
		values := make(map[int32][]float32)
		for i, t := range computed {
			values[t] = shown[i]
		}
		var results [draws]map[int32][]float32
		var errs [draws]error
		var wait sync.WaitGroup
		for i, seeds := range draw(g, values, slopes, rand.New(rand.NewPCG(seed, uint64(n)))) {
			wait.Go(func() { results[i], errs[i] = seeds, tape.Back(values, seeds) })
		}
		wait.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			return nil, err
		}
		for _, derivatives := range results {
			for _, t := range computed {
				if m := found[g.Tensors[t].Name]; m != nil && derivatives[t] != nil {
					m.add(n, derivatives[t])
				}
			}
		}
	}
	for _, m := range found {
		m.finish()
	}
	return found, nil
}

// draw gives the outputs their slopes with random signs.
func draw(g *model.Subgraph, values map[int32][]float32, slopes Slopes, random *rand.Rand) (list [draws]map[int32][]float32) {
	outputs := make([][]float32, len(g.Outputs))
	for i, t := range g.Outputs {
		outputs[i] = values[t]
	}
	weights := slopes(outputs)
	for i := range list {
		list[i] = make(map[int32][]float32)
		for o, t := range g.Outputs {
			d := make([]float32, len(weights[o]))
			for k, v := range weights[o] {
				d[k] = v * float32(1-2*random.IntN(2))
			}
			list[i][t] = d
		}
	}
	return list
}

func newImportance(samples, positions, rows int) *Importance {
	m := &Importance{Positions: make([][]float32, samples), Rows: make([]float64, rows)}
	for i := range m.Positions {
		m.Positions[i] = make([]float32, positions)
	}
	return m
}

func (m *Importance) add(sample int, d []float32) {
	n := len(m.Rows)
	positions := m.Positions[sample]
	for p := range positions {
		var sum float32
		for r, v := range d[p*n:][:n] {
			sum += v * v
			m.Rows[r] += float64(v) * float64(v)
		}
		positions[p] += sum
	}
}

func (m *Importance) finish() {
	count := 0
	for _, list := range m.Positions {
		for _, v := range list {
			m.Scale += float64(v)
			count++
		}
	}
	mean := m.Scale / float64(max(count, 1))
	rows := m.Scale / float64(len(m.Rows))
	for _, list := range m.Positions {
		for p, v := range list {
			list[p] = floor
			if mean > 0 {
				list[p] += float32(float64(v) / mean)
			}
		}
	}
	for r := range m.Rows {
		if rows > 0 {
			m.Rows[r] /= rows
		}
		m.Rows[r] += floor
	}
	m.Scale = mean / draws / float64(len(m.Rows))
}

// of is the importance of some of the rows.
func (m *Importance) of(rows []int) *Importance {
	part := &Importance{Positions: m.Positions, Scale: m.Scale}
	for _, r := range rows {
		if r < len(m.Rows) {
			part.Rows = append(part.Rows, m.Rows[r])
		}
	}
	return part
}

// scale multiplies rows by how much they matter, or divides if way is -1.
func (s *system) scale(w []float32, way float64) {
	for i, v := range w {
		w[i] = float32(float64(v) * math.Pow(s.matter[i/s.cols], way/2))
	}
}
