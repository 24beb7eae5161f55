package engine

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"atoll/engine/internal/wire"
)

// maxModelBytes bounds a model file: boards of this class have 1 GiB of memory.
const maxModelBytes = 256 << 20

// TensorSpec describes one input or output of a model.
type TensorSpec struct {
	Name  string
	Type  TensorType
	Shape []int
	Bytes int
}

// Model is a model loaded into a Worker. It outlives the worker's processes: a
// new one loads it again into the same memory. One goroutine at a time may fill
// its inputs, run it and read its outputs.
type Model struct {
	worker  *Worker
	name    string
	id      uint32
	file    int // sealed memory that holds the .tflite
	memory  []byte
	shared  int // descriptor of memory
	layout  []byte
	inputs  []Tensor
	outputs []Tensor
	closed  bool
}

// Tensor is one input or output of a model, in memory shared with the worker.
type Tensor struct {
	TensorSpec
	data []byte
}

// NewTensor makes a float32 tensor in this process's own memory, for fakes of a Model.
func NewTensor(name string, shape ...int) Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	memory := make([]float32, n)
	return Tensor{
		TensorSpec: TensorSpec{Name: name, Type: Float32, Shape: shape, Bytes: 4 * n},
		data:       unsafe.Slice((*byte)(unsafe.Pointer(&memory[0])), 4*n),
	}
}

// Data returns the tensor's memory; what is written there is what the model
// reads.
func (t *Tensor) Data() []byte { return t.data }

// Float32s returns the memory of a float32 tensor, row-major. It panics for any
// other type: which one it is, was known when the model was loaded.
func (t *Tensor) Float32s() []float32 {
	if t.Type != Float32 {
		panic(fmt.Sprintf("engine: Float32s of tensor %q, which is %v", t.Name, t.Type))
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&t.data[0])), len(t.data)/4)
}

// Name returns the name that the model was loaded under.
func (m *Model) Name() string { return m.name }

// Inputs returns the model's inputs in its own order. The slice is the model's.
func (m *Model) Inputs() []Tensor { return m.inputs }

// Outputs returns the model's outputs in its own order. The slice is the model's.
func (m *Model) Outputs() []Tensor { return m.outputs }

// stage puts the model file where the worker can read it.
func (m *Model) stage(data []byte) error {
	m.file, m.shared = -1, -1
	switch {
	case len(data) == 0:
		return &ModelError{m.name, "empty: no model in it"}
	case len(data) > maxModelBytes:
		return &ModelError{m.name, fmt.Sprintf("%d bytes: at most %d", len(data), maxModelBytes)}
	}
	var err error
	if m.file, err = wire.SharedMemory("model", len(data), data); err != nil {
		return fmt.Errorf("load %s: %w", m.name, err)
	}
	return nil
}

// install loads the model into the worker's current process; w.mu is held.
func (w *Worker) install(m *Model) error {
	_, payload, err := w.request(m, wire.Header{Op: wire.Load, Model: m.id, Arg: uint64(w.opts.Threads)}, m.file)
	if err != nil {
		return err
	}
	if m.memory == nil {
		if err := m.place(payload); err != nil {
			w.request(m, wire.Header{Op: wire.Unload, Model: m.id}, -1)
			return err
		}
	} else if !slices.Equal(m.layout, payload) {
		return &ModelError{m.name, "loaded again, it describes its tensors otherwise than before"}
	}
	bound, _, err := w.request(m, wire.Header{Op: wire.Bind, Model: m.id, Arg: uint64(len(m.memory))}, m.shared)
	if err != nil {
		if w.process != nil {
			w.request(m, wire.Header{Op: wire.Unload, Model: m.id}, -1)
		}
		return err
	}
	w.opts.Tracer.Loaded(w.process.traced, m.id, m.name, int(bound.Arg))
	return nil
}

// request makes one call that is not an inference; w.mu is held.
func (w *Worker) request(m *Model, h wire.Header, fd int) (reply wire.Header, payload []byte, err error) {
	reply, payload, err = w.process.call(h, wire.Marks{}, fd, w.opts.LoadTimeout)
	if err != nil {
		return reply, nil, w.fail("load "+m.name, w.process.died(err, w.opts.LoadTimeout), err)
	}
	if reply.Status != wire.OK {
		return reply, nil, &ModelError{m.name, string(payload)}
	}
	return reply, payload, nil
}

// place makes the shared memory for the tensors that the worker described.
func (m *Model) place(description []byte) error {
	t, err := wire.ParseTensors(description)
	if err != nil {
		return fmt.Errorf("load %s: worker's description of tensors: %w", m.name, err)
	}
	if len(t.Inputs) == 0 || len(t.Outputs) == 0 {
		return &ModelError{m.name, fmt.Sprintf("%d inputs and %d outputs: a model needs one of each", len(t.Inputs), len(t.Outputs))}
	}
	inputs, outputs, total, err := t.Layout()
	if err != nil {
		return &ModelError{m.name, err.Error()}
	}
	if m.shared, err = wire.SharedMemory("tensors", int(total), nil); err != nil {
		return fmt.Errorf("load %s: %w", m.name, err)
	}
	if m.memory, err = wire.Map(m.shared, int(total)); err != nil {
		return fmt.Errorf("load %s: %w", m.name, err)
	}
	m.layout = slices.Clone(description)
	if m.inputs, err = m.tensors(t.Inputs, inputs); err != nil {
		return err
	}
	m.outputs, err = m.tensors(t.Outputs, outputs)
	return err
}

func (m *Model) tensors(list []wire.Tensor, offsets []uint64) ([]Tensor, error) {
	out := make([]Tensor, len(list))
	for i, x := range list {
		shape, elements := make([]int, len(x.Shape)), uint64(1)
		for k, d := range x.Shape {
			shape[k] = int(d)
			elements *= uint64(d)
		}
		if size := TensorType(x.Type).size(); size == 0 || elements*size != x.Bytes {
			return nil, &ModelError{m.name, fmt.Sprintf("tensor %q of %v and shape %v takes %d bytes: only fixed shapes of numbers can be run", x.Name, TensorType(x.Type), shape, x.Bytes)}
		}
		end := offsets[i] + x.Bytes
		out[i] = Tensor{
			TensorSpec: TensorSpec{Name: x.Name, Type: TensorType(x.Type), Shape: shape, Bytes: int(x.Bytes)},
			data:       m.memory[offsets[i]:end:end],
		}
	}
	return out, nil
}

// Run makes one inference. If the worker does not answer within deadline it is
// killed and replaced, and the error is a *WorkerError.
func (m *Model) Run(deadline time.Duration) (Timing, error) {
	w := m.worker
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.closed {
		return Timing{}, ErrClosed
	}
	if err := w.ensure(); err != nil {
		w.stats.Failed++
		return Timing{}, err
	}
	return m.run(deadline)
}

// run makes one inference in the worker's process; w.mu is held.
func (m *Model) run(deadline time.Duration) (Timing, error) {
	w := m.worker
	traced, start := w.process.traced, time.Now()
	marks, wantUsage := w.opts.Tracer.Begin(traced, m.id, start)
	h := wire.Header{Op: wire.Run, Model: m.id}
	if wantUsage {
		h.Arg = wire.WantUsage
	}
	reply, payload, err := w.process.call(h, marks, -1, deadline)
	total := time.Since(start)
	var usage wire.Usage
	if err == nil && reply.Status == wire.OK && wantUsage {
		usage, err = wire.ParseUsage(payload)
	}
	if err != nil {
		w.stats.Failed++
		return Timing{}, w.fail("run "+m.name, w.process.died(err, deadline), err)
	}
	if reply.Status != wire.OK {
		w.stats.Failed++
		w.opts.Tracer.End(traced, 0, usage)
		return Timing{}, &ModelError{m.name, string(payload)}
	}
	w.opts.Tracer.End(traced, total, usage)
	w.stats.Jobs++
	return Timing{Invoke: time.Duration(reply.Arg), Total: total}, nil
}

// Close frees the model here and in the worker. Its tensors must not be used
// afterwards.
func (m *Model) Close() error {
	w := m.worker
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.closed {
		return nil
	}
	w.models = slices.DeleteFunc(w.models, func(x *Model) bool { return x == m })
	var err error
	if w.process != nil {
		_, _, err = w.request(m, wire.Header{Op: wire.Unload, Model: m.id}, -1)
	}
	return errors.Join(err, m.release())
}

// release gives back the memory; the worker has no more use for it.
func (m *Model) release() error {
	m.closed = true
	var errs []error
	if m.memory != nil {
		errs = append(errs, os.NewSyscallError("munmap", unix.Munmap(m.memory)))
	}
	for _, fd := range []int{m.file, m.shared} {
		if fd >= 0 {
			errs = append(errs, os.NewSyscallError("close", unix.Close(fd)))
		}
	}
	m.memory, m.inputs, m.outputs, m.file, m.shared = nil, nil, nil, -1, -1
	return errors.Join(errs...)
}
