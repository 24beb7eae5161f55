package live

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"atoll/internal/config"
	"atoll/internal/material"
	"atoll/sched"
	"atoll/sched/sim"
)

func load(t *testing.T) *material.Material {
	t.Helper()
	d, err := material.FindData()
	if err != nil {
		t.Fatal(err)
	}
	m, err := material.LoadMaterial(d, "imdb")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// options are those of a machine that is busy.
func options(policy string) Options {
	o := Options{Config: config.Default(), Logger: zerolog.Nop()}
	o.Config.Engine.Deadline.Duration *= 20
	o.Config.Scheduler.Policy = policy
	return o
}

// Somebody is there and speaks from the begin of this scene: it is told, and what arrived
// can be simulated.
func TestPlay(t *testing.T) {
	s := load(t).Scene(1, 8*time.Second)
	o := options(sched.LIF)
	o.Record = new(Recording)
	got, err := Play(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Truth) == 0 || !(got.Recall > 0 && got.Recall <= 1) || got.CPU <= 0 || got.CPU > 3600*16 {
		t.Errorf("%+v of %+v", got, s.Truth)
	}
	if got.LatencyP50 <= 0 || got.LatencyP50 > got.LatencyP99 || got.LatencyP99 > float64(allowed)/float64(time.Millisecond) || got.Value <= 0 || got.MaxStaleness <= 0 {
		t.Errorf("%+v", got)
	}
	var file bytes.Buffer
	if err := sim.WriteTrace(&file, o.Record.Trace()); err != nil {
		t.Fatal(err)
	}
	trace, err := sim.ReadTrace(&file)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(trace.Arrivals); n < 50 || n > 30*8+250+len(s.Texts)+1 {
		t.Errorf("%d arrivals", n)
	}
	for _, s := range trace.Sources {
		if len(s.Service) != quantiles {
			t.Errorf("%s: no jobs", s.Name)
		}
	}
}

func TestPlayFails(t *testing.T) {
	s := load(t).Scene(1, 10*time.Minute)
	if _, err := Play(t.Context(), s, options("best")); err == nil {
		t.Error("plays to a policy that there isn't")
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	if _, err := Play(ctx, s, options(sched.FIFO)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want %v", err, context.DeadlineExceeded)
	}
}
