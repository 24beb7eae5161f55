package task

import (
	"fmt"
	"math"
	"slices"

	"atoll/pipeline/vision"
)

// listener writes down what a model answered.
type listener interface {
	transcript
	hear(m Model) error
}

func newListener(m Model) (listener, error) {
	spec, err := faceSpec(m)
	if err != nil {
		return &outputs{}, nil
	}
	d := &detections{spec: spec}
	if d.geometry, err = vision.Fit(spec.Size, spec.Size, spec.Size); err != nil {
		return nil, err
	}
	d.decoder, err = vision.NewDecoder(spec, vision.DefaultThreshold)
	return d, err
}

// detections are the faces in pictures without labels. A decision is one face that
// either model finds, right if both do; or a picture in which both find none.
type detections struct {
	spec     vision.Spec
	geometry vision.Geometry
	decoder  *vision.Decoder
	pictures []detected
}

type detected struct {
	faces []vision.Face
	best  float64 // score
}

func (d *detections) hear(m Model) error {
	scores := m.Outputs()[d.spec.Scores].Float32s()
	faces, err := d.decoder.Decode(nil, d.geometry, m.Outputs()[d.spec.Boxes].Float32s(), scores)
	d.pictures = append(d.pictures, detected{faces, sigmoid(slices.Max(scores))})
	return err
}

func (d *detections) score(of transcript) (s Score) {
	right := 0
	for i, want := range of.(*detections).pictures {
		got := d.pictures[i]
		s.Largest = max(s.Largest, math.Abs(got.best-want.best))
		var a Agreement
		a.add(want.faces, got.faces)
		if a.N() == 0 {
			a.Both = 1
		}
		s.N += a.N()
		right += a.Both
	}
	s.Changed = s.N - right
	s.Accuracy = float64(right) / float64(s.N)
	return s
}

// close is how far an output may be from the original model's, relative to its size.
const closeTo = 0.1

// outputs are answers of a model of which nothing is known. Each item is one decision:
// of an output that is one row of several values, which of them is the largest; any
// other output must be within 0.1 of the original model's in relation to its Euclidean
// norm.
type outputs struct {
	items [][]output
}

type output struct {
	values []float32
	row    bool // of a classifier
}

func (o *outputs) hear(m Model) error {
	var item []output
	for _, t := range m.Outputs() {
		values := slices.Clone(t.Float32s())
		if i := slices.IndexFunc(values, func(v float32) bool { return v-v != 0 }); i >= 0 {
			return fmt.Errorf("output %q: value %d is %v", t.Name, i, values[i])
		}
		last := 1
		if len(t.Shape) > 0 {
			last = t.Shape[len(t.Shape)-1]
		}
		item = append(item, output{values, last > 1 && last == len(values)})
	}
	o.items = append(o.items, item)
	return nil
}

func (o *outputs) score(of transcript) (s Score) {
	for i, want := range of.(*outputs).items {
		s.N++
		same := true
		for k, got := range o.items[i] {
			apart := distance(got.values, want[k].values)
			s.Largest = max(s.Largest, apart)
			if got.row {
				same = same && largest(got.values) == largest(want[k].values)
			} else {
				same = same && apart <= closeTo
			}
		}
		if !same {
			s.Changed++
		}
	}
	s.Accuracy = float64(s.N-s.Changed) / float64(s.N)
	return s
}

// distance is that of two vectors in relation to the second's length; 1 if that is 0
// and the first's is not.
func distance(a, b []float32) float64 {
	apart, size := 0.0, 0.0
	for i, v := range b {
		d := float64(a[i]) - float64(v)
		apart += d * d
		size += float64(v) * float64(v)
	}
	switch {
	case apart == 0:
		return 0
	case size == 0:
		return 1
	}
	return math.Sqrt(apart / size)
}

func largest(values []float32) int {
	at := 0
	for i, v := range values {
		if v > values[at] {
			at = i
		}
	}
	return at
}
