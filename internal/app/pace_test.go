package app

import (
	"testing"

	"atoll/pipeline"
	"atoll/thermal/actuator"
)

var _ pipeline.Pace = (*pace)(nil)

func TestPace(t *testing.T) {
	var p pace
	if got := p.Share(); got != 1 {
		t.Errorf("share %v before there is a budget, want 1", got)
	}
	set, _ := actuator.Find(t.TempDir(), twoCores, actuator.Options{})
	defer set.Close()
	p.budget.Store(set.Budget)
	if _, err := set.Apply(actuator.Setting{Share: 0.25}); err != nil {
		t.Fatal(err)
	}
	if got := p.Share(); got != 0.25 {
		t.Errorf("share %v, want 0.25", got)
	}
	bound := func(what string, want bool) {
		t.Helper()
		if got := p.bound(); got != want {
			t.Errorf("%s: bound %v, want %v", what, got, want)
		}
	}
	bound("nothing is held back", false)
	p.Held(true)
	bound("a job is", true)
	bound("still", true)
	p.Held(false)
	p.Held(true)
	p.Held(false)
	bound("one was since", true)
	bound("none any more", false)
}
