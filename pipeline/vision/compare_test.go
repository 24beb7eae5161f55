package vision

import (
	"math"
	"testing"
)

func TestCompare(t *testing.T) {
	face := func(score float32, x float32) Face { return Face{Score: score, Box: [4]float32{x, 0, x + 10, 10}} }
	for _, c := range []struct {
		name string
		a, b []Face
		want float64
	}{
		{"none", nil, nil, 0},
		{"the same", []Face{face(0.9, 0)}, []Face{face(0.8, 0)}, 0},
		{"moved a little", []Face{face(0.9, 0)}, []Face{face(0.9, 3)}, 0},
		{"elsewhere", []Face{face(1, 0)}, []Face{face(1, 8)}, 1},
		{"missed", []Face{face(0.75, 0)}, nil, 0.5},
		{"extra", nil, []Face{face(0.75, 0)}, 0.5},
		{"missed at the threshold", []Face{face(0.5, 0)}, nil, 0},
		{"one of two missed", []Face{face(0.9, 0), face(1, 50)}, []Face{face(0.9, 0)}, 0.5},
		{"one missed, one extra", []Face{face(1, 50), face(0.9, 0)}, []Face{face(0.9, 0), face(0.75, 90)}, 0.5},
	} {
		if got := Compare(c.a, c.b, 0.5); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
