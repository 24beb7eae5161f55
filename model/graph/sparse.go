package graph

import (
	"fmt"
	"slices"

	"atoll/model"
)

// maxDense bounds the elements that sparse constants become in one call: as float32
// they fill half of the 256 MB that an optimization may take. A file can ask for any
// number with a few bytes.
const maxDense = 1 << 25

// maxRank is the highest rank that TensorFlow Lite's operators take.
const maxRank = 8

// densify puts the stored elements of a sparse tensor in their places.
func densify(t *model.Tensor, data []byte, size int) ([]byte, error) {
	elements, err := model.Elements(t.Shape)
	if err != nil {
		return nil, err
	}
	stored := len(data) / size
	switch {
	case len(t.Shape) > maxRank:
		return nil, fmt.Errorf("a sparse tensor of %d dimensions, at most %d are possible", len(t.Shape), maxRank)
	case elements > maxDense:
		return nil, fmt.Errorf("a sparse tensor of %d elements, at most %d are possible", elements, maxDense)
	case len(data)%size != 0 || int64(stored) > elements:
		return nil, fmt.Errorf("a sparse tensor of %d elements stores %d bytes", elements, len(data))
	}
	places, err := sparsePlaces(t, stored)
	if err != nil {
		return nil, err
	}
	dense := make([]byte, int(elements)*size)
	for i, place := range places {
		copy(dense[int(place)*size:], data[i*size:(i+1)*size])
	}
	return dense, nil
}

// sparsePlaces returns the dense position of each stored element, in the order of
// storage. It walks the levels one after the other: each turns the places that it
// starts from into those of its children, as the TACO format describes it.
func sparsePlaces(t *model.Tensor, stored int) ([]int32, error) {
	levels, err := sparseLevels(t)
	if err != nil {
		return nil, err
	}
	// Places never grow fewer on dense levels, and what follows those has either a
	// segment or a stored element for each place.
	limit := stored
	for _, d := range t.Sparsity.Dimensions {
		limit = max(limit, len(d.Segments.Values))
	}
	places := []int32{0}
	for i, l := range levels {
		d := &t.Sparsity.Dimensions[i]
		if d.Compressed {
			places, err = l.compressed(places, d)
		} else {
			places, err = l.dense(places, d, limit)
		}
		if err != nil {
			return nil, fmt.Errorf("sparse level %d: %w", i, err)
		}
	}
	if len(places) != stored {
		return nil, fmt.Errorf("the sparse tensor has places for %d elements and stores %d", len(places), stored)
	}
	return places, nil
}

// level is one level of a sparse tensor: its indices run below extent, and one step
// is stride elements of the dense tensor.
type level struct {
	extent, stride int32
}

// dense gives each place a child for every index.
func (l level) dense(places []int32, d *model.DimensionMetadata, limit int) ([]int32, error) {
	if d.DenseSize != l.extent {
		return nil, fmt.Errorf("size %d, want %d", d.DenseSize, l.extent)
	}
	n := int64(len(places)) * int64(l.extent)
	if n > int64(limit) {
		return nil, fmt.Errorf("%d places, but what follows describes at most %d", n, limit)
	}
	next := make([]int32, 0, n)
	for _, place := range places {
		for i := range l.extent {
			next = append(next, place+i*l.stride)
		}
	}
	return next, nil
}

// compressed gives each place the children that its segment lists. Indices must
// rise, so that no element is stored twice.
func (l level) compressed(places []int32, d *model.DimensionMetadata) ([]int32, error) {
	segments, indices := d.Segments.Values, d.Indices.Values
	if len(segments) != len(places)+1 {
		return nil, fmt.Errorf("%d segments for %d places", len(segments), len(places))
	}
	next := make([]int32, 0, len(indices))
	for p, place := range places {
		from, to := segments[p], segments[p+1]
		if from < 0 || from > to || int(to) > len(indices) {
			return nil, fmt.Errorf("segment %d from %d to %d of %d indices", p, from, to, len(indices))
		}
		last := int32(-1)
		for _, i := range indices[from:to] {
			if i <= last || i >= l.extent {
				return nil, fmt.Errorf("index %d after %d, want rising ones below %d", i, last, l.extent)
			}
			next = append(next, place+i*l.stride)
			last = i
		}
	}
	return next, nil
}

// sparseLevels finds what each level stands for: a dimension, or, if that is
// blocked, its blocks on one level and the elements within a block on another.
func sparseLevels(t *model.Tensor) ([]level, error) {
	s, rank := t.Sparsity, len(t.Shape)
	n := rank + len(s.BlockMap)
	if len(s.BlockMap) > rank || len(s.TraversalOrder) != n || len(s.Dimensions) != n {
		return nil, fmt.Errorf("a sparse tensor of shape %v and %d block dimensions has %d levels", t.Shape, len(s.BlockMap), len(s.Dimensions))
	}
	for d := range n {
		if !slices.Contains(s.TraversalOrder, int32(d)) {
			return nil, fmt.Errorf("traversal order %v lacks dimension %d", s.TraversalOrder, d)
		}
	}
	dims := make([]level, n)
	stride := int32(1)
	for d := rank - 1; d >= 0; d-- {
		dims[d] = level{t.Shape[d], stride}
		stride *= t.Shape[d] // at most maxDense
	}
	for b, d := range s.BlockMap {
		if d < 0 || int(d) >= rank || slices.Contains(s.BlockMap[:b], d) {
			return nil, fmt.Errorf("block map %v names a dimension twice or one that isn't there", s.BlockMap)
		}
		inner := &s.Dimensions[slices.Index(s.TraversalOrder, int32(rank+b))]
		if inner.Compressed || inner.DenseSize < 1 || t.Shape[d]%inner.DenseSize != 0 {
			return nil, fmt.Errorf("dimension %d of %d elements can't be cut into blocks of %d", d, t.Shape[d], inner.DenseSize)
		}
		dims[rank+b] = level{inner.DenseSize, dims[d].stride}
		dims[d] = level{t.Shape[d] / inner.DenseSize, dims[d].stride * inner.DenseSize}
	}
	levels := make([]level, n)
	for i, d := range s.TraversalOrder {
		levels[i] = dims[d]
	}
	return levels, nil
}
