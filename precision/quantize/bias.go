package quantize

import (
	"atoll/model"
)

// correctBiases returns the biases that keep the mean of each layer's results where it
// was before its weights were rounded: b − (Ŵ−W)·E[x], with the mean inputs that
// calibration saw (Nagel et al., ICCV 2019). At the border of a picture, where a kernel
// sees zeros, it is an approximation.
func correctBiases(m *model.Model, weights map[int]Weights, stats map[int32]*Statistics) (map[int][]float32, error) {
	list := make(map[int][]float32)
	for n, l := range Layers(m) {
		q, ok := weights[n]
		s := stats[l.Input]
		if !ok || s == nil || l.Bias < 0 || l.table() || !l.seesAllInputs(m, len(s.Mean)) {
			continue
		}
		w, err := floatsOf(m, l.Weights)
		if err != nil {
			return nil, err
		}
		b, err := floatsOf(m, l.Bias)
		if err != nil {
			return nil, err
		}
		ch := channelsOf(l, len(w))
		for c := range ch.count {
			shift := 0.0
			for i := range ch.length {
				at := c*ch.outer + i*ch.inner
				input := i % len(s.Mean)
				if l.axis != 0 { // depthwise: a channel sees its own input
					input = c * len(s.Mean) / ch.count
				}
				shift += (float64(q.Scales[c])*float64(q.Values[at]) - float64(w[at])) * s.Mean[input]
			}
			b[c] -= float32(shift)
		}
		list[n] = b
	}
	return list, nil
}

// seesAllInputs reports whether each output channel is made of all channels of the input,
// in their order, or, depthwise, of its own: not so in convolutions in groups.
func (l Layer) seesAllInputs(m *model.Model, inputs int) bool {
	shape := m.Subgraphs[0].Tensors[l.Weights].Shape
	switch {
	case inputs == 0:
		return false
	case l.Builtin == model.OpConv2D:
		return int(shape[3]) == inputs
	case l.Builtin == model.OpFullyConnected:
		return int(shape[1])%inputs == 0
	}
	return l.Channels%inputs == 0
}
