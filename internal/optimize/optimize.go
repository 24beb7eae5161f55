// Package optimize makes a model smaller and faster in one go: it prunes weights,
// chooses precisions and measures before and after. The rooms behind it are sparsity
// and precision; this is the way from one file to another.
package optimize

import (
	"context"
	"errors"
	"fmt"
	"time"

	"atoll/engine"
	"atoll/engine/probe"
	"atoll/internal/task"
	"atoll/model"
	"atoll/precision/quantize"
)

// Options say what is wanted. The zero value only simplifies the graph.
type Options struct {
	Precision string // one of model.Precisions; "" leaves it as it is stored
	Sparsity  float64
	Pattern   string // of zeros: see sparsity.Pattern; "" is unstructured
	Method    string // that chooses zeros: see sparsity.Method; "" is annealing
	MaxDrop   float64
	Calibrate string // folder, or vision, audio, text
	Clipping  quantize.Clipping
	Seed      uint64
	// State is a file that remembers finished layers, so that work that was stopped goes
	// on where it was; "" for none.
	State string
	// Report is told of what is done; never nil after complete.
	Report func(Progress)
}

// Progress is one step of the work.
type Progress struct {
	Doing       string // what, for people
	Done, Total int
}

// Card is what changed. As JSON it is
//
//	{
//	  "before": {"bytes", "ops", "latency_ms", "accuracy"},
//	  "after": {"bytes", "ops", "latency_ms", "accuracy", "sparsity"},
//	  "layers": [{"name", "snr_db", "relative_error", "format", "sparsity"}],
//	  "notes": ["…"]
//	}
//
// Accuracy is null if there is nothing to judge by.
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
	LatencyMS float64     `json:"latency_ms"` // median on this machine, warm
	Accuracy  *float64    `json:"accuracy"`   // 0 to 1, on data that nothing was tuned to
	Sparsity  float64     `json:"sparsity"`   // share of the weights that are zero
	Score     *task.Score `json:"-"`
}

// Layer is the error of one layer, with that of all layers before it.
type Layer struct {
	Name     string  `json:"name"`
	SNR      float64 `json:"snr_db"`
	Relative float64 `json:"relative_error"`
	Format   string  `json:"format"`   // how it is stored and computed
	Sparsity float64 `json:"sparsity"` // share of zeros
}

// Result is a converted model and what is to be said about it.
type Result struct {
	Model []byte
	Card  Card
}

// Run converts a .tflite file.
func Run(ctx context.Context, w *engine.Worker, data []byte, o Options) (*Result, error) {
	return nil, errors.New("to be written")
}

var _ = fmt.Sprint
var _ = time.Now
var _ probe.Sample
var _ *model.Model
