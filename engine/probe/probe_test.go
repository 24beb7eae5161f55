package probe_test

import (
	"os"
	"strings"
	"testing"

	"atoll/engine/enginetest"
	"atoll/engine/probe"
	"atoll/engine/worker"
	"atoll/model"
	"atoll/models/modelstest"
)

func TestMain(m *testing.M) {
	worker.Become()
	os.Exit(m.Run())
}

// short reads the built-in face model.
func short(t *testing.T) *model.Model { return modelstest.Read(t, model.Vision, "short") }

// picture is an input with a gradient.
func picture() probe.Sample {
	x := make([]float32, 128*128*3)
	for i := range x {
		x[i] = float32(i)/float32(len(x))*2 - 1
	}
	return probe.Sample{x}
}

// computed lists the tensors that operators compute from inputs, in order.
func computed(m *model.Model) []int32 {
	var list []int32
	for _, op := range m.Subgraphs[0].Operators {
		if m.OperatorCodes[op.Opcode].Builtin != model.OpDequantize {
			list = append(list, op.Outputs...)
		}
	}
	return list
}

// TestObserve holds inner tensors against what operators must make of each other, over
// more tensors than one copy of the model can show.
func TestObserve(t *testing.T) {
	m, w := short(t), enginetest.Start(t)
	g := &m.Subgraphs[0]
	tensors := append(computed(m), g.Inputs[0])
	if len(tensors) <= 64 {
		t.Fatalf("%d tensors don't need two copies", len(tensors))
	}
	seen := map[int32][]float32{}
	s := picture()
	err := probe.Observe(w, m, tensors, []probe.Sample{s, s}, func(n int, tensor int32, values []float32) error {
		want, _ := model.Elements(g.Tensors[tensor].Shape)
		if int64(len(values)) != want {
			t.Errorf("tensor %d has %d values, want %d", tensor, len(values), want)
		}
		if n == 1 {
			seen[tensor] = append([]float32(nil), values...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := seen[g.Inputs[0]]; got[100] != s[0][100] {
		t.Errorf("input shown as %v, want %v", got[100], s[0][100])
	}
	relus := 0
	for _, op := range g.Operators {
		if m.OperatorCodes[op.Opcode].Builtin != model.OpRelu {
			continue
		}
		relus++
		in, out := seen[op.Inputs[0]], seen[op.Outputs[0]]
		for i := range out {
			if want := max(0, in[i]); out[i] != want {
				t.Fatalf("RELU of tensor %d: element %d is %v, want %v", op.Inputs[0], i, out[i], want)
			}
		}
	}
	if relus == 0 {
		t.Error("no RELU was compared")
	}
}

func TestRefused(t *testing.T) {
	m, w := short(t), enginetest.Start(t)
	g := &m.Subgraphs[0]
	constant := g.Operators[0].Inputs[0]
	for _, test := range []struct {
		name   string
		tensor int32
		sample probe.Sample
		want   string
	}{
		{"no such tensor", int32(len(g.Tensors)), picture(), "tensor"},
		{"negative", -1, picture(), "tensor -1"},
		{"constant", constant, picture(), "constant"},
		{"no input", g.Outputs[0], probe.Sample{}, "0 inputs for a model with 1"},
		{"short input", g.Outputs[0], probe.Sample{make([]float32, 3)}, "3 elements"},
	} {
		err := probe.Observe(w, m, []int32{test.tensor}, []probe.Sample{test.sample}, func(int, int32, []float32) error { return nil })
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}

// TestShapesThatAreNotTrue: TensorFlow Lite computes shapes anew, whatever the file says.
func TestShapesThatAreNotTrue(t *testing.T) {
	for _, shape := range [][]int32{{1, 256, 3}, {1, 256, 0}, {}, {1, 256, 1 << 20}} {
		m := modelstest.Read(t, model.Text, "f32")
		g := &m.Subgraphs[0]
		rows := g.Operators[1].Outputs[0] // of GATHER
		g.Tensors[rows].Shape = shape
		_, err := probe.Open(enginetest.Start(t), m, []int32{rows})
		if err == nil || !strings.Contains(err.Error(), "when the model runs") {
			t.Errorf("shape %v: error %v, want one that tells the shape of the run", shape, err)
		}
	}
}
