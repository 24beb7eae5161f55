package figures

import (
	"testing"
	"time"
)

func TestMalformedModels(t *testing.T) {
	o, err := Malformed(1000, 20261123)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("of %d: %d refused, %d killed the worker, %d still models; parent grew by %d KiB and %d descriptors",
		o.Models, o.Refused, o.Died, o.Sound, o.GrewKB, o.GrewFiles)
	if o.GrewFiles > 0 {
		t.Errorf("%d more descriptors", o.GrewFiles)
	}
	if o.GrewKB > 8<<10 { // the race detector's own included
		t.Errorf("parent grew by %d KiB", o.GrewKB)
	}
	if len(o.Unexpected) > 0 {
		t.Errorf("%d errors of another kind, such as %v", len(o.Unexpected), o.Unexpected[0])
	}
	if o.SoundByHash > 0 {
		t.Errorf("%d malformed models have the hash of a sound one", o.SoundByHash)
	}
	if o.Refused+o.Died < o.Models/2 {
		t.Errorf("only %d errors for %d malformed models", o.Refused+o.Died, o.Models)
	}
}

// The bounds are for a quiet machine, which this may not be: make bench prints the
// figures, this test catches what is wrong by far.
func TestEngineCosts(t *testing.T) {
	e, err := MeasureEngine(200)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("hop %v median, %v p99; in the worker %.3f of the bare time; %v allocations", e.HopMedian, e.Hop99, e.Ratio, e.Allocs)
	if e.HopMedian > time.Millisecond {
		t.Errorf("hop of %v", e.HopMedian)
	}
	if e.Ratio > 1.5 {
		t.Errorf("in the worker an inference takes %.2f of its bare time", e.Ratio)
	}
	if e.Allocs != 0 {
		t.Errorf("%v allocations for an inference, want 0", e.Allocs)
	}
}
