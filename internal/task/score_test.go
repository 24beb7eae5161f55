package task

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"atoll/engine/enginetest"
	"atoll/pipeline/vision"
)

func TestProbabilitiesScore(t *testing.T) {
	reference := &probabilities{answers: []answer{{p: 0.875, yes: true}, {p: 0.25}, {p: 0.625, yes: true}, {p: 0.125}}}
	told := &probabilities{
		parts:   []string{"a", "b"},
		answers: []answer{{part: 0, p: 0.75, yes: true, truth: true}, {part: 0, p: 0.75, yes: true, truth: true}, {part: 1, p: 0.375, truth: true}, {part: 1, p: 0.125}},
	}
	want := Score{Accuracy: 0.5, N: 4, Changed: 2, Largest: 0.5, Risk: 0.25, Parts: []Part{{"a", 2, 1}, {"b", 2, 1}}}
	if got := told.score(reference); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	told.labelled = true
	want = Score{Accuracy: 0.75, Labelled: true, N: 4, Changed: 2, Largest: 0.5, Risk: 0.25, Parts: []Part{{"a", 2, 2}, {"b", 2, 1}}}
	if got := told.score(reference); !reflect.DeepEqual(got, want) {
		t.Errorf("labelled %+v, want %+v", got, want)
	}
	if got := want.Parts[1].Accuracy(); got != 0.5 {
		t.Errorf("part's accuracy %v", got)
	}
	told.parts = []string{"all"}
	for i := range told.answers {
		told.answers[i].part = 0
	}
	if got := told.score(reference); got.Parts != nil {
		t.Errorf("parts %v of one", got.Parts)
	}
}

func face(x0, y0, x1, y1 float32) vision.Face { return vision.Face{Box: [4]float32{x0, y0, x1, y1}} }

func TestAgreementAdd(t *testing.T) {
	whole, half, less, far := face(0, 0, 10, 10), face(0, 0, 10, 5), face(0, 0, 10, 4), face(20, 20, 30, 30)
	for _, tt := range []struct {
		name          string
		first, second []vision.Face
		want          Agreement
	}{
		{"nothing", nil, nil, Agreement{}},
		{"the same", []vision.Face{whole, far}, []vision.Face{far, whole}, Agreement{Both: 2}},
		{"just enough", []vision.Face{whole}, []vision.Face{half}, Agreement{Both: 1}},
		{"too little", []vision.Face{whole}, []vision.Face{less}, Agreement{First: 1, Second: 1}},
		{"one each", []vision.Face{whole}, []vision.Face{half, whole}, Agreement{Both: 1, Second: 1}},
		{"lost", []vision.Face{whole, far}, []vision.Face{whole}, Agreement{Both: 1, First: 1}},
		{"made up", nil, []vision.Face{whole}, Agreement{Second: 1}},
	} {
		var a Agreement
		a.add(tt.first, tt.second)
		if a != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, a, tt.want)
		}
	}
	if got := (Agreement{Both: 3, First: 1, Second: 2}).Share(); got != 0.5 {
		t.Errorf("share %v", got)
	}
}

func TestDetectionsScore(t *testing.T) {
	a, b := face(0, 0, 10, 10), face(20, 20, 30, 30)
	reference := &detections{pictures: []detected{{[]vision.Face{a, b}, 0.9}, {nil, 0.1}, {[]vision.Face{a}, 0.6}, {nil, 0.2}}}
	told := &detections{pictures: []detected{{[]vision.Face{a}, 0.8}, {nil, 0.1}, {nil, 0.4}, {[]vision.Face{b}, 0.7}}}
	want := Score{Accuracy: 0.4, N: 5, Changed: 3, Largest: 0.5}
	got := told.score(reference)
	if math.Abs(got.Largest-0.5) < 1e-9 {
		got.Largest = 0.5
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Each item of arrays is read from its place, and goes to its half.
func TestArrays(t *testing.T) {
	dir := files(t, map[string]string{
		"b.npy": array("3, 2", 3, 0, 4, 0, 5, 0),
		"a.npy": array("2, 2", 1, 0, 2, 0),
		"c.npy": array("1, 2", 6, 0),
	})
	m := fake([][]int{{1, 2}}, [][]int{{1, 2}})
	task, err := Open(dir, m)
	if err != nil {
		t.Fatal(err)
	}
	samples, err := task.Samples(10)
	if got := fmt.Sprint(samples); err != nil || got != "[[[1 0]] [[3 0]] [[5 0]]]" {
		t.Errorf("samples %v, %v", got, err)
	}
	if samples, err = task.Samples(1); err != nil || fmt.Sprint(samples) != "[[[3 0]]]" {
		t.Errorf("one sample %v, %v", samples, err)
	}
	var asked []float32
	m.Infer = func(m *enginetest.Model) error {
		asked = append(asked, m.In[0].Float32s()[0])
		return nil
	}
	for range 2 { // the second time the answers are known
		if s, err := task.Judge(m); err != nil || s.N != 3 || s.Accuracy != 1 {
			t.Errorf("%+v, %v", s, err)
		}
	}
	if got := fmt.Sprint(asked); got != "[2 4 6]" {
		t.Errorf("judged by %v", got)
	}
}

// What is compared of outputs depends on their shape.
func TestOutputsScore(t *testing.T) {
	for _, tt := range []struct {
		name      string
		shape     []int
		was, is   []float32
		right     bool
		different float64
	}{
		{"classes", []int{1, 2}, []float32{3, 4}, []float32{0, 4}, true, 0.6},
		{"other class", []int{1, 2}, []float32{3, 4}, []float32{4, 3}, false, math.Sqrt(2) / 5},
		{"number", []int{1, 1}, []float32{1}, []float32{1.05}, true, 0.05},
		{"other number", []int{1, 1}, []float32{1}, []float32{1.2}, false, 0.2},
		{"rows", []int{2, 2}, []float32{0, 5, 0, 0}, []float32{0, 5, 0.4, 0}, true, 0.08},
		{"other rows", []int{2, 2}, []float32{3, 4, 0, 0}, []float32{3, 4, 0.6, 0}, false, 0.12},
		{"zeros", []int{1, 1}, []float32{0}, []float32{0}, true, 0},
		{"no more zeros", []int{1, 1}, []float32{0}, []float32{5}, false, 1},
	} {
		answers := func(v []float32) *enginetest.Model {
			m := fake([][]int{{1, 2}}, [][]int{tt.shape})
			copy(m.Out[0].Float32s(), v)
			return m
		}
		task := open(t, files(t, map[string]string{"a.npy": array("2, 2", 1, 2, 3, 4)}), answers(tt.was))
		got, err := task.Judge(answers(tt.is))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if right := got.Accuracy == 1 && got.Changed == 0; right != tt.right || got.N != 1 || got.Labelled || math.Abs(got.Largest-tt.different) > 1e-6 {
			t.Errorf("%s: %+v, want %v, %.3f", tt.name, got, tt.right, tt.different)
		}
	}
}

func TestJudgeRefuses(t *testing.T) {
	reference := fake([][]int{{1, 2}}, [][]int{{1, 2}})
	failing := fake([][]int{{1, 2}}, [][]int{{1, 2}})
	failing.Infer = func(*enginetest.Model) error { return fmt.Errorf("out of tea") }
	wild := fake([][]int{{1, 2}}, [][]int{{1, 2}})
	wild.Out[0].Float32s()[1] = float32(math.NaN())
	for _, tt := range []struct {
		name         string
		reference, m Model
		want         string
	}{
		{"other input", reference, fake([][]int{{1, 3}}, [][]int{{1, 2}}), "inputs of shape [[1 3]]"},
		{"more inputs", reference, fake([][]int{{1, 2}, {1, 2}}, [][]int{{1, 2}}), "inputs of shape [[1 2] [1 2]]"},
		{"other output", reference, fake([][]int{{1, 2}}, [][]int{{1, 4}}), "outputs of shape [[1 4]]"},
		{"failing", reference, failing, "out of tea"},
		{"not finite", reference, wild, "value 1 is NaN"},
		{"failing reference", failing, reference, "the original model: out of tea"},
	} {
		task := open(t, files(t, map[string]string{"a.npy": array("2, 2", 1, 2, 3, 4)}), tt.reference)
		if _, err := task.Judge(tt.m); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", tt.name, err, tt.want)
		}
	}
	task := open(t, files(t, map[string]string{"a.npy": array("2, 2", 1, 2, 3, 4)}), reference)
	if _, err := task.Agreement(reference, reference); err == nil || !strings.Contains(err.Error(), `"vision"`) {
		t.Errorf("agreement: %v", err)
	}
}
