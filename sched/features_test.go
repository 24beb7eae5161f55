package sched

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestGrid(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {3, 1000}, {1000, 3}, {31, 33}, {640, 480}, {127, 129}} {
		w, h := size[0], size[1]
		for _, c := range []struct {
			what    string
			r, g, b byte
			want    uint8
		}{
			{"black", 0, 0, 0, 0}, {"white", 255, 255, 255, 255},
			{"red", 255, 0, 0, 76}, {"green", 0, 255, 0, 149}, {"blue", 0, 0, 255, 28},
		} {
			pix := make([]byte, 3*w*h)
			for i := 0; i < len(pix); i += 3 {
				pix[i], pix[i+1], pix[i+2] = c.r, c.g, c.b
			}
			dst := make([]uint8, GridSide*GridSide)
			if !Grid(dst, pix, w, h) {
				t.Fatalf("%dx%d: no picture", w, h)
			}
			for i, v := range dst {
				if v != c.want {
					t.Fatalf("%dx%d %s: %d at %d, want %d", w, h, c.what, v, i, c.want)
				}
			}
		}
	}
}

// Where something is bright the grid is, and nowhere else.
func TestGridPlaces(t *testing.T) {
	const w, h = 640, 480
	for _, at := range [][2]int{{0, 0}, {31, 0}, {0, 31}, {31, 31}, {7, 20}} {
		pix := make([]byte, 3*w*h)
		for y := at[1] * h / side; y < (at[1]+1)*h/side; y++ {
			for x := at[0] * w / side; x < (at[0]+1)*w/side; x++ {
				pix[3*(y*w+x)+1] = 255
			}
		}
		dst := make([]uint8, side*side)
		Grid(dst, pix, w, h)
		for i, v := range dst {
			if want := i == at[1]*side+at[0]; want != (v > 100) || !want && v != 0 {
				t.Errorf("cell %v: %d at %d, %d", at, v, i%side, i/side)
			}
		}
	}
}

func TestGridRefuses(t *testing.T) {
	good := make([]uint8, side*side)
	for _, c := range []struct {
		what     string
		dst, pix []byte
		w, h     int
	}{
		{"no width", good, make([]byte, 30), 0, 10},
		{"no height", good, make([]byte, 30), 10, 0},
		{"below 0", good, make([]byte, 300), -10, -10},
		{"too few pixels", good, make([]byte, 3*10*10-1), 10, 10},
		{"nothing", good, nil, 1, 1},
		{"no room", good[:side], make([]byte, 300), 10, 10},
		{"sizes whose product overflows", good, make([]byte, 300), math.MaxInt/2 + 1, 2},
		{"sizes whose product overflows to a little", good, make([]byte, 300), 1 << 40, 1 << 40},
	} {
		if Grid(c.dst, c.pix, c.w, c.h) {
			t.Errorf("%s: a picture", c.what)
		}
	}
}

// tone is a sine at a share of the sampling frequency.
func tone(n int, frequency, level float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(level * math.Sin(2*math.Pi*frequency*float64(i)+0.3))
	}
	return x
}

func TestBandEnergies(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	noise := make([]float32, BandSamples)
	for i := range noise {
		noise[i] = float32(0.1 * r.NormFloat64())
	}
	for _, c := range []struct {
		what    string
		samples []float32
		loudest int // band, -1: all are silent, -2: whichever
	}{
		{"silence", make([]float32, BandSamples), -1},
		{"below what counts", tone(BandSamples, 0.3, 1e-5), -1},
		{"the highest octave", tone(BandSamples, 0.45, 0.5), 0},
		{"the second", tone(BandSamples, 0.2, 0.5), 1},
		{"the third", tone(BandSamples, 0.1, 0.5), 2},
		{"the fifth", tone(BandSamples, 0.024, 0.5), 4},
		{"a hum", tone(BandSamples, 0.001, 0.5), 7},
		{"noise", noise, -2},
		{"as short as it may be", tone(128, 0.45, 0.5), 0},
		{"longer than is looked at", tone(4096, 0.2, 0.5), 1},
		{"no multiple of 128", tone(300, 0.2, 0.5), 1},
		{"as loud as can be", tone(BandSamples, 0.45, math.MaxFloat32), -2},
	} {
		t.Run(c.what, func(t *testing.T) {
			dst := []uint8{9, 9, 9, 9, 9, 9, 9, 9}
			var scratch [BandSamples]float32
			if !BandEnergies(dst, c.samples, &scratch) {
				t.Fatal("too short")
			}
			loudest := 0
			for b, v := range dst {
				if v > dst[loudest] {
					loudest = b
				}
				if c.loudest == -1 && v != 0 {
					t.Errorf("band %d: %d, want silence", b, v)
				}
			}
			if c.loudest >= 0 && loudest != c.loudest {
				t.Errorf("bands %v: loudest %d, want %d", dst, loudest, c.loudest)
			}
		})
	}
}

// Twice as loud is 6 dB, 12 half decibels, more, and a whole tone adds up to its power.
func TestBandEnergiesLevels(t *testing.T) {
	var scratch [BandSamples]float32
	quiet, loud := make([]uint8, Bands), make([]uint8, Bands)
	BandEnergies(quiet, tone(BandSamples, 0.4, 0.05), &scratch)
	BandEnergies(loud, tone(BandSamples, 0.4, 0.1), &scratch)
	for b := range quiet {
		if d := int(loud[b]) - int(quiet[b]); quiet[b] > 0 && (d < 11 || d > 13) {
			t.Errorf("band %d: %d and %d half decibels", b, quiet[b], loud[b])
		}
	}
	power := 0.0
	for _, v := range loud {
		power += silence * math.Pow(10, float64(v)/20)
	}
	if want := 0.1 * 0.1 / 2; math.Abs(power-want) > 0.1*want {
		t.Errorf("power %v in all bands, want %v", power, want)
	}
}

func TestBandEnergiesOfWhatIsNoNumber(t *testing.T) {
	var scratch [BandSamples]float32
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		samples := tone(BandSamples, 0.1, 0.1)
		samples[100] = float32(v)
		if !BandEnergies(make([]uint8, Bands), samples, &scratch) {
			t.Error("too short")
		}
	}
}

func TestBandEnergiesRefuses(t *testing.T) {
	var scratch [BandSamples]float32
	if BandEnergies(make([]uint8, Bands), make([]float32, 127), &scratch) || BandEnergies(make([]uint8, Bands-1), make([]float32, 128), &scratch) || BandEnergies(make([]uint8, Bands), nil, &scratch) {
		t.Error("too short a sound, or too little room")
	}
}
