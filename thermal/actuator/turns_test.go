package actuator

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// stuck is a board whose clock's driver does not come back until it is let.
func stuck(r *rig) (s *Set, arrived, let chan struct{}, expire chan time.Time) {
	arrived, let, expire = make(chan struct{}, 100), make(chan struct{}), make(chan time.Time)
	o := r.options()
	write := o.access.write
	o.access.write = func(name string, b []byte) error {
		if strings.HasSuffix(name, "scaling_max_freq") {
			arrived <- struct{}{}
			<-let
		}
		return write(name, b)
	}
	o.after = func(d time.Duration) <-chan time.Time {
		if d != closeWait {
			r.t.Errorf("waits for %v, want %v", d, closeWait)
		}
		return expire
	}
	s, _ = Find(r.root, coral, o)
	return s, arrived, let, expire
}

// Who turns does not wait for a driver; a stall is told once, and the newest setting
// wins when it is over.
func TestTurnDoesNotWait(t *testing.T) {
	r := newRig(t, onlyCPU())
	s, arrived, let, _ := stuck(r)
	turn := func(share float64) {
		t.Helper()
		if err := s.Turn(Setting{Share: share}); err != nil {
			t.Fatal(err)
		}
	}
	turn(0)
	<-arrived
	for i := range 100 { // 10 s
		r.pass(100 * time.Millisecond)
		turn(float64(i%10) / 10)
		if got := s.Budget.Share(); got != float64(i%10)/10 {
			t.Fatalf("pace %v while a driver blocks, want %v", got, float64(i%10)/10)
		}
	}
	if got := strings.Count(r.logged(), "does not answer"); got != 1 {
		t.Errorf("told %d times, want once: %s", got, r.logged())
	}
	turn(0.5)
	let <- struct{}{}
	<-arrived // the newest setting, and no other
	let <- struct{}{}
	close(let)
	s.Close()
	if got := strings.Join(r.writes, "; "); got != cap0+" 500000; "+cap0+" 1000000; "+cap0+" 1500000" {
		t.Errorf("wrote %q, want the first, the newest and the original", got)
	}
	if got := strings.Count(r.logged(), "answers again"); got != 1 {
		t.Errorf("told %d times that it answers again, want once: %s", got, r.logged())
	}
	if err := s.Turn(Setting{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Turn after Close: %v, want ErrClosed", err)
	}
}

// Close waits for a driver only so long; the guard and the record keep what is to be
// put back, and a driver that comes back is still put back by Close itself.
func TestCloseDoesNotWaitForEver(t *testing.T) {
	r := newRig(t, onlyCPU())
	s, arrived, let, expire := stuck(r)
	if err := s.Turn(Setting{}); err != nil {
		t.Fatal(err)
	}
	<-arrived
	go func() { expire <- time.Time{} }()
	s.Close()
	if !strings.Contains(r.logged(), "left to the guard") || !strings.Contains(r.logged(), `"cpufreq policy0"`) {
		t.Errorf("log %s, want that it is left to the guard", r.logged())
	}
	left, err := readRecord(filepath.Join(r.state, recordName))
	if err != nil || len(left.Entries) != 1 {
		t.Errorf("record %+v, %v; want the clock still in it", left, err)
	}
	s.guard.mu.Lock()
	if g := s.guard; len(g.entries) != 1 || g.closing {
		t.Errorf("the guard has %v to put back, closing %v; want the clock", g.entries, g.closing)
	}
	s.guard.mu.Unlock()
	close(let)
	r.unlocked()
	r.want("in the end", files{cap0: "1500000"})
	if _, err := os.Stat(filepath.Join(r.state, recordName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("record: %v, want none", err)
	}
}

func TestTurnAllocatesNothing(t *testing.T) {
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
		if err := s.Turn(v); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

// What a fan has to be put back to is in the record as well as with the guard.
func TestRecordIsRenewed(t *testing.T) {
	r := newRig(t, onlyFan())
	s, _ := r.find(coral)
	r.put(pwm1, "90") // the chip goes on
	if _, err := s.Apply(cooling(1)); err != nil {
		t.Fatal(err)
	}
	got, err := readRecord(filepath.Join(r.state, recordName))
	if err != nil || len(got.Entries) != 2 || got.Entries[0].Value != 90 {
		t.Errorf("record %+v, %v; want the fan at 90", got, err)
	}
}
