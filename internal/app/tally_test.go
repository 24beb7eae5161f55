package app

import (
	"testing"
	"time"
)

func TestTally(t *testing.T) {
	type step struct {
		at   time.Duration
		on   bool
		want uint64 // changes to tell of
	}
	for name, steps := range map[string][]step{
		"never there":       {{0, false, 0}, {time.Hour, false, 0}},
		"comes and goes":    {{0, true, 1}, {time.Second, true, 0}, {2 * time.Second, false, 1}, {time.Hour, false, 0}},
		"there from hourly": {{0, true, 1}, {time.Hour, false, 1}, {time.Hour + 1, true, 1}, {time.Hour + 2, false, 0}},
		"the end of a flap is told": {
			{0, true, 1}, {1 * time.Second, false, 1}, {2 * time.Second, true, 0}, {3 * time.Second, false, 0},
			{59 * time.Second, false, 0}, {61 * time.Second, false, 2}, {10 * time.Minute, false, 0},
		},
	} {
		var tally tally
		start := time.Unix(1e9, 0)
		for i, s := range steps {
			if got := tally.see(start.Add(s.at), s.on); got != s.want {
				t.Errorf("%s: step %d: %d, want %d", name, i, got, s.want)
			}
		}
	}
}

// What changes ten times a second for an hour is told of once a minute, and every
// change is counted.
func TestTallyBoundsFloods(t *testing.T) {
	var tally tally
	now := time.Unix(1e9, 0)
	lines, changes := 0, uint64(0)
	for i := range 36000 {
		if n := tally.see(now, i%2 == 0); n > 0 {
			lines++
			changes += n
		}
		now = now.Add(100 * time.Millisecond)
	}
	if lines < 60 || lines > 61 {
		t.Errorf("%d lines in an hour, want one a minute and one more at the start", lines)
	}
	if changes+tally.changes != 36000 {
		t.Errorf("%d changes told of and %d pending, want 36000 together", changes, tally.changes)
	}
}
