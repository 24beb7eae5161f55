package graph

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"atoll/internal/goldentest"
	"atoll/model"
)

// reducibleModel has something of all that a report tells: constants to fold, dead
// and equal parts, scales by channel, and blocks of a sparse constant.
func reducibleModel() *model.Model {
	m, e := foldModel()
	e.AddConstant(model.Tensor{Name: "never read", Shape: []int32{300}}, make([]byte, 1200))
	e.op(model.OpTanh, []int32{3}, e.AddTensor(model.Tensor{Name: "dead", Shape: []int32{4}}))
	blocks := &model.Sparsity{TraversalOrder: []int32{0, 1, 2}, BlockMap: []int32{1}, Dimensions: []model.DimensionMetadata{
		denseLevel(2), compressedLevel([]int32{0, 1, 2}, []int32{0, 1}), denseLevel(4)}}
	weights := e.AddConstant(model.Tensor{Name: "weights", Type: model.TypeInt8, Shape: []int32{2, 8}, Sparsity: blocks, Quantization: &model.Quantization{
		Scale: []float32{0.001, float32(math.Inf(1))}, ZeroPoint: []int64{-3, 120}}}, []byte("8 values"))
	same := e.AddConstant(model.Tensor{Name: "same", Type: model.TypeInt8, Shape: []int32{8}}, []byte("8 values"))
	e.op(model.OpCustom, []int32{3, weights, same}, e.AddTensor(model.Tensor{Name: "z", Shape: []int32{4}}))
	m.OperatorCodes[len(m.OperatorCodes)-1].Custom = "Own"
	return m
}

func TestInspectGolden(t *testing.T) {
	m := reducibleModel()
	before := reread(t, m)
	r := Inspect(m, 4096)
	if after := reread(t, m); !reflect.DeepEqual(after.Subgraphs, before.Subgraphs) || !reflect.DeepEqual(after.Buffers, before.Buffers) {
		t.Error("inspection changed the model")
	}
	text := new(bytes.Buffer)
	if err := r.WriteText(text); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	out, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	goldentest.Check(t, "inspect.txt", text.Bytes())
	goldentest.Check(t, "inspect.json", append(out, '\n'))
}

// TestInspectFiles: what can be left out of real models.
func TestInspectFiles(t *testing.T) {
	for _, test := range []struct {
		name string
		want []model.OpCount
	}{
		{"face_short_range", []model.OpCount{{Name: "DEQUANTIZE", Count: 74}}},
		{"face_full_range_sparse", []model.OpCount{{Name: "DEQUANTIZE", Count: 182}, {Name: "DENSIFY", Count: 46}}},
		{"text_classification", []model.OpCount{}},
	} {
		m := readModel(t, test.name)
		r := Inspect(m, 0).Reducible
		if !reflect.DeepEqual(r.Foldable, test.want) {
			t.Errorf("%s: foldable %v, want %v", test.name, r.Foldable, test.want)
		}
		buffers := len(m.Buffers)
		if got, want := ShareBuffers(m), r.EqualBytes; got != want {
			t.Errorf("%s: %d equal bytes told, %d saved", test.name, want, got)
		}
		if Clean(m); buffers-len(m.Buffers) != r.DeadBuffers+r.EqualBuffers {
			t.Errorf("%s: %d dead and %d equal buffers told, %d went", test.name, r.DeadBuffers, r.EqualBuffers, buffers-len(m.Buffers))
		}
	}
}
