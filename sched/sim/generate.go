package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"atoll/internal/strictoml"
)

// How often inputs come, as from the real sources.
const (
	picturePeriod = time.Second / 30
	soundPeriod   = 32 * time.Millisecond
)

// Generate draws all that arrives in a scenario from the seed.
func Generate(s Scenario, seed uint64) Trace {
	t := Trace{Header: Header{Workers: s.Workers, Work: s.Work, For: time.Duration(s.Minutes * float64(time.Minute))}}
	g := generator{scenario: s, trace: &t, seed: seed}
	g.microphones()
	g.cameras()
	g.chats()
	g.fused()
	slices.SortStableFunc(t.Arrivals, func(a, b Arrival) int { return cmp.Compare(a.At, b.At) })
	slices.SortStableFunc(t.Events, func(a, b Event) int { return cmp.Compare(a.Start, b.Start) })
	t.Scale(s.Load)
	return t
}

type generator struct {
	scenario Scenario
	trace    *Trace
	seed     uint64
	streams  uint64
	voices   []Event
	faces    []Event
}

// stream is a new stream of random numbers.
func (g *generator) stream() *rand.Rand {
	g.streams++
	return rand.New(rand.NewPCG(g.seed, g.streams))
}

func (g *generator) add(c Common, k Kind, period time.Duration) (index int) {
	index = len(g.trace.Sources)
	g.trace.Sources = append(g.trace.Sources, Source{
		Name: c.Name, Kind: k, Worker: index % g.trace.Workers, Period: period, Weight: c.Weight,
		Deadline: c.Deadline.Duration, StaleAfter: c.StaleAfter.Duration, Seen: c.Seen, Service: service(k),
	})
	return index
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// after draws a time with that mean.
func after(r *rand.Rand, mean strictoml.Duration) time.Duration {
	return time.Duration(r.ExpFloat64() * float64(mean.Duration))
}

func within(r *rand.Rand, lo, hi float64) float64 { return lo + r.Float64()*(hi-lo) }

// lead and tail are free of the begins of events: time to get to know the scene, and to
// find out the last one.
const (
	lead = 2 * time.Second
	tail = 5 * time.Second
)

// events draws true events of lo to hi seconds.
func (g *generator) events(r *rand.Rand, every strictoml.Duration, source int, lo, hi float64) (list []Event) {
	for at := lead + after(r, every); at < g.trace.For-tail; {
		end := at + seconds(within(r, lo, hi))
		list = append(list, Event{Start: at, End: min(end, g.trace.For), Sources: []int{source}})
		at = end + time.Second/2 + after(r, every)
	}
	return list
}

// chats draws bursts of texts. Each is an event, from its first text until some seconds
// after the last.
func (g *generator) chats() {
	for _, c := range g.scenario.Chat {
		r, i := g.stream(), g.add(c.Common, Text, 0)
		for at := lead + after(r, c.EventEvery); at < g.trace.For-tail; at += tail + after(r, c.EventEvery) {
			start := at
			for range c.Texts[0] + r.IntN(c.Texts[1]-c.Texts[0]+1) {
				if at < g.trace.For {
					g.trace.Arrivals = append(g.trace.Arrivals, Arrival{At: at, Source: i})
				}
				at += seconds(within(r, 0.3, 1.8))
			}
			g.trace.Events = append(g.trace.Events, Event{Start: start, End: min(at+3*time.Second, g.trace.For), Sources: []int{i}})
		}
	}
}

// fused adds an event for every time in which a face and a voice are there together.
func (g *generator) fused() {
	for _, f := range g.faces {
		for _, v := range g.voices {
			start, end := max(f.Start, v.Start), min(f.End, v.End)
			if end-start > time.Second {
				g.trace.Events = append(g.trace.Events, Event{Start: start, End: end, Sources: []int{f.Sources[0], v.Sources[0]}})
			}
		}
	}
}

func clip(v float64) uint8 { return uint8(max(0, min(255, v+0.5))) }
