package sched

import (
	"math/rand/v2"
	"slices"
	"time"
)

// arrival is one input of a trace.
type arrival struct {
	at       time.Duration
	source   int
	salience float64
}

// drive plays arrivals to a policy, as its caller in the pipeline does: Next until there
// is no job, whenever something happened or Wake says.
type drive struct {
	policy  Policy
	sources []Source
	took    func(source int) time.Duration
	at      func(now time.Duration) // called before every Next, if set
	begin   func(now time.Duration, j Job)
	end     func(now time.Duration, j Job, took time.Duration)
	idle    func(now, wake time.Duration, ok bool) // called when Next had no job
}

type flight struct {
	job  Job
	ends time.Duration
	took time.Duration
}

func (d *drive) run(list []arrival, until time.Duration) {
	var flying []flight
	next := 0
	for now := time.Duration(0); ; {
		for {
			if d.at != nil {
				d.at(now)
			}
			j, ok := d.policy.Next(now)
			if !ok {
				break
			}
			if d.begin != nil {
				d.begin(now, j)
			}
			took := d.took(j.Source)
			flying = append(flying, flight{j, now + took, took})
		}
		at := until
		if next < len(list) {
			at = min(at, list[next].at)
		}
		for _, f := range flying {
			at = min(at, f.ends)
		}
		wake, ok := d.policy.Wake(now)
		if d.idle != nil {
			d.idle(now, wake, ok)
		}
		if ok {
			at = min(at, wake)
		}
		if at >= until {
			return
		}
		now = at
		flying = slices.DeleteFunc(flying, func(f flight) bool {
			if f.ends > now {
				return false
			}
			d.policy.Done(now, f.job, f.took)
			if d.end != nil {
				d.end(now, f.job, f.took)
			}
			return true
		})
		for ; next < len(list) && list[next].at <= now; next++ {
			d.policy.Arrive(now, list[next].source, list[next].salience)
		}
	}
}

// periodic draws arrivals of all sources at their periods, with random salience.
func periodic(r *rand.Rand, sources []Source, until time.Duration) []arrival {
	var list []arrival
	for i, s := range sources {
		for at := time.Duration(r.Int64N(int64(s.Period))); at < until; at += s.Period {
			list = append(list, arrival{at, i, r.Float64()})
		}
	}
	slices.SortStableFunc(list, func(a, b arrival) int { return int(a.at - b.at) })
	return list
}
