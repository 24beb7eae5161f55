package thermal

import (
	"testing"
	"time"
)

// predicted lets a monitor watch one prediction: nominal at a power, for a die that
// rises by a share of that.
func predicted(share, doubt float64) *monitor {
	m := &monitor{}
	rest := temps{40, 40}
	m.check(nominal, rest, 0, predictFor, doubt)
	x := rest
	for range int(predictFor/0.1) + 1 {
		x = nominal.step(x, 8, 0.1)
		m.check(nominal, temps{rest.die + share*(x.die-rest.die), rest.board}, 8, 0.1, doubt)
	}
	return m
}

func TestMonitor(t *testing.T) {
	for _, tt := range []struct {
		name         string
		share, doubt float64
		missed       bool
	}{
		{"right", 1, 0.15, false},
		{"within its doubt", 0.6, 0.5, false},
		{"beyond its doubt", 0.6, 0.15, true},
		{"not known at all", 0, 2, false},
	} {
		if got := predicted(tt.share, tt.doubt).miss > 0; got != tt.missed {
			t.Errorf("%s: missed %v, want %v", tt.name, got, tt.missed)
		}
	}
}

// What a sensor does while it is not trusted is not held against the model.
func TestFaultIsNotTheModelsFault(t *testing.T) {
	l := newLoop()
	l.run(10*time.Minute, nil)
	before := l.controller.monitor.miss
	for range 20 {
		l.tamper = func(float64) (float64, bool) { return -89, true }
		l.run(20*time.Second, nil)
		l.tamper = nil
		l.run(20*time.Second, func() {
			if l.decision.Mode == Proportional {
				t.Fatalf("at %v the model is given up", l.now)
			}
		})
	}
	if after := l.controller.monitor.miss; after > before+1 {
		t.Errorf("predictions miss by %.1f K, before the faults by %.1f", after, before)
	}
}

// Readings that are missing now and then don't hide that the model errs.
func TestMonitorSurvivesDropouts(t *testing.T) {
	m := predicted(0.3, 0.15)
	for i := range 600 {
		if i%40 == 0 {
			m.pass(8, 0.1)
			continue
		}
		m.check(nominal, temps{40, 40}, 8, 0.1, 0.15)
	}
	if !m.bad {
		t.Errorf("misses by %.1f K, and the model is not given up", m.miss)
	}
}
