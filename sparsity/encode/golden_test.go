package encode

import (
	"errors"
	"os"
	"reflect"
	"testing"

	"atoll/model"
	"atoll/model/graph"
)

// readModel reads one of the models that the build fetches.
func readModel(t testing.TB, name string) *model.Model {
	t.Helper()
	data, err := os.ReadFile("../../models/" + name)
	if errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%v: run make models", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Google's own sparse file: its tensors made dense and compressed again are the same.
func TestCompressWritesWhatTensorFlowsConverterWrites(t *testing.T) {
	m := readModel(t, "face_full_range_sparse.tflite")
	sparse := 0
	for i := range m.Subgraphs[0].Tensors {
		x := &m.Subgraphs[0].Tensors[i]
		if x.Sparsity == nil {
			continue
		}
		sparse++
		values, err := graph.Floats(m, x)
		if err != nil {
			t.Fatal(err)
		}
		s, data, err := Compress(x.Type, x.Shape, graph.Float16Bytes(values), Block{})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(s, x.Sparsity) {
			t.Errorf("%s: levels %+v, want %+v", x.Name, s, x.Sparsity)
		}
		if string(data) != string(m.Buffers[x.Buffer]) {
			t.Errorf("%s: other bytes", x.Name)
		}
	}
	if sparse != 46 {
		t.Errorf("%d sparse tensors, want 46", sparse)
	}
}
