package app

import "time"

// tellEvery is how often something that comes and goes is told of in the long run.
const tellEvery = time.Minute

// tally bounds how often something that comes and goes is told of: two changes at
// once, its coming and going, then one line a minute that counts.
type tally struct {
	on      bool
	changes uint64    // since it was told of
	paid    time.Time // until when the lines so far have used up the minutes
}

// see notes whether it is there now, and returns how many changes to tell of; 0 is not
// to.
func (t *tally) see(now time.Time, on bool) (changes uint64) {
	if on != t.on {
		t.on = on
		t.changes++
	}
	if t.changes == 0 || t.paid.Sub(now) > tellEvery {
		return 0
	}
	if t.paid.Before(now) {
		t.paid = now
	}
	t.paid = t.paid.Add(tellEvery)
	changes, t.changes = t.changes, 0
	return changes
}
