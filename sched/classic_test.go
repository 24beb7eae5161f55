package sched

import (
	"math"
	"slices"
	"testing"
	"time"
)

// The order in which each policy takes the same inputs, which all wait for one worker.
func TestClassicOrders(t *testing.T) {
	list := []Source{
		{Name: "slow", Period: time.Second, Deadline: 300 * msec, Cost: 10 * msec},
		{Name: "fast", Period: 33 * msec, Deadline: 200 * msec, Cost: 10 * msec},
		{Name: "long", Period: 500 * msec, Deadline: 260 * msec, Cost: 150 * msec},
		{Name: "text", Deadline: 400 * msec, Cost: 10 * msec},
	}
	for i := range list {
		list[i].Weight, list[i].StaleAfter = 1, time.Second
	}
	come := []int{3, 0, 2, 1} // one every ms
	for _, c := range []struct {
		policy string
		want   []int
	}{
		{EveryFrame, come},
		{FIFO, come},
		{RoundRobin, []int{0, 1, 2, 3}},
		{RateMonotonic, []int{1, 2, 0, 3}},
		{EDF, []int{1, 2, 0, 3}},
		{EDFInLine, []int{1, 2, 0, 3}},
		{LeastSlack, []int{2, 1, 0, 3}},
	} {
		p := mustNew(t, c.policy, Options{Sources: list})
		for k, i := range come {
			p.Arrive(time.Duration(k)*msec, i, 0)
		}
		var got []int
		for now := 10 * msec; len(got) < len(come); now += msec {
			j := next(t, p, now)
			got = append(got, j.Source)
			p.Done(now, j, list[j.Source].Cost/100)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.policy, got, c.want)
		}
	}
}

func TestRoundRobinGoesRound(t *testing.T) {
	p := mustNew(t, RoundRobin, Options{Sources: sources(3)})
	var got []int
	now := time.Duration(0)
	for range 7 {
		for i := range 3 {
			p.Arrive(now, i, 0)
		}
		j := next(t, p, now)
		got = append(got, j.Source)
		now += 10 * msec
		p.Done(now, j, 10*msec)
	}
	if want := []int{0, 1, 2, 0, 1, 2, 0}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A newer input has a deadline of its own, or that of the one whose place it takes.
func TestReplacedDeadlines(t *testing.T) {
	list := sources(2)
	list[1].Deadline = 130 * msec
	for policy, want := range map[string]int{EDF: 1, EDFInLine: 0, FIFO: 0} {
		p := mustNew(t, policy, Options{Sources: list})
		p.Arrive(0, 0, 0)       // due at 100 ms
		p.Arrive(10*msec, 1, 0) // at 140
		p.Arrive(50*msec, 0, 0) // at 150
		j := next(t, p, 60*msec)
		if j.Source != want {
			t.Errorf("%s: source %d first, want %d", policy, j.Source, want)
		}
		if j.Source == 0 && (j.Arrived != 50*msec || j.Unseen != 0 || j.Deadline != 150*msec) {
			t.Errorf("%s: job %+v", policy, j)
		}
	}
}

// What is too late already waits for what is not.
func TestTooLateGoesLast(t *testing.T) {
	list := sources(2)
	list[1].Deadline = time.Second
	for _, policy := range []string{EDF, EDFInLine, LeastSlack} {
		p := mustNew(t, policy, Options{Sources: list})
		p.Arrive(0, 0, 0)
		p.Arrive(0, 1, 0)
		if j := next(t, p, 200*msec); j.Source != 1 {
			t.Errorf("%s: source %d first, which is late", policy, j.Source)
		}
	}
}

func TestClassicWorkersApart(t *testing.T) {
	list := sources(3)
	list[2].Worker = 1
	p := mustNew(t, FIFO, Options{Sources: list, Workers: 2})
	for i := range 3 {
		p.Arrive(time.Duration(i), i, 0)
	}
	first, second := next(t, p, msec), next(t, p, msec)
	if first.Source != 0 || second.Source != 2 {
		t.Errorf("jobs of %d and %d, want 0 and 2", first.Source, second.Source)
	}
	none(t, p, msec)
	if at, ok := p.Wake(msec); ok {
		t.Errorf("wakes at %v, while both work", at)
	}
}

// However few are let through, they are as many as they should be.
func TestThinningIsEven(t *testing.T) {
	p := mustNew(t, FIFO, Options{Sources: sources(1)}).(*classic)
	for _, share := range []float64{1, 0.7, 0.4, 0.05} {
		// As much arrives as one worker can do, and heat leaves the share of that.
		p.budget = newBudget(Options{Work: 1, Workers: 1})
		p.budget.share, p.budget.at = share, time.Hour
		p.budget.demand = float64(demandTime)
		admitted, since := 0, 0
		for range 1000 {
			since++
			if p.admits(&p.sources[0]) {
				if float64(since) > 1/share+1 {
					t.Errorf("share %v: %d left out in a row", share, since)
				}
				admitted, since = admitted+1, 0
			}
		}
		if got := float64(admitted) / 1000; math.Abs(got-share) > 0.002 {
			t.Errorf("share %v: %v are let through", share, got)
		}
	}
}
