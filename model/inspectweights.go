package model

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// countZeros returns how many elements of a constant stand for zero, including those
// that a sparse tensor doesn't store.
func (t *Tensor) countZeros(data []byte, elements int64) int64 {
	var stored, zeros int64
	if t.Type.bits() == 4 {
		stored, zeros = 2*int64(len(data)), countNibbles(data)
	} else {
		size := int(t.Type.bits() / 8)
		stored, zeros = int64(len(data)/size), countElements(data, size, t.zero(size))
	}
	if t.Sparsity != nil {
		zeros += elements - stored
	}
	return min(max(zeros, 0), elements)
}

// zero returns the value that stands for zero: of quantized tensors the zero point,
// which is 0 wherever there is one a channel.
func (t *Tensor) zero(size int) uint64 {
	if q := t.Quantization; q != nil && len(q.ZeroPoint) == 1 && t.Type != TypeFloat32 && t.Type != TypeFloat16 {
		return uint64(q.ZeroPoint[0]) & (1<<(8*size) - 1)
	}
	return 0
}

// countElements counts little-endian elements that equal zero. It takes a float's
// negative zero for another number: converters don't write it into sparse weights.
func countElements(data []byte, size int, zero uint64) (n int64) {
	for len(data) >= size {
		var v uint64
		for i, b := range data[:min(size, 8)] {
			v |= uint64(b) << (8 * i)
		}
		if v == zero {
			n++
		}
		data = data[size:]
	}
	return n
}

// countNibbles counts the zeros of packed 4-bit elements.
func countNibbles(data []byte) (n int64) {
	for _, b := range data {
		if b&0x0f == 0 {
			n++
		}
		if b&0xf0 == 0 {
			n++
		}
	}
	return n
}

// activations notes whether an operator with integer weights works on floats.
func (i *inspector) activations(g *Subgraph, op *Operator) {
	var weights int64
	floats := false
	for _, index := range op.Inputs {
		if index < 0 {
			continue
		}
		t := &g.Tensors[index]
		stored := len(i.m.Buffers[t.Buffer])
		switch {
		case stored == 0:
			floats = floats || t.Type == TypeFloat32
		case t.isWeight() && t.Type != TypeFloat32 && t.Type != TypeFloat16:
			weights += int64(stored)
		}
	}
	if floats {
		i.dynamicBytes += weights
	} else {
		i.staticBytes += weights
	}
}

// precision sums up the types of the weights.
func (i *inspector) precision() string {
	types := slices.SortedFunc(maps.Keys(i.r.ConstantBytes), func(a, b string) int {
		return cmp.Or(cmp.Compare(i.r.ConstantBytes[b], i.r.ConstantBytes[a]), cmp.Compare(a, b))
	})
	if len(types) == 0 {
		return i.inputPrecision()
	}
	var total int64
	for _, bytes := range i.r.ConstantBytes {
		total += bytes
	}
	first, share := types[0], i.r.ConstantBytes[types[0]]
	switch {
	case share*10 < total*9:
		return fmt.Sprintf("mixed (%s %d %%, %s %d %%)", first, share*100/total, types[1], i.r.ConstantBytes[types[1]]*100/total)
	case first == TypeFloat16.String():
		return first + " weights"
	case first != TypeFloat32.String() && i.dynamicBytes > i.staticBytes:
		return first + " dynamic"
	}
	return first
}

// inputPrecision is that of models without weights in sight, such as those compiled
// into one custom operator.
func (i *inspector) inputPrecision() string {
	if len(i.r.Inputs) == 0 {
		return "none"
	}
	return i.r.Inputs[0].Type.String()
}

// CountOps lists operators, given by name, by falling count and then by name.
func CountOps(counts map[string]int) []OpCount {
	list := []OpCount{}
	for name, n := range counts {
		list = append(list, OpCount{name, n})
	}
	slices.SortFunc(list, func(a, b OpCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	return list
}
