package actuator

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var errBusy = error(unix.EBUSY)

func TestFailingActuator(t *testing.T) {
	for _, c := range []struct {
		err  syscall.Errno
		hint string
	}{
		{unix.EACCES, "udev rule"}, {unix.EPERM, "udev rule"}, {unix.EINVAL, "invalid"}, {unix.EBUSY, "busy"},
		{unix.ENODEV, "no such device"}, {unix.EROFS, "mount it writable"}, {unix.EIO, "input/output"},
	} {
		t.Run(c.err.Error(), func(t *testing.T) {
			r := newRig(t, onlyCPU())
			s, _ := r.find(coral)
			r.fail = func(string, string) error { return c.err }
			for range maxFailures - 1 {
				if _, err := s.Apply(power(0)); !errors.Is(err, c.err) || !strings.Contains(err.Error(), "cpufreq policy0: ") {
					t.Errorf("Apply: %v, want %v", err, c.err)
				}
			}
			for range 100 { // left out: no error, no write, one line of log
				if _, err := s.Apply(power(0)); err != nil {
					t.Errorf("Apply: %v, want it left out", err)
				}
			}
			if got := len(r.writes); got != maxFailures {
				t.Errorf("%d writes, want %d", got, maxFailures)
			}
			if got := s.Problems(); len(got) != 1 || !told(got, "cpufreq policy0", c.hint) {
				t.Errorf("problems %v, want %q", got, c.hint)
			}
			r.pass(retryAfter)
			r.apply(s, power(0), false, cap0+" 500000") // tried once
			r.apply(s, power(0), false)
			if got := strings.Count(r.logged(), "left out"); got != 1 {
				t.Errorf("told %d times, want once: %s", got, r.logged())
			}
			r.fail = nil
			r.pass(retryAfter)
			r.apply(s, power(0), true, cap0+" 500000")
			if !strings.Contains(r.logged(), "works again") || len(s.Problems()) > 0 {
				t.Errorf("problems %v, log %s; want that it works again", s.Problems(), r.logged())
			}
		})
	}
}

// One that fails does not hold up the others.
func TestFailureIsItsOwn(t *testing.T) {
	r := newRig(t, coralFiles())
	s, _ := r.find(coral)
	r.fail = func(path, _ string) error {
		if strings.HasPrefix(path, hwmon3) {
			return errBusy
		}
		return nil
	}
	if changed, err := s.Apply(Setting{Cooling: 1}); !changed || !errors.Is(err, errBusy) {
		t.Errorf("changed %v, %v; want true, busy", changed, err)
	}
	r.want("the others", files{cap0: "500000", trip(0): "550"})
}

func TestUnplugged(t *testing.T) {
	r := newRig(t, onlyCPU())
	s, _ := r.find(coral)
	r.apply(s, power(0), true, cap0+" 500000")
	r.unread = func(string) error { return unix.ENODEV }
	if err := os.RemoveAll(filepath.Join(r.root, policy0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(power(0)); !errors.Is(err, unix.ENODEV) {
		t.Errorf("Apply: %v, want ENODEV", err)
	}
	r.unread = nil
	if _, err := s.Apply(power(0)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Apply: %v, want ErrNotExist", err)
	}
	r.put(cap0, "1500000") // plugged in again
	r.apply(s, power(0), true, cap0+" 500000")
	if err := os.RemoveAll(filepath.Join(r.root, policy0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Restore(); err != nil {
		t.Errorf("Restore of what is gone: %v, want nothing to do", err)
	}
}

func TestRestoreFails(t *testing.T) {
	r := newRig(t, onlyCPU())
	s, _ := r.find(coral)
	r.apply(s, power(0), true, cap0+" 500000")
	tries := 0
	r.fail = func(string, string) error {
		if tries++; tries == 2 {
			return nil
		}
		return errBusy
	}
	if err := s.Restore(); err != nil {
		t.Errorf("Restore: %v, want it tried again", err)
	}
	r.want("second try", files{cap0: "1500000"})

	r.fail = nil
	r.apply(s, power(0), true, cap0+" 500000")
	r.fail = func(string, string) error { return errBusy }
	if err := s.Restore(); !errors.Is(err, errBusy) {
		t.Errorf("Restore: %v, want busy", err)
	}
	if !strings.Contains(r.logged(), `"error"`) || !strings.Contains(r.logged(), "can't be put back") {
		t.Errorf("log %s, want an error", r.logged())
	}
	// The guard is another process and can write.
	s.Close()
	r.want("after Close", files{cap0: "1500000"})
	if _, err := os.Stat(filepath.Join(r.state, recordName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("record: %v, want none", err)
	}
}

func TestMayNotWrite(t *testing.T) {
	if os.Geteuid() == 0 {
		// Root may write anything but what is mounted read-only or gone.
		err := reason(&os.PathError{Op: "write", Path: cap0, Err: unix.EACCES})
		if !strings.Contains(err.Error(), "udev rule") {
			t.Errorf("%v, want what to do", err)
		}
		return
	}
	r := newRig(t, onlyCPU())
	if err := os.Chmod(filepath.Join(r.root, cap0), 0o440); err != nil {
		t.Fatal(err)
	}
	s, problems := r.find(coral)
	if len(s.kept) > 0 || !told(problems, "cpufreq policy0", "udev rule") {
		t.Errorf("found %v, problems %v", s.Names(), problems)
	}
}

func TestFirstApplyMayFailAndStillBePutBack(t *testing.T) {
	r := newRig(t, onlyCPU())
	s, _ := r.find(coral)
	r.fail = func(path, value string) error { // has its effect, and fails
		r.put(path, value)
		return errBusy
	}
	if _, err := s.Apply(power(0)); err == nil {
		t.Error("no error, want busy")
	}
	r.fail = nil
	r.pass(time.Second)
	s.Close()
	r.want("closed", files{cap0: "1500000"})
}
