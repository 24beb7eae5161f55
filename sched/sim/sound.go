package sim

import (
	"math"
	"math/rand/v2"
	"time"

	"atoll/sched"
)

func (g *generator) microphones() {
	for _, m := range g.scenario.Microphone {
		r, i := g.stream(), g.add(m.Common, Sound, soundPeriod)
		voices := g.events(r, m.EventEvery, i, 2, 10)
		g.voices = append(g.voices, voices...)
		g.trace.Events = append(g.trace.Events, voices...)
		room := newRoom(r, m)
		for at := soundPeriod; at < g.trace.For; at += soundPeriod {
			g.trace.Arrivals = append(g.trace.Arrivals, Arrival{At: at, Source: i, Features: room.frame(at, voices)})
		}
	}
}

const knockTime = 100 * time.Millisecond

// room is what a microphone hears: steady noise, knocks and voices. Levels are in half
// decibels, as those of sched.BandEnergies.
type room struct {
	random     *rand.Rand
	microphone Microphone
	base       [sched.Bands]float64
	knock      time.Duration // when the last or next one begins
	voice      int           // the current or next one
	loud       float64       // of it, above the noise
}

func newRoom(r *rand.Rand, m Microphone) *room {
	room := &room{random: r, microphone: m}
	for b := range room.base {
		room.base[b] = within(r, 50, 80)
	}
	room.knock, room.loud = after(r, m.Knock), room.loudness()
	return room
}

func (r *room) loudness() float64 {
	return 2 * within(r.random, r.microphone.Loud[0], r.microphone.Loud[1])
}

// frame is the sound at a time, one period after the last. Of sounds together the
// loudest counts.
func (r *room) frame(at time.Duration, voices []Event) []uint8 {
	for r.voice < len(voices) && at > voices[r.voice].End {
		r.voice++
		r.loud = r.loudness()
	}
	if at > r.knock+knockTime {
		r.knock = at + after(r.random, r.microphone.Knock)
	}
	speech := 0.0
	if r.voice < len(voices) && at >= voices[r.voice].Start {
		speech = r.loud * syllable((at - voices[r.voice].Start).Seconds())
	}
	frame := make([]uint8, len(r.base))
	for b, base := range r.base {
		v := base + 2*r.microphone.Noise*r.random.NormFloat64()
		if speech > 0 && b >= 2 && b <= 6 { // 62 Hz to 2 kHz
			v = max(v, base+speech)
		}
		if at >= r.knock {
			v = max(v, base+40)
		}
		frame[b] = clip(v)
	}
	return frame
}

// syllable is how loud a voice is after t seconds, 0 to 1: four syllables a second, and
// a pause of 0.2 s after every 1.1 s.
func syllable(t float64) float64 {
	if math.Mod(t, 1.3) > 1.1 {
		return 0
	}
	return 0.6 + 0.4*math.Sin(2*math.Pi*4*t)
}
