package sched

import (
	"math"
	"math/rand/v2"
	"testing"
)

const side = GridSide

// picture draws a textured scene with noise of a camera, light added to all of it.
func picture(r *rand.Rand, noise, light float64) []uint8 {
	x := make([]uint8, side*side)
	for i := range x {
		x[i] = uint8(min(255, max(0, 110+40*math.Sin(float64(i%side)/5)+20*math.Cos(float64(i/side)/3)+light+noise*r.NormFloat64())))
	}
	return x
}

// blob makes all cells of a square brighter by contrast.
func blob(x []uint8, at, size, contrast int) {
	for dy := range size {
		for dx := range size {
			k := (at+dy)*side + at + dx
			x[k] = uint8(min(255, int(x[k])+contrast))
		}
	}
}

// watch has a change see n inputs, inferring each that is salient, and the 10th.
func watch(c *Change, n int, draw func(k int) []uint8) (most float64) {
	for k := range n {
		s := c.See(draw(k))
		if k > 60 {
			most = max(most, s)
		}
		if s > 0.25 || k == 10 {
			c.Inferred()
		}
	}
	return most
}

func TestChange(t *testing.T) {
	for _, c := range []struct {
		what   string
		noise  float64
		then   func(x []uint8, r *rand.Rand) []uint8
		lo, hi float64
	}{
		{"still", 2, func(x []uint8, _ *rand.Rand) []uint8 { return x }, 0, 0.05},
		{"still, a noisy camera", 6, func(x []uint8, _ *rand.Rand) []uint8 { return x }, 0, 0.05},
		{"something appears", 2, func(x []uint8, _ *rand.Rand) []uint8 { blob(x, 8, 6, 40); return x }, 0.5, 1},
		{"it is small", 2, func(x []uint8, _ *rand.Rand) []uint8 { blob(x, 8, 4, 40); return x }, 0.25, 1},
		{"it is darker", 2, func(x []uint8, _ *rand.Rand) []uint8 { blob(x, 8, 6, -40); return x }, 0.5, 1},
		{"one cell flickers", 2, func(x []uint8, _ *rand.Rand) []uint8 { blob(x, 8, 1, 100); return x }, 0, 0.05},
		{"a cloud", 2, func(_ []uint8, r *rand.Rand) []uint8 { return picture(r, 2, 8) }, 0, 0.2},
		{"the light goes on", 2, func(_ []uint8, r *rand.Rand) []uint8 { return picture(r, 2, 80) }, 0.9, 1},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 1))
			change := NewChange(side*side, GridFloor)
			watch(change, 200, func(int) []uint8 { return picture(r, c.noise, 0) })
			if got := change.See(c.then(picture(r, c.noise, 0), r)); got < c.lo || got > c.hi {
				t.Errorf("salience %.3f, want %v to %v", got, c.lo, c.hi)
			}
		})
	}
}

func TestChangeOverTime(t *testing.T) {
	for _, c := range []struct {
		what string
		draw func(r *rand.Rand, k int) []uint8
		hi   float64
	}{
		{"nothing moves", func(r *rand.Rand, _ int) []uint8 { return picture(r, 2, 0) }, 0.05},
		{"light drifts", func(r *rand.Rand, k int) []uint8 { return picture(r, 2, 30*math.Sin(float64(k)/300)) }, 0.5},
		{"leaves wave, and are learned", func(r *rand.Rand, k int) []uint8 {
			x := picture(r, 2, 0)
			if k > 100 {
				blob(x, 4, 8, 30*r.IntN(2))
			}
			return x
		}, 0.25},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 1))
			change := NewChange(side*side, GridFloor)
			watch(change, 400, func(k int) []uint8 { return c.draw(r, k) })
			if got := watch(change, 400, func(k int) []uint8 { return c.draw(r, 400+k) }); got > c.hi {
				t.Errorf("salience up to %.3f, want at most %v", got, c.hi)
			}
		})
	}
}

func TestChangeFirst(t *testing.T) {
	c := NewChange(2, 0)
	for k := range 3 * warm {
		if got := c.See([]uint8{10, 20}); got != 1 {
			t.Fatalf("input %d, nothing inferred: salience %v, not 1", k, got)
		}
	}
	c.Inferred()
	if got := c.See([]uint8{10, 20}); got != 0 {
		t.Errorf("the same again: salience %v, not 0", got)
	}
	if got := c.See([]uint8{255, 20}); got != 1 {
		t.Errorf("half of it changed: salience %v, not 1", got)
	}
}

// What is very new stays a little new after a first look.
func TestChangeStaysALittleNew(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	c := NewChange(side*side, GridFloor)
	watch(c, 200, func(int) []uint8 { return picture(r, 1, 0) })
	var got []float64
	for range 6 {
		x := picture(r, 1, 0)
		blob(x, 8, 10, 90)
		got = append(got, c.See(x))
		c.Inferred()
	}
	if got[0] != 1 || got[1] < 0.2 || got[2] >= got[1] || got[5] > 0.1 {
		t.Errorf("saliences %v: first 1, then less, then hardly any", got)
	}
}

// What is kept from input to input is what summing up anew would give.
func TestChangeKeepsLight(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	c := NewChange(16, 1)
	x := make([]uint8, 16)
	for range 1000 {
		for i := range x {
			x[i] = uint8(r.Uint32())
		}
		c.See(x)
		if r.IntN(3) == 0 {
			c.Inferred()
		}
		want := int32(0)
		for i := range x {
			want += int32(c.newest[i]) - int32(c.reference[i])
		}
		if c.inferred && c.light != want {
			t.Fatalf("light %d, want %d", c.light, want)
		}
		for _, n := range c.noise {
			if n < 1 {
				t.Fatalf("noise %v", c.noise)
			}
		}
	}
}

func TestChangePanicsOnAnotherNumber(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("3 features of 2 were seen")
		}
	}()
	NewChange(2, 1).See(make([]uint8, 3))
}
