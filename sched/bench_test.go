package sched

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// crowd makes a policy of 64 sources of one worker, each with jobs of cost.
func crowd(b *testing.B, cost time.Duration) *lif {
	b.Helper()
	o := Options{}
	for i := range MaxSources {
		o.Sources = append(o.Sources, Source{
			Name: fmt.Sprint("s", i), Period: 30 * time.Millisecond, Weight: 0.1 + 0.9*float64(i)/MaxSources,
			Deadline: 100 * time.Millisecond, StaleAfter: 10 * time.Second, Cost: cost,
		})
	}
	p, err := New(LIF, o)
	if err != nil {
		b.Fatal(err)
	}
	return p.(*lif)
}

// BenchmarkDecision64 is what it takes to decide over 64 neurons.
func BenchmarkDecision64(b *testing.B) {
	// All of them wait; every job that begins is over at once, and its source waits again.
	waiting := func(cost time.Duration) func(b *testing.B) {
		return func(b *testing.B) {
			p := crowd(b, cost)
			r := rand.New(rand.NewPCG(1, 1))
			for i := range p.neurons {
				p.Arrive(0, i, r.Float64())
			}
			now := time.Duration(0)
			b.ReportAllocs()
			for b.Loop() {
				job, ok := p.Next(now)
				if !ok {
					b.Fatal("no job")
				}
				now += 100 * time.Microsecond
				p.Done(now, job, cost)
				p.neurons[job.Source].rested = 0
				p.budget.saved.credit = p.budget.saved.most // and fires whatever it used
				p.Arrive(now, job.Source, r.Float64())
			}
		}
	}
	b.Run("feasible", waiting(100*time.Microsecond))
	b.Run("overloaded", waiting(10*time.Millisecond))
}
