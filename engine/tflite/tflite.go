// Package tflite runs TensorFlow Lite models in this process, through go-tflite
// and its XNNPACK delegate. Only the worker may import it: what happens below
// the C API can crash or hang, and the parent process must not.
//
// Three things go-tflite lacks are added beside it in shim.cc: tensors in memory
// of the caller's, so that inputs and outputs are never copied, readable error
// texts, and an XNNPACK delegate that computes in 8-bit integers.
package tflite

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/mattn/go-tflite"

	"atoll/engine/internal/wire"
)

// ErrNoXNNPACK reports that the delegate could not be made. Without it every
// model would run about ten times slower, so nothing is run at all.
var ErrNoXNNPACK = errors.New("XNNPACK did not start: it needs readable /proc/cpuinfo and /sys/devices/system/cpu; mount /proc and /sys")

// Interpreter runs one model. It is not safe for concurrent use.
type Interpreter struct {
	model    *tflite.Model
	options  *tflite.InterpreterOptions
	delegate *xnnpack
	interp   *tflite.Interpreter
}

// New reads the model file at path and prepares it with XNNPACK on threads
// threads. Bind or Allocate must follow before Invoke.
func New(path string, threads int) (*Interpreter, error) {
	forgetErrors()
	n := &Interpreter{}
	if n.model = tflite.NewModelFromFile(path); n.model == nil {
		return nil, errors.New("not a model that TensorFlow Lite can read")
	}
	if n.options = tflite.NewInterpreterOptions(); n.options == nil {
		n.Close()
		return nil, errors.New("no memory for interpreter options")
	}
	C.atoll_capture_errors((*C.TfLiteInterpreterOptions)(handle(unsafe.Pointer(n.options))))
	n.options.SetNumThread(threads)
	if n.delegate = newXNNPACK(threads); n.delegate == nil {
		n.Close()
		return nil, ErrNoXNNPACK
	}
	n.options.AddDelegate(n.delegate)
	if n.interp = tflite.NewInterpreter(n.model, n.options); n.interp == nil {
		n.Close()
		return nil, failure("model refused")
	}
	return n, nil
}

// xnnpack is a delegate as go-tflite knows them.
type xnnpack struct{ c *C.TfLiteDelegate }

// newXNNPACK returns nil where XNNPACK can't start.
func newXNNPACK(threads int) *xnnpack {
	c := C.atoll_new_xnnpack(C.int32_t(threads))
	if c == nil {
		return nil
	}
	return &xnnpack{c}
}

// Delete implements delegates.Delegater.
func (x *xnnpack) Delete() { C.atoll_delete_xnnpack(x.c) }

// Ptr implements delegates.Delegater.
func (x *xnnpack) Ptr() unsafe.Pointer { return unsafe.Pointer(x.c) }

// handle returns the C pointer inside one of go-tflite's wrappers, each of which
// is a struct of exactly that pointer (a test holds it to that).
func handle(wrapper unsafe.Pointer) unsafe.Pointer { return *(*unsafe.Pointer)(wrapper) }

// forgetErrors clears what TensorFlow Lite said before, so that it is not taken for
// the cause of a later failure.
func forgetErrors() {
	var none C.char
	C.atoll_take_errors(&none, 1)
}

// failure adds what TensorFlow Lite said to what.
func failure(what string) error {
	var buf [1024]C.char
	n := C.atoll_take_errors(&buf[0], C.size_t(len(buf)))
	if said := strings.ReplaceAll(strings.TrimSpace(C.GoStringN(&buf[0], C.int(n))), "\n", "; "); said != "" {
		return fmt.Errorf("%s: %s", what, said)
	}
	return errors.New(what)
}

// Tensors describes the model's inputs and outputs.
func (n *Interpreter) Tensors() (wire.Tensors, error) {
	var t wire.Tensors
	for i := range n.interp.GetInputTensorCount() {
		t.Inputs = append(t.Inputs, describe(n.interp.GetInputTensor(i)))
	}
	for i := range n.interp.GetOutputTensorCount() {
		t.Outputs = append(t.Outputs, describe(n.interp.GetOutputTensor(i)))
	}
	if len(t.Inputs) > wire.MaxTensors || len(t.Outputs) > wire.MaxTensors {
		return t, fmt.Errorf("model has %d inputs and %d outputs: at most %d each", len(t.Inputs), len(t.Outputs), wire.MaxTensors)
	}
	for _, x := range append(t.Inputs, t.Outputs...) {
		if len(x.Shape) > wire.MaxDims {
			return t, fmt.Errorf("tensor %q has %d dimensions: at most %d", x.Name, len(x.Shape), wire.MaxDims)
		}
	}
	return t, nil
}

func describe(t *tflite.Tensor) wire.Tensor {
	if t == nil {
		return wire.Tensor{}
	}
	d := wire.Tensor{Type: uint8(t.Type()), Name: t.Name(), Bytes: uint64(t.ByteSize())}
	for i := range t.NumDims() {
		d.Shape = append(d.Shape, int32(t.Dim(i)))
	}
	return d
}

// Bind places inputs and outputs at the given offsets of memory, which must stay
// mapped until Close, and allocates the rest.
func (n *Interpreter) Bind(memory []byte, t wire.Tensors, inputs, outputs []uint64) error {
	forgetErrors()
	c := (*C.TfLiteInterpreter)(handle(unsafe.Pointer(n.interp)))
	for i, off := range inputs {
		if C.atoll_place_input(c, C.int32_t(i), unsafe.Pointer(&memory[off]), C.size_t(t.Inputs[i].Bytes)) != C.kTfLiteOk {
			return failure(fmt.Sprintf("input %d (%q) cannot be placed in shared memory", i, t.Inputs[i].Name))
		}
	}
	for i, off := range outputs {
		if C.atoll_place_output(c, C.int32_t(i), unsafe.Pointer(&memory[off]), C.size_t(t.Outputs[i].Bytes)) != C.kTfLiteOk {
			return failure(fmt.Sprintf("output %d (%q) cannot be placed in shared memory", i, t.Outputs[i].Name))
		}
	}
	return n.Allocate()
}

// Allocate makes room for all tensors that have none yet.
func (n *Interpreter) Allocate() error {
	if n.interp.AllocateTensors() != tflite.OK {
		return failure("tensors cannot be allocated")
	}
	return nil
}

// Invoke runs the model once.
func (n *Interpreter) Invoke() error {
	if n.interp.Invoke() != tflite.OK {
		return failure("inference failed")
	}
	return nil
}

// Close frees everything, the delegate last: the interpreter uses it to its end.
func (n *Interpreter) Close() {
	n.interp.Delete()
	if n.delegate != nil {
		n.delegate.Delete()
	}
	n.options.Delete()
	n.model.Delete()
}
