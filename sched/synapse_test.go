package sched

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestSynapses(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		what     string
		frozen   bool
		play     func(s *synapses, r *rand.Rand, at time.Duration) // one round of 10 s
		ab, ba   [2]float32                                        // weights from and to
		from, to float32                                           // both weights at first
	}{
		{
			what: "a pair before an event grows one way",
			play: func(s *synapses, r *rand.Rand, at time.Duration) {
				s.spike(at, 0)
				s.spike(at+200*ms, 1)
				s.reward(at + 500*ms)
			},
			ab: [2]float32{0.4, MaxSynapse}, ba: [2]float32{0, 0},
		},
		{
			what: "reversed it shrinks",
			from: 0.4, to: 0.1,
			play: func(s *synapses, r *rand.Rand, at time.Duration) {
				s.spike(at, 1)
				s.spike(at+200*ms, 0)
				s.reward(at + 500*ms)
			},
			ab: [2]float32{0, 0.05}, ba: [2]float32{0.4, MaxSynapse},
		},
		{
			what: "no event, nothing learned",
			from: 0.2, to: 0.2,
			play: func(s *synapses, r *rand.Rand, at time.Duration) {
				s.spike(at, 0)
				s.spike(at+200*ms, 1)
			},
			ab: [2]float32{0.2, 0.2}, ba: [2]float32{0.2, 0.2},
		},
		{
			what: "an event long after teaches little",
			from: 0.2, to: 0.2,
			play: func(s *synapses, r *rand.Rand, at time.Duration) {
				s.spike(at, 0)
				s.spike(at+200*ms, 1)
				s.reward(at + 9900*ms)
			},
			ab: [2]float32{0.2, 0.26}, ba: [2]float32{0.15, 0.2},
		},
		{
			what: "at random it stays low",
			play: func(s *synapses, r *rand.Rand, at time.Duration) {
				for range 100 {
					at += time.Duration(r.Int64N(int64(200 * ms)))
					s.spike(at, r.IntN(2))
				}
				s.reward(at)
			},
			ab: [2]float32{0, 0.1}, ba: [2]float32{0, 0.1},
		},
		{
			what: "frozen it stays", frozen: true,
			from: 0.3, to: 0.1,
			play: func(s *synapses, r *rand.Rand, at time.Duration) {
				s.spike(at, 0)
				s.spike(at+200*ms, 1)
				s.reward(at + 500*ms)
			},
			ab: [2]float32{0.3, 0.3}, ba: [2]float32{0.1, 0.1},
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 1))
			s := newSynapses(2, c.frozen)
			s.row(0)[1], s.row(1)[0] = c.from, c.to
			for k := range 100 {
				c.play(&s, r, time.Duration(k)*10*time.Second)
			}
			if w := s.row(0)[1]; !(w >= c.ab[0] && w <= c.ab[1]) {
				t.Errorf("weight from the first to the second %v, want %v", w, c.ab)
			}
			if w := s.row(1)[0]; !(w >= c.ba[0] && w <= c.ba[1]) {
				t.Errorf("weight from the second to the first %v, want %v", w, c.ba)
			}
			if s.row(0)[0] != 0 || s.row(1)[1] != 0 {
				t.Errorf("weights to themselves: %v", s.weight)
			}
		})
	}
}

// Hours without a spike or an event must not leave what is not a number.
func TestSynapsesAfterALongPause(t *testing.T) {
	for _, pause := range []time.Duration{time.Second, 99 * time.Second, 101 * time.Second, time.Hour, 1000 * time.Hour} {
		for _, spikes := range []bool{false, true} {
			s := newSynapses(2, false)
			s.spike(0, 0)
			s.spike(100*time.Millisecond, 1)
			if spikes {
				s.spike(pause, 0)
				s.spike(pause+100*time.Millisecond, 1)
			}
			s.reward(pause + time.Second)
			s.reward(2 * pause)
			for _, w := range s.weight {
				if !(w >= 0 && w <= MaxSynapse) {
					t.Errorf("after %v: weights %v", pause, s.weight)
				}
			}
			if w := s.row(0)[1]; spikes && w < 0.005 {
				t.Errorf("after %v nothing is learned of a pair: %v", pause, w)
			}
		}
	}
}

// Of many neurons that fire at random, with events at random, few pairs keep a weight.
func TestRandomPairsEndNearNothing(t *testing.T) {
	const n = 12
	for _, every := range []time.Duration{20 * time.Millisecond, 200 * time.Millisecond, 2 * time.Second} {
		r := rand.New(rand.NewPCG(1, 1))
		s := newSynapses(n, false)
		for k := range s.weight {
			if k/n != k%n {
				s.weight[k] = MaxSynapse / 2
			}
		}
		at, event := time.Duration(0), time.Duration(0)
		sum, looks := 0.0, 0
		for event < 40*time.Minute {
			at += time.Duration(r.ExpFloat64() * float64(every) / n)
			s.spike(at, r.IntN(n))
			if at > event {
				s.reward(at)
				event = at + time.Duration(r.ExpFloat64()*float64(20*time.Second))
				if at > 20*time.Minute {
					for _, w := range s.weight {
						sum += float64(w)
					}
					looks += n * (n - 1)
				}
			}
		}
		if got := sum / float64(looks); got > 0.1*MaxSynapse {
			t.Errorf("a spike every %v: weights of %.3f on average", every, got)
		}
	}
}
