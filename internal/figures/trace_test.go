package figures

import "testing"

// The bounds are for a quiet machine, which this may not be: make bench prints the figures.
func TestTraceCosts(t *testing.T) {
	got, err := MeasureTrace(300, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", got)
}
