package encode

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"atoll/model"
)

// Block is the size of the pieces that a sparse tensor stores as a whole, along its
// first and its last dimension: output and input channels of weights. The zero Block
// means single elements.
type Block struct{ Rows, Columns int }

// String returns the size as "1x4".
func (b Block) String() string {
	b = b.orSingle()
	return fmt.Sprintf("%dx%d", b.Rows, b.Columns)
}

// orSingle replaces the zero Block.
func (b Block) orSingle() Block {
	if b == (Block{}) {
		return Block{1, 1}
	}
	return b
}

// ErrNoZeros and ErrAllZeros report tensors that have no sparse form: one that stores
// all elements, and one that would store none. TensorFlow Lite takes a tensor without
// bytes for one that is not constant.
var (
	ErrNoZeros  = errors.New("no zeros to leave out")
	ErrAllZeros = errors.New("nothing but zeros: the buffer would be empty")
)

// elementSizes are the types that DENSIFY takes, with the bytes of an element.
var elementSizes = map[model.TensorType]int{model.TypeFloat32: 4, model.TypeFloat16: 2, model.TypeInt8: 1}

// Compress returns the compressed form of dense elements in the order of shape: all
// dimensions dense but the last, which is CSR, then the block's dimensions. This is
// what TensorFlow's converter writes (PopulateEncodingParams and
// FormatConverter::DenseToSparse), to the byte.
func Compress(t model.TensorType, shape []int32, dense []byte, block Block) (*model.Sparsity, []byte, error) {
	block = block.orSingle()
	size := elementSizes[t]
	elements, err := model.Elements(shape)
	switch {
	case err != nil:
		return nil, nil, err
	case size == 0:
		return nil, nil, fmt.Errorf("elements of type %v: DENSIFY takes float32, float16 and int8", t)
	case len(shape) < 2:
		return nil, nil, fmt.Errorf("shape %v has no rows and columns", shape)
	case elements*int64(size) != int64(len(dense)):
		return nil, nil, fmt.Errorf("%d bytes, a %v tensor of shape %v has %d", len(dense), t, shape, elements*int64(size))
	case block.Rows < 1 || block.Columns < 1 || int(shape[0])%block.Rows != 0 || int(shape[len(shape)-1])%block.Columns != 0:
		return nil, nil, fmt.Errorf("blocks of %v don't divide shape %v", block, shape)
	}
	c := compressor{size: size, dense: dense, block: block, segments: []int32{0}}
	c.run(shape)
	switch {
	case len(c.data) == len(dense):
		return nil, nil, ErrNoZeros
	case len(c.data) == 0:
		return nil, nil, ErrAllZeros
	}
	return c.sparsity(shape), c.data, nil
}

// compressor gathers what is kept.
type compressor struct {
	size              int
	dense             []byte
	block             Block
	segments, indices []int32
	data              []byte
}

// run visits the blocks in the order of the file: by row of blocks, then by the
// dimensions between, then by column.
func (c *compressor) run(shape []int32) {
	last := len(shape) - 1
	columns, middle := int(shape[last]), 1
	for _, n := range shape[1:last] {
		middle *= int(n)
	}
	row := middle * columns // elements from one row to the next
	for r := 0; r < int(shape[0]); r += c.block.Rows {
		for m := range middle {
			for column := 0; column < columns; column += c.block.Columns {
				if c.keep(r*row+m*columns+column, row) {
					c.indices = append(c.indices, int32(column/c.block.Columns))
				}
			}
			c.segments = append(c.segments, int32(len(c.indices)))
		}
	}
}

// keep stores the block at an element unless it is all zeros.
func (c *compressor) keep(at, row int) bool {
	start, zero := len(c.data), true
	for r := range c.block.Rows {
		from := (at + r*row) * c.size
		piece := c.dense[from : from+c.block.Columns*c.size]
		zero = zero && c.zero(piece)
		c.data = append(c.data, piece...)
	}
	if zero {
		c.data = c.data[:start]
	}
	return !zero
}

// zero reports whether all elements are 0. Minus zero of floats is zero too.
func (c *compressor) zero(piece []byte) bool {
	for i, b := range piece {
		if c.size > 1 && i%c.size == c.size-1 {
			b &^= 0x80
		}
		if b != 0 {
			return false
		}
	}
	return true
}

// sparsity describes the levels.
func (c *compressor) sparsity(shape []int32) *model.Sparsity {
	last := len(shape) - 1
	s := &model.Sparsity{Dimensions: make([]model.DimensionMetadata, len(shape))}
	for i, n := range shape {
		s.Dimensions[i].DenseSize = n
	}
	s.Dimensions[0].DenseSize /= int32(c.block.Rows)
	s.Dimensions[last] = model.DimensionMetadata{Compressed: true, Segments: indexVector(c.segments), Indices: indexVector(c.indices)}
	for _, b := range []struct{ dimension, size int }{{0, c.block.Rows}, {last, c.block.Columns}} {
		if b.size > 1 {
			s.BlockMap = append(s.BlockMap, int32(b.dimension))
			s.Dimensions = append(s.Dimensions, model.DimensionMetadata{DenseSize: int32(b.size)})
		}
	}
	for i := range s.Dimensions {
		s.TraversalOrder = append(s.TraversalOrder, int32(i))
	}
	return s
}

// indexVector takes the least width that holds all values.
func indexVector(values []int32) model.IndexVector {
	v := model.IndexVector{Width: 4, Values: values}
	switch largest := slices.Max(values); {
	case largest <= math.MaxUint8:
		v.Width = 1
	case largest <= math.MaxUint16:
		v.Width = 2
	}
	return v
}

// indexBytes is what the lists of indices take in the file.
func indexBytes(s *model.Sparsity) (n int64) {
	for _, d := range s.Dimensions {
		n += int64(len(d.Segments.Values))*int64(d.Segments.Width) + int64(len(d.Indices.Values))*int64(d.Indices.Width)
	}
	return n
}
