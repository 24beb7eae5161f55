package sensors

import "math"

// Ways is how many courses a Course has beside the likeliest.
const Ways = 20

// Course is what models of the board make of the die's temperature by themselves, in K
// above any fixed point: only its changes count. A change is plausible that lies between
// the least and the greatest that any of them expects.
type Course struct {
	Kelvin float64       // of the likeliest model
	Ways   [Ways]float64 // of all that may be right, by what power has done; what is known for sure makes them alike
	Slow   float64       // what may have come from the surroundings, or not
	Known  bool          // false while there is no model
}

// recent is the course over the last updates.
type recent struct {
	ring [2 * SlowestConversion]Course
	next int
	Course
}

func (r *recent) add(c Course) {
	if !c.Known {
		*r = recent{}
		return
	}
	if !r.Known {
		for i := range r.ring {
			r.ring[i] = c
		}
	}
	r.ring[r.next] = c
	r.next = (r.next + 1) % len(r.ring)
	r.Course = c
}

// ago is the course as it was so many updates ago.
func (r *recent) ago(updates int) *Course {
	return &r.ring[(r.next+2*len(r.ring)-1-updates)%len(r.ring)]
}

// since is by how much the temperature may have moved since the course was from: the
// least and the greatest that a sensor could show, which converted at any of the last updates.
func (r *recent) since(from *Course, window int) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for i := range window {
		least, most := r.ago(i).span(from)
		low, high = min(low, least), max(high, most)
	}
	return low, high
}

// between is the same for a change between two conversions that follow each other, where
// the value had been what it was for so many updates.
func (r *recent) between(unchanged, window int) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for last := range window {
		for before := last + 1; before <= min(unchanged, last+window); before++ {
			least, most := r.ago(last).span(r.ago(before))
			low, high = min(low, least), max(high, most)
		}
	}
	return low, high
}

// span is the least and the greatest change of all ways since from.
func (c *Course) span(from *Course) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for i := range c.Ways {
		change := c.Ways[i] - from.Ways[i]
		low, high = min(low, change), max(high, change)
	}
	slow := c.Slow - from.Slow
	return low + min(0, slow), high + max(0, slow)
}
