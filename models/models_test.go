package models

import (
	"slices"
	"strings"
	"testing"

	"atoll/model"
)

// TestVariants checks every built-in file against its sum and its contract.
func TestVariants(t *testing.T) {
	m, err := Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Variants {
		v := &m.Variants[i]
		t.Run(v.Modality.String()+"/"+v.Name, func(t *testing.T) {
			data, err := Open(v)
			if err != nil {
				t.Fatal(err)
			}
			tflite, err := model.Read(data)
			if err != nil {
				t.Fatal(err)
			}
			g := &tflite.Subgraphs[0]
			checkSpecs(t, g, "input", g.Inputs, v.Inputs)
			checkSpecs(t, g, "output", g.Outputs, v.Outputs)
		})
	}
}

func checkSpecs(t *testing.T, g *model.Subgraph, kind string, indices []int32, specs []model.TensorSpec) {
	t.Helper()
	if len(indices) != len(specs) {
		t.Fatalf("%d %ss, manifest says %d", len(indices), kind, len(specs))
	}
	for i, spec := range specs {
		got := g.Tensors[indices[i]]
		if got.Name != spec.Name || got.Type != spec.Type || !slices.Equal(got.Shape, spec.Shape) {
			t.Errorf("%s %d = %s %v %v, manifest says %+v", kind, i, got.Name, got.Type, got.Shape, spec)
		}
	}
}

// TestBaselines checks that every modality can run without a file.
func TestBaselines(t *testing.T) {
	m, err := Manifest()
	if err != nil {
		t.Fatal(err)
	}
	want := [model.NumModalities]string{model.Vision: "short", model.Audio: "f32", model.Text: "f32"}
	for modality, name := range want {
		v := m.Baseline(model.Modality(modality))
		if v == nil || v.Name != name {
			t.Errorf("baseline of %v = %+v, want %s", model.Modality(modality), v, name)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	m, err := Manifest()
	if err != nil {
		t.Fatal(err)
	}
	good := *m.Baseline(model.Audio)
	if _, err := Open(&good); err != nil {
		t.Fatal(err)
	}
	wrongSum, wrongFile := good, good
	wrongSum.SHA256[0] ^= 1
	wrongFile.File = "absent.tflite"
	for want, v := range map[string]model.Variant{"SHA-256": wrongSum, "not built in": wrongFile} {
		if _, err := Open(&v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s) = %v, want an error with %q", v.File, err, want)
		}
	}
}

// TestOpenCopies: the caller may change what it got.
func TestOpenCopies(t *testing.T) {
	m, err := Manifest()
	if err != nil {
		t.Fatal(err)
	}
	first, err := Open(m.Baseline(model.Audio))
	if err != nil {
		t.Fatal(err)
	}
	first[0] ^= 0xff
	second, err := Open(m.Baseline(model.Audio))
	if err != nil || second[0] == first[0] {
		t.Errorf("second Open shares bytes with the first, error %v", err)
	}
}

func TestText(t *testing.T) {
	if got, want := string(Labels()), "Negative\nPositive\n"; strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("Labels() = %q, want %q", got, want)
	}
	lines := strings.Split(strings.TrimSpace(string(Vocab())), "\n")
	if len(lines) != 10000 || lines[0] != "<PAD> 0" {
		t.Errorf("Vocab() has %d lines and begins with %q", len(lines), lines[0])
	}
}
