package quantize

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"atoll/engine"
	"atoll/engine/probe"
	"atoll/engine/worker"
	"atoll/model"
	"atoll/model/graph"
	"atoll/models/modelstest"
)

// TestMain makes this test binary its own worker, as atoll is.
func TestMain(m *testing.M) {
	worker.Become()
	os.Exit(m.Run())
}

// builtIn reads and prepares a built-in model.
func builtIn(t testing.TB, modality model.Modality, variant string) *model.Model {
	t.Helper()
	m := modelstest.Read(t, modality, variant)
	if err := Prepare(m); err != nil {
		t.Fatal(err)
	}
	return m
}

// samples are inputs of a model: any values, each sample other ones, whole numbers for
// a text's words.
func samples(m *model.Model, n int) (list []probe.Sample) {
	g := &m.Subgraphs[0]
	for k := range n {
		var s probe.Sample
		for _, in := range g.Inputs {
			elements, _ := model.Elements(g.Tensors[in].Shape)
			x := make([]float32, elements)
			for i := range x {
				x[i] = float32(math.Sin(float64((i+1)*(k+3)%1009)) / 2)
				if elements == 256 && len(g.Tensors[in].Shape) == 2 { // indices of words
					x[i] = float32((i*i + 31*k) % 1000)
				}
			}
			s = append(s, x)
		}
		list = append(list, s)
	}
	return list
}

// outputs runs a model on a sample.
func outputs(t testing.TB, w *engine.Worker, m *model.Model, s probe.Sample) (list [][]float32) {
	t.Helper()
	err := probe.Observe(w, m, m.Subgraphs[0].Outputs, []probe.Sample{s}, func(_ int, _ int32, values []float32) error {
		list = append(list, append([]float32(nil), values...))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// snr is that of values against what they should be, in dB.
func snr(got, want [][]float32) float64 {
	signal, noise := 0.0, 0.0
	for i := range want {
		for k, x := range want[i] {
			d := float64(got[i][k]) - float64(x)
			signal += float64(x) * float64(x)
			noise += d * d
		}
	}
	_, db := ratio(noise, signal)
	return db
}

// observed are the ranges of all activations on some samples.
func observed(t testing.TB, w *engine.Worker, m *model.Model, list []probe.Sample) (map[int32]*Statistics, map[int32]Range) {
	t.Helper()
	stats, err := Observe(context.Background(), w, m, list)
	if err != nil {
		t.Fatal(err)
	}
	ranges := make(map[int32]Range)
	for tensor, s := range stats {
		ranges[tensor] = s.Range(MinMax)
	}
	return stats, ranges
}

// converted converts all layers to one format.
func converted(t testing.TB, m *model.Model, f Format, ranges map[int32]Range) *model.Model {
	t.Helper()
	c, err := Convert(m, Plan{Formats: uniform(len(Layers(m)), f), Ranges: ranges})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// operators lists those of a model, with version and, if they are integers, so marked.
func operators(m *model.Model) (list []string) {
	g := &m.Subgraphs[0]
	for _, op := range g.Operators {
		code := m.OperatorCodes[op.Opcode]
		text := fmt.Sprintf("%s v%d", code.Name(), code.Version)
		if len(op.Outputs) > 0 && g.Tensors[op.Outputs[0]].Type == model.TypeInt8 {
			text += " int8"
		}
		list = append(list, text)
	}
	return list
}

// names are the operators without versions.
func names(m *model.Model) string {
	var list []string
	for _, op := range m.Subgraphs[0].Operators {
		list = append(list, m.OperatorCodes[op.Opcode].Name())
	}
	return strings.Join(list, " ")
}

// net builds small models.
type net struct{ graph.Editor }

func newNet() net {
	return net{graph.Edit(&model.Model{Version: 3, Buffers: [][]byte{nil}, Subgraphs: make([]model.Subgraph, 1)}, 0)}
}

func (n net) tensor(name string, shape ...int32) int32 {
	return n.AddTensor(model.Tensor{Name: name, Shape: shape})
}

func (n net) input(name string, shape ...int32) int32 {
	t := n.tensor(name, shape...)
	n.Graph.Inputs = append(n.Graph.Inputs, t)
	return t
}

func (n net) constant(name string, values []float32, shape ...int32) int32 {
	return n.AddConstant(model.Tensor{Name: name, Shape: shape}, graph.Float32Bytes(values))
}

func (n net) ints(values ...int32) int32 {
	return n.AddConstant(model.Tensor{Name: "ints", Type: model.TypeInt32, Shape: []int32{int32(len(values))}}, graph.Int32Bytes(values))
}

func (n net) op(code model.BuiltinOperator, options model.Options, inputs []int32, outputs ...int32) {
	n.Graph.Operators = append(n.Graph.Operators, model.Operator{
		Opcode: n.Code(code, 1), Options: options, Inputs: inputs, Outputs: outputs,
	})
}

// wave are weights of many sizes and both signs.
func wave(count int) []float32 {
	w := make([]float32, count)
	for i := range w {
		w[i] = float32(math.Sin(float64(7*i+1))) * float32(1+i%3) / 4
	}
	return w
}

var conv1x1 = map[string]int64{"stride_w": 1, "stride_h": 1}

// conv adds a convolution of k×k over a tensor of shape [1, size, size, in], with a bias.
func (n net) conv(name string, x int32, k, in, out int, fused int64) int32 {
	shape := n.Graph.Tensors[x].Shape
	y := n.tensor(name, 1, shape[1], shape[2], int32(out))
	options := model.NewOptions("Conv2DOptions", conv1x1).With("fused_activation_function", fused)
	n.op(model.OpConv2D, options, []int32{
		x, n.constant(name+"/w", wave(k*k*in*out), int32(out), int32(k), int32(k), int32(in)), n.constant(name+"/b", wave(out), int32(out)),
	}, y)
	return y
}

func (n net) output(tensors ...int32) *model.Model {
	n.Graph.Outputs = tensors
	return n.Model
}
