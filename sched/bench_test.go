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

// BenchmarkMix64 is what it takes per input when inputs of 64 sources come and go:
// Arrive, and what follows of Next, Wake and Done, learning from an event now and then.
func BenchmarkMix64(b *testing.B) {
	p := crowd(b, 100*time.Microsecond)
	r := rand.New(rand.NewPCG(1, 1))
	now, inputs := time.Duration(0), 0
	b.ReportAllocs()
	for b.Loop() {
		now += 200 * time.Microsecond
		p.Arrive(now, inputs%MaxSources, r.Float64()*r.Float64())
		for {
			job, ok := p.Next(now)
			if !ok {
				break
			}
			p.Done(now, job, 100*time.Microsecond)
		}
		p.Wake(now)
		if inputs++; inputs%5000 == 0 {
			p.Event(now)
		}
	}
}

func BenchmarkEvent64(b *testing.B) {
	p := crowd(b, 100*time.Microsecond)
	for b.Loop() {
		p.Event(time.Second)
	}
}

func BenchmarkSee1024(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	var pictures [16][GridSide * GridSide]uint8
	for i := range pictures {
		for k := range pictures[i] {
			pictures[i][k] = uint8(100 + k%50 + r.IntN(8))
		}
	}
	c := NewChange(GridSide*GridSide, GridFloor)
	k := 0
	b.ReportAllocs()
	for b.Loop() {
		c.See(pictures[k%len(pictures)][:])
		if k++; k%8 == 0 {
			c.Inferred()
		}
	}
}

func BenchmarkGrid(b *testing.B) {
	for _, size := range [][2]int{{640, 480}, {1920, 1080}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			pix := make([]byte, 3*size[0]*size[1])
			dst := make([]uint8, GridSide*GridSide)
			b.ReportAllocs()
			for b.Loop() {
				Grid(dst, pix, size[0], size[1])
			}
		})
	}
}

func BenchmarkBandEnergies512(b *testing.B) {
	samples := make([]float32, BandSamples)
	for i := range samples {
		samples[i] = float32(i%17)/17 - 0.5
	}
	var scratch [BandSamples]float32
	dst := make([]uint8, Bands)
	b.ReportAllocs()
	for b.Loop() {
		BandEnergies(dst, samples, &scratch)
	}
}
