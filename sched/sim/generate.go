package sim

import (
	"cmp"
	"math"
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

// measured are quantiles of what a job takes in the real pipeline (0, 25, 50, 75, 90,
// 99 and 100 %, spread evenly over 21): atoll bench scenario, two shared cores of an
// AMD EPYC, 2026-11. Only their ratios count: Scenario.Load scales them all.
var measured = map[Kind][]time.Duration{
	Picture: spread(1500, 1700, 1850, 2100, 2600, 4300, 8000),
	Sound:   spread(140, 170, 190, 220, 280, 600, 1500),
	Text:    spread(60, 75, 90, 110, 150, 300, 900),
}

// spread interpolates the quantiles 0, .25, .5, .75, .9, .99 and 1, in microseconds, at
// steps of 5 %.
func spread(us ...float64) (list []time.Duration) {
	at := []float64{0, 0.25, 0.5, 0.75, 0.9, 0.99, 1}
	for i := range 21 {
		q := float64(i) / 20
		k := min(len(at)-2, max(0, sortedBefore(at, q)-1))
		v := us[k] + (us[k+1]-us[k])*(q-at[k])/(at[k+1]-at[k])
		list = append(list, time.Duration(v*1000))
	}
	return list
}

// sortedBefore is how many of at are at most q.
func sortedBefore(at []float64, q float64) int {
	n := 0
	for _, x := range at {
		if x <= q {
			n++
		}
	}
	return n
}

// Generate draws all that arrives in a scenario from the seed.
func Generate(s Scenario, seed uint64) Trace {
	t := Trace{Workers: max(1, s.Workers), Work: s.Work, For: time.Duration(s.Minutes * float64(time.Minute))}
	g := generator{scenario: s, trace: &t, seed: seed}
	g.microphones()
	g.cameras()
	g.chats()
	g.fused()
	slices.SortStableFunc(t.Arrivals, func(a, b Arrival) int { return cmp.Compare(a.At, b.At) })
	slices.SortStableFunc(t.Events, func(a, b Event) int { return cmp.Compare(a.Start, b.Start) })
	t.scale(s.Load)
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
	g.trace.Sources = append(g.trace.Sources, Source{
		Name: c.Name, Kind: k, Period: period, Weight: c.Weight, Deadline: c.Deadline.Duration,
		StaleAfter: c.StaleAfter.Duration, Seen: c.Seen, Service: measured[k],
	})
	return len(g.trace.Sources) - 1
}

// after draws a time with that mean.
func after(r *rand.Rand, mean strictoml.Duration) time.Duration {
	return time.Duration(r.ExpFloat64() * float64(mean.Duration))
}

func within(r *rand.Rand, x [2]float64) float64 { return x[0] + r.Float64()*(x[1]-x[0]) }

// events draws true events of lo to hi seconds, apart by after.
func (g *generator) events(r *rand.Rand, every strictoml.Duration, source int, lo, hi float64) (list []Event) {
	at := 2*time.Second + after(r, every)
	for at < g.trace.For-5*time.Second {
		end := at + time.Duration(within(r, [2]float64{lo, hi})*float64(time.Second))
		list = append(list, Event{Start: at, End: min(end, g.trace.For), Sources: []int{source}})
		at = end + 500*time.Millisecond + after(r, every)
	}
	return list
}

func (g *generator) chats() {
	for _, c := range g.scenario.Chat {
		r, i := g.stream(), g.add(c.Common, Text, 0)
		for at := 2*time.Second + after(r, c.EventEvery); at < g.trace.For-5*time.Second; at += 5*time.Second + after(r, c.EventEvery) {
			start := at
			for range c.Texts[0] + r.IntN(c.Texts[1]-c.Texts[0]+1) {
				g.trace.Arrivals = append(g.trace.Arrivals, Arrival{At: at, Source: i})
				at += time.Duration((0.3 + 1.5*r.Float64()) * float64(time.Second))
			}
			g.trace.Events = append(g.trace.Events, Event{Start: start, End: at + 3*time.Second, Sources: []int{i}})
		}
	}
}

// fused adds an event for every time at which a face and a voice are there together.
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

func (g *generator) microphones() {
	for _, m := range g.scenario.Microphone {
		r, i := g.stream(), g.add(m.Common, Sound, soundPeriod)
		voices := g.events(r, m.EventEvery, i, 2, 10)
		g.voices = append(g.voices, voices...)
		g.trace.Events = append(g.trace.Events, voices...)
		g.sound(r, m, i, voices)
	}
}

// sound draws the energies of all frames: steady noise, knocks of 100 ms, and voices
// with syllables and pauses between words.
func (g *generator) sound(r *rand.Rand, m Microphone, source int, voices []Event) {
	n, _ := Sound.features()
	base := make([]float64, n) // in half decibels
	for b := range base {
		base[b] = 50 + 30*r.Float64()
	}
	knock, loud, k := after(r, m.Knock), within(r, m.Loud), 0
	for at := soundPeriod; at < g.trace.For; at += soundPeriod {
		for k < len(voices) && at > voices[k].End {
			k, loud = k+1, within(r, m.Loud)
		}
		frame := make([]uint8, n)
		voiced := k < len(voices) && at >= voices[k].Start
		syllable := 0.0
		if voiced {
			t := (at - voices[k].Start).Seconds()
			syllable = 2 * loud * (0.6 + 0.4*math.Sin(2*math.Pi*4*t))
			if math.Mod(t, 1.3) > 1.1 {
				syllable = 0
			}
		}
		if at > knock+100*time.Millisecond {
			knock = at + after(r, m.Knock)
		}
		for b := range frame {
			v := base[b] + 2*m.Noise*r.NormFloat64()
			if voiced && b >= 2 && b <= 6 {
				v = louder(v, base[b]+syllable)
			}
			if at >= knock {
				v = louder(v, base[b]+40)
			}
			frame[b] = clip(v)
		}
		g.trace.Arrivals = append(g.trace.Arrivals, Arrival{At: at, Source: source, Features: frame})
	}
}

// louder is the level of two sounds together, nearly.
func louder(a, b float64) float64 { return max(a, b) }

func clip(v float64) uint8 { return uint8(max(0, min(255, v+0.5))) }
