package figures

import (
	"slices"
	"testing"

	"atoll/sched"
)

// What must hold is held in sched/sim; this is that the figures are made of it.
func TestScheduling(t *testing.T) {
	scenarios := SchedulingScenarios()
	if !slices.Contains(scenarios, "hall") || slices.Contains(scenarios, "tune-room") {
		t.Errorf("scenarios to report on: %q", scenarios)
	}
	scores, figures, err := Scheduling("hall", 2, []uint64{1, 2}, sched.LIF, sched.FIFO)
	if err != nil {
		t.Fatal(err)
	}
	if len(scores) != 2 || scores[sched.LIF].Recall < 0.9 {
		t.Errorf("scores %+v", scores)
	}
	if len(figures) != 2 {
		t.Errorf("at twice the load: %+v, want value and staleness", figures)
	}
	if _, _, err := Scheduling("moon", 0, []uint64{1}); err == nil {
		t.Error("of no scenario: no error")
	}
	if _, _, err := Scheduling("hall", 0, []uint64{1}, "prayer"); err == nil {
		t.Error("of no policy: no error")
	}
}
