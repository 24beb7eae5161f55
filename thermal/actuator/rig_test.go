package actuator

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"atoll/board"
)

// find is Find on the rig's board, with a real guard.
func (r *rig) find(energy board.Energy) (*Set, []Problem) {
	r.t.Helper()
	s, problems := Find(r.root, energy, r.options())
	r.t.Cleanup(s.Close)
	return s, problems
}

func (r *rig) options() Options {
	return Options{
		State: r.state, Logger: zerolog.New(r), access: r.access(),
		Now: func() time.Time { r.mu.Lock(); defer r.mu.Unlock(); return r.now },
	}
}

// apply applies v and checks whether that changed anything and what was written.
func (r *rig) apply(s *Set, v Setting, changed bool, writes ...string) {
	r.t.Helper()
	r.writes = nil
	got, err := s.Apply(v)
	if err != nil {
		r.t.Errorf("Apply(%+v): %v", v, err)
	}
	if got != changed {
		r.t.Errorf("Apply(%+v) changed %v, want %v", v, got, changed)
	}
	if got, want := strings.Join(r.writes, "; "), strings.Join(writes, "; "); got != want {
		r.t.Errorf("Apply(%+v) wrote %q, want %q", v, got, want)
	}
}

// unlocked waits until nobody holds the record, a guard at work included.
func (r *rig) unlocked() {
	r.t.Helper()
	fd, err := unix.Open(r.state+"/"+lockName, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	defer unix.Close(fd)
	for {
		if err = unix.Flock(fd, unix.LOCK_EX); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func told(problems []Problem, name, text string) bool {
	for _, p := range problems {
		if p.Name == name && strings.Contains(p.Err.Error(), text) {
			return true
		}
	}
	return false
}

func TestEverythingAndBack(t *testing.T) {
	r := newRig(t, coralFiles())
	s, problems := r.find(coral)
	if len(problems) > 0 {
		t.Errorf("problems %v, want none", problems)
	}
	if got, want := strings.Join(s.Names(), ", "), "inference budget, precision preference, fan hwmon3/pwm1, cpufreq policy0, apex clock apex_0"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
	r.want("found", coralFiles())
	r.apply(s, Setting{Cooling: 1}, true,
		hwmon3+"/pwm1_enable 1", hwmon3+"/pwm1 255", policy0+"/scaling_max_freq 500000",
		apex0+"/trip_point0_temp 550", apex0+"/trip_point1_temp 550", apex0+"/trip_point2_temp 550")
	if s.Budget.Share() != 0 || !s.Precision.Economy() {
		t.Errorf("budget %v, economy %v; want 0, true", s.Budget.Share(), s.Precision.Economy())
	}
	for range 3 {
		r.apply(s, Setting{Cooling: 1}, false)
	}
	r.writes = nil
	if err := s.Restore(); err != nil {
		t.Error(err)
	}
	if got, want := strings.Join(r.writes, "; "), strings.Join([]string{hwmon3 + "/pwm1 80", hwmon3 + "/pwm1_enable 2", policy0 + "/scaling_max_freq 1500000",
		apex0 + "/trip_point2_temp 94800", apex0 + "/trip_point1_temp 89800", apex0 + "/trip_point0_temp 84800"}, "; "); got != want {
		t.Errorf("Restore wrote %q, want %q", got, want)
	}
	if s.Budget.Share() != 1 || s.Precision.Economy() {
		t.Errorf("budget %v, economy %v; want 1, false", s.Budget.Share(), s.Precision.Economy())
	}
	r.want("restored", coralFiles())
	r.writes = nil
	if err := s.Restore(); err != nil || len(r.writes) > 0 {
		t.Errorf("second Restore: %v, wrote %q; want nothing", err, r.writes)
	}
	r.apply(s, Setting{}, true, policy0+"/scaling_max_freq 500000",
		apex0+"/trip_point0_temp 550", apex0+"/trip_point1_temp 550", apex0+"/trip_point2_temp 550")
	s.Close()
	r.want("closed", coralFiles())
	if _, err := s.Apply(Setting{}); err != ErrClosed {
		t.Errorf("Apply after Close: %v, want ErrClosed", err)
	}
}

func TestNothingThere(t *testing.T) {
	for name, c := range map[string]struct {
		files files
		state bool
		want  map[string]string
	}{
		"bare board": {files{bootFile: bootID, "sys/kernel/x": ""}, true, map[string]string{"cpufreq": "none found", "fan": "none found", "apex": "none found"}},
		"no state":   {coralFiles(), false, map[string]string{"sysfs": "no state folder"}},
		"no sysfs":   {files{bootFile: bootID}, true, map[string]string{"sysfs": "no such file"}},
		"no boot id": {coralFiles().without(bootFile), true, map[string]string{"sysfs": "boot_id"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.files)
			if !c.state {
				r.state = ""
			}
			s, problems := r.find(coral)
			if len(problems) != len(c.want) {
				t.Errorf("problems %v, want %d", problems, len(c.want))
			}
			for name, text := range c.want {
				if !told(problems, name, text) {
					t.Errorf("problems %v, want %s: %s", problems, name, text)
				}
			}
			if s.guard != nil {
				t.Error("a guard runs, want none")
			}
			r.apply(s, Setting{Share: 0.5, Cooling: 1}, true)
			if got := s.Budget.Share(); got != 0.5 {
				t.Errorf("budget %v, want 0.5", got)
			}
		})
	}
}

// A Set that is closed leaves nothing open, nor does one that found nothing.
func TestNothingStaysOpen(t *testing.T) {
	open := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	r := newRig(t, coralFiles())
	bare := newRig(t, files{bootFile: bootID, "sys/kernel/x": ""})
	before := 0
	for i := range 4 {
		s, _ := Find(r.root, coral, r.options())
		second, _ := Find(r.root, coral, r.options()) // held by the first
		if _, err := s.Apply(Setting{Cooling: 1}); err != nil {
			t.Fatal(err)
		}
		none, _ := Find(bare.root, coral, bare.options())
		for _, s := range []*Set{none, second, s, s} {
			s.Close()
		}
		if i == 0 {
			before = open() // the runtime has opened its own by now
		}
	}
	if got := open(); got > before {
		t.Errorf("%d files open, %d before", got, before)
	}
}

func TestSteadyPathAllocatesNothing(t *testing.T) {
	r := newRig(t, coralFiles())
	o := r.options()
	o.access = access{}
	s, _ := Find(r.root, coral, o)
	defer s.Close()
	v := Setting{Share: 0.4, Cooling: 0.5}
	if _, err := s.Apply(v); err != nil {
		t.Fatal(err)
	}
	if got := testing.AllocsPerRun(100, func() {
		if changed, err := s.Apply(v); changed || err != nil {
			t.Fatal(changed, err)
		}
	}); got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

func BenchmarkApplySteady(b *testing.B) {
	r := newRig(b, coralFiles())
	s, _ := Find(r.root, coral, Options{State: r.state})
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Apply(Setting{Share: 0.4, Cooling: 0.5}); err != nil {
			b.Fatal(err)
		}
	}
}
