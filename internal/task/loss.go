package task

import (
	"fmt"
	"math"

	"atoll/engine"
	"atoll/engine/probe"
	"atoll/pipeline/vision"
)

// Loss measures how far what other models make of some samples is from what the
// original makes of them, as the user of the model sees it. It is smooth where a score
// counts decisions, so that small steps of a search show.
type Loss struct {
	samples  []probe.Sample
	original [][][]float32
	answers  [][]float64
	read     readout
	slopes   func(original [][]float32) [][]float32
}

// readout turns the outputs of a model into numbers whose squared differences say how
// much worse they serve. The original's outputs weigh them.
type readout func(outputs, original [][]float32) []float64

// NewLoss asks the original about the samples.
func (t *Task) NewLoss(samples []probe.Sample) (*Loss, error) {
	l := &Loss{samples: samples}
	l.read, l.slopes = readoutOf(t.reference)
	for n, s := range samples {
		outputs, err := run(t.reference, s)
		if err != nil {
			return nil, fmt.Errorf("loss: sample %d: %w", n, err)
		}
		kept := make([][]float32, len(outputs))
		for i := range outputs {
			kept[i] = append([]float32(nil), outputs[i]...)
		}
		l.original = append(l.original, kept)
		l.answers = append(l.answers, l.read(kept, kept))
	}
	return l, nil
}

// Of returns a model's loss, 0 for the original: the mean squared difference of a
// sample's answers, summed over the sample.
func (l *Loss) Of(m Model) (float64, error) {
	sum := 0.0
	for n, s := range l.samples {
		outputs, err := run(m, s)
		if err != nil {
			return 0, fmt.Errorf("loss: sample %d: %w", n, err)
		}
		for i, x := range l.read(outputs, l.original[n]) {
			d := x - l.answers[n][i]
			sum += d * d
		}
	}
	if math.IsNaN(sum) {
		return math.Inf(1), nil
	}
	return sum / float64(len(l.samples)), nil
}

// Slopes says how fast the answers change with each of the original's outputs. Where an
// answer is sure it is not said to be for ever: models with errors come nearer to doubt.
func (l *Loss) Slopes(original [][]float32) [][]float32 { return l.slopes(original) }

// run makes one inference and returns the outputs, which are the model's.
func run(m Model, s probe.Sample) ([][]float32, error) {
	inputs := m.Inputs()
	if len(inputs) != len(s) {
		return nil, fmt.Errorf("%d inputs for a model with %d", len(s), len(inputs))
	}
	for i := range inputs {
		if inputs[i].Type != engine.Float32 || len(inputs[i].Float32s()) != len(s[i]) {
			return nil, fmt.Errorf("input %q takes %v of shape %v, not %d floats", inputs[i].Name, inputs[i].Type, inputs[i].Shape, len(s[i]))
		}
		copy(inputs[i].Float32s(), s[i])
	}
	if _, err := m.Run(deadline); err != nil {
		return nil, err
	}
	outputs := m.Outputs()
	list := make([][]float32, len(outputs))
	for i := range outputs {
		if outputs[i].Type != engine.Float32 {
			return nil, fmt.Errorf("output %q is %v, want float32", outputs[i].Name, outputs[i].Type)
		}
		list[i] = outputs[i].Float32s()
	}
	return list, nil
}

// readoutOf finds what a model is from the shapes of its outputs.
func readoutOf(m Model) (readout, func([][]float32) [][]float32) {
	if spec, err := vision.Check(shapes(m.Inputs()), shapes(m.Outputs())); err == nil {
		return faceReadout(spec), faceSlopes(spec)
	}
	return plainReadout, plainSlopes
}

// faceReadout gives the probability of a face at each anchor, and its box, in shares of
// the picture, as far as the original sees a face there.
func faceReadout(spec vision.Spec) readout {
	const box, row = 4, 16 // numbers of a box, and of all offsets of an anchor
	return func(outputs, original [][]float32) []float64 {
		scores, boxes := outputs[spec.Scores], outputs[spec.Boxes]
		list := make([]float64, 0, len(scores)*2)
		for i, s := range scores {
			list = append(list, sigmoid(s))
			if p := sigmoid(original[spec.Scores][i]); p > 0.1 {
				for k := range box {
					list = append(list, p*float64(boxes[row*i+k])/float64(spec.Size))
				}
			}
		}
		return list
	}
}

// soft is the temperature at which scores are taken for slopes.
const soft = 4

func faceSlopes(spec vision.Spec) func([][]float32) [][]float32 {
	const box, row = 4, 16
	return func(original [][]float32) [][]float32 {
		scores := original[spec.Scores]
		slopes := make([][]float32, len(original))
		slopes[spec.Scores], slopes[spec.Boxes] = make([]float32, len(scores)), make([]float32, len(original[spec.Boxes]))
		for i, s := range scores {
			p := sigmoid(s / soft)
			slopes[spec.Scores][i] = float32(p * (1 - p))
			if p := sigmoid(s); p > 0.1 {
				for k := range box {
					slopes[spec.Boxes][row*i+k] = float32(p / float64(spec.Size))
				}
			}
		}
		return slopes
	}
}

func sigmoid(x float32) float64 { return 1 / (1 + math.Exp(-float64(x))) }

// plainReadout gives the outputs as they are, those larger than probabilities in units of
// their root mean square.
func plainReadout(outputs, original [][]float32) []float64 {
	var list []float64
	for i, values := range outputs {
		unit := unitOf(original[i])
		for _, v := range values {
			list = append(list, float64(v)/unit)
		}
	}
	return list
}

func plainSlopes(original [][]float32) [][]float32 {
	slopes := make([][]float32, len(original))
	for i, values := range original {
		unit := float32(unitOf(values))
		slopes[i] = make([]float32, len(values))
		for k := range slopes[i] {
			slopes[i][k] = 1 / unit
		}
	}
	return slopes
}

// unitOf is the root mean square of outputs, at least 1.
func unitOf(values []float32) float64 {
	power := 0.0
	for _, v := range values {
		power += float64(v) * float64(v)
	}
	return max(1, math.Sqrt(power/float64(len(values))))
}
