package engine_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"atoll/engine"
	"atoll/model"
)

// longModel is a model whose inference takes seconds: many convolutions, one behind
// the other, of a large picture.
func longModel(t testing.TB) []byte {
	t.Helper()
	const side, channels, layers = 256, 32, 100
	picture := []int32{1, side, side, channels}
	m := &model.Model{
		Version:       3,
		OperatorCodes: []model.OperatorCode{{Builtin: model.OpConv2D, Version: 1}},
		Buffers:       [][]byte{{}, make([]byte, 4*channels*9*channels), make([]byte, 4*channels)},
	}
	for i := range m.Buffers[1] {
		if i%4 == 0 {
			binary.LittleEndian.PutUint32(m.Buffers[1][i:], 0x38d1b717) // 1e-4
		}
	}
	g := model.Subgraph{
		Tensors: []model.Tensor{
			{Name: "weights", Type: model.TypeFloat32, Shape: []int32{channels, 3, 3, channels}, Buffer: 1},
			{Name: "bias", Type: model.TypeFloat32, Shape: []int32{channels}, Buffer: 2},
			{Name: "in", Type: model.TypeFloat32, Shape: picture},
		},
		Inputs: []int32{2},
	}
	for i := range int32(layers) {
		g.Tensors = append(g.Tensors, model.Tensor{Name: fmt.Sprint("x", i), Type: model.TypeFloat32, Shape: picture})
		g.Operators = append(g.Operators, model.Operator{
			Inputs: []int32{2 + i, 0, 1}, Outputs: []int32{3 + i},
			Options: model.NewOptions("Conv2DOptions", map[string]int64{"stride_w": 1, "stride_h": 1, "dilation_w_factor": 1, "dilation_h_factor": 1}),
		})
	}
	g.Outputs = []int32{2 + layers}
	m.Subgraphs = []model.Subgraph{g}
	data, err := m.Write()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A real inference that takes too long is ended within the deadline, and the worker
// with it.
func TestLongInferenceIsEnded(t *testing.T) {
	w := start(t, engine.Options{})
	other := load(t, w, "silero_vad_f32.tflite")
	m, err := w.Load("long", longModel(t))
	if err != nil {
		t.Fatal(err)
	}
	pid := w.Stats().PID
	began := time.Now()
	_, err = m.Run(50 * time.Millisecond)
	took := time.Since(began)
	if failure, ok := errors.AsType[*engine.WorkerError](err); !ok || failure.Cause != "deadline of 50ms passed" {
		t.Fatalf("got %v, want a WorkerError that says deadline", err)
	}
	if took > time.Second {
		t.Errorf("it took %v to end it", took)
	}
	if unix.Kill(pid, 0) != unix.ESRCH {
		t.Errorf("worker %d is still there", pid)
	}
	if _, err := other.Run(deadline); err != nil {
		t.Errorf("the next job: %v", err)
	}
}

// A worker ends with its parent, also in the middle of an inference.
func TestWorkerEndsWithItsParent(t *testing.T) {
	parent := exec.Command("/proc/self/exe", "parent")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	parent.Stderr = os.Stderr
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	io.ReadFull(out, make([]byte, 2)) // "\ngo": the inference begins
	parent.Process.Kill()
	parent.Wait()
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 1000); n != 1 {
		t.Errorf("worker %d goes on a second after its parent: %v", pid, err)
	}
}

// parent is a program that runs a long inference; see TestMain.
func parent() {
	w, err := engine.Start(engine.Options{Command: []string{"/proc/self/exe", "worker"}})
	if err != nil {
		panic(err)
	}
	m, err := w.Load("long", longModel(&testing.T{}))
	if err != nil {
		panic(err)
	}
	fmt.Println(w.Stats().PID)
	fmt.Print("go")
	_, err = m.Run(time.Minute)
	panic(fmt.Sprint("the long inference ended: ", err))
}
