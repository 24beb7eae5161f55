package promise

import (
	"math"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	var out strings.Builder
	table := New(&out)
	table.AtLeast("high enough", 0.5, 0.5)
	table.AtMost("low enough", 0.5, 0.5)
	table.Row("nothing to keep", "-", "7", true)
	if err := table.Err(); err != nil {
		t.Errorf("Err = %v with all figures met", err)
	}
	table.AtLeast("too low", 0.5, 0.499)
	table.AtMost("too high", 0.5, 0.501)
	table.AtLeast("no number", 0.5, math.NaN())
	table.AtMost("no number", 0.5, math.NaN())
	if err := table.Err(); err == nil || err.Error() != "4 figures missed" {
		t.Errorf("Err = %v; want 4 figures missed", err)
	}
	want := `measure                                            must       measured
high enough                                        >= 0.500   0.500
low enough                                         <= 0.500   0.500
nothing to keep                                    -          7
too low                                            >= 0.500   0.499           missed
too high                                           <= 0.500   0.501           missed
no number                                          >= 0.500   NaN             missed
no number                                          <= 0.500   NaN             missed
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}
