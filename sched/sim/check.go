package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"atoll/sched"
)

// Bounds of a trace, so that a file can't take all memory: four hours of a camera at
// 30 pictures a second have 432,000 inputs with 442 MB of features.
const (
	longest      = 4 * time.Hour
	leastStale   = time.Millisecond
	maxArrivals  = 4_000_000
	maxFeatures  = 512 << 20 // bytes, of all inputs
	maxEvents    = 10_000
	maxQuantiles = 1001
	maxName      = 64 // bytes
	maxWeight    = 1e6
	maxWorkers   = 8 // of sched.New
)

// check finds what can't be in a header. What sched.New refuses is not looked at.
func (h *Header) check() error {
	switch {
	case h.Workers < 1 || h.Workers > maxWorkers:
		return fmt.Errorf("workers %d: from 1 to %d", h.Workers, maxWorkers)
	case !(h.Work > 0 && h.Work <= 1):
		return fmt.Errorf("work %v: above 0, up to 1", h.Work)
	case h.For < 0 || h.For > longest:
		return fmt.Errorf("for_ns %d: from 0 to %d (%v)", h.For, longest, longest)
	case len(h.Sources) == 0 || len(h.Sources) > sched.MaxSources:
		return fmt.Errorf("%d sources: from 1 to %d", len(h.Sources), sched.MaxSources)
	case len(h.Events) > maxEvents:
		return fmt.Errorf("%d events: up to %d", len(h.Events), maxEvents)
	}
	for i, s := range h.Sources {
		if err := s.check(h.Workers); err != nil {
			return fmt.Errorf("source %d: %w", i, err)
		}
		if slices.ContainsFunc(h.Sources[:i], func(x Source) bool { return x.Name == s.Name }) {
			return fmt.Errorf("source %d: another is named %s", i, s.Name)
		}
	}
	last := time.Duration(0)
	for k, e := range h.Events {
		if err := h.checkEvent(e); err != nil {
			return fmt.Errorf("event %d: %w", k, err)
		}
		if e.Start < last {
			return fmt.Errorf("event %d: starts before the one before it", k)
		}
		last = e.Start
	}
	return nil
}

func (s Source) check(workers int) error {
	switch {
	case s.Name == "" || len(s.Name) > maxName || strings.ContainsFunc(s.Name, unprintable):
		return fmt.Errorf("name %.80q: 1 to %d bytes that can be printed", s.Name, maxName)
	case s.Kind != Picture && s.Kind != Sound && s.Kind != Text:
		return fmt.Errorf("kind %.20q: there are %s, %s, %s", s.Kind, Picture, Sound, Text)
	case s.Worker < 0 || s.Worker >= workers:
		return fmt.Errorf("worker %d of %d: they count from 0", s.Worker, workers)
	case s.Period < 0 || s.Period > longest:
		return fmt.Errorf("period_ns %d: from 0 to %d", s.Period, longest)
	case !(s.Weight >= 0 && s.Weight <= maxWeight):
		return fmt.Errorf("weight %v: from 0 to %v", s.Weight, maxWeight)
	case s.Deadline <= 0 || s.Deadline > longest:
		return fmt.Errorf("deadline_ns %d: above 0, up to %d", s.Deadline, longest)
	case s.StaleAfter < leastStale || s.StaleAfter > longest:
		return fmt.Errorf("stale_after_ns %d: from %d to %d", s.StaleAfter, leastStale, longest)
	case !(s.Seen > 0 && s.Seen <= 1):
		return fmt.Errorf("seen %v: above 0, up to 1", s.Seen)
	case len(s.Service) == 0 || len(s.Service) > maxQuantiles:
		return fmt.Errorf("%d of service_ns: from 1 to %d", len(s.Service), maxQuantiles)
	case s.Service[0] <= 0 || s.Service[len(s.Service)-1] > longest || !slices.IsSorted(s.Service):
		return fmt.Errorf("service_ns: above 0, up to %d, in order", longest)
	}
	return nil
}

func unprintable(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }

func (h *Header) checkEvent(e Event) error {
	end := longest
	if h.For > 0 {
		end = h.For
	}
	if e.Start < 0 || e.End < e.Start || e.End > end {
		return fmt.Errorf("from %d to %d: within 0 to %d", e.Start, e.End, end)
	}
	if len(e.Sources) == 0 {
		return errors.New("no sources")
	}
	for k, i := range e.Sources {
		if i < 0 || i >= len(h.Sources) {
			return fmt.Errorf("source %d of %d: they count from 0", i, len(h.Sources))
		}
		if slices.Contains(e.Sources[:k], i) {
			return fmt.Errorf("source %d twice", i)
		}
	}
	return nil
}

// course checks arrivals one after the other.
type course struct {
	header   *Header
	last     time.Duration
	arrivals int
	features int
}

func (c *course) check(a Arrival) error {
	if a.Source < 0 || a.Source >= len(c.header.Sources) {
		return fmt.Errorf("source %d of %d: they count from 0", a.Source, len(c.header.Sources))
	}
	end := longest
	if c.header.For > 0 {
		end = c.header.For
	}
	s := &c.header.Sources[a.Source]
	want, _ := s.Kind.features()
	switch {
	case a.At < c.last:
		return fmt.Errorf("at_ns %d: the one before came at %d", a.At, c.last)
	case a.At >= end:
		return fmt.Errorf("at_ns %d: the trace ends at %d", a.At, end)
	case len(a.Features) != want:
		return fmt.Errorf("%d features of %s, a %s: it has %d", len(a.Features), s.Name, s.Kind, want)
	}
	c.last = a.At
	c.arrivals++
	c.features += want
	if c.arrivals > maxArrivals || c.features > maxFeatures {
		return fmt.Errorf("more than %d inputs or %d bytes of features", maxArrivals, maxFeatures)
	}
	return nil
}
