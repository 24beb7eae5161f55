package selector

import (
	"fmt"
	"time"

	"periph.io/x/conn/v3/physic"

	"atoll/model"
)

// Change is another variant in use, or one that is demoted.
type Change struct {
	At       time.Duration
	Modality model.Modality
	Demoted  bool   // From is out of use until the program starts again
	From, To string // variants; To is "" with Demoted: another change follows if From was in use
	Reason   Reason
	// Of To.
	Accuracy     float64
	Median, High time.Duration // 50 and 95 % of its jobs take at most this
	// Of what is demoted.
	Drift    float64 // mean difference from the baseline
	Compared uint64  // runs of both
	Failures int     // in a row
}

// String is one line for people.
func (c *Change) String() string {
	at := fmt.Sprintf("%10.3fs  %-12v ", c.At.Seconds(), c.Modality)
	switch {
	case c.Demoted && c.Reason == Drifts:
		return at + fmt.Sprintf("%s is demoted: its answers differ from the baseline's by %.3f in the mean of %d", c.From, c.Drift, c.Compared)
	case c.Demoted:
		return at + fmt.Sprintf("%s is demoted: it failed %d times in a row", c.From, c.Failures)
	}
	return at + fmt.Sprintf("%s instead of %s (%v; accuracy %.3f, median %v, 95 %% within %v)",
		c.To, c.From, c.Reason, c.Accuracy, c.Median.Round(10*time.Microsecond), c.High.Round(10*time.Microsecond))
}

// Row is what is known of a variant, and why it is in use or not.
type Row struct {
	Name      string
	Accuracy  float64 // 0: unknown
	Hot, Cold Latency
	Energy    physic.Energy // of a job; 0: unknown
	Metered   bool          // a power sensor corrected it
	Front     bool          // on the Pareto front of those that keep accuracy and budget
	Used      bool
	Why       string
	Drift     float64 // mean difference from the baseline
	Compared  uint64
}

// Latency is how long jobs take. Zero is unknown.
type Latency struct{ Median, High time.Duration }

// Table says of every variant what is known and why it is in use, or is not.
func (s *Selector) Table() []Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	best, _ := s.best()
	safe := s.find(s.keepsSafely)
	if !safe {
		s.find(s.keeps)
	}
	s.onlyFront()
	top := 0.0
	for i := range s.variants {
		if s.usable[i] {
			top = max(top, s.variants[i].Accuracy)
		}
	}
	rows := make([]Row, len(s.variants))
	for i := range s.variants {
		v := &s.variants[i]
		pace := 1.0
		if v.pace > 0 {
			pace = s.pace / v.pace
		}
		rows[i] = Row{
			Name: v.Name, Accuracy: v.Accuracy, Front: s.pareto[i], Used: i == s.current,
			Hot:    Latency{seconds(v.hot.median * pace), seconds(v.hot.high() * pace)},
			Cold:   Latency{seconds(v.cold.median * pace), seconds(v.cold.high() * pace)},
			Energy: physic.Energy(s.energy(v) * float64(physic.Joule)), Metered: v.correction > 0,
			Drift: v.drift, Compared: v.compared,
		}
		switch {
		case i != s.current:
			rows[i].Why = s.whyNot(i, top, safe)
		case best != s.current:
			rows[i].Why = fmt.Sprintf("%s follows: a variant is in use for %v at least", s.variants[best].Name, Dwell)
		default:
			rows[i].Why = s.reason.String()
		}
	}
	return rows
}

// whyNot says why variant i is not in use. The usable ones are those that keep the
// budget, safely if there are such; top is the best of their accuracies.
func (s *Selector) whyNot(i int, top float64, safe bool) string {
	v, used := &s.variants[i], &s.variants[s.current]
	median, high, measured := s.latency(v)
	switch {
	case v.demoted == Drifts:
		return fmt.Sprintf("demoted: its answers differ from the baseline's by %.3f in the mean", v.drift)
	case v.demoted != 0:
		return "demoted: " + v.demoted.String()
	case v.Accuracy == 0 && !v.Baseline:
		return "its accuracy is unknown"
	case v.Accuracy < s.required:
		return fmt.Sprintf("less accurate than the %.3f required", s.required)
	case !measured:
		return "not measured yet"
	case high > s.o.Latency.Seconds():
		return fmt.Sprintf("5 %% of its jobs take longer than %v, the budget is %v", seconds(high).Round(10*time.Microsecond), s.o.Latency)
	case safe && !s.keepsSafely(v):
		return fmt.Sprintf("keeps the budget by less than %.0f %%", 100*Margin)
	}
	if k := s.dominator(i); k >= 0 {
		return s.variants[k].Name + " is at least as accurate, fast and frugal, and better in one"
	}
	switch {
	case s.economy() && s.energy(v) >= s.energy(used):
		return used.Name + " takes less energy"
	case s.economy():
		return fmt.Sprintf("takes less energy by less than %.0f %%: not worth a change", 100*Margin)
	case v.Accuracy < top-SameAccuracy-1e-9:
		return fmt.Sprintf("less accurate than the best by more than %.3f", SameAccuracy)
	case median >= s.median(used):
		return used.Name + " is as accurate, to " + fmt.Sprintf("%.3f", SameAccuracy) + ", and faster"
	}
	return fmt.Sprintf("faster by less than %.0f %%: not worth a change", 100*Margin)
}
