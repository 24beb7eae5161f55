package vision

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var (
	shortSpec = Spec{Size: 128, Anchors: 896, Scores: 1}
	fullSpec  = Spec{Size: 192, Anchors: 2304, Scores: 1}
	nan       = float32(math.NaN())
	inf       = float32(math.Inf(1))
)

// outputs are the tensors of a model that sees nothing.
type outputs struct{ boxes, scores []float32 }

func blind(s Spec) outputs {
	o := outputs{make([]float32, s.Anchors*boxColumns), make([]float32, s.Anchors)}
	for i := range o.scores {
		o.scores[i] = -20
	}
	return o
}

// see makes a row answer with a box given in input pixels.
func (o outputs) see(row int, anchor point, logit, x0, y0, x1, y1 float32) {
	o.scores[row] = logit
	r := o.boxes[row*boxColumns:]
	r[0], r[1], r[2], r[3] = (x0+x1)/2-anchor.x, (y0+y1)/2-anchor.y, x1-x0, y1-y0
}

func newDecoder(t testing.TB, s Spec, threshold float32) *Decoder {
	t.Helper()
	d, err := NewDecoder(s, threshold)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func fit(t testing.TB, width, height, size int) Geometry {
	t.Helper()
	g, err := Fit(width, height, size)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestNewDecoderRefuses(t *testing.T) {
	for _, threshold := range []float32{-1, 0, 1, 2, nan, inf} {
		if _, err := NewDecoder(shortSpec, threshold); err == nil || !strings.Contains(err.Error(), "must be between 0 and 1") {
			t.Errorf("threshold %v: %v", threshold, err)
		}
	}
	for _, s := range []Spec{{}, {Size: 128, Anchors: 2304}, {Size: 192, Anchors: 896}, {Size: 256, Anchors: 896}} {
		if _, err := NewDecoder(s, 0.5); err == nil || !strings.Contains(err.Error(), "want 128 and 896") {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestDecodeOneFace(t *testing.T) {
	o := blind(shortSpec)
	// Anchor 560 lies at (8,24). The picture is 1280x640: 10 picture pixels per input pixel, 32 input pixels of margin above.
	o.scores[560] = 2
	copy(o.boxes[560*boxColumns:], []float32{2, 16, 4, 8, -1, 10, 1, 10, 0, 11, 0, 12, -2, 11, 2, 11})
	got, err := newDecoder(t, shortSpec, 0.5).Decode(nil, fit(t, 1280, 640, 128), o.boxes, o.scores)
	if err != nil {
		t.Fatal(err)
	}
	want := []Face{{
		Score:     0.880797, // 1/(1+e^-2)
		Box:       [4]float32{80, 40, 120, 120},
		Keypoints: [6][2]float32{{70, 20}, {90, 20}, {80, 30}, {80, 40}, {60, 30}, {100, 30}},
	}}
	if len(got) != 1 || math.Abs(float64(got[0].Score-want[0].Score)) > 1e-6 {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	got[0].Score = want[0].Score
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDecodeSuppresses(t *testing.T) {
	type box struct{ logit, x0, y0, x1, y1 float32 }
	tests := []struct {
		name  string
		boxes []box // of rows 0, 2, 4, ..., whose anchors lie apart
		want  []int // rows/2 of the faces, best first
	}{
		{"none", nil, nil},
		{"apart", []box{{1, 0, 0, 10, 10}, {2, 50, 50, 60, 60}}, []int{1, 0}},
		{"same", []box{{1, 0, 0, 10, 10}, {2, 0, 0, 10, 10}, {1.5, 0, 0, 10, 10}}, []int{1}},
		// Two boxes of 10x10 that share a strip of k x 10 have an overlap of k/(20-k): 0.25 for 4, 0.333 for 5.
		{"overlap of 0.25 stays", []box{{2, 0, 0, 10, 10}, {1, 6, 0, 16, 10}}, []int{0, 1}},
		{"overlap of 0.33 goes", []box{{2, 0, 0, 10, 10}, {1, 5, 0, 15, 10}}, []int{0}},
		// The middle one goes by the first, so the last, which only it overlaps, stays: greedy, and not a chain.
		{"chain", []box{{3, 0, 0, 10, 10}, {2, 5, 0, 15, 10}, {1, 10, 0, 20, 10}}, []int{0, 2}},
		{"touching", []box{{2, 0, 0, 10, 10}, {1, 10, 0, 20, 10}}, []int{0, 1}},
		{"inside", []box{{2, 0, 0, 10, 10}, {3, 4, 4, 6, 6}}, []int{1, 0}},
		{"equal scores keep the order of the anchors", []box{{2, 40, 0, 50, 10}, {2, 0, 0, 10, 10}}, []int{0, 1}},
		{"at the threshold", []box{{0, 0, 0, 10, 10}}, []int{0}},
		{"under the threshold", []box{{-0.001, 0, 0, 10, 10}}, nil},
		{"inside out", []box{{2, 10, 0, 0, 10}, {2, 0, 10, 10, 0}, {2, 5, 5, 5, 5}}, nil},
		{"certain", []box{{500, 0, 0, 10, 10}}, []int{0}},
		{"wild but finite", []box{{1, -1e30, -1e30, 1e30, 1e30}, {2, -1e30, -1e30, 1e30, 1e30}, {3, 0, 0, 10, 10}}, []int{2, 1}},
	}
	d := newDecoder(t, shortSpec, 0.5)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := blind(shortSpec)
			for i, b := range tt.boxes {
				o.see(2*i, d.centres[2*i], b.logit, b.x0, b.y0, b.x1, b.y1)
			}
			faces, err := d.Decode(nil, fit(t, 128, 128, 128), o.boxes, o.scores)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]int, 0, len(faces))
			for _, f := range faces {
				got = append(got, slices.IndexFunc(tt.boxes, func(b box) bool {
					return f.Score == sigmoid(b.logit) && near(f.Box, [4]float32{b.x0, b.y0, b.x1, b.y1})
				}))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("faces %v, want %v (%+v)", got, tt.want, faces)
			}
		})
	}
}

func sigmoid(v float32) float32 { return float32(1 / (1 + math.Exp(-float64(v)))) }

func near(a, b [4]float32) bool {
	for i := range a {
		if math.Abs(float64(a[i]-b[i])) > 1e-3 {
			return false
		}
	}
	return true
}

func TestDecodeFlagsBadOutput(t *testing.T) {
	tests := []struct {
		name string
		bad  func(o outputs)
		says string
	}{
		{"a score is NaN", func(o outputs) { o.scores[7] = nan }, "1 of 896 rows"},
		{"scores are infinite", func(o outputs) { o.scores[7], o.scores[8] = inf, -inf }, "2 of 896 rows"},
		{"a box is NaN", func(o outputs) { o.scores[7], o.boxes[7*boxColumns] = 3, nan }, "1 of 896 rows"},
		{"a width is infinite", func(o outputs) { o.scores[7], o.boxes[7*boxColumns+2] = 3, inf }, "1 of 896 rows"},
		{"the last key point is NaN", func(o outputs) { o.scores[7], o.boxes[7*boxColumns+15] = 3, nan }, "1 of 896 rows"},
		{"a box leaves float32", func(o outputs) { o.scores[7], o.boxes[7*boxColumns] = 3, math.MaxFloat32 }, "1 of 896 rows"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDecoder(t, shortSpec, 0.5)
			o := blind(shortSpec)
			o.see(100, d.centres[100], 4, 10, 10, 20, 20)
			tt.bad(o)
			got, err := d.Decode(nil, fit(t, 640, 640, 128), o.boxes, o.scores)
			if !errors.Is(err, ErrBadOutput) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Decode: %v; want ErrBadOutput with %q", err, tt.says)
			}
			if len(got) != 1 || !near(got[0].Box, [4]float32{50, 50, 100, 100}) {
				t.Errorf("faces %+v, want only the good one", got)
			}
		})
	}
}

func TestDecodeAllBad(t *testing.T) {
	o := blind(fullSpec)
	for i := range o.scores {
		o.scores[i] = nan
	}
	got, err := newDecoder(t, fullSpec, 0.5).Decode(nil, fit(t, 640, 640, 192), o.boxes, o.scores)
	if !errors.Is(err, ErrBadOutput) || !strings.Contains(err.Error(), "2304 of 2304") || len(got) != 0 {
		t.Errorf("Decode = %v, %v", got, err)
	}
}

func TestDecodeRefusesLengths(t *testing.T) {
	d := newDecoder(t, shortSpec, 0.5)
	o := blind(shortSpec)
	kept := []Face{{Score: 1}}
	for _, bad := range []outputs{
		{}, {o.boxes, nil}, {nil, o.scores}, {o.boxes[1:], o.scores}, {o.boxes, o.scores[1:]}, {o.scores, o.boxes}, blind(fullSpec),
	} {
		got, err := d.Decode(kept, fit(t, 10, 10, 128), bad.boxes, bad.scores)
		if err == nil || !strings.Contains(err.Error(), "want 14336 and 896") || len(got) != 1 {
			t.Errorf("%d and %d values: %v, %v", len(bad.boxes), len(bad.scores), got, err)
		}
	}
}

func TestDecodeAppendsAndStopsAtMaxFaces(t *testing.T) {
	d := newDecoder(t, fullSpec, 0.5)
	o := blind(fullSpec)
	for i, c := range d.centres {
		o.see(i, c, 1+float32(i)/1000, c.x-1, c.y-1, c.x+1, c.y+1)
	}
	kept := Face{Score: 9, Box: [4]float32{0, 0, 192, 192}}
	got, err := d.Decode([]Face{kept}, fit(t, 192, 192, 192), o.boxes, o.scores)
	if err != nil || len(got) != 1+MaxFaces || got[0] != kept {
		t.Fatalf("%d faces, %v; want %d", len(got), err, 1+MaxFaces)
	}
	if want := d.centres[2303]; !near(got[1].Box, [4]float32{want.x - 1, want.y - 1, want.x + 1, want.y + 1}) {
		t.Errorf("first face %+v, want the best one at %v", got[1], want)
	}
}

// TestDecodeRoundTrip places a face in a picture, expresses it as the model would, and wants it back.
func TestDecodeRoundTrip(t *testing.T) {
	specs := []Spec{shortSpec, fullSpec}
	decoders := []*Decoder{newDecoder(t, shortSpec, 0.5), newDecoder(t, fullSpec, 0.5)}
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.IntRange(0, 1).Draw(t, "model")
		width := rapid.IntRange(1, 4000).Draw(t, "width")
		height := rapid.IntRange(1, 4000).Draw(t, "height")
		row := rapid.IntRange(0, specs[m].Anchors-1).Draw(t, "row")
		along := func(name string, length int) float32 {
			return rapid.Float32Range(0, 1).Draw(t, name) * float32(length)
		}
		g, err := Fit(width, height, specs[m].Size)
		if err != nil {
			t.Fatal(err)
		}
		tolerance := float64(max(width, height)) * 1e-5
		side := float32(max(width, height))
		want := Face{Box: [4]float32{along("x0", width), along("y0", height)}}
		want.Box[2] = want.Box[0] + side*rapid.Float32Range(0.01, 1).Draw(t, "w")
		want.Box[3] = want.Box[1] + side*rapid.Float32Range(0.01, 1).Draw(t, "h")
		for k := range want.Keypoints {
			want.Keypoints[k] = [2]float32{along("kx", width), along("ky", height)}
		}
		logit := rapid.Float32Range(0, 20).Draw(t, "logit")

		anchor := decoders[m].centres[row]
		o := blind(specs[m])
		x0, y0 := toInput(g, want.Box[0], want.Box[1])
		x1, y1 := toInput(g, want.Box[2], want.Box[3])
		o.see(row, anchor, logit, x0, y0, x1, y1)
		for k, p := range want.Keypoints {
			x, y := toInput(g, p[0], p[1])
			o.boxes[row*boxColumns+4+2*k], o.boxes[row*boxColumns+5+2*k] = x-anchor.x, y-anchor.y
		}
		got, err := decoders[m].Decode(nil, g, o.boxes, o.scores)
		if err != nil || len(got) != 1 {
			t.Fatalf("Decode = %+v, %v; want one face", got, err)
		}
		if got[0].Score != sigmoid(logit) {
			t.Fatalf("score %v, want %v", got[0].Score, sigmoid(logit))
		}
		differ := func(a, b float32) bool { return math.Abs(float64(a)-float64(b)) > tolerance }
		for i := range want.Box {
			if differ(got[0].Box[i], want.Box[i]) {
				t.Fatalf("box %v, want %v", got[0].Box, want.Box)
			}
		}
		for k, p := range want.Keypoints {
			if differ(got[0].Keypoints[k][0], p[0]) || differ(got[0].Keypoints[k][1], p[1]) {
				t.Fatalf("key point %d %v, want %v", k, got[0].Keypoints[k], p)
			}
		}
	})
}

// TestDecodeKeepsPromises wants of any outputs: sorted, over the threshold, no two faces that overlap too much, and every
// row over the threshold either a face or overlapped by a better one.
func TestDecodeKeepsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		threshold := rapid.Float32Range(0.05, 0.95).Draw(t, "threshold")
		d, err := NewDecoder(shortSpec, threshold)
		if err != nil {
			t.Fatal(err)
		}
		o := blind(shortSpec)
		rows := rapid.SliceOfNDistinct(rapid.IntRange(0, 895), 0, 60, rapid.ID[int]).Draw(t, "rows")
		for _, row := range rows {
			x, y := rapid.Float32Range(0, 60).Draw(t, "x"), rapid.Float32Range(0, 60).Draw(t, "y")
			side := rapid.Float32Range(1, 60).Draw(t, "side")
			o.see(row, d.centres[row], rapid.Float32Range(-4, 4).Draw(t, "logit"), x, y, x+side, y+side)
		}
		g, err := Fit(128, 128, 128)
		if err != nil {
			t.Fatal(err)
		}
		faces, err := d.Decode(nil, g, o.boxes, o.scores)
		if err != nil {
			t.Fatal(err)
		}
		for i := range faces {
			if faces[i].Score < threshold-1e-6 || i > 0 && faces[i].Score > faces[i-1].Score {
				t.Fatalf("face %d scores %v (threshold %v, before it %v)", i, faces[i].Score, threshold, faces[:i])
			}
			for k := range i {
				if Overlap(&faces[i].Box, &faces[k].Box) > maxOverlap {
					t.Fatalf("faces %d and %d overlap", k, i)
				}
			}
		}
		for _, c := range d.candidates {
			if !slices.ContainsFunc(faces, func(f Face) bool {
				return f == c || f.Score >= c.Score && Overlap(&f.Box, &c.Box) > maxOverlap
			}) {
				t.Fatalf("face %+v was lost", c)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x00\x00\x80\x3f\x00\x00\xc0\x7f\x00\x00\x80\xff\xff\xff\x7f\x7f"), 640, 480)
	f.Add([]byte{}, 1, 1)
	d := newDecoder(f, shortSpec, 0.5)
	o := blind(shortSpec)
	f.Fuzz(func(t *testing.T, data []byte, width, height int) {
		g, err := Fit(width, height, 128)
		if err != nil {
			return
		}
		fill := func(values []float32) {
			for i := range values {
				values[i] = float32(i % 50)
				if len(data) >= 4 {
					at := i * 4 % (len(data) - 3)
					values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[at:]))
				}
			}
		}
		fill(o.boxes)
		fill(o.scores)
		faces, err := d.Decode(nil, g, o.boxes, o.scores)
		if err != nil && !errors.Is(err, ErrBadOutput) {
			t.Fatal(err)
		}
		if len(faces) > MaxFaces {
			t.Fatalf("%d faces", len(faces))
		}
		for _, face := range faces {
			if !(face.Score >= 0.5 && face.Score <= 1) || !(face.Box[0] < face.Box[2]) || !(face.Box[1] < face.Box[3]) || !finite(face.Box[3]) {
				t.Fatalf("face %+v", face)
			}
		}
	})
}

// crowd is what a detector answers to a picture of four faces: several rows over the threshold for each.
func crowd(d *Decoder, s Spec) outputs {
	o := blind(s)
	for i := range 40 {
		row := i * s.Anchors / 40
		at := float32(i%4) * 30
		o.see(row, d.centres[row], 1+float32(i)/20, at, at, at+25, at+25)
	}
	return o
}

func TestDecodeAllocatesNothing(t *testing.T) {
	d := newDecoder(t, fullSpec, 0.5)
	o, g := crowd(d, fullSpec), fit(t, 640, 480, 192)
	faces := make([]Face, 0, MaxFaces)
	got := testing.AllocsPerRun(100, func() {
		var err error
		if faces, err = d.Decode(faces[:0], g, o.boxes, o.scores); err != nil || len(faces) != 4 {
			t.Fatalf("%d faces, %v", len(faces), err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, bb := range []struct {
		name string
		spec Spec
	}{{"short", shortSpec}, {"full", fullSpec}} {
		b.Run(bb.name, func(b *testing.B) {
			d := newDecoder(b, bb.spec, 0.5)
			o, g := crowd(d, bb.spec), fit(b, 640, 480, bb.spec.Size)
			faces := make([]Face, 0, MaxFaces)
			b.ReportAllocs()
			for b.Loop() {
				faces, _ = d.Decode(faces[:0], g, o.boxes, o.scores)
			}
		})
	}
}
