package sched

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestLatencyConverges(t *testing.T) {
	for name, draw := range map[string]func(r *rand.Rand) float64{
		"uniform":     func(r *rand.Rand) float64 { return 1 + 9*r.Float64() },
		"exponential": func(r *rand.Rand) float64 { return 1 + 5*r.ExpFloat64() },
		"two kinds":   func(r *rand.Rand) float64 { return []float64{2, 2, 2, 2, 2, 2, 2, 2, 2, 20}[r.IntN(10)] },
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 1))
			var l latency
			var all []float64
			sum, below, mean := 0.0, 0, 0.0
			const jobs = 20_000
			for k := range jobs {
				x := draw(r)
				if k > jobs/2 && x*float64(time.Millisecond) <= l.high {
					below++
				}
				l.add(time.Duration(x * float64(time.Millisecond)))
				all, sum = append(all, x), sum+x
				if k > jobs/2 {
					mean += l.mean / (jobs/2 - 1)
				}
			}
			slices.Sort(all)
			if got, want := mean/float64(time.Millisecond), sum/jobs; math.Abs(got-want) > 0.05*want {
				t.Errorf("mean %.2f ms, want %.2f", got, want)
			}
			if got := float64(below) / (jobs/2 - 1); math.Abs(got-quantile) > 0.02 {
				t.Errorf("%.3f of jobs take less than high, want %v", got, quantile)
			}
			if l.high < l.mean || l.most < l.high/(1+quantileStep) {
				t.Errorf("mean %v, high %v, most %v", l.mean, l.high, l.most)
			}
		})
	}
}

func TestMostIsForgotten(t *testing.T) {
	var l latency
	l.add(time.Second)
	for range 10_000 {
		l.add(time.Millisecond)
	}
	if got := time.Duration(l.most); got < time.Millisecond || got > 2*time.Millisecond {
		t.Errorf("most %v after 10,000 jobs of 1 ms", got)
	}
}

func TestCostHotAndCold(t *testing.T) {
	const ms = time.Millisecond
	c := newCost(50 * ms)
	for _, step := range []struct {
		what         string
		ends, took   time.Duration // a job, if took is not 0
		now          time.Duration
		mean, worst_ time.Duration
	}{
		{"nothing is known", 0, 0, 0, 50 * ms, 50 * ms},
		{"the first is cold", 100 * ms, 30 * ms, 100 * ms, 30 * ms, 50 * ms},
		{"another is hot", 200 * ms, 10 * ms, 200 * ms, 10 * ms, 50 * ms},
		{"cold after a pause", 0, 0, 3 * time.Second, 30 * ms, 50 * ms},
		{"longer than declared", 5 * time.Second, 80 * ms, 5 * time.Second, 10 * ms, 80 * ms},
		{"in no time, as if it failed", 5 * time.Second, 0, 5 * time.Second, 10 * ms, 80 * ms},
	} {
		if step.took > 0 {
			c.add(step.ends, step.took, 1)
		}
		if got := c.mean(step.now); got != step.mean {
			t.Errorf("%s: mean %v, want %v", step.what, got, step.mean)
		}
		if got := c.worst(); got != step.worst_ {
			t.Errorf("%s: worst %v, want %v", step.what, got, step.worst_)
		}
		if c.high(step.now) < c.mean(step.now) {
			t.Errorf("%s: high %v below mean", step.what, c.high(step.now))
		}
	}
}
