package pipeline

import (
	"fmt"
	"time"

	"atoll/engine"
)

// Model is what a sense needs of a loaded model: *engine.Model, or a fake of it.
type Model interface {
	Name() string
	Inputs() []engine.Tensor
	Outputs() []engine.Tensor
	// Run makes one inference and fails when it takes longer than deadline.
	Run(deadline time.Duration) (engine.Timing, error)
}

// shapes lists the shapes of tensors that a sense can only use as float32.
func shapes(m Model, tensors []engine.Tensor) ([][]int, error) {
	list := make([][]int, len(tensors))
	for i, t := range tensors {
		if t.Type != engine.Float32 {
			return nil, fmt.Errorf("model %s: tensor %q is %v: want float32", m.Name(), t.Name, t.Type)
		}
		list[i] = t.Shape
	}
	return list, nil
}

// check holds the model's tensors against what a sense wants.
func check[Spec any](m Model, want func(inputs, outputs [][]int) (Spec, error)) (spec Spec, err error) {
	inputs, err := shapes(m, m.Inputs())
	if err != nil {
		return spec, err
	}
	outputs, err := shapes(m, m.Outputs())
	if err != nil {
		return spec, err
	}
	if spec, err = want(inputs, outputs); err != nil {
		return spec, fmt.Errorf("model %s: %w", m.Name(), err)
	}
	return spec, nil
}
