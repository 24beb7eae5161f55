package sourcetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"atoll/pipeline/source"
)

var _ source.Clock = (*Clock)(nil)

func TestClockJumps(t *testing.T) {
	var c Clock
	for _, until := range []time.Duration{time.Hour, time.Minute} {
		if err := c.Sleep(t.Context(), until); err != nil || c.Now() != time.Hour {
			t.Errorf("after Sleep(%v): %v, %v; want 1h", until, c.Now(), err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Sleep(ctx, 2*time.Hour); !errors.Is(err, context.Canceled) || c.Now() != time.Hour {
		t.Errorf("Sleep = %v at %v, want it to fail and not to move", err, c.Now())
	}
}
