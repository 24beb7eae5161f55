// Package sparsity chooses which weights of a layer become zero, and re-fits the others.
//
// A layer is a matrix W; H = X·Xᵀ is summed over the inputs X that calibration saw. To
// keep some of a row's weights is a binary problem: find the mask m that makes the cost
// (w−ŵ)ᵀ·H·(w−ŵ) least, where ŵ is zero outside m. For given values of the kept weights
// the cost is quadratic in m; here these values are always the best ones, the re-fit in
// closed form ŵ_K = H_KK⁻¹·(H·w)_K. What [Quantum] anneals is this cost itself, as
// path-integral Monte Carlo does: several replicas of the mask in a transverse field that
// fades. docs/sparsity.md tells how, and what it gains.
package sparsity

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Method is how a mask is chosen.
type Method uint8

// Methods, from the simplest to the best.
const (
	Magnitude Method = iota // |w|, over the whole layer
	Wanda                   // |w|·‖x‖ within a row: Sun et al., "A Simple and Effective Pruning Approach for Large Language Models", 2023
	OBS                     // greedy and exact, one after the other: Frantar & Alistarh, "Optimal Brain Compression", 2022
	Descent                 // OBS, then exchanges of a kept and a pruned weight while one gains
	Annealing               // OBS, then simulated annealing in blocks, with descents
	Quantum                 // OBS, then simulated quantum annealing in blocks, with descents
	numMethods
)

// Methods lists the names of all methods.
var Methods = []string{"magnitude", "wanda", "obs", "descent", "annealing", "quantum"}

func (m Method) String() string {
	if m >= numMethods {
		return fmt.Sprintf("method %d", uint8(m))
	}
	return Methods[m]
}

// ParseMethod finds a method by its name.
func ParseMethod(name string) (Method, error) {
	i := slices.Index(Methods, name)
	if i < 0 {
		return 0, fmt.Errorf("method %q is not known: use one of %s", name, strings.Join(Methods, ", "))
	}
	return Method(i), nil
}

// DefaultDamping is the share of H's mean diagonal that is added to the diagonal, as
// SparseGPT and GPTQ do (Frantar & Alistarh, 2023).
const DefaultDamping = 0.01

// Options set how a method works. The zero value is fit for use.
type Options struct {
	Seed     uint64  // the same seed gives the same result, with any number of threads
	Replicas int     // Trotter replicas of Quantum; default 8
	Sweeps   int     // of every replica in a block; default 24
	Levels   int     // temperatures between which Quantum exchanges replicas; default 2
	Rounds   int     // blocks annealed for each row; default 3
	Block    int     // weights, blocks or channels annealed at once; default 32
	Damping  float64 // share of H's mean diagonal that is added to the diagonal; default DefaultDamping
	Threads  int     // default GOMAXPROCS
	NoRefit  bool    // keep the kept weights as they were, as magnitude and Wanda were published
	// Progress, if any, hears how much of the work is done, never from two goroutines
	// at once.
	Progress func(done, total int)
}

// Result is a layer with zeros. All of it can be encoded as JSON.
type Result struct {
	Method        Method    `json:"method"`
	Pattern       Pattern   `json:"pattern"`
	Mask          []bool    `json:"mask"`    // true is kept; Rows × Cols as W
	W             []float32 `json:"weights"` // re-fitted, 0 where not kept
	Zeros         int       `json:"zeros"`   // weights that are not kept
	RelativeError float64   `json:"relative_error"`
}

// Prune makes the given share of a layer's weights zero. The share is met to one unit of
// the pattern, a weight, block or channel; with N:M it must be (M−N)/M. Quantum and
// Annealing never return more error than OBS, which they start from.
func Prune(ctx context.Context, l *Layer, pattern Pattern, share float64, method Method, o Options) (*Result, error) {
	r, err := prune(ctx, l, pattern, share, method, o)
	if err != nil {
		return nil, fmt.Errorf("prune: %w", err)
	}
	r.Method, r.Pattern = method, pattern
	return r, nil
}

func prune(ctx context.Context, l *Layer, pattern Pattern, share float64, method Method, o Options) (*Result, error) {
	if method >= numMethods {
		return nil, fmt.Errorf("%s is not known", method)
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	g, err := pattern.geometry(l)
	if err != nil {
		return nil, err
	}
	count, err := g.count(l, pattern, share)
	if err != nil {
		return nil, err
	}
	if pattern == OutputChannels {
		return l.outputs(count, method), nil
	}
	p, err := newProblem(l, g, count, o)
	if err != nil {
		return nil, err
	}
	return p.solve(ctx, method, o)
}

// complete fills in the defaults.
func (o *Options) complete() error {
	for _, x := range []struct {
		name  string
		value *int
		other int
	}{
		{"replicas", &o.Replicas, 8},
		{"sweeps", &o.Sweeps, 24},
		{"levels", &o.Levels, 2},
		{"rounds", &o.Rounds, 3},
		{"block", &o.Block, 32},
	} {
		if *x.value < 0 || *x.value > 1<<16 {
			return fmt.Errorf("%s: %d is not possible", x.name, *x.value)
		}
		if *x.value == 0 {
			*x.value = x.other
		}
	}
	if o.Damping == 0 {
		o.Damping = DefaultDamping
	}
	if !(o.Damping > 0) || math.IsInf(o.Damping, 0) {
		return fmt.Errorf("damping: %v is not possible", o.Damping)
	}
	return nil
}

// count is how many units of the whole layer are pruned.
func (g *geometry) count(l *Layer, pattern Pattern, share float64) (int, error) {
	if !(share >= 0 && share <= 1) {
		return 0, fmt.Errorf("share of zeros %v: must be from 0 to 1", share)
	}
	if pattern == OutputChannels {
		return int(math.Round(share * float64(l.Rows))), nil
	}
	units := g.strips * len(g.units)
	if g.m == 0 {
		return int(math.Round(share * float64(units))), nil
	}
	count := units / g.m * (g.m - g.keep)
	if math.Abs(share*float64(units)-float64(count)) > 0.5 {
		return 0, fmt.Errorf("%w: %s makes a share of %.3g zero, not %.3g", ErrPattern, pattern, float64(g.m-g.keep)/float64(g.m), share)
	}
	return count, nil
}
