package figures

import (
	"testing"

	"atoll/trace"
)

// The bounds are for a quiet machine, which this may not be: make bench prints the
// figures, this test catches what is wrong by far.
func TestTraceCosts(t *testing.T) {
	got, err := MeasureTrace(6, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", got)
	if got.Within < 0.95 || got.Within > 1 || got.Jobs != 6*2*61 {
		t.Errorf("%.3f of %d jobs add up, %d are lost", got.Within, got.Jobs, got.Lost)
	}
	for modality, ratio := range got.Median {
		if ratio.Median > 2 {
			t.Errorf("%v: traced, a job takes %.2f of its time", modality, ratio.Median)
		}
	}
}

func TestTracedPipeline(t *testing.T) {
	got, err := MeasureTracedPipeline(testData(t), 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", got)
	if most := 2 * 6 * 62; got.Jobs < most/4 || got.Jobs > most {
		t.Errorf("%d jobs, want about %d", got.Jobs, most/2)
	}
	if len(got.Median) != 2 || got.CPU.Median <= 0 || got.CPU.Median > 2 {
		t.Errorf("%+v", got)
	}
}

func TestTracePlantedCauses(t *testing.T) {
	tr := trace.Open(trace.Options{})
	limited := tr.Limited()
	tr.Close()
	if limited != nil {
		t.Skipf("needs eBPF: %v", limited)
	}
	list, err := PlantCauses(3)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		t.Logf("%+v", p)
		if p.Named < p.All {
			t.Errorf("%v is named %d of %d times", p.Cause, p.Named, p.All)
		}
	}
}
