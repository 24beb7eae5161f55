package figures

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"atoll/engine"
	"atoll/engine/probe"
	"atoll/internal/task"
	"atoll/model"
	"atoll/model/graph"
	"atoll/models"
	"atoll/sparsity"
	"atoll/sparsity/observe"
)

// Matrix is a layer of a model with its inputs, as calibration saw them and as it didn't.
type Matrix struct {
	Name   string          // the variant's and the layer's
	Layer  *sparsity.Layer // with inputs of the calibrating half
	Unseen *sparsity.Layer // with those of the half that is held out
}

// matrixSamples is how many inputs of a model each half gives at most: a picture has many
// positions, a frame of sound or a sentence one.
var matrixSamples = [model.NumModalities]int{model.Vision: 128, model.Audio: 4096, model.Text: 4096}

// Matrices are the layers of a built-in model: for pictures the 1x1 convolutions, else all.
func Matrices(modality model.Modality, variant string) ([]Matrix, error) {
	list, err := matrices(modality, variant)
	if err != nil {
		return nil, fmt.Errorf("layers of %s: %w", variant, err)
	}
	return list, nil
}

func matrices(modality model.Modality, variant string) ([]Matrix, error) {
	data, err := openVariant(modality, variant)
	if err != nil {
		return nil, err
	}
	w, err := engine.Start(engine.Options{})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	reference, err := w.Load(variant, data)
	if err != nil {
		return nil, err
	}
	m, err := model.Read(data)
	if err != nil {
		return nil, err
	}
	if _, err := graph.FoldConstants(m); err != nil {
		return nil, err
	}
	layers, err := observe.Layers(m)
	if err != nil {
		return nil, err
	}
	if modality == model.Vision {
		layers = slices.DeleteFunc(layers, func(l observe.Layer) bool { return l.Taps > 1 })
	}
	t, err := task.Open(modality.String(), reference)
	if err != nil {
		return nil, err
	}
	list := make([]Matrix, len(layers))
	for half, samples := range []func(int) ([]probe.Sample, error){t.Samples, t.Unseen} {
		inputs, err := samples(matrixSamples[modality])
		if err != nil {
			return nil, err
		}
		sums, err := observe.Inputs(w, m, layers, inputs, nil)
		if err != nil {
			return nil, err
		}
		for i, l := range layers {
			x, err := l.Matrix(m, sums[i])
			if err != nil {
				return nil, err
			}
			list[i].Name = variant + " " + shortName(l.Name)
			if half == 0 {
				list[i].Layer = x
			} else {
				list[i].Unseen = x
			}
		}
	}
	return list, nil
}

func openVariant(modality model.Modality, variant string) ([]byte, error) {
	manifest, err := models.Manifest()
	if err != nil {
		return nil, err
	}
	v, err := manifest.Variant(modality, variant)
	if err != nil {
		return nil, err
	}
	return models.Open(v)
}

// shortName leaves out what all tensors of these models are called.
func shortName(name string) string {
	name = strings.TrimSuffix(name, "/Kernel_dequantize")
	return name[strings.LastIndexByte(name, '/')+1:]
}

// Contest is a way to prune, to be compared.
type Contest struct {
	Method  sparsity.Method
	NoRefit bool // as published, for magnitude and Wanda
}

// Contests are all ways, the first of them those to be beaten.
var Contests = append(Rivals[:len(Rivals):len(Rivals)], Contest{sparsity.Descent, false}, Contest{sparsity.Annealing, false}, ours)

// Rivals are the ways that annealing with replicas must beat, OBS the last.
var Rivals = []Contest{
	{sparsity.Magnitude, true},
	{sparsity.Wanda, true},
	{sparsity.Magnitude, false},
	{sparsity.Wanda, false},
	{sparsity.OBS, false},
}

// Duel are the rivals, and what must beat them.
var Duel = append(Rivals[:len(Rivals):len(Rivals)], ours)

var ours = Contest{sparsity.Quantum, false}

// LayerError is what a way of pruning loses of one layer: ‖WX−ŴX‖²/‖WX‖².
type LayerError struct {
	Seen, Unseen float64 // by the inputs of calibration, and by the others
}

// LayerErrors prunes a layer at the share in all the ways given, in their order.
func LayerErrors(ctx context.Context, m Matrix, share float64, ways []Contest, o sparsity.Options) ([]LayerError, error) {
	list := make([]LayerError, len(ways))
	for i, c := range ways {
		o.NoRefit = c.NoRefit
		r, err := sparsity.Prune(ctx, m.Layer, sparsity.Unstructured, share, c.Method, o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		list[i] = LayerError{r.RelativeError, m.Unseen.RelativeError(r.W)}
	}
	return list, nil
}

// Versus compares the annealed layers with another way of pruning them.
type Versus struct {
	Layers int // in which there was anything to lose
	Lower  int // of them, those with less error
	Equal  int // with the same error: mostly no way found a better mask
	Lost   int // with more
	// Free are the layers that lose nothing either way, as enough of their weights never
	// get an input. They are no part of the others.
	Free      int
	Ratio     float64 // geometric mean of the errors' ratios, below 1 if annealing is better
	Low, High float64 // its interval of 95 %, over the layers
}

const (
	nothing = 1e-9 // a relative error that is only rounding of float32
	alike   = 1e-6 // of an error, that doesn't tell two apart
)

// Compare compares the last way of LayerErrors with another, on seen or unseen inputs.
func Compare(errs [][]LayerError, other int, unseen bool) Versus {
	var v Versus
	var logs []float64
	for _, list := range errs {
		mine, others := list[len(list)-1].Seen, list[other].Seen
		if unseen {
			mine, others = list[len(list)-1].Unseen, list[other].Unseen
		}
		switch {
		case max(mine, others) < nothing:
			v.Free++
			continue
		case math.Abs(mine-others) <= alike*others:
			v.Equal++
		case mine < others:
			v.Lower++
		default:
			v.Lost++
		}
		if v.Layers++; min(mine, others) > 0 {
			logs = append(logs, math.Log(mine/others))
		}
	}
	v.Ratio, v.Low, v.High = geometric(logs)
	return v
}

// geometric is the mean of numbers whose logarithms are given, with its interval of 95 %.
func geometric(logs []float64) (mean, low, high float64) {
	var sum, squares float64
	for _, x := range logs {
		sum += x
	}
	n := float64(len(logs))
	for _, x := range logs {
		squares += (x - sum/n) * (x - sum/n)
	}
	half := 1.96 * math.Sqrt(squares/(n-1)/n)
	return math.Exp(sum / n), math.Exp(sum/n - half), math.Exp(sum/n + half)
}
