package prune

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"atoll/engine/probe"
	"atoll/model"
	"atoll/model/graph"
	"atoll/sparsity"
	"atoll/sparsity/observe"
)

// system holds the normal equations of a layer.
type system struct {
	rows, cols int
	biased     bool
	h          *sparsity.Accumulator
	cross      []float64 // T·Xᵀ, rows × cols
	x, t       []float64 // sums over positions
	power      []float64 // Σt² of each row
	weight     float64   // of all positions
	matter     []float64 // how much each row matters
	centred    []float64 // X·Xᵀ, less the means if the layer has a bias
}

func newSystem(l *observe.Layer, biased bool) (*system, error) {
	h, err := sparsity.NewAccumulator(l.Cols)
	if err != nil {
		return nil, err
	}
	return &system{
		rows: l.Rows, cols: l.Cols, biased: biased, h: h, cross: make([]float64, l.Rows*l.Cols),
		x: make([]float64, l.Cols), t: make([]float64, l.Rows), power: make([]float64, l.Rows),
	}, nil
}

// observe runs both models on all samples.
func (c *Chain) observe(ctx context.Context, l *observe.Layer) (*system, error) {
	op := &c.Model.Subgraphs[0].Operators[l.Operator]
	s, err := newSystem(l, biased(op))
	if err != nil {
		return nil, err
	}
	v, err := c.open(l)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	var columns []float32
	matter := c.of(l)
	s.matter = matter.Rows
	for i, sample := range c.Samples {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x, t, err := v.run(sample)
		if err != nil {
			return nil, err
		}
		if columns, err = l.Columns(columns[:0], x); err != nil {
			return nil, err
		}
		if err := s.add(columns, t, matter.Positions[i]); err != nil {
			return nil, err
		}
	}
	return s, s.finish()
}

// view shows what goes into a layer of the model and what should come out of it.
type view struct {
	dense, pruned *probe.Probe
	kept          []int // channels of the dense results, nil for all
	channels      int   // that the dense results have
	results       []float32
	other         []float32 // of the dense model: the other side of the sum
}

// open finds the layer in the dense model and the other side of a sum behind it.
func (c *Chain) open(l *observe.Layer) (*view, error) {
	g := &c.Model.Subgraphs[0]
	output := g.Operators[l.Operator].Outputs[0]
	dense, result, err := linear(c.Dense, g.Tensors[output].Name)
	if err != nil {
		return nil, err
	}
	wanted, given := []int32{result}, []int32{l.Input}
	if other := c.addend(l.Operator); other >= 0 {
		if t := named(dense, g.Tensors[other].Name); t >= 0 {
			wanted, given = append(wanted, t), append(given, other)
		}
	}
	v := &view{kept: c.Kept[g.Tensors[output].Name]}
	if v.kept != nil {
		shape := dense.Subgraphs[0].Tensors[result].Shape
		if v.channels = int(shape[len(shape)-1]); slices.Max(v.kept) >= v.channels {
			return nil, fmt.Errorf("%d channels in the dense model, number %d is kept", v.channels, slices.Max(v.kept))
		}
	}
	if v.dense, err = probe.Open(c.Worker, dense, wanted); err != nil {
		return nil, err
	}
	if v.pruned, err = probe.Open(c.Worker, c.Model, given); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

func (v *view) Close() error {
	err := v.dense.Close()
	if v.pruned != nil {
		err = errors.Join(err, v.pruned.Close())
	}
	return err
}

// run returns the layer's inputs and the results wanted.
func (v *view) run(sample probe.Sample) (x, t []float32, err error) {
	wanted, err := v.dense.Run(sample)
	if err != nil {
		return nil, nil, err
	}
	given, err := v.pruned.Run(sample)
	if err != nil {
		return nil, nil, err
	}
	v.results = v.keep(v.results[:0], wanted[0])
	if len(wanted) > 1 {
		v.other = v.keep(v.other[:0], wanted[1])
		if len(v.other) != len(v.results) || len(given[1]) != len(v.results) {
			return nil, nil, fmt.Errorf("sum of %d, %d and %d values", len(v.results), len(v.other), len(given[1]))
		}
		for i := range v.results {
			v.results[i] += v.other[i] - given[1][i]
		}
	}
	return given[0], v.results, nil
}

// keep appends what the pruned model still has of results of the dense one.
func (v *view) keep(list, results []float32) []float32 {
	if v.kept == nil {
		return append(list, results...)
	}
	for from := 0; from < len(results); from += v.channels {
		for _, c := range v.kept {
			list = append(list, results[from+c])
		}
	}
	return list
}

// addend is the other side of a sum that alone reads a layer's result, -1 for none.
func (c *Chain) addend(operator int) int32 {
	edit := graph.Edit(c.Model, 0)
	op := &edit.Graph.Operators[operator]
	out := op.Outputs[0]
	readers := graph.Link(edit.Graph).Consumers[out]
	if len(readers) != 1 || op.Options.Int("fused_activation_function") != 0 {
		return -1
	}
	sum := &edit.Graph.Operators[readers[0]]
	if edit.Builtin(sum) != model.OpAdd || len(sum.Inputs) != 2 || sum.Inputs[0] == sum.Inputs[1] {
		return -1
	}
	other := sum.Inputs[0]
	if other == out {
		other = sum.Inputs[1]
	}
	a, _ := model.Elements(edit.Graph.Tensors[out].Shape)
	b, _ := model.Elements(edit.Graph.Tensors[other].Shape)
	if a != b || graph.IsConstant(c.Model, &edit.Graph.Tensors[other]) {
		return -1
	}
	return other
}

// named finds a tensor that is computed, -1 if there is none.
func named(m *model.Model, name string) int32 {
	for t := range m.Subgraphs[0].Tensors {
		if x := &m.Subgraphs[0].Tensors[t]; x.Name == name && !graph.IsConstant(m, x) {
			return int32(t)
		}
	}
	return -1
}

// linear returns a model in which the result of a layer is there without the activation
// that was part of it.
func linear(m *model.Model, name string) (*model.Model, int32, error) {
	t := named(m, name)
	if t < 0 {
		return nil, 0, ErrNoOrigin
	}
	producer := graph.Link(&m.Subgraphs[0]).Producer[t]
	if producer < 0 {
		return nil, 0, ErrNoOrigin
	}
	kind := m.Subgraphs[0].Operators[producer].Options.Int("fused_activation_function")
	if kind == 0 {
		return m, t, nil
	}
	split := activations[kind]
	if split == 0 {
		return nil, 0, fmt.Errorf("activation %d is not known", kind)
	}
	c, err := m.Clone()
	if err != nil {
		return nil, 0, err
	}
	edit := graph.Edit(c, 0)
	plain := edit.Graph.Tensors[t]
	plain.Name += "_linear"
	out := edit.AddTensor(plain)
	op := &edit.Graph.Operators[producer]
	op.Options = op.Options.With("fused_activation_function", 0)
	op.Outputs = []int32{out}
	edit.InsertOperator(int(producer)+1, model.Operator{
		Opcode: edit.Code(split, 1), Inputs: []int32{out}, Outputs: []int32{t}, Options: model.Options{},
	})
	return c, out, nil
}

// activations are the operators of fused ones, by ActivationFunctionType.
var activations = map[int64]model.BuiltinOperator{1: model.OpRelu, 3: model.OpRelu6}

// add sums the positions of one sample, each with its weight; it changes what it is given.
// Without results it sums inputs only.
func (s *system) add(x, t, weights []float32) error {
	n := len(weights)
	if len(t) != n*s.rows && len(t) > 0 || len(x) != n*s.cols {
		return fmt.Errorf("%d inputs and %d results for %d positions of %d by %d", len(x), len(t), n, s.rows, s.cols)
	}
	for p, weight := range weights {
		root := math.Sqrt(float64(weight))
		s.weight += float64(weight)
		for c, v := range x[p*s.cols:][:s.cols] {
			s.x[c] += float64(weight) * float64(v)
			x[p*s.cols+c] = float32(root * float64(v))
		}
		if len(t) == 0 {
			continue
		}
		for r, v := range t[p*s.rows:][:s.rows] {
			s.t[r] += float64(weight) * float64(v)
			s.power[r] += float64(weight) * float64(v) * float64(v)
			t[p*s.rows+r] = float32(root * float64(v))
		}
	}
	var wait sync.WaitGroup
	var err error
	wait.Go(func() { err = s.h.Add(x) })
	if len(t) > 0 {
		s.products(x, t, n)
	}
	wait.Wait()
	return err
}

// products adds to T·Xᵀ, four positions at a time.
func (s *system) products(x, t []float32, n int) {
	p := 0
	for ; p+4 <= n; p += 4 {
		x0, x1, x2, x3 := x[p*s.cols:][:s.cols], x[(p+1)*s.cols:][:s.cols], x[(p+2)*s.cols:][:s.cols], x[(p+3)*s.cols:][:s.cols]
		for r := range s.rows {
			a, b, c, d := float64(t[p*s.rows+r]), float64(t[(p+1)*s.rows+r]), float64(t[(p+2)*s.rows+r]), float64(t[(p+3)*s.rows+r])
			sum := s.cross[r*s.cols:][:s.cols]
			for i := range sum {
				sum[i] += a*float64(x0[i]) + b*float64(x1[i]) + c*float64(x2[i]) + d*float64(x3[i])
			}
		}
	}
	for ; p < n; p++ {
		for r := range s.rows {
			a := float64(t[p*s.rows+r])
			for i, v := range x[p*s.cols:][:s.cols] {
				s.cross[r*s.cols+i] += a * float64(v)
			}
		}
	}
}

// constant is the share of an input's power below which its variance is that of rounding.
const constant = 1e-9

// finish takes the means out.
func (s *system) finish() error {
	if s.weight == 0 {
		return errors.New("no samples")
	}
	s.centred = s.h.H()
	if !s.biased {
		return nil
	}
	n := s.weight
	still := make([]bool, s.cols)
	for i := range still {
		power := s.centred[i*s.cols+i]
		still[i] = power-s.x[i]*s.x[i]/n <= constant*power
	}
	for i := range s.cols {
		for j := range s.cols {
			k := i*s.cols + j
			if s.centred[k] -= s.x[i] * s.x[j] / n; still[i] || still[j] {
				s.centred[k] = 0
			}
		}
	}
	for r := range s.rows {
		for i := range s.cols {
			if s.cross[r*s.cols+i] -= s.t[r] * s.x[i] / n; still[i] {
				s.cross[r*s.cols+i] = 0
			}
		}
		s.power[r] -= s.t[r] * s.t[r] / n
	}
	return nil
}

// layer is the matrix as sparsity takes it.
func (s *system) layer(l *observe.Layer, w []float32) *sparsity.Layer {
	return &sparsity.Layer{Rows: l.Rows, Cols: l.Cols, Taps: l.Taps, W: w, H: s.centred}
}

// solve returns the weights with the least ‖T−Ŵ·X‖² that are not far from w.
func (s *system) solve(w []float32) ([]float32, error) {
	return sparsity.Solve(s.centred, s.cross, w, s.cols, sparsity.DefaultDamping)
}

// bias is what makes the mean right, nil if the layer has none.
func (s *system) bias(w []float32) []float32 {
	if !s.biased {
		return nil
	}
	list := make([]float32, s.rows)
	for r := range list {
		sum := s.t[r]
		for i, v := range w[r*s.cols:][:s.cols] {
			sum -= float64(v) * s.x[i]
		}
		list[r] = float32(sum / s.weight)
	}
	return list
}

// error is ‖T−W·X‖²/‖T‖².
func (s *system) error(w []float32) float64 {
	var lost, all float64
	for r := range s.rows {
		row := w[r*s.cols:][:s.cols]
		all += s.power[r]
		lost += s.power[r]
		for i, v := range row {
			if v == 0 {
				continue
			}
			var dot float64
			for j, u := range row {
				dot += s.centred[i*s.cols+j] * float64(u)
			}
			lost += float64(v) * (dot - 2*s.cross[r*s.cols+i])
		}
	}
	if all <= 0 {
		return 0
	}
	return max(lost/all, 0)
}
