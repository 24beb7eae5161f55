// Package enginetest has a stand-in for a loaded model, for tests of what uses
// one. It computes nothing: a function of the test's fills the outputs.
package enginetest

import (
	"time"

	"atoll/engine"
)

// Model is a fake of *engine.Model.
type Model struct {
	In, Out []engine.Tensor
	// Infer fills Out from In; its error is what Run returns. Nil leaves the
	// outputs as they are.
	Infer func(m *Model) error
	// Took is what Run reports as the time of the invocation.
	Took time.Duration
	// Runs counts the calls of Run; Deadline is what the last one was given.
	Runs     int
	Deadline time.Duration
}

// Name returns "fake".
func (m *Model) Name() string { return "fake" }

// Inputs returns In.
func (m *Model) Inputs() []engine.Tensor { return m.In }

// Outputs returns Out.
func (m *Model) Outputs() []engine.Tensor { return m.Out }

// Run calls Infer.
func (m *Model) Run(deadline time.Duration) (engine.Timing, error) {
	m.Runs++
	m.Deadline = deadline
	if m.Infer != nil {
		if err := m.Infer(m); err != nil {
			return engine.Timing{}, err
		}
	}
	return engine.Timing{Invoke: m.Took, Total: m.Took}, nil
}
