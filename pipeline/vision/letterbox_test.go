package vision

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// grey makes a picture whose three colours of a pixel are v, v+1, v+2.
func grey(values ...byte) []byte {
	pix := make([]byte, 0, len(values)*channels)
	for _, v := range values {
		pix = append(pix, v, v+1, v+2)
	}
	return pix
}

func noise(width, height int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	pix := make([]byte, width*height*channels)
	for i := range pix {
		pix[i] = byte(random.Uint32())
	}
	return pix
}

func newLetterbox(t testing.TB, size int) *Letterbox {
	t.Helper()
	l, err := NewLetterbox(size)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestPrepareByHand holds cases small enough to compute by hand, as pixel values of the first colour.
func TestPrepareByHand(t *testing.T) {
	tests := []struct {
		name                string
		width, height, size int
		values              []byte
		want                []float64 // 0 to 255
	}{
		{"same size", 2, 2, 2, []byte{10, 20, 30, 40}, []float64{10, 20, 30, 40}},
		{"half of an even square samples between four pixels", 2, 2, 1, []byte{10, 20, 30, 40}, []float64{25}},
		{"a third of an odd square samples its middle", 3, 3, 1, []byte{9, 9, 9, 9, 77, 9, 9, 9, 9}, []float64{77}},
		{"wide picture, margin above and below", 4, 2, 4, []byte{10, 20, 30, 40, 50, 60, 70, 80},
			[]float64{0, 0, 0, 0, 10, 20, 30, 40, 50, 60, 70, 80, 0, 0, 0, 0}},
		{"tall picture, margin left and right", 1, 3, 3, []byte{10, 20, 30}, []float64{0, 10, 0, 0, 20, 0, 0, 30, 0}},
		{"odd margin falls between pixels", 2, 1, 2, []byte{100, 200}, []float64{50, 100, 50, 100}},
		// 1 pixel to 4: samples at -0.375, -0.125, 0.125, 0.375 of it weigh 5/8, 7/8, 7/8, 5/8 along each axis.
		{"enlarged, the edge fades to black", 1, 1, 4, []byte{64}, []float64{
			25, 35, 35, 25, 35, 49, 49, 35, 35, 49, 49, 35, 25, 35, 35, 25}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			into := make([]float32, tt.size*tt.size*channels)
			if _, err := newLetterbox(t, tt.size).Prepare(grey(tt.values...), tt.width, tt.height, into); err != nil {
				t.Fatal(err)
			}
			for i, want := range tt.want {
				if got := (float64(into[i*channels]) + 1) * 127.5; math.Abs(got-want) > 1e-4 {
					t.Errorf("pixel %d = %v, want %v", i, got, want)
				}
			}
		})
	}
}

func TestPrepareKeepsColoursInOrder(t *testing.T) {
	into := make([]float32, 3)
	if _, err := newLetterbox(t, 1).Prepare([]byte{0, 51, 255}, 1, 1, into); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{-1, -0.6, 1} {
		if math.Abs(float64(into[i])-want) > 1e-6 {
			t.Errorf("colour %d = %v, want %v", i, into[i], want)
		}
	}
}

// sampled computes one value of the input straight from the definition, in float64.
func sampled(pix []byte, width, height, size, x, y, colour int) float64 {
	side := float64(max(width, height))
	at := func(i, length int) (int, float64) {
		centre := (float64(i)+0.5)/float64(size)*side - (side-float64(length))/2 - 0.5
		return int(math.Floor(centre)), centre - math.Floor(centre)
	}
	x0, fx := at(x, width)
	y0, fy := at(y, height)
	pixel := func(x, y int) float64 {
		if x < 0 || y < 0 || x >= width || y >= height {
			return 0
		}
		return float64(pix[(y*width+x)*channels+colour])
	}
	top := pixel(x0, y0)*(1-fx) + pixel(x0+1, y0)*fx
	bottom := pixel(x0, y0+1)*(1-fx) + pixel(x0+1, y0+1)*fx
	return (top*(1-fy)+bottom*fy)/127.5 - 1
}

func TestPrepareFollowsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 90).Draw(t, "width")
		height := rapid.IntRange(1, 90).Draw(t, "height")
		size := rapid.IntRange(1, 40).Draw(t, "size")
		pix := noise(width, height)
		into := make([]float32, size*size*channels)
		for i := range into {
			into[i] = float32(math.NaN()) // whatever stood there before must go
		}
		l, err := NewLetterbox(size)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Prepare(pix, width, height, into); err != nil {
			t.Fatal(err)
		}
		for i, got := range into {
			want := sampled(pix, width, height, size, i/channels%size, i/channels/size, i%channels)
			if !(math.Abs(float64(got)-want) < 2e-6) {
				t.Fatalf("value %d = %v, want %v", i, got, want)
			}
		}
	})
}

// TestPrepareChangesGeometry makes sure that one Letterbox serves pictures of changing sizes.
func TestPrepareChangesGeometry(t *testing.T) {
	l := newLetterbox(t, 8)
	got, want := make([]float32, 8*8*channels), make([]float32, 8*8*channels)
	for _, size := range [][2]int{{20, 10}, {10, 20}, {20, 10}, {3, 3}, {500, 1}} {
		pix := noise(size[0], size[1])
		if _, err := l.Prepare(pix, size[0], size[1], got); err != nil {
			t.Fatal(err)
		}
		if _, err := newLetterbox(t, 8).Prepare(pix, size[0], size[1], want); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: a used Letterbox differs from a new one", size)
		}
	}
}

// TestPrepareLosesPictureBetweenSamples has a picture so thin that no sample falls on it.
func TestPrepareLosesPictureBetweenSamples(t *testing.T) {
	for _, size := range [][2]int{{1000, 1}, {1, 1000}} {
		into := make([]float32, 4*4*channels)
		if _, err := newLetterbox(t, 4).Prepare(noise(size[0], size[1]), size[0], size[1], into); err != nil {
			t.Fatal(err)
		}
		for i, v := range into {
			if v != -1 {
				t.Fatalf("%v: value %d = %v, want -1", size, i, v)
			}
		}
	}
}

func TestPrepareRefuses(t *testing.T) {
	tests := []struct {
		name          string
		bytes         int
		width, height int
		values        int
		says          string
	}{
		{"no picture", 0, 0, 0, 48, "picture of 0x0 pixels: width and height must be 1 to 16384"},
		{"negative", 12, -2, -2, 48, "picture of -2x-2 pixels"},
		{"too wide", 0, MaxSide + 1, 1, 48, "picture of 16385x1 pixels"},
		{"overflow", 0, math.MaxInt, math.MaxInt, 48, "must be 1 to 16384"},
		{"short picture", 11, 2, 2, 48, "has 11 bytes, want 12"},
		{"long picture", 13, 2, 2, 48, "has 13 bytes, want 12"},
		{"short input", 12, 2, 2, 47, "has 47 values, want 48"},
		{"no input", 12, 2, 2, 0, "has 0 values, want 48"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newLetterbox(t, 4).Prepare(make([]byte, tt.bytes), tt.width, tt.height, make([]float32, tt.values))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Prepare: %v; want an error with %q", err, tt.says)
			}
		})
	}
	for _, size := range []int{-1, 0, MaxSide + 1} {
		if _, err := NewLetterbox(size); err == nil {
			t.Errorf("NewLetterbox(%d) succeeded", size)
		}
		if _, err := Fit(1, 1, min(size, 0)); err == nil {
			t.Errorf("Fit to size %d succeeded", min(size, 0))
		}
	}
}

// toInput is the inverse of Geometry.ToPicture.
func toInput(g Geometry, px, py float32) (x, y float32) {
	return float32((float64(px) + g.padX) / g.scale), float32((float64(py) + g.padY) / g.scale)
}

func TestGeometry(t *testing.T) {
	tests := []struct {
		width, height, size int
		x, y, px, py        float32
	}{
		{512, 512, 128, 0, 0, 0, 0},
		{512, 512, 128, 128, 64, 512, 256},
		{1920, 1080, 128, 0, 0, 0, -420},
		{1920, 1080, 128, 128, 128, 1920, 1500},
		{1920, 1080, 128, 64, 64, 960, 540},
		{100, 400, 192, 96, 0, 50, 0},
	}
	for _, tt := range tests {
		g, err := Fit(tt.width, tt.height, tt.size)
		if err != nil {
			t.Fatal(err)
		}
		if px, py := g.ToPicture(tt.x, tt.y); px != tt.px || py != tt.py {
			t.Errorf("%+v: ToPicture = %v, %v", tt, px, py)
		}
		if x, y := toInput(g, tt.px, tt.py); x != tt.x || y != tt.y {
			t.Errorf("%+v: toInput = %v, %v", tt, x, y)
		}
	}
}

func TestPrepareAllocatesNothing(t *testing.T) {
	l := newLetterbox(t, 128)
	into := make([]float32, 128*128*channels)
	wide, tall := noise(64, 48), noise(48, 64)
	got := testing.AllocsPerRun(100, func() {
		if _, err := l.Prepare(wide, 64, 48, into); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Prepare(tall, 48, 64, into); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

func BenchmarkPrepare(b *testing.B) {
	for _, bb := range []struct{ width, height, size int }{
		{1920, 1080, 128}, {1920, 1080, 192}, {640, 480, 128}, {512, 512, 128}, {25, 25, 128},
	} {
		b.Run(fmt.Sprintf("%dx%d-%d", bb.width, bb.height, bb.size), func(b *testing.B) {
			l := newLetterbox(b, bb.size)
			into := make([]float32, bb.size*bb.size*channels)
			pix := noise(bb.width, bb.height)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Prepare(pix, bb.width, bb.height, into); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
