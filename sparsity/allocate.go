package sparsity

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Point is what a layer would be with a share of zeros, as measured.
type Point struct {
	Share float64
	Cost  float64 // what is to be saved: bytes, multiplications or kept weights
	Error float64 // what that loses; errors of layers are added
}

// ErrTarget says that no choice of the points meets a target.
var ErrTarget = errors.New("target can't be met")

// AllocateCost chooses a point for each layer, at least error with a sum of costs of at
// most limit. The choice is the best one of all where it uses up the limit, and in between
// loses less than one step of one layer: points on the lower convex hull of a layer's
// curve are taken by falling gain for what they cost, as Lagrange's multiplier would.
func AllocateCost(layers [][]Point, limit float64) ([]int, error) {
	return allocate(layers, limit, func(p Point) (float64, float64) { return p.Cost, p.Error })
}

// AllocateError is AllocateCost with the roles exchanged: least cost with a sum of errors
// of at most limit.
func AllocateError(layers [][]Point, limit float64) ([]int, error) {
	return allocate(layers, limit, func(p Point) (float64, float64) { return p.Error, p.Cost })
}

// hop is the move of a layer along its hull, and what it gains for a unit of the limit.
type hop struct {
	layer, at int // to hulls[layer][at]
	rate      float64
}

type hops []hop

func (h hops) Len() int { return len(h) }
func (h hops) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[j].rate, h[i].rate), cmp.Compare(h[i].layer, h[j].layer)) < 0
}
func (h hops) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *hops) Push(x any)   { *h = append(*h, x.(hop)) }
func (h *hops) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// allocate starts with what uses least of the limit in every layer and takes, as long as
// there is room, the step that gains most for what it uses.
func allocate(layers [][]Point, limit float64, axes func(Point) (used, loss float64)) ([]int, error) {
	if math.IsNaN(limit) {
		return nil, errors.New("allocate: the limit is not a number")
	}
	choice, hulls := make([]int, len(layers)), make([][]int, len(layers))
	var sum float64
	var next hops
	push := func(layer, at int) {
		if at == len(hulls[layer]) {
			return
		}
		u0, l0 := axes(layers[layer][hulls[layer][at-1]])
		u1, l1 := axes(layers[layer][hulls[layer][at]])
		heap.Push(&next, hop{layer, at, (l0 - l1) / (u1 - u0)})
	}
	for i, points := range layers {
		if err := checkCurve(points); err != nil {
			return nil, fmt.Errorf("allocate: layer %d: %w", i, err)
		}
		hulls[i] = hull(points, axes)
		choice[i] = hulls[i][0]
		used, _ := axes(points[choice[i]])
		sum += used
		push(i, 1)
	}
	if sum > limit {
		return nil, fmt.Errorf("allocate: %w: at least %.6g is needed, %.6g is allowed", ErrTarget, sum, limit)
	}
	for next.Len() > 0 {
		h := heap.Pop(&next).(hop)
		from, _ := axes(layers[h.layer][choice[h.layer]])
		to, _ := axes(layers[h.layer][hulls[h.layer][h.at]])
		if sum-from+to > limit {
			continue // this layer has no smaller step, others may
		}
		sum += to - from
		choice[h.layer] = hulls[h.layer][h.at]
		push(h.layer, h.at+1)
	}
	return choice, nil
}

func checkCurve(points []Point) error {
	if len(points) == 0 {
		return errors.New("nothing was measured")
	}
	for _, p := range points {
		if !(p.Cost >= 0 && p.Error >= 0) || math.IsInf(p.Cost+p.Error, 0) {
			return fmt.Errorf("at a share of %v cost is %v and error %v: both must be finite and not below 0", p.Share, p.Cost, p.Error)
		}
	}
	return nil
}

// hull lists the points of the lower convex hull from the least used to the least loss.
func hull(points []Point, axes func(Point) (used, loss float64)) []int {
	order := make([]int, len(points))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		ui, li := axes(points[i])
		uj, lj := axes(points[j])
		return cmp.Or(cmp.Compare(ui, uj), cmp.Compare(li, lj), cmp.Compare(i, j))
	})
	var h []int
	for _, i := range order {
		u, l := axes(points[i])
		if len(h) > 0 {
			if _, least := axes(points[h[len(h)-1]]); l >= least {
				continue // uses more and loses no less
			}
		}
		for len(h) > 1 {
			u0, l0 := axes(points[h[len(h)-2]])
			u1, l1 := axes(points[h[len(h)-1]])
			if (l0-l1)*(u-u0) > (l0-l)*(u1-u0) {
				break
			}
			h = h[:len(h)-1]
		}
		h = append(h, i)
	}
	return h
}
