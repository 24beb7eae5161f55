package model

import (
	"errors"
	"fmt"
)

// Bounds of names and lists that reports repeat. Without them a small file could ask
// for a huge report.
const (
	maxCustomName = 256
	maxTensorName = 1 << 16
	maxEnds       = 256 // inputs or outputs of a subgraph
)

// Check reports the first breach of the schema's rules: an index out of range, a
// shape that is negative or too large, or a constant whose buffer doesn't have the
// size of its shape. Read and Write call it.
func (m *Model) Check() error {
	if m.Version != 3 {
		return fmt.Errorf("schema version %d, want 3", m.Version)
	}
	if len(m.Subgraphs) == 0 {
		return errors.New("the model has no subgraph")
	}
	for i, c := range m.OperatorCodes {
		if c.Builtin < 0 {
			return fmt.Errorf("operator code %d is negative: %d", i, c.Builtin)
		}
		if len(c.Custom) > maxCustomName {
			return fmt.Errorf("operator code %d has a name of %d bytes, at most %d are possible", i, len(c.Custom), maxCustomName)
		}
	}
	for i := range m.Subgraphs {
		if err := m.checkSubgraph(&m.Subgraphs[i]); err != nil {
			return fmt.Errorf("subgraph %d: %w", i, err)
		}
	}
	for i, meta := range m.Metadata {
		if int64(meta.Buffer) >= int64(len(m.Buffers)) {
			return fmt.Errorf("metadata %d: buffer %d of %d", i, meta.Buffer, len(m.Buffers))
		}
	}
	for i := range m.SignatureDefs {
		if err := m.checkSignature(&m.SignatureDefs[i]); err != nil {
			return fmt.Errorf("signature %d: %w", i, err)
		}
	}
	return nil
}

func (m *Model) checkSignature(s *SignatureDef) error {
	if int64(s.Subgraph) >= int64(len(m.Subgraphs)) {
		return fmt.Errorf("subgraph %d of %d", s.Subgraph, len(m.Subgraphs))
	}
	tensors := len(m.Subgraphs[s.Subgraph].Tensors)
	for _, list := range [][]TensorMap{s.Inputs, s.Outputs} {
		for _, e := range list {
			if int64(e.Tensor) >= int64(tensors) {
				return fmt.Errorf("tensor %d of %d", e.Tensor, tensors)
			}
		}
	}
	return nil
}

func (m *Model) checkSubgraph(g *Subgraph) error {
	for i := range g.Tensors {
		if err := m.checkTensor(&g.Tensors[i]); err != nil {
			return fmt.Errorf("tensor %d: %w", i, err)
		}
	}
	if len(g.Inputs) > maxEnds || len(g.Outputs) > maxEnds {
		return fmt.Errorf("%d inputs and %d outputs, at most %d are possible", len(g.Inputs), len(g.Outputs), maxEnds)
	}
	if err := checkIndices("input", g.Inputs, 0, len(g.Tensors)); err != nil {
		return err
	}
	if err := checkIndices("output", g.Outputs, 0, len(g.Tensors)); err != nil {
		return err
	}
	for i := range g.Operators {
		if err := m.checkOperator(&g.Operators[i], len(g.Tensors)); err != nil {
			return fmt.Errorf("operator %d: %w", i, err)
		}
	}
	return nil
}

func (m *Model) checkOperator(op *Operator, tensors int) error {
	if int64(op.Opcode) >= int64(len(m.OperatorCodes)) {
		return fmt.Errorf("operator code %d of %d", op.Opcode, len(m.OperatorCodes))
	}
	if err := checkIndices("input", op.Inputs, -1, tensors); err != nil {
		return err
	}
	if err := checkIndices("output", op.Outputs, 0, tensors); err != nil {
		return err
	}
	if err := checkIndices("intermediate", op.Intermediates, -1, tensors); err != nil {
		return err
	}
	return op.Options.check()
}

// checkIndices wants low ≤ index < high.
func checkIndices(name string, list []int32, low, high int) error {
	for i, index := range list {
		if int(index) < low || int(index) >= high {
			return fmt.Errorf("%s %d: tensor %d of %d", name, i, index, high)
		}
	}
	return nil
}

func (m *Model) checkTensor(t *Tensor) error {
	if int64(t.Buffer) >= int64(len(m.Buffers)) {
		return fmt.Errorf("buffer %d of %d", t.Buffer, len(m.Buffers))
	}
	if len(t.Name) > maxTensorName {
		return fmt.Errorf("name of %d bytes, at most %d are possible", len(t.Name), maxTensorName)
	}
	if _, err := Elements(t.Shape); err != nil {
		return err
	}
	if t.Quantization != nil {
		if err := t.checkQuantization(); err != nil {
			return err
		}
	}
	stored := int64(len(m.Buffers[t.Buffer]))
	if t.Sparsity != nil {
		return t.checkSparsity(stored)
	}
	if want := t.Bytes(); stored > 0 && t.Type.bits() > 0 && stored != want {
		return fmt.Errorf("buffer %d has %d bytes, a %v tensor of shape %v needs %d", t.Buffer, stored, t.Type, t.Shape, want)
	}
	return nil
}

// checkQuantization wants one scale for the tensor or one for each index of the
// quantized dimension.
func (t *Tensor) checkQuantization() error {
	q := t.Quantization
	n := len(q.Scale)
	if z := len(q.ZeroPoint); n > 0 && z > 1 && z != n {
		return fmt.Errorf("%d zero points for %d scales", z, n)
	}
	if n <= 1 {
		return nil
	}
	if d := int(q.Dimension); d < 0 || d >= len(t.Shape) || int(t.Shape[d]) != n {
		return fmt.Errorf("%d scales along dimension %d of shape %v", n, d, t.Shape)
	}
	return nil
}

// checkSparsity checks the levels of a sparse tensor and that no more is stored
// than the dense tensor has.
func (t *Tensor) checkSparsity(stored int64) error {
	s := t.Sparsity
	levels := len(s.TraversalOrder)
	if levels < len(t.Shape) || levels != len(s.Dimensions) || levels != len(t.Shape)+len(s.BlockMap) {
		return fmt.Errorf("sparse shape %v with %d levels, %d of them described, and %d block dimensions",
			t.Shape, levels, len(s.Dimensions), len(s.BlockMap))
	}
	if err := checkIndices("traversal order", s.TraversalOrder, 0, levels); err != nil {
		return err
	}
	if err := checkIndices("block map", s.BlockMap, 0, len(t.Shape)); err != nil {
		return err
	}
	for i := range s.Dimensions {
		if err := s.Dimensions[i].check(); err != nil {
			return fmt.Errorf("sparse level %d: %w", i, err)
		}
	}
	if stored > t.Bytes() && t.Type.bits() > 0 {
		return fmt.Errorf("sparse tensor stores %d bytes, dense it has %d", stored, t.Bytes())
	}
	return nil
}

// check wants segments that rise from 0 to the number of indices.
func (d *DimensionMetadata) check() error {
	if !d.Compressed {
		if d.DenseSize < 0 {
			return fmt.Errorf("size %d is negative", d.DenseSize)
		}
		return nil
	}
	segments, last := d.Segments.Values, int32(0)
	if len(segments) == 0 || segments[0] != 0 || int(segments[len(segments)-1]) != len(d.Indices.Values) {
		return fmt.Errorf("%d segments don't cover %d indices", len(segments), len(d.Indices.Values))
	}
	for _, at := range segments {
		if at < last {
			return fmt.Errorf("segment %d follows %d", at, last)
		}
		last = at
	}
	if err := d.Segments.check(); err != nil {
		return fmt.Errorf("segments: %w", err)
	}
	if err := d.Indices.check(); err != nil {
		return fmt.Errorf("indices: %w", err)
	}
	return nil
}

// check wants numbers that fit into the width.
func (v IndexVector) check() error {
	limit, ok := map[uint8]int32{1: 1<<8 - 1, 2: 1<<16 - 1, 4: 1<<31 - 1}[v.Width]
	if !ok {
		return fmt.Errorf("width of %d bytes, want 1, 2 or 4", v.Width)
	}
	for _, index := range v.Values {
		if index < 0 || index > limit {
			return fmt.Errorf("%d doesn't fit into %d bytes", index, v.Width)
		}
	}
	return nil
}
