package actuator

import (
	"math"
	"testing"
	"time"
)

func TestBudget(t *testing.T) {
	b := newBudget()
	if got := b.Share(); got != 1 {
		t.Errorf("at first %v, want 1", got)
	}
	for _, c := range []struct {
		share, want float64
		changed     bool
	}{{1, 1, false}, {0.5, 0.5, true}, {0.5, 0.5, false}, {-3, 0, true}, {math.Inf(1), 1, true}, {math.NaN(), 0, true}} {
		changed, err := b.Apply(Setting{Share: c.share})
		if err != nil || changed != c.changed || b.Share() != c.want {
			t.Errorf("%v: changed %v, %v, share %v; want %v, share %v", c.share, changed, err, b.Share(), c.changed, c.want)
		}
	}
	if err := b.Restore(); err != nil || b.Share() != 1 {
		t.Errorf("restored: %v, %v; want 1", b.Share(), err)
	}
}

func TestPrecision(t *testing.T) {
	now := time.Unix(0, 0)
	p := newPrecision(func() time.Time { return now })
	for i, c := range []struct {
		after time.Duration
		share float64
		want  bool
	}{
		{0, 1, false},
		{time.Second, 0.6, false},
		{time.Second, 0.59, true}, // at once
		{time.Hour, 0.8, true},    // not above
		{time.Second, 0.81, true}, // the dwell begins
		{9 * time.Second, 0.9, true},
		{time.Second, 0.7, true}, // and begins anew
		{time.Second, 0.9, true},
		{9999 * time.Millisecond, 0.9, true},
		{time.Millisecond, 0.9, false},
		{0, 0.1, true},
		{time.Hour, 0.9, true}, // the last dwell does not count
	} {
		now = now.Add(c.after)
		before := p.Economy()
		changed, err := p.Apply(Setting{Share: c.share})
		if err != nil || p.Economy() != c.want || changed != (before != c.want) {
			t.Errorf("step %d: economy %v, changed %v, %v; want %v", i, p.Economy(), changed, err, c.want)
		}
	}
	if err := p.Restore(); err != nil || p.Economy() {
		t.Errorf("restored: economy %v, %v; want false", p.Economy(), err)
	}
}
