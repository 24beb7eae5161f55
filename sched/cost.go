package sched

import "time"

// latency is what is known of how long one kind of job takes.
type latency struct {
	jobs uint64
	mean float64 // EWMA, ns
	high float64 // a high quantile, ns
	most float64 // the longest, forgotten slowly, ns
}

const (
	meanShare = 1.0 / 16 // of a new latency in the mean
	// The high quantile follows every latency by steps of this share of itself, up
	// with quantile times it and down with the rest: stochastic approximation
	// (Robbins and Monro 1951), which keeps no samples.
	quantile     = 0.95
	quantileStep = 0.05
	mostForgets  = 1.0 / 1024
)

func (l *latency) add(took time.Duration) {
	x := float64(max(took, time.Microsecond))
	if l.jobs++; l.jobs == 1 {
		l.mean, l.high, l.most = x, x, x
		return
	}
	l.mean += meanShare * (x - l.mean)
	if x > l.high {
		l.high *= 1 + quantileStep*quantile
	} else {
		l.high *= 1 - quantileStep*(1-quantile)
	}
	l.high = max(l.high, l.mean)
	l.most = max(x, l.most-mostForgets*(l.most-l.mean))
}

func (l *latency) state() Latency {
	return Latency{Mean: time.Duration(l.mean), High: time.Duration(l.high), Most: time.Duration(l.most)}
}

// restore goes on from s, if that says something.
func (l *latency) restore(s Latency) {
	if s.Mean > 0 {
		*l = latency{jobs: 1, mean: float64(s.Mean), high: float64(s.High), most: float64(s.Most)}
	}
}

// coldAfter is how long a model must not have run for its weights to have left the
// caches: a while in which others ran.
const coldAfter = time.Second

// cost is what a source's jobs take, hot and cold: right after another of the kind,
// and after a pause.
type cost struct {
	hot, cold latency
	prior     time.Duration
	ended     time.Duration // the last one
	any       bool
	each      float64 // mean for each input of a job, ns
}

func newCost(prior time.Duration) cost { return cost{prior: prior, each: float64(prior)} }

// of chooses the kind that a job begun now will be. What is not known yet is taken
// from the other kind.
func (c *cost) of(now time.Duration) *latency {
	if l := c.kind(now); l.jobs > 0 {
		return l
	}
	if c.hot.jobs > 0 {
		return &c.hot
	}
	return &c.cold
}

func (c *cost) kind(now time.Duration) *latency {
	if c.any && now-c.ended <= coldAfter {
		return &c.hot
	}
	return &c.cold
}

// add notes that a job of so many inputs ended now.
func (c *cost) add(now, took time.Duration, inputs int) {
	c.kind(now - took).add(took)
	each := float64(took) / float64(max(1, inputs))
	if !c.any {
		c.each = each
	}
	c.each += meanShare * (each - c.each)
	c.ended, c.any = now, true
}

// mean is what a job begun now takes on average, high what few exceed.
func (c *cost) mean(now time.Duration) time.Duration {
	if l := c.of(now); l.jobs > 0 {
		return time.Duration(l.mean)
	}
	return c.prior
}

func (c *cost) high(now time.Duration) time.Duration {
	if l := c.of(now); l.jobs > 0 {
		return time.Duration(l.high)
	}
	return c.prior
}

// last is what a job takes on average, of the kind that came last.
func (c *cost) last() time.Duration { return c.mean(c.ended) }

// worst is what none is expected to exceed.
func (c *cost) worst() time.Duration {
	return max(c.prior, time.Duration(c.hot.most), time.Duration(c.cold.most))
}
