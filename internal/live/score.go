package live

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"atoll/internal/material"
	"atoll/pipeline"
	"atoll/pipeline/fusion"
	"atoll/pipeline/fusion/score"
)

// allowed is how late after its begin an event may be decided to count.
const allowed = 3 * time.Second

// Score is how one policy did. Its JSON has the fields of a simulation's, but an event
// counts once fusion has decided it, not once a job has seen it, and the CPU is
// measured.
type Score struct {
	// Recall is the share of true events that were decided within the time allowed.
	Recall float64 `json:"recall"`
	// CPU is the seconds that the worker's threads were on a CPU, in an hour. The
	// process that plays is not in it: it draws the pictures as well as comparing them,
	// which no real camera makes it do, and as much for one policy as for another.
	CPU float64 `json:"cpu_s_per_h"`
	// LatencyP50 and LatencyP99 are quantiles of the time from the begin of a true
	// event until it was decided. One that was missed counts with the time allowed.
	LatencyP50 float64 `json:"event_latency_p50_ms"`
	LatencyP99 float64 `json:"event_latency_p99_ms"`
	// DeadlineMiss is the share of jobs that ended after their deadline.
	DeadlineMiss float64 `json:"deadline_miss_rate"`
	// Value is the sum of what decided events were worth: 1 at once, falling to
	// nothing after the time allowed.
	Value float64 `json:"value"`
	// MaxStaleness is the longest that an input waited for the end of a job that took
	// it or a newer one.
	MaxStaleness float64 `json:"max_staleness_ms"`
}

// rate compares what was decided in a scene that began at a time with what was true.
func rate(s *material.Scene, begin time.Duration, events []fusion.Event, stats []pipeline.InputStats, used time.Duration) Score {
	r := Score{CPU: used.Seconds() * 3600 / s.For.Seconds()}
	var latencies []time.Duration
	found := 0
	for _, in := range s.Truth {
		late, ok := decided(in, begin, events)
		if ok {
			found++
			r.Value += 1 - float64(late)/float64(allowed)
		}
		latencies = append(latencies, late)
	}
	slices.Sort(latencies)
	r.Recall = float64(found) / float64(max(1, len(s.Truth)))
	r.LatencyP50, r.LatencyP99 = quantile(latencies, 0.5), quantile(latencies, 0.99)
	var jobs, missed uint64
	for _, in := range stats {
		jobs, missed = jobs+in.Jobs, missed+in.Late
		r.MaxStaleness = max(r.MaxStaleness, ms(in.Stalest))
	}
	r.DeadlineMiss = float64(missed) / float64(max(1, jobs))
	return r
}

// decided is how long after the begin of a true event it was decided, or else the time
// that was allowed for it.
func decided(in score.Interval, begin time.Duration, events []fusion.Event) (late time.Duration, ok bool) {
	for _, e := range events {
		late := e.At - begin - in.Start
		if e.Name == in.Kind && e.State == in.Label && late >= 0 && late <= allowed {
			return late, true
		}
	}
	return allowed, false
}

// quantile is the value, in ms, that a share q of a sorted list does not exceed: the
// nearest rank.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return ms(sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)])
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// onCPU is the time that all threads of a process have spent on a CPU: the first
// number of their schedstat (Documentation/scheduler/sched-stats.rst).
func onCPU(pid int) (sum time.Duration, err error) {
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("no /proc/%d/task/*/schedstat: the time of the worker can't be measured on this kernel", pid)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		first, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		sum += time.Duration(ns)
	}
	return sum, err
}
