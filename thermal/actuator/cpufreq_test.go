package actuator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
)

const cap0 = policy0 + "/scaling_max_freq"

// onlyCPU is a board with clocks alone.
func onlyCPU() files { return coralFiles().without("sys/class") }

func power(milliwatt int64) Setting {
	return Setting{Power: physic.Power(milliwatt) * physic.MilliWatt, Share: 0.5}
}

func TestClockFollowsBudget(t *testing.T) {
	r := newRig(t, onlyCPU())
	s, _ := r.find(coral)
	s.Budget.Apply(power(0)) // so that only the clock changes below
	s.Precision.Apply(power(0))
	r.apply(s, power(3200), true, cap0+" 1000000")
	r.apply(s, power(1500), true, cap0+" 500000") // down at once
	r.apply(s, power(3200), false)                // up after a dwell
	r.pass(clockDwell - time.Millisecond)
	r.apply(s, power(3200), false)
	r.pass(time.Millisecond)
	r.apply(s, power(2050), false) // and with power to spare
	r.apply(s, power(3200), true, cap0+" 1000000")
	r.pass(clockDwell)
	r.apply(s, power(9000), true, cap0+" 1500000")
	r.apply(s, power(9000), false)
}

// A budget that wavers about a step does not make the clock flap.
func TestClockDoesNotFlap(t *testing.T) {
	r := newRig(t, onlyCPU())
	s, _ := r.find(coral)
	writes := 0
	for i := range 600 { // a minute
		r.writes = nil
		if _, err := s.Apply(power(3247 + int64(i%2)*60)); err != nil {
			t.Fatal(err)
		}
		writes += len(r.writes)
		r.pass(100 * time.Millisecond)
	}
	if writes != 1 {
		t.Errorf("%d writes, want 1", writes)
	}
}

func TestClockBesideOthers(t *testing.T) {
	r := newRig(t, onlyCPU())
	s, _ := r.find(coral)
	r.apply(s, power(3200), true, cap0+" 1000000")

	r.put(cap0, "500000") // the kernel cools
	r.apply(s, power(3200), false)
	r.pass(time.Hour)
	r.apply(s, power(9000), false)
	r.put(cap0, "1000000") // and no more
	r.apply(s, power(9000), true, cap0+" 1500000")
	r.apply(s, power(3200), true, cap0+" 1000000")

	r.put(cap0, "1500000") // someone undoes it
	r.apply(s, power(3200), true, cap0+" 1000000")

	r.put(cap0, "500000") // what was there first is put back even then
	if err := s.Restore(); err != nil {
		t.Error(err)
	}
	r.want("restored", files{cap0: "1500000"})

	r.put(cap0, "1000000") // where nothing is throttled, others may do as they like
	r.apply(s, Setting{Share: 1, Power: 9e9}, false)
	r.put(cap0, "1400000")
	r.apply(s, Setting{Share: 1, Power: 9e9}, false)
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
	if _, err := s.Apply(power(3200)); err != nil {
		t.Fatal(err)
	}
	limit.write = r.access().write
	r.apply(s, power(3200), false)
}

func TestClockIsNeverRaised(t *testing.T) {
	r := newRig(t, onlyCPU().with(files{cap0: "1000000"}))
	s, _ := r.find(coral)
	for _, v := range []Setting{{Share: 1, Power: 99e9}, power(99000), power(0), power(99000), {Share: 1}} {
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
		r.apply(s, Setting{Share: 1, Power: 9e9}, false)
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
	r.apply(s, Setting{}, true, cap0+" 500000")
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
	r.apply(s, power(9500), true, policy4+"/scaling_max_freq 500000")
	s.Close()

	for name, cpus := range map[string]string{"another number of CPUs": "4 5 6", "a CPU too far": "6 7", "nonsense": "x y", "none": ""} {
		r := newRig(t, f.with(files{policy4 + "/related_cpus": cpus}))
		s, _ := r.find(energy)
		if s.kept[0].(*cpufreq).plan != nil {
			t.Errorf("%s: plan by a model of other clusters, want by share", name)
		}
		r.apply(s, Setting{Share: 0.4, Power: 99e9}, true, cap0+" 1000000", policy4+"/scaling_max_freq 1000000")
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
