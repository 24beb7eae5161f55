package trace

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Since is what happened after earlier, an older snapshot of the same run; of another
// run, all of s did. Two figures are not known from snapshots: a Max that is none of
// the slowest jobs is the upper end of the histogram's last bucket, and the time of a
// preemptor that was not among the first before is all of its time.
func (s Snapshot) Since(earlier Snapshot) Snapshot {
	if !s.Began.Equal(earlier.Began) || s.For < earlier.For {
		return s
	}
	d := s
	d.Began, d.For = earlier.Began.Add(earlier.For), s.For-earlier.For
	d.Lost = less(s.Lost, earlier.Lost)
	d.Slowest = slices.DeleteFunc(append([]Job{}, s.Slowest...), func(j Job) bool {
		return slices.ContainsFunc(earlier.Slowest, j.same)
	})
	d.Models = []Model{}
	for _, m := range s.Models {
		i := slices.IndexFunc(earlier.Models, func(e Model) bool { return e.Modality == m.Modality && e.Variant == m.Variant })
		if i >= 0 {
			m = m.since(&earlier.Models[i], d.Slowest)
		}
		if m.Jobs > 0 {
			d.Models = append(d.Models, m)
		}
	}
	d.Preemptors = since(s.Preemptors, earlier.Preemptors)
	return d
}

// same reports whether both are one inference.
func (j Job) same(k Job) bool {
	return j.Modality == k.Modality && j.Variant == k.Variant && j.At.Equal(k.At) && j.Wall == k.Wall
}

// since is m less e; slowest are jobs that came after e.
func (m Model) since(e *Model, slowest []Job) Model {
	if m.Jobs > e.Jobs {
		m.MeanKHz = uint64(max(0, (float64(m.MeanKHz)*float64(m.Jobs)-float64(e.MeanKHz)*float64(e.Jobs))/float64(m.Jobs-e.Jobs)))
	}
	m.Jobs = less(m.Jobs, e.Jobs)
	m.Wall = max(0, m.Wall-e.Wall)
	for i := range m.Parts {
		m.Parts[i] = max(0, m.Parts[i]-e.Parts[i])
	}
	m.Counts = m.Counts.since(e.Counts)
	m.Helpers.OnCPU = max(0, m.Helpers.OnCPU-e.Helpers.OnCPU)
	m.Helpers.Waiting = max(0, m.Helpers.Waiting-e.Helpers.Waiting)
	buckets := []Bucket{}
	for _, b := range m.Histogram {
		if i := slices.IndexFunc(e.Histogram, func(o Bucket) bool { return o.From == b.From }); i >= 0 {
			b.Jobs = less(b.Jobs, e.Histogram[i].Jobs)
		}
		buckets = append(buckets, b)
	}
	m.Histogram = trim(buckets)
	m.Max = m.longest(slowest)
	m.P50, m.P99 = quantile(m.Histogram, 0.50, m.Max), quantile(m.Histogram, 0.99, m.Max)
	return m
}

// longest is the wall time of the slowest of these jobs that is one of m: no other can
// be slower. Without one it is the end of the last bucket.
func (m *Model) longest(slowest []Job) time.Duration {
	longest := time.Duration(0)
	for i := range slowest {
		if j := &slowest[i]; j.Modality == m.Modality && j.Variant == m.Variant {
			longest = max(longest, j.Wall)
		}
	}
	if n := len(m.Histogram); longest == 0 && n > 0 {
		longest = min(m.Max, end(m.Histogram[n-1]))
	}
	return longest
}

func (c Counts) since(e Counts) Counts {
	return Counts{
		MinorFaults: less(c.MinorFaults, e.MinorFaults),
		MajorFaults: less(c.MajorFaults, e.MajorFaults),
		Preemptions: less(c.Preemptions, e.Preemptions),
		Migrations:  less(c.Migrations, e.Migrations),
		FreqChanges: less(c.FreqChanges, e.FreqChanges),
		HardIRQs:    less(c.HardIRQs, e.HardIRQs),
		SoftIRQs:    less(c.SoftIRQs, e.SoftIRQs),
	}
}

// since is each holder's time less what it had held before, longest first.
func since(list, earlier []Holder) []Holder {
	d := []Holder{}
	for _, h := range list {
		if i := slices.IndexFunc(earlier, func(e Holder) bool { return e.PID == h.PID && e.Task == h.Task }); i >= 0 {
			h.Time, h.Jobs = h.Time-earlier[i].Time, less(h.Jobs, earlier[i].Jobs)
		}
		if h.Time > 0 {
			d = append(d, h)
		}
	}
	slices.SortStableFunc(d, func(a, b Holder) int { return cmp.Compare(b.Time, a.Time) })
	return d
}

// less is a - b, or 0.
func less(a, b uint64) uint64 { return a - min(a, b) }

// trim leaves out the buckets before the first job and after the last.
func trim(h []Bucket) []Bucket {
	empty := func(b Bucket) bool { return b.Jobs == 0 }
	for len(h) > 0 && empty(h[0]) {
		h = h[1:]
	}
	for len(h) > 0 && empty(h[len(h)-1]) {
		h = h[:len(h)-1]
	}
	return h
}

// end is where the next bucket begins.
func end(b Bucket) time.Duration {
	if b.From > math.MaxInt64/2 {
		return math.MaxInt64
	}
	return b.From + max(b.From, 1)
}

// quantile is the time that the share q of a histogram's jobs took at most,
// interpolated within its bucket; never more than the longest. Without jobs it is 0.
func quantile(h []Bucket, q float64, longest time.Duration) time.Duration {
	var all, below float64
	for _, b := range h {
		all += float64(b.Jobs)
	}
	if all == 0 {
		return 0
	}
	for _, b := range h {
		jobs := float64(b.Jobs)
		if below+jobs >= q*all && jobs > 0 {
			within := (q*all - below) / jobs
			t := float64(b.From) + within*float64(end(b)-b.From)
			if t >= float64(longest) {
				return longest
			}
			return time.Duration(t)
		}
		below += jobs
	}
	return longest
}
