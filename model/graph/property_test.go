package graph

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"atoll/model"
)

// genGraph draws a model that Check accepts: operators in any order over any tensors,
// dead ones among them, with constants of which some are equal, half floats,
// quantized and sparse, and a second subgraph.
func genGraph(t *rapid.T) *model.Model {
	m, _ := newModel()
	m.Subgraphs = make([]model.Subgraph, rapid.IntRange(1, 2).Draw(t, "subgraphs"))
	for i := range m.Subgraphs {
		e := Edit(m, i)
		for range rapid.IntRange(2, 9).Draw(t, "tensors") {
			genTensor(t, e)
		}
		index := rapid.Int32Range(0, int32(len(e.Graph.Tensors)-1))
		optional := rapid.Int32Range(-1, int32(len(e.Graph.Tensors)-1))
		e.Graph.Inputs = rapid.SliceOfN(index, 0, 2).Draw(t, "inputs")
		e.Graph.Outputs = rapid.SliceOfN(index, 0, 2).Draw(t, "outputs")
		for range rapid.IntRange(0, 6).Draw(t, "operators") {
			code := rapid.SampledFrom([]model.BuiltinOperator{
				model.OpDequantize, model.OpDequantize, model.OpDensify, model.OpAdd, model.OpRelu, model.OpCustom, model.OpWhile,
			}).Draw(t, "code")
			inputs := rapid.SliceOfN(optional, 1, 2).Draw(t, "inputs")
			if code == model.OpDequantize || code == model.OpDensify {
				inputs = inputs[:1]
			}
			e.op(code, inputs, rapid.SliceOfN(index, 1, 1).Draw(t, "outputs")...)
		}
		if rapid.Bool().Draw(t, "signature") {
			m.SignatureDefs = append(m.SignatureDefs, model.SignatureDef{
				Subgraph: uint32(i), Outputs: []model.TensorMap{{Name: "y", Tensor: uint32(index.Draw(t, "named"))}},
			})
		}
	}
	if rapid.Bool().Draw(t, "metadata") {
		m.Metadata = []model.Metadata{{Name: "note", Buffer: rapid.Uint32Range(0, uint32(len(m.Buffers)-1)).Draw(t, "buffer")}}
	}
	return m
}

// genTensor adds a tensor of four elements.
func genTensor(t *rapid.T, e Editor) {
	x := model.Tensor{
		Type:       rapid.SampledFrom([]model.TensorType{model.TypeFloat32, model.TypeFloat32, model.TypeFloat16, model.TypeInt8}).Draw(t, "type"),
		Shape:      []int32{4},
		IsVariable: rapid.IntRange(0, 9).Draw(t, "variable") == 0,
	}
	if x.Type == model.TypeInt8 && rapid.IntRange(0, 9).Draw(t, "scaled") > 0 {
		x.Quantization = &model.Quantization{Scale: []float32{0.5}}
	}
	if x.IsVariable || rapid.Bool().Draw(t, "result") {
		e.AddTensor(x)
		return
	}
	stored := 4
	if rapid.Bool().Draw(t, "sparse") {
		stored = 2
		indices := rapid.SampledFrom([][]int32{{0, 1}, {1, 3}, {0, 3}}).Draw(t, "indices")
		x.Sparsity = &model.Sparsity{TraversalOrder: []int32{0}, Dimensions: []model.DimensionMetadata{compressedLevel([]int32{0, 2}, indices)}}
	}
	data := make([]byte, stored*elementSizes[x.Type])
	data[0] = rapid.Uint8Range(0, 2).Draw(t, "data") // seldom different
	e.AddConstant(x, data)
}

// meaning runs a model on names instead of numbers: what it gives out and does, as
// expressions of what comes in and of constants. The result doesn't depend on numbers
// of tensors, buffers and codes.
func meaning(m *model.Model) (all [][]string) {
	for i := range m.Subgraphs {
		e := Edit(m, i)
		values := make([]string, len(e.Graph.Tensors))
		for t := range values {
			values[t] = start(e, int32(t))
		}
		read := func(list []int32) (read []string) {
			for _, t := range list {
				if t < 0 {
					read = append(read, "none")
				} else {
					read = append(read, values[t])
				}
			}
			return read
		}
		var did []string
		for o := range e.Graph.Operators {
			op := &e.Graph.Operators[o]
			inputs := read(op.Inputs)
			for n, t := range op.Outputs {
				values[t] = hash("result", e.Builtin(op), inputs, n)
				if folded := expect(e, op, inputs[0]); folded != "" {
					values[t] = folded
				}
			}
			if e.hasEffects(op) {
				did = append(did, hash("effect", e.Builtin(op), inputs))
			}
		}
		all = append(all, read(e.Graph.Outputs), read(namedTensors(m, i)), did)
	}
	for _, meta := range m.Metadata {
		all = append(all, []string{meta.Name, string(m.Buffers[meta.Buffer])})
	}
	return all
}

// start is the value of a tensor before the first operator. Results that are read
// before they are written have none.
func start(e Editor, tensor int32) string {
	t := &e.Graph.Tensors[tensor]
	if at := slices.Index(e.Graph.Inputs, tensor); at >= 0 {
		return hash("input", at)
	}
	if !IsConstant(e.Model, t) {
		return "nothing"
	}
	data, err := denseBytes(e.Model, t)
	if err != nil {
		return hash("damaged", err)
	}
	return hash("constant", t.Type, t.Shape, data)
}

// expect is the constant that an operator makes, if its input still has the value of
// one.
func expect(e Editor, op *model.Operator, input string) string {
	if op.Inputs[0] < 0 {
		return ""
	}
	in, out := &e.Graph.Tensors[op.Inputs[0]], &e.Graph.Tensors[op.Outputs[0]]
	if !IsConstant(e.Model, in) || input != start(e, op.Inputs[0]) {
		return ""
	}
	switch e.Builtin(op) {
	case model.OpDensify:
		data, err := denseBytes(e.Model, in)
		if err == nil && out.Type == in.Type {
			return hash("constant", in.Type, in.Shape, data)
		}
	case model.OpDequantize:
		values, err := Floats(e.Model, in)
		if err == nil && out.Type == model.TypeFloat32 && in.Type != model.TypeFloat32 {
			return hash("constant", out.Type, in.Shape, Float32Bytes(values))
		}
	}
	return ""
}

func hash(parts ...any) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(fmt.Sprint(parts...))))
}

// TestSurgeryProperty: no change but Infer's alters what a model means, all leave it
// valid, and none finds anything left to do the second time.
func TestSurgeryProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := genGraph(t)
		if err := m.Check(); err != nil {
			t.Fatalf("the generator is wrong: %v", err)
		}
		steps := map[string]func() bool{ // each reports whether it found nothing to do
			"Clean":        func() bool { before := shallow(m); Clean(m); return reflect.DeepEqual(before, m) },
			"ShareBuffers": func() bool { return ShareBuffers(m) == 0 },
			"FoldConstants": func() bool {
				n, err := FoldConstants(m)
				if err != nil {
					t.Skip("a constant without scales")
				}
				return n == 0
			},
		}
		for _, name := range rapid.SliceOfN(rapid.SampledFrom([]string{"Clean", "ShareBuffers", "FoldConstants"}), 1, 4).Draw(t, "steps") {
			before := meaning(m)
			steps[name]()
			if err := m.Check(); err != nil {
				t.Fatalf("after %s: %v", name, err)
			}
			if after := meaning(m); !reflect.DeepEqual(after, before) {
				t.Fatalf("%s changed the meaning from %v to %v", name, before, after)
			}
			if !steps[name]() {
				t.Fatalf("%s found something to do the second time", name)
			}
		}
	})
}

// FuzzGraph: whatever a file holds, it can be inspected and changed, and stays a model
// that can be written and read.
func FuzzGraph(f *testing.F) {
	convolution, _ := convNet(4)
	chain, _ := foldModel()
	for _, m := range []*model.Model{convolution, chain, messy(), reducibleModel()} {
		data, err := m.Write()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := model.Read(data)
		if err != nil {
			return
		}
		Inspect(m, int64(len(data)))
		for _, step := range []struct {
			name string
			run  func() error
		}{
			{"fold", func() error { _, err := FoldConstants(m); return err }},
			{"infer", func() error { return Infer(m) }},
			{"clean", func() error { Clean(m); return nil }},
			{"share", func() error { ShareBuffers(m); return nil }},
			{"clean again", func() error { Clean(m); return nil }},
		} {
			failed := step.run() != nil
			if err := m.Check(); err != nil {
				t.Fatalf("after %s, which failed: %v: %v", step.name, failed, err)
			}
		}
		out, err := m.Write()
		if errors.Is(err, model.ErrUnknown) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		again, err := model.Read(out)
		if err != nil {
			t.Fatal(err)
		}
		Clean(again)
		if second, err := again.Write(); err != nil || string(second) != string(out) {
			t.Fatalf("cleaned once more it is written otherwise, error %v", err)
		}
	})
}
