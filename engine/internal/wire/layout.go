package wire

import "fmt"

// tensorAlign is TensorFlow Lite's kDefaultTensorAlignment, which custom
// allocations must keep; the same again behind each tensor is left free because
// XNNPACK's kernels may read up to XNN_EXTRA_BYTES (16) past the end.
const tensorAlign = 64

// maxMemory bounds the shared memory of one model.
const maxMemory = 1 << 30

// Layout places the tensors, inputs first, one behind the other. Parent and
// worker compute it from the same description, so offsets need not travel.
func (t Tensors) Layout() (inputs, outputs []uint64, total uint64, err error) {
	place := func(list []Tensor) []uint64 {
		offsets := make([]uint64, len(list))
		for i, x := range list {
			offsets[i] = total
			if err == nil && (x.Bytes == 0 || x.Bytes > maxMemory) {
				err = fmt.Errorf("tensor %q has %d bytes: want 1 to %d", x.Name, x.Bytes, maxMemory)
				return offsets
			}
			total += (x.Bytes+tensorAlign-1)/tensorAlign*tensorAlign + tensorAlign
		}
		return offsets
	}
	inputs, outputs = place(t.Inputs), place(t.Outputs)
	if err == nil && total > maxMemory {
		err = fmt.Errorf("inputs and outputs take %d bytes: at most %d", total, maxMemory)
	}
	return inputs, outputs, total, err
}
