package optimize

import (
	"slices"

	"atoll/sparsity"
	"atoll/sparsity/prune"
)

// curve are the shares of zeros of a layer among which the allocation chooses.
var curve = []float64{0, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95}

// allocate shares the zeros among the layers: at the least harm that is predicted, weights
// and multiplications cost alike. There are at least as many zeros as were asked for. Of
// N:M all layers get the same.
func (z *zeroing) allocate(c *prune.Chain) ([]float64, error) {
	shares := make([]float64, len(z.layers))
	for i := range shares {
		shares[i] = z.o.Sparsity
	}
	if !slices.Contains([]sparsity.Pattern{sparsity.Unstructured, sparsity.Block1x4, sparsity.Block4x1}, z.pattern) {
		return shares, nil
	}
	harm, err := c.Harm(z.ctx, z.layers, curve, func(done, total int) { z.o.Report(Progress{"measuring layers", done, total}) })
	if err != nil {
		return nil, err
	}
	points := make([][]sparsity.Point, len(harm))
	var weights, products float64
	for _, l := range z.layers {
		weights += float64(l.Rows * l.Cols)
		products += float64(l.Rows * l.Cols * l.Positions)
	}
	for i, l := range z.layers {
		for k, share := range curve {
			kept := float64(l.Rows*l.Cols) * (1 - share)
			points[i] = append(points[i], sparsity.Point{Share: share, Cost: kept/weights/2 + kept*float64(l.Positions)/products/2, Error: harm[i][k]})
		}
	}
	// The largest limit with enough zeros.
	low, high := 1-curve[len(curve)-1], 1.0
	for range 20 {
		limit := (low + high) / 2
		choice, err := sparsity.AllocateCost(points, limit)
		if err != nil {
			return nil, err
		}
		kept := 0.0
		for i, k := range choice {
			kept += (1 - curve[k]) * float64(z.layers[i].Rows*z.layers[i].Cols)
		}
		if kept > (1-z.o.Sparsity)*weights {
			high = limit
			continue
		}
		low = limit
		for i, k := range choice {
			shares[i] = curve[k]
		}
	}
	return shares, nil
}
