package figures

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestMeasureRun(t *testing.T) {
	// tail keeps a line until it ends, and then has to wait with it.
	f, err := MeasureRun(context.Background(), "/bin/sh", "-c", "head -c 64M /dev/zero | tail | (sleep 0.5; wc -c)")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v, %v, %d KiB", f.Wall, f.CPU, f.Peak>>10)
	if f.Wall < 500*time.Millisecond || f.CPU <= 0 || f.Peak < 64<<20 || f.Peak > 256<<20 {
		t.Errorf("%v, %d MiB; want half a second or more, and 64 MiB and some", f.Wall, f.Peak>>20)
	}
	if _, err := MeasureRun(context.Background(), "/bin/sh", "-c", "sleep 0.2; echo broken >&2; exit 3"); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("of a program that fails: %v", err)
	}
	if _, err := MeasureRun(context.Background(), "/no/such/program"); err == nil {
		t.Error("of no program: no error")
	}
}
