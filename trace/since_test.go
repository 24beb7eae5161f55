package trace

import (
	"cmp"
	"math/bits"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// after is what has been seen after these jobs, one each second.
func after(jobs []Job) Snapshot {
	s := Snapshot{Source: EBPF, Began: noon, For: time.Duration(len(jobs)) * time.Second, Models: []Model{}, Preemptors: []Holder{}, Slowest: []Job{}}
	for _, j := range jobs {
		i := slices.IndexFunc(s.Models, func(m Model) bool { return m.Modality == j.Modality && m.Variant == j.Variant })
		if i < 0 {
			i, s.Models = len(s.Models), append(s.Models, Model{Modality: j.Modality, Variant: j.Variant})
		}
		m := &s.Models[i]
		add(m, j)
		from := time.Duration(1) << (bits.Len64(uint64(j.Wall)) - 1)
		b := slices.IndexFunc(m.Histogram, func(b Bucket) bool { return b.From == from })
		if b < 0 {
			b, m.Histogram = len(m.Histogram), append(m.Histogram, Bucket{From: from})
		}
		m.Histogram[b].Jobs++
		m.Max = max(m.Max, j.Wall)
		for _, h := range j.Holders {
			k := slices.IndexFunc(s.Preemptors, func(p Holder) bool { return p.PID == h.PID })
			if k < 0 {
				k, s.Preemptors = len(s.Preemptors), append(s.Preemptors, Holder{Task: h.Task, PID: h.PID})
			}
			s.Preemptors[k].Time += h.Time
			s.Preemptors[k].Jobs++
		}
		s.Slowest = append(s.Slowest, j)
	}
	for i := range s.Models {
		m := &s.Models[i]
		slices.SortFunc(m.Histogram, func(a, b Bucket) int { return cmp.Compare(a.From, b.From) })
		m.P50, m.P99 = quantile(m.Histogram, 0.5, m.Max), quantile(m.Histogram, 0.99, m.Max)
	}
	slices.SortFunc(s.Models, func(a, b Model) int { return cmp.Compare(a.Modality, b.Modality) })
	slices.SortStableFunc(s.Slowest, func(a, b Job) int { return cmp.Compare(b.Wall, a.Wall) })
	s.Slowest = s.Slowest[:min(len(s.Slowest), MaxSlowest)]
	slices.SortFunc(s.Preemptors, func(a, b Holder) int { return cmp.Or(cmp.Compare(b.Time, a.Time), a.PID-b.PID) })
	return s
}

// The difference of two snapshots is what would have been seen of the jobs between.
func TestSince(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		jobs := make([]Job, rapid.IntRange(0, 60).Draw(t, "jobs"))
		for i := range jobs {
			j := &jobs[i]
			j.Modality = rapid.SampledFrom([]string{"audio", "text", "vision"}).Draw(t, "modality")
			j.At = noon.Add(time.Duration(i) * time.Second)
			for p := range j.Parts {
				j.Parts[p] = time.Duration(rapid.Int64Range(1, 1e8).Draw(t, "part"))
			}
			j.Wall = j.Parts.Sum()
			j.MinorFaults, j.HardIRQs = rapid.Uint64Range(0, 99).Draw(t, "faults"), 1
			j.MinKHz = 1_000_000
			j.Holders = []Holder{{Task: "t", PID: 1 + i%3, Time: time.Duration(i + 1)}}
		}
		cut := rapid.IntRange(0, len(jobs)).Draw(t, "seen before")
		all, want := after(jobs), after(jobs[cut:])
		got := all.Since(after(jobs[:cut]))
		want.Began = noon.Add(time.Duration(cut) * time.Second)
		for i, m := range want.Models {
			if i >= len(got.Models) {
				break
			}
			g := &got.Models[i]
			if g.Max < m.Max || g.Max > 2*m.Max {
				t.Errorf("%s: max %v, want %v to twice that", m.Modality, g.Max, m.Max)
			}
			g.Histogram = slices.DeleteFunc(g.Histogram, func(b Bucket) bool { return b.Jobs == 0 })
			g.Max, g.P50, g.P99 = m.Max, quantile(g.Histogram, 0.5, m.Max), quantile(g.Histogram, 0.99, m.Max)
		}
		// Of the slowest between, those are told that are among the slowest of all.
		for i, j := range got.Slowest {
			if !reflect.DeepEqual(j, want.Slowest[i]) {
				t.Errorf("slowest %d: got %+v, want %+v", i, j, want.Slowest[i])
			}
		}
		got.Slowest = want.Slowest
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}

func TestSinceAnotherRun(t *testing.T) {
	before, now := after([]Job{ordinary(), ordinary()}), after([]Job{ordinary()})
	if got := now.Since(before); !reflect.DeepEqual(got, now) {
		t.Errorf("went backwards: got %+v, want %+v", got, now)
	}
	before = after(nil)
	before.Began = before.Began.Add(-time.Hour)
	if got := now.Since(before); !reflect.DeepEqual(got, now) {
		t.Errorf("began anew: got %+v, want %+v", got, now)
	}
}

// Where nobody told how long the slowest job between took, the histogram bounds it.
func TestSinceMax(t *testing.T) {
	slow := Job{Wall: 100 * ms}
	before := after(slices.Repeat([]Job{slow}, MaxSlowest))
	now := after(append(slices.Repeat([]Job{slow}, MaxSlowest), Job{Wall: 5 * ms, At: noon}))
	m := now.Since(before).Models[0]
	if got, want := m.Max, time.Duration(1<<23); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	now = after(append(slices.Repeat([]Job{slow}, MaxSlowest), Job{Wall: 101 * ms, At: noon}))
	if got, want := now.Since(before).Models[0].Max, 101*ms; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestQuantile(t *testing.T) {
	h := []Bucket{{1024, 2}, {2048, 0}, {4096, 6}}
	for _, tt := range []struct {
		q       float64
		longest time.Duration
		want    time.Duration
	}{
		{0, 8000, 1024},
		{0.125, 8000, 1536},
		{0.25, 8000, 2048},
		{0.5, 8000, 4096 + 4096/3},
		{1, 9000, 8192},
		{1, 8000, 8000},
	} {
		if got := quantile(h, tt.q, tt.longest); got != tt.want {
			t.Errorf("quantile(%v, longest %d) = %d, want %d", tt.q, tt.longest, got, tt.want)
		}
	}
	if got := quantile(nil, 0.5, 1000); got != 0 {
		t.Errorf("without jobs: %v", got)
	}
	if got := quantile([]Bucket{{1 << 62, 1}}, 1, 1<<63-1); got != 1<<63-1 {
		t.Errorf("at the end of time: %v", got)
	}
}
