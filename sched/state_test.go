package sched

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// learned makes a policy that has worked for a while.
func learned(t testing.TB, list []Source) *lif {
	t.Helper()
	p := mustNew(t, LIF, Options{Sources: list}).(*lif)
	r := rand.New(rand.NewPCG(1, 1))
	d := drive{policy: p, sources: list, took: func(int) time.Duration { return time.Duration(1 + r.Int64N(int64(10*msec))) }}
	jobs := 0
	d.end = func(now time.Duration, _ Job, _ time.Duration) {
		if jobs++; jobs%50 == 0 {
			p.Event(now)
		}
	}
	d.run(periodic(r, list, time.Minute), time.Minute)
	for k := range p.synapses.weight {
		if k/len(list) != k%len(list) {
			p.synapses.weight[k] = float32(k) / float32(len(p.synapses.weight)) * MaxSynapse
		}
	}
	return p
}

func TestStateRoundTrip(t *testing.T) {
	list := sources(5)
	old := learned(t, list)
	data, err := json.Marshal(old.State())
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseState(data)
	if err != nil {
		t.Fatal(err)
	}
	again := mustNew(t, LIF, Options{Sources: list, Freeze: true}).(*lif)
	if err := again.Restore(s); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.State(), old.State()) {
		t.Errorf("%+v, want %+v", again.State(), old.State())
	}
	if got, want := again.neurons[2].calm, 2*time.Second-6*10*msec; got != want {
		t.Errorf("calm for %v, want %v", got, want)
	}
	s.Sources[1].Cold.Most = time.Second // longer than was declared
	if err := again.Restore(s); err != nil {
		t.Fatal(err)
	}
	if got, want := again.neurons[2].calm, time.Second; got != want {
		t.Errorf("calm for %v, want half of the time, %v", got, want)
	}
	if got, want := again.neurons[2].cost.mean(0), time.Duration(old.neurons[2].cost.hot.mean); got != want && got != time.Duration(old.neurons[2].cost.cold.mean) {
		t.Errorf("a job takes %v, want %v", got, want)
	}
}

// Sources that were renamed, added, removed or put in another order.
func TestRestoreByName(t *testing.T) {
	old := learned(t, sources(4)).State()
	list := sources(5)
	list[0].Name, list[1].Name, list[2].Name = "s2", "new", "s0"
	p := mustNew(t, LIF, Options{Sources: list}).(*lif)
	for i := range list {
		for j := range list {
			if i != j {
				p.synapses.row(i)[j] = 0.125
			}
		}
	}
	if err := p.Restore(old); err != nil {
		t.Fatal(err)
	}
	was := map[string]int{"s0": 0, "s1": 1, "s2": 2, "s3": 3}
	for i := range list {
		k, known := was[list[i].Name]
		if got := p.neurons[i].cost.hot.jobs > 0; got != known {
			t.Errorf("source %s: costs known %v, want %v", list[i].Name, got, known)
		}
		for j := range list {
			l, knownToo := was[list[j].Name]
			want := float32(0.125)
			if known && knownToo {
				want = old.Weights[k][l]
			}
			if got := p.synapses.row(i)[j]; i != j && got != want {
				t.Errorf("weight from %s to %s: %v, want %v", list[i].Name, list[j].Name, got, want)
			}
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		what   string
		change func(s *State)
		want   string
	}{
		{"nothing", func(s *State) { *s = State{} }, "version 0, not 1"},
		{"a version to come", func(s *State) { s.Version = 2 }, "version 2, not 1"},
		{"more sources than rows", func(s *State) { s.Weights = s.Weights[:1] }, "2 sources and weights of 1"},
		{"more rows than sources", func(s *State) { s.Sources = s.Sources[:1] }, "1 sources and weights of 2"},
		{"a short row", func(s *State) { s.Weights[1] = s.Weights[1][:1] }, "source s1: 1 weights for 2"},
		{"a long row", func(s *State) { s.Weights[0] = make([]float32, 3) }, "source s0: 3 weights for 2"},
		{"too many", func(s *State) {
			s.Sources = make([]SourceState, 65)
			s.Weights = make([][]float32, 65)
		}, "65 sources"},
		{"a weight that is no number", func(s *State) { s.Weights[0][1] = nan }, "weight NaN"},
		{"a weight below 0", func(s *State) { s.Weights[0][1] = -0.1 }, "weight -0.1"},
		{"a weight too large", func(s *State) { s.Weights[1][0] = 0.51 }, "weight 0.51 to s0"},
		{"a weight without end", func(s *State) { s.Weights[1][0] = float32(math.Inf(1)) }, "weight +Inf"},
		{"one to itself", func(s *State) { s.Weights[1][1] = 0.1 }, "to itself 0"},
		{"no name", func(s *State) { s.Sources[1].Name = "" }, `named ""`},
		{"a name twice", func(s *State) { s.Sources[1].Name = "s0" }, `named "s0"`},
		{"a cost below 0", func(s *State) { s.Sources[1].Hot.Mean = -1 }, "take -1ns"},
		{"no mean", func(s *State) { s.Sources[1].Hot.Mean = 0 }, "take 0s"},
		{"a mean above high", func(s *State) { s.Sources[1].Cold.High = s.Sources[1].Cold.Mean - 1 }, "none of them below"},
		{"a mean above most", func(s *State) { s.Sources[1].Cold.Most = s.Sources[1].Cold.Mean - 1 }, "none of them below"},
		{"more than a day", func(s *State) { s.Sources[1].Hot.Most = 25 * time.Hour }, "at most 25h"},
	} {
		p := learned(t, sources(2))
		before := p.State()
		s := p.State()
		s.Weights[0][1] = 0.25 // what must not come through
		c.change(&s)
		if err := p.Restore(s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
		if !reflect.DeepEqual(p.State(), before) {
			t.Errorf("%s: the policy changed", c.what)
		}
	}
}

func TestParseStateRefuses(t *testing.T) {
	for _, text := range []string{
		"", "null x", "[]", `{"version":"1"}`, `{"version":1,"more":2}`, `{"version":1} {}`,
		`{"version":1,"weights":[[1e99]]}`, strings.Repeat(" ", MaxState+1),
	} {
		if s, err := ParseState([]byte(text)); err == nil {
			t.Errorf("%.40q: %+v", text, s)
		}
	}
}

func FuzzRestore(f *testing.F) {
	data, err := json.Marshal(learned(f, sources(3)).State())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(bytes.Replace(data, []byte("s1"), []byte("s9"), 1))
	f.Add([]byte(`{"version":1,"sources":[],"weights":[]}`))
	f.Add([]byte(`{"version":1,"sources":[{"name":"s0"}],"weights":[[0]]}`))
	f.Add([]byte(`{"version":1,"sources":[{"name":"s0","hot":{"mean_ns":1,"high_ns":1,"most_ns":1}}],"weights":[[-0.0]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := mustNew(t, LIF, Options{Sources: sources(3)}).(*lif)
		before := p.State()
		s, err := ParseState(data)
		if err != nil {
			return
		}
		if err := p.Restore(s); err != nil {
			if !reflect.DeepEqual(p.State(), before) {
				t.Fatalf("%v, but the policy changed", err)
			}
			return
		}
		if err := p.Restore(p.State()); err != nil {
			t.Fatalf("its own state: %v", err)
		}
		p.Arrive(0, 0, 1)
		if _, ok := p.Next(0); !ok {
			t.Fatal("nothing fires any more")
		}
		for i := range p.neurons {
			if n := &p.neurons[i]; n.calm < n.StaleAfter/2 || n.calm > n.StaleAfter {
				t.Fatalf("neuron %d is calm for %v of %v", i, n.calm, n.StaleAfter)
			}
		}
	})
}

func TestNeurons(t *testing.T) {
	p := at(t, Options{Sources: sources(3)})
	p.Arrive(0, 0, 1)
	j := next(t, p, 0)
	p.Arrive(10*msec, 0, 0.1)
	p.Arrive(10*msec, 1, 1)
	got := p.Neurons(110*msec, nil)
	if len(got) != 3 {
		t.Fatalf("%d neurons", len(got))
	}
	if n := got[0]; n.Name != "s0" || !n.Running || n.Waiting || n.Staleness != 100*msec || n.Potential < 0.2 || n.Potential > 0.4 || n.Threshold != 1 || n.Mean != 10*msec {
		t.Errorf("running: %+v", n)
	}
	if n := got[1]; n.Running || !n.Waiting || n.Staleness != 100*msec {
		t.Errorf("waiting: %+v", n)
	}
	if n := got[2]; n.Running || n.Waiting || n.Staleness != 0 || n.Potential != 0 || n.High < n.Mean {
		t.Errorf("without inputs: %+v", n)
	}
	again := p.Neurons(110*msec, got[:0])
	if !reflect.DeepEqual(again, got) || &again[0] != &got[0] {
		t.Error("to look changes what there is")
	}
	p.Done(120*msec, j, 20*msec)
	if n := p.Neurons(120*msec, nil)[0]; n.Running || n.Mean != 20*msec {
		t.Errorf("done: %+v", n)
	}
}

// What is told of a neuron is what the next decision goes by, however stern the budget.
func TestNeuronsAreAsDecided(t *testing.T) {
	for _, factor := range []float64{0.1, 1, 8} {
		p := at(t, Options{Sources: sources(2), Workers: 1})
		p.budget.factor = factor
		p.Arrive(0, 1, 0.02)
		const now = 500 * msec
		got := p.Neurons(now, nil)[1].Potential
		p.advance(now, &p.neurons[1])
		if want := p.neurons[1].v; got != want {
			t.Errorf("at sternness %v: potential %v, want %v", factor, got, want)
		}
	}
}
