package optimize

import (
	"slices"
	"strings"

	"atoll/model"
	"atoll/sparsity/chw"
	"atoll/sparsity/encode"
	"atoll/sparsity/observe"
)

// floats are the precisions for which XNNPACK has sparse kernels.
var floats = []string{"", "f32", "f16"}

// choosePath makes the model that is pruned: one that XNNPACK's sparse kernels can take
// if that is possible and there will be zeros enough, else a copy of the prepared one,
// and a note why.
func (z *zeroing) choosePath() error {
	reason, err := z.noPath()
	if err != nil {
		return err
	}
	if z.path = reason == ""; z.path {
		return nil
	}
	reason = "Pruning makes the file smaller, but the model won't run on XNNPACK's sparse kernels: " + reason + "."
	z.note("%s", reason)
	z.o.Report(Progress{Doing: reason})
	z.model, err = z.prepared.Clone()
	return err
}

// noPath rewrites the model, or says why that's no use.
func (z *zeroing) noPath() (reason string, err error) {
	if !slices.Contains(floats, z.o.Precision) {
		return "there are none for " + z.o.Precision, nil
	}
	plain, err := z.rewrite(chw.Options{Border: blackBorder})
	if err != nil {
		return "", err
	}
	p := encode.SparsePath(plain)
	if !p.OK {
		return strings.Join(p.Reasons, "; "), nil
	}
	if p.Zeros, err = z.expected(plain); err != nil || !p.Enough() {
		return "at this share fewer than two thirds of the weights will be zero", err
	}
	z.model, err = z.smallest()
	return "", err
}

// expected counts the zeros there will be in 1x1 convolutions.
func (z *zeroing) expected(m *model.Model) (int64, error) {
	layers, err := observe.Layers(m)
	if err != nil {
		return 0, err
	}
	var sum float64
	for _, l := range layers {
		if l.Taps != 1 {
			continue
		}
		zeros, err := zerosOf(m, l.Weights)
		if err != nil {
			return 0, err
		}
		sum += max(zeros, z.o.Sparsity) * float64(l.Rows*l.Cols)
	}
	return int64(sum), nil
}

// blackBorder is what a frame around a picture is, see chw.Options.
const blackBorder = -1

// rewritings are ways to rewrite a model, the fastest first.
var rewritings = []chw.Options{
	{Loss: 0.3}, {Loss: 0.1}, {Loss: 0.02}, {Loss: 0.01}, {Loss: 0.01, Border: blackBorder}, {Border: blackBorder},
}

// mostRewriting is how much a rewriting may cost, as task.Loss tells it.
const mostRewriting = 0.04

// smallest rewrites the model in the fastest way that costs nearly nothing.
func (z *zeroing) smallest() (m *model.Model, err error) {
	for _, o := range rewritings {
		if m, err = z.rewrite(o); err != nil {
			return nil, err
		}
		loss, err := z.cost(m)
		if err != nil || loss <= mostRewriting {
			return m, err
		}
	}
	return m, nil
}

func (z *zeroing) rewrite(o chw.Options) (*model.Model, error) {
	m, err := z.prepared.Clone()
	if err != nil {
		return nil, err
	}
	_, err = chw.Rewrite(m, o)
	return m, err
}
