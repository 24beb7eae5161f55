package thermal

import (
	"testing"
	"time"
)

// At rest the temperature may not move for long. A sensor with coarse steps then shows
// the same value all the time, and must be believed when the load comes.
func TestFlatAtRest(t *testing.T) {
	for _, quantum := range []float64{0.0625, 0.5, 1} {
		for _, ambient := range []float64{-10, 25, 45} {
			l := newLoop()
			l.quantum, l.noise, l.load, l.idle = quantum, 0, 0, 3
			l.truth.ta, l.truth.r2 = ambient, 5 // not what the profile says
			l.rest()
			l.run(20*time.Minute, func() {
				if d := l.decision; l.now > time.Second && d.Mode == Safest {
					t.Fatalf("steps of %v K, %v °C around: safest after %v: %s", quantum, ambient, l.now, d.Reason)
				}
			})
		}
	}
}
