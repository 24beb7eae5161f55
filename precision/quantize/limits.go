package quantize

import "atoll/model"

// Bounds of steps in XNNPACK. A convolution beyond its bound makes it refuse the whole
// model; the others it leaves to TensorFlow Lite's own kernels, which abort on sums whose
// inputs have more than 2^19 times the step of the result.
const (
	maxProduct = 256       // input times weights, in steps of the result: less than that
	minSum     = 1. / 1024 // input of ADD and SUB, in steps of the result
	maxSum     = 256
	minFactors = 1. / 65536 // product of the inputs of MUL
)

// widenResults makes the ranges of the results of integer layers so wide that their steps
// keep the bound. Where calibration saw nothing but zeros they would not.
func (c *converter) widenResults() {
	for range c.list { // a result may share its range with the input of a layer before
		changed := false
		for n, l := range c.list {
			if c.plan.Formats[n] == Static8 && !l.table() && c.widenResult(n, l) {
				changed = true
			}
		}
		if !changed {
			return
		}
	}
}

func (c *converter) widenResult(n int, l Layer) (changed bool) {
	in, known := c.step(l.Input)
	root := c.alike.root(l.Output)
	r, ok := c.alike.ranges[root]
	if !ok || !known {
		return false // an error later
	}
	largest := 0.0
	for _, s := range c.weights(n, l).Scales {
		largest = max(largest, float64(s))
	}
	step := float64(r.quantization().Scale[0])
	least := in * largest / maxProduct * 1.01
	if step >= least {
		return false
	}
	if r.Max-r.Min < minScale*levels {
		r = Range{0, minScale * levels}
	}
	by := least * (levels - 1) / (r.Max - r.Min) * 1.01
	c.alike.ranges[root] = Range{r.Min * by, r.Max * by}
	return true
}

// step is that of a tensor as integers.
func (c *converter) step(t int32) (step float64, known bool) {
	r, ok := c.alike.ranges[c.alike.root(t)]
	if !ok {
		w, err := floatsOf(c.Model, t)
		if err != nil {
			return 0, false
		}
		r = rangeOf(w)
	}
	return float64(r.quantization().Scale[0]), true
}

// steady reports whether the steps of an operator's inputs and result keep the bounds.
func (c *converter) steady(op *model.Operator) bool {
	kind := c.Builtin(op)
	if kind != model.OpAdd && kind != model.OpSub && kind != model.OpMul {
		return true
	}
	result, _ := c.step(op.Outputs[0])
	product := 1 / result
	for _, t := range op.Inputs {
		if t < 0 {
			return false
		}
		step, known := c.step(t)
		if ratio := step / result; kind != model.OpMul && known && !(ratio >= minSum && ratio < maxSum) {
			return false
		}
		product *= step
	}
	return kind != model.OpMul || product >= minFactors && product < maxSum
}
