package wire

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func TestHeaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Header{
			Op: Op(rapid.Uint8().Draw(t, "op")), Status: Status(rapid.Uint8().Draw(t, "status")),
			Seq: rapid.Uint32().Draw(t, "seq"), Model: rapid.Uint32().Draw(t, "model"), Arg: rapid.Uint64().Draw(t, "arg"),
		}
		b := make([]byte, HeaderSize)
		want.Put(b)
		got, err := ParseHeader(b)
		if err != nil || got != want {
			t.Fatalf("ParseHeader(Put(%+v)) = %+v, %v", want, got, err)
		}
	})
}

func TestParseHeaderShort(t *testing.T) {
	for n := range HeaderSize {
		if _, err := ParseHeader(make([]byte, n)); !errors.Is(err, ErrShort) {
			t.Errorf("ParseHeader of %d bytes: %v, want ErrShort", n, err)
		}
	}
}

func sample() Tensors {
	return Tensors{
		Inputs:  []Tensor{{Type: 1, Name: "input", Shape: []int32{1, 128, 128, 3}, Bytes: 196608}},
		Outputs: []Tensor{{Type: 1, Name: "boxes", Shape: []int32{1, 896, 16}, Bytes: 57344}, {Type: 9, Name: "", Shape: nil, Bytes: 1}},
	}
}

func TestTensorsRoundTrip(t *testing.T) {
	want := sample()
	got, err := ParseTensors(want.Append(nil))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ParseTensors(Append(x)) = %+v, %v; want %+v", got, err, want)
	}
}

func TestParseTensorsRefuses(t *testing.T) {
	whole := sample().Append(nil)
	for n := range whole {
		if _, err := ParseTensors(whole[:n]); err == nil {
			t.Errorf("first %d of %d bytes: no error", n, len(whole))
		}
	}
	cases := map[string][]byte{
		"trailing bytes":      append(bytes.Clone(whole), 0),
		"too many tensors":    {MaxTensors + 1},
		"too many dimensions": {1, 1, MaxDims + 1, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	}
	for name, b := range cases {
		if _, err := ParseTensors(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzParseTensors(f *testing.F) {
	f.Add(sample().Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseTensors(b)
		if err != nil {
			return
		}
		if again := got.Append(nil); !bytes.Equal(again, b) {
			t.Errorf("ParseTensors then Append changed %x to %x", b, again)
		}
		got.Layout()
	})
}

// Tensors never touch, start aligned and leave room behind for XNNPACK's reads.
func TestLayout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tensors := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Tensor {
			return Tensor{Bytes: rapid.Uint64Range(1, 1<<20).Draw(t, "bytes")}
		}), 1, MaxTensors)
		x := Tensors{tensors.Draw(t, "inputs"), tensors.Draw(t, "outputs")}
		inputs, outputs, total, err := x.Layout()
		if err != nil {
			t.Fatal(err)
		}
		end := uint64(0)
		for i, off := range append(inputs, outputs...) {
			if off%tensorAlign != 0 || off < end {
				t.Fatalf("tensor %d at %d, the one before ends at %d", i, off, end)
			}
			end = off + append(x.Inputs, x.Outputs...)[i].Bytes + 16
		}
		if end > total {
			t.Fatalf("tensors end at %d of %d", end, total)
		}
	})
}

func TestLayoutRefuses(t *testing.T) {
	for _, bytes := range []uint64{0, maxMemory + 1, 1 << 63, ^uint64(0)} {
		if _, _, _, err := (Tensors{Inputs: []Tensor{{Bytes: bytes}}}).Layout(); err == nil {
			t.Errorf("tensor of %d bytes: no error", bytes)
		}
	}
	big := []Tensor{{Bytes: maxMemory}, {Bytes: maxMemory}}
	if _, _, _, err := (Tensors{Inputs: big}).Layout(); err == nil {
		t.Error("tensors of 2 GiB together: no error")
	}
}

func TestSharedMemoryIsSealed(t *testing.T) {
	fd, err := SharedMemory("test", 4, []byte("abcd"))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, 1); err != unix.EPERM {
		t.Errorf("shrink: %v, want EPERM", err)
	}
	if _, err := unix.Pwrite(fd, []byte("x"), 0); err != unix.EPERM {
		t.Errorf("write: %v, want EPERM", err)
	}
}

func TestDescriptorTravels(t *testing.T) {
	a, b, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(a)
	defer unix.Close(b)
	memory, err := SharedMemory("test", 3, []byte("abc"))
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(memory)
	if err := SendDescriptor(a, memory); err != nil {
		t.Fatal(err)
	}
	got, err := ReceiveDescriptor(b)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(got)
	content := make([]byte, 3)
	if _, err := unix.Pread(got, content, 0); err != nil || string(content) != "abc" {
		t.Errorf("content %q, %v; want abc", content, err)
	}
}

func TestReceiveDescriptorWithoutOne(t *testing.T) {
	a, b, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(b)
	unix.Write(a, []byte{0})
	if fd, err := ReceiveDescriptor(b); err == nil {
		t.Errorf("descriptor %d out of a plain message", fd)
	}
	unix.Close(a)
	if fd, err := ReceiveDescriptor(b); err == nil {
		t.Errorf("descriptor %d out of a closed socket", fd)
	}
}
