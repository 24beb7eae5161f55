package app

import (
	"testing"

	"atoll/pipeline"
	"atoll/precision/selector"
	"atoll/thermal/actuator"
)

var (
	_ pipeline.Pace  = (*pace)(nil)
	_ selector.Heat  = (*pace)(nil)
	_ selector.Meter = (*pace)(nil)
)

// Heat that is short makes variants cheaper, through the actuator that says so.
func TestPaceTellsOfEconomy(t *testing.T) {
	var p pace
	if p.Economy() {
		t.Error("economy before there is a budget")
	}
	set, _ := actuator.Find(t.TempDir(), twoCores, actuator.Options{})
	defer set.Close()
	p.precision.Store(set.Precision)
	if _, err := set.Apply(actuator.Setting{Share: 0.5}); err != nil {
		t.Fatal(err)
	}
	if !p.Economy() {
		t.Error("no economy at half of the share")
	}
}

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
