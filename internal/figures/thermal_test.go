package figures

import (
	"os"
	"testing"
	"time"
)

// thermal/sim holds the bounds of what a simulation scores. Here: that it is of all.
func TestCooling(t *testing.T) {
	scores, err := Cooling(2, 5)
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range []string{"predictive", "power_allocator", "step_wise", "bang_bang"} {
		if s, ok := scores[policy]; !ok || s.EfficiencyP50 <= 0 || s.Max <= 0 {
			t.Errorf("%s: %+v", policy, s)
		}
	}
}

func TestControllerStep(t *testing.T) {
	took, allocs := ControllerStep()
	t.Logf("%v and %v allocations a step", took, allocs)
	if allocs != 0 {
		t.Errorf("%v allocations a step, want 0", allocs)
	}
	if took > 200*time.Microsecond { // ten times what it may take on a quiet machine
		t.Errorf("%v a step", took)
	}
}

func TestDetectCaptured(t *testing.T) {
	medians, err := DetectCaptured("../../board/testdata")
	if err != nil {
		t.Fatal(err)
	}
	if len(medians) < 5 {
		t.Errorf("only %d trees: %v", len(medians), medians)
	}
	for name, took := range medians {
		if took > 500*time.Millisecond {
			t.Errorf("%s: %v", name, took)
		}
	}
	if _, err := DetectCaptured(t.TempDir()); err == nil {
		t.Error("no error for a folder without trees")
	}
}

func TestDetectLive(t *testing.T) {
	if _, err := DetectLive(os.DevNull); err == nil {
		t.Error("no error for what is no program")
	}
}
