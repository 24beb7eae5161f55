package sched

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// waits puts jobs of one worker in line, with values, times and deadlines in ms.
func waits(t *testing.T, jobs [][3]int) (*lif, *worker) {
	t.Helper()
	p := at(t, Options{Sources: sources(len(jobs))})
	w := &p.workers[0]
	for i, j := range jobs {
		p.neurons[i].waiting, p.neurons[i].fresh = true, true
		job := pending{source: uint8(i), deadline: time.Duration(j[2]) * msec}
		job.price(float64(j[0]), time.Duration(j[1])*msec)
		p.neurons[i].cost.add(0, time.Duration(j[1])*msec, 1)
		w.queue(job)
	}
	return p, w
}

// line picks until nothing waits.
func line(p *lif, w *worker, now time.Duration) (order []int) {
	for len(w.jobs) > 0 {
		k := p.pick(now, w)
		order = append(order, int(w.jobs[k].source))
		now += w.jobs[k].takes
		w.leave(k)
	}
	return order
}

func TestPick(t *testing.T) {
	for _, c := range []struct {
		what    string
		jobs    [][3]int // value, time, deadline
		want    []int
		gaveWay []int
	}{
		{"one", [][3]int{{1, 10, 100}}, []int{0}, nil},
		{"by value for time, as all can be in time", [][3]int{{1, 10, 100}, {5, 10, 200}, {9, 10, 300}}, []int{2, 1, 0}, nil},
		{"by deadline, else one is late", [][3]int{{1, 10, 15}, {5, 10, 20}, {9, 10, 30}}, []int{0, 1, 2}, nil},
		{"at overload the least goes last", [][3]int{{3, 10, 10}, {1, 10, 20}, {2, 10, 20}}, []int{0, 2, 1}, []int{1}},
		{"not the least value, but for its time", [][3]int{{4, 40, 45}, {1, 5, 20}, {1, 5, 45}}, []int{1, 2, 0}, []int{0}},
		{"two give way, the better first", [][3]int{{1, 10, 10}, {2, 10, 10}, {3, 10, 10}}, []int{2, 1, 0}, []int{0, 1}},
		{"too late already", [][3]int{{9, 10, 5}, {1, 10, 20}}, []int{1, 0}, []int{0}},
		{"what comes after the missed deadline need not", [][3]int{{2, 20, 20}, {3, 20, 30}, {1, 5, 500}}, []int{2, 1, 0}, []int{0}},
		{"worth nothing", [][3]int{{0, 10, 10}, {0, 10, 20}}, []int{0, 1}, nil},
	} {
		t.Run(c.what, func(t *testing.T) {
			p, w := waits(t, c.jobs)
			p.pick(0, w)
			var gaveWay []int
			for _, j := range w.jobs {
				if j.gaveWay {
					gaveWay = append(gaveWay, int(j.source))
				}
			}
			slices.Sort(gaveWay)
			if !slices.Equal(gaveWay, c.gaveWay) {
				t.Errorf("gave way: %v, want %v", gaveWay, c.gaveWay)
			}
			for i, n := range p.neurons {
				if want := slices.Contains(c.gaveWay, i); (n.gaveWay == 1) != want {
					t.Errorf("neuron %d gave way %d times", i, n.gaveWay)
				}
			}
			if got := line(p, w, 0); !slices.Equal(got, c.want) {
				t.Errorf("order %v, want %v", got, c.want)
			}
		})
	}
}

// What may not give way does not, even if all others must.
func TestAllNeverGivesWay(t *testing.T) {
	p, w := waits(t, [][3]int{{1, 50, 10}, {9, 10, 20}, {9, 10, 70}})
	for k := range w.jobs {
		w.jobs[k].all = w.jobs[k].source == 0
	}
	p.pick(0, w)
	for _, j := range w.jobs {
		if got, want := j.gaveWay, j.source == 1; got != want {
			t.Errorf("job of %d gave way: %v, want %v", j.source, got, want)
		}
	}
}

// Against the definition, with a search for the least each time.
func TestGiveWayAsDefined(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		var jobs [][3]int
		for range 1 + r.IntN(20) {
			jobs = append(jobs, [3]int{r.IntN(50), 1 + r.IntN(30), 1 + r.IntN(200)})
		}
		p, w := waits(t, jobs)
		for k := range w.jobs {
			w.jobs[k].all = r.IntN(8) == 0
			w.jobs[k].gaveWay = r.IntN(8) == 0
		}
		want := slices.Clone(w.jobs)
		end := time.Duration(0)
		for k := range want {
			if want[k].gaveWay {
				continue
			}
			end += want[k].takes
			for end > want[k].deadline && !want[k].gaveWay {
				least := -1
				for i := range want[:k+1] {
					if j := want[i]; !j.gaveWay && !j.all && (least < 0 || j.density < want[least].density) {
						least = i
					}
				}
				if least < 0 {
					break
				}
				want[least].gaveWay = true
				end -= want[least].takes
			}
		}
		p.giveWay(0, w)
		// Of several that are worth the same, either may.
		for k := range want {
			if same := slices.ContainsFunc(want, func(j pending) bool {
				return j.source != want[k].source && j.density == want[k].density
			}); !same && want[k].gaveWay != w.jobs[k].gaveWay {
				t.Fatalf("jobs %v: %d gave way: %v", jobs, w.jobs[k].source, w.jobs[k].gaveWay)
			}
		}
	}
}

// Jobs that can all be in time are, whatever their values.
func TestFeasibleAllInTime(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		var jobs [][3]int
		end := 0
		for range 1 + r.IntN(20) {
			takes := 1 + r.IntN(30)
			end += takes
			jobs = append(jobs, [3]int{r.IntN(50), takes, end + r.IntN(100)})
		}
		p, w := waits(t, jobs)
		now := time.Duration(0)
		for len(w.jobs) > 0 {
			k := p.pick(now, w)
			if now += w.jobs[k].takes; now > w.jobs[k].deadline {
				t.Fatalf("jobs %v: %d ends at %v", jobs, w.jobs[k].source, now)
			}
			w.leave(k)
		}
	}
}

// A newer input takes the place of one that waited, and a new place if that was lost.
func TestReplace(t *testing.T) {
	p := at(t, Options{Sources: sources(2)})
	p.Arrive(0, 0, 1)
	p.Arrive(10*msec, 1, 1)
	p.Arrive(20*msec, 0, 1)
	w := &p.workers[0]
	if w.jobs[0].source != 0 || w.jobs[0].deadline != 100*msec {
		t.Errorf("first %+v: its place is kept", w.jobs[0])
	}
	w.jobs[0].gaveWay = true
	p.Arrive(30*msec, 0, 1)
	if w.jobs[1].source != 0 || w.jobs[1].deadline != 130*msec || w.jobs[1].gaveWay {
		t.Errorf("last %+v: it comes anew", w.jobs[1])
	}
	if p.neurons[0].dropped != 1 {
		t.Errorf("%d dropped, want 1", p.neurons[0].dropped)
	}
	p.Arrive(150*msec, 1, 1)
	if w.jobs[1].source != 1 || w.jobs[1].deadline != 250*msec {
		t.Errorf("last %+v: its deadline had passed", w.jobs[1])
	}
}
