package model

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"
	"pgregory.net/rapid"
)

func mustWrite(t testing.TB, m *Model) []byte {
	t.Helper()
	data, err := m.Write()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// checkRoundTrip wants Read to give back what Write took, and Write the same bytes,
// by copying the file or by building it anew.
func checkRoundTrip(t rapid.TB, m *Model) []byte {
	data, err := m.Write()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		again, err := got.Write()
		if err != nil || string(again) != string(data) {
			t.Fatalf("second Write differs, error %v", err)
		}
		got.source = nil
	}
	if !reflect.DeepEqual(got, m) {
		t.Fatalf("read %+v\nwant %+v", got, m)
	}
	return data
}

func TestRoundTripSample(t *testing.T) {
	m := sample()
	checkRoundTrip(t, m)
	m.AssociatedFiles = []byte("PK\x03\x04 and so on")
	checkRoundTrip(t, m)
}

func TestRoundTripProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkRoundTrip(t, genModel(t)) })
}

// TestUnchangedProperty: a file that this package would write otherwise, here with
// bytes behind its end, comes back as it was as long as the model is as it was.
func TestUnchangedProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain, err := genModel(t).Write()
		if err != nil {
			t.Fatal(err)
		}
		file := append(plain[:len(plain):len(plain)], "behind the end"...)
		m, err := Read(file)
		if err != nil {
			t.Fatal(err)
		}
		description := m.Description
		for _, step := range []struct {
			description string
			want        bool // the file
		}{{description, true}, {description + "!", false}, {description, true}} {
			m.Description = step.description
			out, err := m.Write()
			if got := string(out) == string(file); err != nil || got != step.want {
				t.Fatalf("description %q: the file's bytes: %v, error %v; want %v", step.description, got, err, step.want)
			}
		}
		out, _ := m.Write()
		clear(out)
		if again, err := m.Write(); err != nil || string(again) != string(file) {
			t.Fatalf("what Write returned belongs to the model, error %v", err)
		}
	})
}

// TestUnchangedNaN: a number that differs from itself is no change.
func TestUnchangedNaN(t *testing.T) {
	m := sample()
	m.Subgraphs[0].Tensors[1].Quantization.Scale[0] = float32(math.NaN())
	file := append(mustWrite(t, m), "behind the end"...)
	m, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := mustWrite(t, m); string(got) != string(file) {
		t.Error("the model was written anew")
	}
}

// TestRoundTripFiles takes the models that "make models" leaves.
func TestRoundTripFiles(t *testing.T) {
	for _, name := range []string{
		"face_short_range", "face_full_range", "face_full_range_sparse", "silero_vad_f32", "silero_vad_f16", "text_classification",
	} {
		t.Run(name, func(t *testing.T) {
			data := readModelFile(t, name)
			m, err := Read(data)
			if err != nil {
				t.Fatal(err)
			}
			if got := mustWrite(t, m); string(got) != string(data) {
				t.Error("an unchanged model was written otherwise")
			}
			m.source = nil
			out := checkRoundTrip(t, m)
			if len(out) > len(data)+len(data)/50 {
				t.Errorf("%d bytes became %d", len(data), len(out))
			}
		})
	}
}

func readModelFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "models", name+".tflite"))
	if err != nil {
		t.Fatalf("%v: run \"make models\" first", err)
	}
	return data
}

// TestAlignment: constants must start at multiples of 16, or TensorFlow Lite can't
// use them in place.
func TestAlignment(t *testing.T) {
	m, err := Read(readModelFile(t, "face_full_range_sparse"))
	if err != nil {
		t.Fatal(err)
	}
	m.Description = "another length" // so that nothing stays where it was
	data := mustWrite(t, m)
	m, err = Read(data)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range m.Buffers {
		if at := offsetIn(data, b); at%bufferAlign != 0 {
			t.Errorf("buffer %d lies at byte %d", i, at)
		}
	}
}

// offsetIn returns where part lies in whole.
func offsetIn(whole, part []byte) int {
	if len(part) == 0 {
		return 0
	}
	return int(reflect.ValueOf(part).Pointer() - reflect.ValueOf(whole).Pointer())
}

// TestUnknownField: a file of a newer schema comes back as it was, but can't be
// written once the model is changed.
func TestUnknownField(t *testing.T) {
	b := flatbuffers.NewBuilder(0)
	b.StartObject(graphSlots)
	graphs := b.CreateVectorOfTables([]offset{b.EndObject()})
	b.StartObject(modelSlots + 1)
	b.PrependUint32Slot(modelVersion.Slot, 3, 0)
	b.PrependUOffsetTSlot(modelSubgraphs.Slot, graphs, 0)
	b.PrependUint32Slot(modelSlots, 1, 0)
	b.FinishWithFileIdentifier(b.EndObject(), []byte(identifier))
	m, err := Read(b.FinishedBytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := mustWrite(t, m); string(got) != string(b.FinishedBytes()) {
		t.Error("the unchanged model was written otherwise")
	}
	m.Description = "changed"
	if _, err := m.Write(); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "field 8 of Model") {
		t.Errorf("Write: error %v, want ErrUnknown and the field", err)
	}
}
