package actuator

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"atoll/board"
)

const cap0 = policy0 + "/scaling_max_freq"

// onlyCPU is a board with clocks alone.
func onlyCPU() files { return coralFiles().without("sys/class") }

// power is the setting for a budget of the board coral, which draws 1 W when idle and
// 2, 3.247 and 4.797 W under full load.
func power(milliwatt int64) Setting {
	return Setting{Share: (float64(milliwatt) - 1000) / 3797.0}.bounded()
}

// clocked applies v and checks what was written.
func (r *rig) clocked(s *Set, v Setting, writes ...string) {
	r.t.Helper()
	r.writes = nil
	if _, err := s.Apply(v); err != nil {
		r.t.Errorf("Apply(%+v): %v", v, err)
	}
	if got, want := strings.Join(r.writes, "; "), strings.Join(writes, "; "); got != want {
		r.t.Errorf("Apply(%+v) wrote %q, want %q", v, got, want)
	}
}

func TestClockFollowsBudget(t *testing.T) {
	r := newRig(t, onlyCPU())
	s, _ := r.find(coral)
	r.clocked(s, power(3100), cap0+" 1000000")
	r.clocked(s, power(3250), cap0+" 1500000") // up at once
	r.clocked(s, power(1500))                  // down after a dwell
	r.pass(clockDwell - time.Millisecond)
	r.clocked(s, power(1500))
	r.pass(time.Millisecond)
	r.clocked(s, power(3200)) // and with something to spare
	r.pass(clockDwell)
	r.clocked(s, power(1500), cap0+" 500000")
	r.clocked(s, power(9000), cap0+" 1500000")
	r.clocked(s, power(0), cap0+" 500000") // nothing to be done: at once
	r.clocked(s, power(0))
}

// The pace is what the clocks in force leave, whoever set them.
func TestPaceFollowsClock(t *testing.T) {
	r := newRig(t, onlyCPU())
	s, _ := r.find(coral)
	pace := func(what string, want float64) {
		t.Helper()
		if got := s.Budget.Share(); math.Abs(got-want) > 1e-3 {
			t.Errorf("%s: pace %.3f, want %.3f", what, got, want)
		}
	}
	r.clocked(s, power(1950), cap0+" 500000")
	pace("nearly full load at the least clock", 0.95)
	r.clocked(s, power(1500))
	pace("half of it", 0.5)
	r.clocked(s, power(3000), cap0+" 1000000")
	pace("at a higher clock", 2/2.2475)
	r.put(cap0, "500000") // the kernel cools
	r.clocked(s, power(3000))
	pace("what the kernel leaves", 1)
	r.clocked(s, power(1500))
	pace("half of that", 0.5)
	r.put(cap0, "1000000")
	r.fail = func(string, string) error { return errBusy }
	for range 2 * maxFailures {
		s.Apply(Setting{Share: 0.7})
	}
	pace("a clock that can't be raised", 1)
	r.fail = nil
	r.pass(retryAfter)
	r.clocked(s, Setting{Share: 0.7}, cap0+" 1500000")
	pace("the clock found", 0.7)
	r.clocked(s, Setting{Share: 1})
	pace("all", 1)
	r.clocked(s, Setting{}, cap0+" 500000")
	pace("nothing", 0)
}

// A budget that wavers about a step does not make the clock flap, however much.
func TestClockDoesNotFlap(t *testing.T) {
	for _, wavers := range []int64{60, 1000} {
		r := newRig(t, onlyCPU())
		s, _ := r.find(coral)
		r.clocked(s, power(3000), cap0+" 1000000")
		writes := 0
		for i := range 600 { // a minute
			r.writes = nil
			if _, err := s.Apply(power(3247 - wavers/2 + int64(i%2)*wavers)); err != nil {
				t.Fatal(err)
			}
			writes += len(r.writes)
			r.pass(100 * time.Millisecond)
		}
		if writes != 1 {
			t.Errorf("%d mW: %d writes, want 1", wavers, writes)
		}
	}
}

func TestClockBesideOthers(t *testing.T) {
	r := newRig(t, onlyCPU())
	s, _ := r.find(coral)
	r.clocked(s, power(3100), cap0+" 1000000")

	r.put(cap0, "500000") // the kernel cools
	r.clocked(s, power(3100))
	r.pass(time.Hour)
	r.clocked(s, power(9000))
	r.put(cap0, "1000000") // and no more
	r.clocked(s, power(9000), cap0+" 1500000")
	r.pass(clockDwell)
	r.clocked(s, power(3100), cap0+" 1000000")

	r.put(cap0, "1500000") // someone undoes it
	r.clocked(s, power(3100), cap0+" 1000000")

	r.put(cap0, "500000") // what was there first is put back even then
	if err := s.Restore(); err != nil {
		t.Error(err)
	}
	r.want("restored", files{cap0: "1500000"})

	r.put(cap0, "1000000") // where nothing is throttled, others may do as they like
	r.clocked(s, Setting{Share: 1})
	r.put(cap0, "1400000")
	r.clocked(s, Setting{Share: 1})
	s.Close()
	r.want("closed", files{cap0: "1400000"})
}

// A driver that rounds is not written to again and again.
func TestClockRounded(t *testing.T) {
	r := newRig(t, onlyCPU())
	s, _ := r.find(coral)
	limit := s.kept[0].(*cpufreq).cap
	limit.write = func(string, []byte) error {
		r.put(cap0, "1100000")
		return nil
	}
	if _, err := s.Apply(power(3100)); err != nil {
		t.Fatal(err)
	}
	limit.write = r.access().write
	r.clocked(s, power(3100))
}

func TestClockIsNeverRaised(t *testing.T) {
	r := newRig(t, onlyCPU().with(files{cap0: "1000000"}))
	s, _ := r.find(coral)
	for _, v := range []Setting{{Share: 1}, power(99000), power(0), power(99000), {Share: 1}} {
		r.pass(time.Minute)
		if _, err := s.Apply(v); err != nil {
			t.Fatal(err)
		}
		if got := r.get(cap0); got > "1000000" && len(got) == 7 {
			t.Errorf("%+v: %s kHz, found 1000000", v, got)
		}
	}
	s.Close()
	r.want("closed", files{cap0: "1000000"})
}

// A cap that is the kernel's own at the start must not be put back for good.
func TestKernelCoolsAtStart(t *testing.T) {
	for _, c := range []struct {
		kind, state, found string
		want               string // after the first throttle is undone
	}{
		{"cpufreq-cpu0", "1", "1000000", "1500000"},
		{"thermal-cpufreq-0", "2", "500000", "1500000"},
		{"cpufreq-cpu0", "0", "1000000", "1000000"}, // does not cool: someone's cap
		{"cpufreq-cpu4", "1", "1000000", "1000000"}, // another CPU
		{"cpufreq-cpu0", "2", "1000000", "1000000"}, // not what that state gives
		{"cpufreq-cpu0", "9", "1000000", "1000000"},
		{"cpufreq-cpu0", "x", "1000000", "1000000"},
	} {
		r := newRig(t, onlyCPU().with(files{cap0: c.found, fan0 + "/type": c.kind, fan0 + "/cur_state": c.state}))
		s, problems := r.find(coral)
		r.clocked(s, Setting{Share: 1})
		r.writes = nil
		s.Apply(power(0))
		s.Close()
		if got := r.get(cap0); got != c.want {
			t.Errorf("%+v: put back %s (problems %v)", c, got, problems)
		}
	}
}

func TestClockWithoutSteps(t *testing.T) {
	r := newRig(t, onlyCPU().without(policy0+"/scaling_available"))
	s, _ := r.find(board.Energy{})
	got := s.kept[0].(*cpufreq).steps
	if len(got) != 17 || got[0] != 500000 || got[16] != 1500000 {
		t.Errorf("steps %v, want 17 from 500000 to 1500000", got)
	}
	r.clocked(s, Setting{}, cap0+" 500000")
}

// Policies find their cluster by the numbers of their CPUs.
func TestClockOfTwoClusters(t *testing.T) {
	policy4 := strings.Replace(policy0, "0", "4", 1)
	f := onlyCPU()
	for name, text := range f {
		f[strings.Replace(name, policy0, policy4, 1)] = text
	}
	f = f.with(files{policy4 + "/related_cpus": "4 5", bootFile: bootID})
	energy := coral
	fast := coral.Clusters[0]
	fast.Cores, fast.Capacitance = 2, 5 // so expensive that it goes up last
	energy.Clusters = append(energy.Clusters[:1:1], fast)

	r := newRig(t, f)
	s, _ := r.find(energy)
	r.clocked(s, Setting{Share: 8.5 / 22.78}, policy4+"/scaling_max_freq 500000")
	s.Close()

	for name, cpus := range map[string]string{"another number of CPUs": "4 5 6", "a CPU too far": "6 7", "nonsense": "x y", "none": ""} {
		r := newRig(t, f.with(files{policy4 + "/related_cpus": cpus}))
		s, _ := r.find(energy)
		if got := s.clocks.policies[0].draw(1); got != 1 {
			t.Errorf("%s: drawn by a model of other clusters, want by clock", name)
		}
		r.clocked(s, Setting{Share: 0.4}, cap0+" 1000000", policy4+"/scaling_max_freq 500000")
		s.Close()
	}
}

func TestBadPolicies(t *testing.T) {
	for name, c := range map[string]struct {
		change files
		remove string
		want   string
	}{
		"no least clock":     {nil, policy0 + "/cpuinfo_min", "cpuinfo_min_freq"},
		"no greatest clock":  {nil, policy0 + "/cpuinfo_max", "cpuinfo_max_freq"},
		"no cap":             {nil, policy0 + "/scaling_max", "scaling_max_freq"},
		"upside down":        {files{policy0 + "/cpuinfo_min_freq": "2000000"}, "", "can't be"},
		"negative":           {files{policy0 + "/cpuinfo_min_freq": "-5"}, "", "can't be"},
		"far too fast":       {files{policy0 + "/cpuinfo_max_freq": "999999999999"}, "", "can't be"},
		"no number":          {files{policy0 + "/cpuinfo_max_freq": "fast"}, "", `"fast" is not a whole number`},
		"cap is no number":   {files{cap0: "<unsupported>"}, "", "is not a whole number"},
		"cap is empty":       {files{cap0: ""}, "", "is not a whole number"},
		"pinned by minimum":  {files{policy0 + "/scaling_min_freq": "1500000"}, "", "nothing to choose"},
		"one step":           {files{policy0 + "/scaling_available_frequencies": "1500000", cap0: "1500000"}, "", "nothing to choose"},
		"already at minimum": {files{cap0: "500000"}, "", "nothing to choose"},
	} {
		f := onlyCPU().with(c.change)
		if c.remove != "" {
			f = f.without(c.remove)
		}
		r := newRig(t, f)
		s, problems := r.find(coral)
		if len(s.kept) > 0 || !told(problems, "cpufreq policy0", c.want) {
			t.Errorf("%s: found %v, problems %v; want %q", name, s.Names(), problems, c.want)
		}
	}
}

func TestSomeStepsAreNonsense(t *testing.T) {
	for _, text := range []string{"a b c", "500000 -1", "500000 99999999999999999999"} {
		r := newRig(t, onlyCPU().with(files{policy0 + "/scaling_available_frequencies": text}))
		s, problems := r.find(coral)
		if got := fmt.Sprint(s.Names()); !strings.Contains(got, "policy0") || len(s.kept[0].(*cpufreq).steps) != 17 {
			t.Errorf("%q: found %v, problems %v; want steps by division", text, got, problems)
		}
	}
}
