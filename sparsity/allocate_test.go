package sparsity

import (
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// everyChoice calls f with the sums of every choice of one point a layer.
func everyChoice(layers [][]Point, f func(cost, loss float64)) {
	if len(layers) == 0 {
		f(0, 0)
		return
	}
	for _, p := range layers[0] {
		everyChoice(layers[1:], func(cost, loss float64) { f(p.Cost+cost, p.Error+loss) })
	}
}

func sums(layers [][]Point, choice []int) (cost, loss float64) {
	for i, c := range choice {
		cost += layers[i][c].Cost
		loss += layers[i][c].Error
	}
	return cost, loss
}

// TestAllocateAgainstAll holds choices against all that there are: within the limit, and
// not worse than the best by more than the largest step of a layer.
func TestAllocateAgainstAll(t *testing.T) {
	point := rapid.Custom(func(t *rapid.T) Point {
		return Point{Cost: float64(rapid.IntRange(0, 30).Draw(t, "cost")), Error: float64(rapid.IntRange(0, 30).Draw(t, "error"))}
	})
	rapid.Check(t, func(t *rapid.T) {
		layers := rapid.SliceOfN(rapid.SliceOfN(point, 1, 5), 1, 4).Draw(t, "layers")
		limit := float64(rapid.IntRange(0, 100).Draw(t, "limit"))
		choice, err := AllocateCost(layers, limit)
		within := math.Inf(1)
		everyChoice(layers, func(c, e float64) {
			if c <= limit {
				within = min(within, e)
			}
		})
		if err != nil {
			if !errors.Is(err, ErrTarget) || !math.IsInf(within, 1) {
				t.Fatalf("%v, though %v is possible", err, within)
			}
			return
		}
		step := 0.0
		for _, l := range layers {
			least, most := math.Inf(1), 0.0
			for _, p := range l {
				least, most = min(least, p.Error), max(most, p.Error)
			}
			step = max(step, most-least)
		}
		if cost, loss := sums(layers, choice); cost > limit || loss > within+step {
			t.Fatalf("%v: cost %v of %v, error %v, possible %v", choice, cost, limit, loss, within)
		}
	})
}

// TestAllocateOnHull takes convex curves and asks for what each choice of Lagrange's
// multiplier costs, or loses: the choice must be the best of all.
func TestAllocateOnHull(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		layers := make([][]Point, rapid.IntRange(1, 4).Draw(t, "layers"))
		for i := range layers {
			p := Point{Cost: 40}
			for slope := 0; len(layers[i]) < 4; p.Cost -= 10 {
				layers[i] = append(layers[i], p)
				slope += rapid.IntRange(1, 20).Draw(t, "slope")
				p.Error += float64(slope)
			}
		}
		multiplier := float64(rapid.IntRange(0, 80).Draw(t, "multiplier")) + 0.5 // between the slopes
		var limit, bound float64
		for _, l := range layers {
			best := l[0]
			for _, p := range l {
				if p.Error*10+multiplier*p.Cost < best.Error*10+multiplier*best.Cost {
					best = p
				}
			}
			limit, bound = limit+best.Cost, bound+best.Error
		}
		least, cheapest := math.Inf(1), math.Inf(1)
		everyChoice(layers, func(c, e float64) {
			if c <= limit {
				least = min(least, e)
			}
			if e <= bound {
				cheapest = min(cheapest, c)
			}
		})
		choice, err := AllocateCost(layers, limit)
		if err != nil {
			t.Fatal(err)
		}
		if _, loss := sums(layers, choice); loss != least {
			t.Fatalf("error %v at a cost of %v, possible %v", loss, limit, least)
		}
		if choice, err = AllocateError(layers, bound); err != nil {
			t.Fatal(err)
		}
		if cost, _ := sums(layers, choice); cost != cheapest {
			t.Fatalf("cost %v at an error of %v, possible %v", cost, bound, cheapest)
		}
	})
}

func TestAllocateRefuses(t *testing.T) {
	good := []Point{{0, 10, 0}, {0.5, 5, 1}}
	for _, c := range []struct {
		name   string
		layers [][]Point
		limit  float64
		is     error
		says   string
	}{
		{name: "nothing measured", layers: [][]Point{good, nil}, limit: 20, says: "layer 1: nothing"},
		{name: "negative", layers: [][]Point{{{0, -1, 0}}}, limit: 20, says: "layer 0"},
		{name: "not a number", layers: [][]Point{{{0, 1, math.NaN()}}}, limit: 20, says: "layer 0"},
		{name: "infinite", layers: [][]Point{{{0, math.Inf(1), 0}}}, limit: 20, says: "finite"},
		{name: "limit", layers: [][]Point{good}, limit: math.NaN(), says: "limit"},
		{name: "too little", layers: [][]Point{good, good}, limit: 9, is: ErrTarget, says: "10 is needed, 9"},
	} {
		if got, err := AllocateCost(c.layers, c.limit); err == nil || got != nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v; want %q", c.name, got, err, c.says)
		}
	}
	if got, err := AllocateCost(nil, 0); err != nil || len(got) != 0 {
		t.Errorf("no layers: %v, %v", got, err)
	}
}
