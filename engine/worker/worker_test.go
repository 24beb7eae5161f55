package worker

import (
	"fmt"
	"os"
	"reflect"
	"testing"

	"github.com/mattn/go-tflite"

	"atoll/engine/internal/wire"
	interp "atoll/engine/tflite"
)

// Package tflite takes the C pointers out of go-tflite's structs, which have no
// accessors. That is sound only while each is one pointer.
func TestGoTFLiteStructsAreOnePointer(t *testing.T) {
	for _, typ := range []reflect.Type{reflect.TypeFor[tflite.Interpreter](), reflect.TypeFor[tflite.InterpreterOptions]()} {
		if typ.NumField() != 1 || typ.Field(0).Type.Kind() != reflect.Pointer {
			t.Errorf("%v is no longer a struct of one pointer", typ)
		}
	}
}

func TestMainRefusesToBeStartedByHand(t *testing.T) {
	// Descriptor 3 of a test binary is no socket.
	if err := Main(); err == nil {
		t.Error("no error without a parent")
	}
}

func TestServerRefuses(t *testing.T) {
	s := server{models: map[uint32]*slot{7: {}}}
	if _, err := s.run(1); err == nil {
		t.Error("run of no model: no error")
	}
	if _, err := s.run(7); err == nil {
		t.Error("run of a model without memory: no error")
	}
	if err := s.bind(1, -1, 0); err == nil {
		t.Error("bind of no model: no error")
	}
	if err := s.bind(7, -1, 64); err == nil {
		t.Error("bind of the wrong size: no error")
	}
	if err := s.load(1, -1, 1); err == nil {
		t.Error("load of no file: no error")
	}
}

// loaded returns a server with one model that can run.
func loaded(tb testing.TB, name string) *server {
	tb.Helper()
	f, err := os.Open("../../models/" + name)
	if err != nil {
		tb.Fatalf("%v: run make models", err)
	}
	defer f.Close()
	s := &server{models: map[uint32]*slot{}, out: make([]byte, wire.HeaderSize, wire.MaxMessage)}
	if err := s.load(1, int(f.Fd()), 1); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.unload(1) })
	_, _, size, err := s.models[1].tensors.Layout()
	if err != nil {
		tb.Fatal(err)
	}
	memory, err := wire.SharedMemory("tensors", int(size), nil)
	if err != nil {
		tb.Fatal(err)
	}
	file := os.NewFile(uintptr(memory), "tensors")
	defer file.Close()
	if err := s.bind(1, memory, int(size)); err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestRunDoesNotAllocate(t *testing.T) {
	s := loaded(t, "face_short_range.tflite")
	if got := testing.AllocsPerRun(50, func() {
		if _, err := s.run(1); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations for an inference, want 0", got)
	}
}

// BenchmarkInvoke compares an inference with its tensors in shared memory to the
// bare invocation of an interpreter that has them in its own.
func BenchmarkInvoke(b *testing.B) {
	const name = "face_short_range.tflite"
	b.Run("shared", func(b *testing.B) {
		s := loaded(b, name)
		b.ReportAllocs()
		for b.Loop() {
			s.run(1)
		}
	})
	b.Run("bare", func(b *testing.B) {
		n, err := interp.New(fmt.Sprintf("../../models/%s", name), 1)
		if err != nil {
			b.Fatal(err)
		}
		defer n.Close()
		if err := n.Allocate(); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			n.Invoke()
		}
	})
}
