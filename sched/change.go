package sched

import "fmt"

// Change measures how far the newest input of a source has moved from what was last
// inferred of it: sigma-delta coding, which passes on differences and not values.
// What each feature does by itself from one input to the next (noise, leaves in the
// wind, a humming fan) is learned and does not count, after the sigma-delta background
// estimation of Manzanera and Richefeu ("A new motion detection algorithm based on
// Σ-Δ background estimation", 2007), whose variance this keeps.
//
// Features are bytes: a grid of luminances, or energies of bands in half decibels.
type Change struct {
	floor     uint8 // least noise of a feature
	newest    []uint8
	reference []uint8 // what was last inferred
	noise     []uint8 // of each feature, sigmaN times its usual step
	light     int32   // sum of newest less that of reference
	seen      int     // inputs, up to warm and one
	inferred  bool
}

const (
	// sigmaN is how many usual steps a feature must move to count (N of the paper,
	// where it is 1 to 4).
	sigmaN = 4
	// warm is how many inputs it takes to know the noise: before, all is new.
	warm = 8
	// follow is how much of the way to an inferred input the reference goes, of 256.
	// What is very new stays a little new, so that the next input is inferred as well:
	// one look can miss what is there.
	follow = 192
	// full is the share of all features that makes an input wholly new when each of
	// them has moved by twice its noise.
	full = 1.0 / 32
	// lightFull is by how much all of them must change together for that: light that
	// goes on or off, and not a cloud.
	lightFull = 64
)

// NewChange makes one for inputs of that many features, at least one. Steps of up to floor never
// count.
func NewChange(features int, floor uint8) *Change {
	c := &Change{
		floor: max(1, floor), newest: make([]uint8, features),
		reference: make([]uint8, features), noise: make([]uint8, features),
	}
	for i := range c.noise {
		c.noise[i] = c.floor
	}
	return c
}

// See takes in the newest input and returns its salience: 0, nothing new, to 1. It
// panics if x has another number of features than the first.
func (c *Change) See(x []uint8) float64 {
	if len(x) != len(c.newest) {
		panic(fmt.Sprintf("sched: input of %d features, not %d", len(x), len(c.newest)))
	}
	if c.seen > 0 {
		c.learn(x)
	}
	copy(c.newest, x)
	if c.seen <= warm {
		c.seen++
	}
	if c.seen <= warm || !c.inferred {
		return 1
	}
	return c.salience()
}

// learn moves each feature's noise a step towards sigmaN times what it just did. It has
// no branches, as noise can't be predicted.
func (c *Change) learn(x []uint8) {
	newest, noise, floor := c.newest[:len(x)], c.noise[:len(x)], int32(c.floor)
	light := c.light
	for i, v := range x {
		n, d := int32(noise[i]), int32(v)-int32(newest[i])
		light += d
		noise[i] = uint8(max(floor, min(255, n+sign(sigmaN*abs(d)-n))))
	}
	c.light = light
}

func (c *Change) salience() float64 {
	newest := c.newest
	reference, noise := c.reference[:len(newest)], c.noise[:len(newest)]
	light := c.light / int32(len(newest))
	moved := int32(0) // in 256ths of a feature that moved by twice its noise or more
	for i, v := range newest {
		d := abs(int32(v) - int32(reference[i]) - light)
		if n := int32(noise[i]); d > n {
			moved += min(256, 256*(d-n)/n)
		}
	}
	s := float64(moved) / (256 * full * float64(len(newest)))
	return min(1, s+float64(abs(light))/lightFull)
}

// Inferred tells that the newest input is being inferred.
func (c *Change) Inferred() {
	if !c.inferred {
		c.inferred, c.light = true, 0
		copy(c.reference, c.newest)
		return
	}
	for i, v := range c.newest {
		step := (int(v) - int(c.reference[i])) * follow / 256
		c.reference[i] += uint8(step)
		c.light -= int32(step)
	}
}

// abs and sign are without branches.
func abs(x int32) int32 { return (x ^ x>>31) - x>>31 }

func sign(x int32) int32 { return x>>31 | int32(uint32(-x)>>31) }
