package sched

import (
	"strings"
	"testing"
	"time"

	"atoll/internal/goldentest"
)

// A short scene in which everything is decided at least once, as it is told.
func TestExplain(t *testing.T) {
	list := []Source{
		{Name: "camera", Period: 33 * msec, Weight: 1, Deadline: 70 * msec, StaleAfter: 2 * time.Second, Cost: 30 * msec},
		{Name: "microphone", Period: 32 * msec, Weight: 0.5, Deadline: 50 * msec, StaleAfter: 2 * time.Second, Cost: 20 * msec},
		{Name: "chat", Weight: 0.1, Deadline: 60 * msec, StaleAfter: time.Second, Cost: 40 * msec, All: true},
	}
	var text strings.Builder
	p := at(t, Options{Sources: list, Explain: func(d *Decision) { text.WriteString(d.String() + "\n") }})
	d := drive{policy: p, sources: list, took: func(i int) time.Duration { return list[i].Cost }}
	budget := map[time.Duration]float64{3 * time.Second: 0, 6 * time.Second: 0.5}
	d.at = func(now time.Duration) {
		if share, ok := budget[now.Truncate(time.Second)]; ok {
			p.SetBudget(now, share)
		}
	}
	var inputs []arrival
	add := func(at time.Duration, source int, salience ...float64) {
		for k, s := range salience {
			inputs = append(inputs, arrival{at + time.Duration(k)*33*msec, source, s})
		}
	}
	add(100*msec, 0, 0, 0.05, 0.9, 0.6)
	add(200*msec, 1, 0.8)
	add(201*msec, 0, 0.9)
	add(202*msec, 2, 0.9)
	add(1500*msec, 2, 1)
	add(1501*msec, 0, 1)
	add(1502*msec, 1, 1, 1, 1)
	add(2000*msec, 2, 1)
	add(2001*msec, 0, 1)
	add(2020*msec, 1, 1)
	add(2500*msec, 1, 0)
	add(3100*msec, 0, 1, 1)
	add(3200*msec, 2, 1)
	add(6500*msec, 0, 1)
	d.run(inputs, 8*time.Second)

	got := text.String()
	for _, verdict := range []string{"fires for salience", "fires for arrival", "begins for", "gives way: too much", "gives way: takes about", "dropped", "held back", "stale soon"} {
		if !strings.Contains(got, verdict) {
			t.Errorf("nothing %q is told of", verdict)
		}
	}
	goldentest.Check(t, "explain.txt", []byte(got))
}

func TestCauses(t *testing.T) {
	for c := range Cause(len(causeNames)) {
		if c.String() == "" {
			t.Errorf("cause %d has no name", c)
		}
	}
}
