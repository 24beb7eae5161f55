package actuator

import (
	"bufio"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// child is a process that throttles the rig's board.
type child struct {
	*exec.Cmd
	r      *rig
	said   *bufio.Reader
	stderr string // a file, which the guard writes to as well
}

func (r *rig) child(mode string) *child {
	r.t.Helper()
	c := &child{Cmd: exec.Command("/proc/self/exe", mode, r.root, r.state), r: r}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := os.CreateTemp(r.t.TempDir(), "stderr")
	if err != nil {
		r.t.Fatal(err)
	}
	defer stderr.Close()
	c.Stderr, c.stderr = stderr, stderr.Name()
	out, err := c.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	c.said = bufio.NewReader(out)
	if err := c.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Process.Kill() })
	return c
}

// throttling is a child that has throttled the board.
func (r *rig) throttling() *child {
	r.t.Helper()
	c := r.child("parent")
	if line := c.line(); line != "0 []" {
		r.t.Fatalf("parent has problems: %s", line)
	}
	r.want("throttled", throttled)
	return c
}

var throttled = files{cap0: "500000", pwm1: "255", pwm1 + "_enable": "1", trip(0): "550", trip(1): "550", trip(2): "550"}

// line is the next that is no log.
func (c *child) line() string {
	c.r.t.Helper()
	for {
		if line := c.next(); !strings.HasPrefix(line, "{") {
			return line
		}
	}
}

func (c *child) next() string {
	c.r.t.Helper()
	line, err := c.said.ReadString('\n')
	if err != nil {
		c.r.t.Fatalf("parent says no more: %v", err)
	}
	return strings.TrimSpace(line)
}

// signal sends s to a process, or to a whole group where pid is negative.
func (c *child) signal(pid int, s syscall.Signal) {
	c.r.t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		c.r.t.Fatalf("signal %v to %d: %v", s, pid, err)
	}
}

// guard is the process number of the guard.
func (c *child) guard() int {
	c.r.t.Helper()
	f, err := os.Open(filepath.Join(c.r.state, lockName))
	if err != nil {
		c.r.t.Fatal(err)
	}
	defer f.Close()
	parent, guard := holders(f)
	if parent != c.Process.Pid || guard == 0 {
		c.r.t.Fatalf("lock says %d and %d, want %d and its guard", parent, guard, c.Process.Pid)
	}
	return guard
}

// over waits until the child and its guard have ended and checks what they left.
func (c *child) over(want files, record bool) {
	c.r.t.Helper()
	_ = c.Wait()
	c.r.unlocked()
	c.r.want("over", want)
	_, err := os.Stat(filepath.Join(c.r.state, recordName))
	if got := err == nil; got != record {
		c.r.t.Errorf("there is a record: %v (%v), want %v", got, err, record)
	}
}

func TestParentEnds(t *testing.T) {
	for name, end := range map[string]func(c *child){
		"in order":           func(c *child) { c.signal(c.Process.Pid, syscall.SIGTERM) },
		"killed":             func(c *child) { c.signal(c.Process.Pid, syscall.SIGKILL) },
		"crashed":            func(c *child) { c.signal(c.Process.Pid, syscall.SIGSEGV) },
		"group killed":       func(c *child) { c.signal(-c.Process.Pid, syscall.SIGKILL) },
		"group hung up":      func(c *child) { c.signal(-c.Process.Pid, syscall.SIGHUP) },
		"in order by Ctrl-C": func(c *child) { c.signal(-c.Process.Pid, syscall.SIGINT); c.signal(-c.Process.Pid, syscall.SIGTERM) },
		"guard signaled": func(c *child) {
			guard := c.guard()
			for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE} {
				c.signal(guard, s)
			}
			c.signal(c.Process.Pid, syscall.SIGKILL)
		},
		"parent stopped, then killed": func(c *child) {
			c.signal(c.Process.Pid, syscall.SIGSTOP)
			c.signal(c.Process.Pid, syscall.SIGKILL)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newRig(t, coralFiles()).throttling()
			end(c)
			c.over(coralFiles(), false)
			said, err := os.ReadFile(c.stderr)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := strings.Contains(string(said), "put back 6 settings that atoll left behind"), !strings.HasPrefix(name, "in order"); got != want {
				t.Errorf("the guard says that it put back: %v, want %v; %s", got, want, said)
			}
		})
	}
}

// The guard hears of the speed that a fan had when it was first turned up.
func TestGuardHearsOfFans(t *testing.T) {
	c := newRig(t, coralFiles()).child("governed")
	if line := c.line(); line != "0 []" {
		t.Fatalf("parent has problems: %s", line)
	}
	c.signal(c.Process.Pid, syscall.SIGKILL)
	c.over(coralFiles().with(files{pwm1: "90"}), false)
}

// A guard that is killed is replaced, and the new one does its work.
func TestGuardKilled(t *testing.T) {
	c := newRig(t, coralFiles()).throttling()
	for range 2 {
		guard := c.guard()
		c.signal(guard, syscall.SIGKILL)
		if !ends(guard, time.Minute) {
			t.Fatal("the guard survives SIGKILL")
		}
		for !strings.Contains(c.next(), "started again") {
		}
		if c.guard() == guard {
			t.Error("the lock names the dead guard")
		}
	}
	c.signal(c.Process.Pid, syscall.SIGKILL)
	c.over(coralFiles(), false)
}

// killBoth kills a parent and its guard so that neither can act.
func (c *child) killBoth() {
	c.r.t.Helper()
	guard := c.guard()
	c.signal(c.Process.Pid, syscall.SIGSTOP)
	c.signal(guard, syscall.SIGKILL)
	c.signal(c.Process.Pid, syscall.SIGKILL)
	c.over(throttled, true)
}

func TestBothKilled(t *testing.T) {
	r := newRig(t, coralFiles())
	r.throttling().killBoth()
	r.throttling().killBoth() // the originals don't get lost on the way
	s, problems := r.find(coral)
	if len(problems) > 0 {
		t.Errorf("problems %v, want none", problems)
	}
	r.want("next start", coralFiles())
	if !strings.Contains(r.logged(), "put back settings that a killed atoll left behind") {
		t.Errorf("log %s, want it told", r.logged())
	}
	r.apply(s, Setting{Cooling: 1}, true,
		pwm1+"_enable 1", pwm1+" 255", cap0+" 500000", trip(0)+" 550", trip(1)+" 550", trip(2)+" 550")
	s.Close()
	r.want("closed", coralFiles())
}

// The next boot begins with what it finds.
func TestBothKilledThenReboot(t *testing.T) {
	r := newRig(t, coralFiles())
	r.throttling().killBoth()
	found := files{cap0: "1000000", pwm1: "10", pwm1 + "_enable": "2", trip(0): "70050"}
	for path, text := range found.with(files{bootFile: "0123-another-boot"}) {
		r.put(path, text)
	}
	s, _ := r.find(coral)
	r.want("next boot", found)
	s.Apply(Setting{Cooling: 1})
	s.Close()
	r.want("closed", found)
}

// What can't be put back at the next start is put back at its end.
func TestBothKilledAndBusy(t *testing.T) {
	r := newRig(t, coralFiles())
	r.throttling().killBoth()
	r.fail = func(string, string) error { return errBusy }
	s, problems := r.find(coral)
	if !told(problems, "record", "busy") {
		t.Errorf("problems %v, want busy", problems)
	}
	r.want("busy", throttled)
	r.fail = nil
	s.Close()
	r.want("closed", coralFiles())
}

// A device that is gone at the next start comes back as new.
func TestBothKilledAndUnplugged(t *testing.T) {
	r := newRig(t, coralFiles())
	r.throttling().killBoth()
	if err := os.RemoveAll(filepath.Join(r.root, apex0)); err != nil {
		t.Fatal(err)
	}
	r.put(hwmon3+"/name", "another") // and this number is another fan's by now
	_, problems := r.find(coral)
	if told(problems, "record", "") {
		t.Errorf("problems %v, want none with the record", problems)
	}
	r.want("next start", files{cap0: "1500000", pwm1: "255"})
}

// What can't be put back and is not found any more stays in the record.
func TestPendingStays(t *testing.T) {
	r := newRig(t, coralFiles())
	r.throttling().killBoth()
	r.fail = func(path, _ string) error {
		if strings.HasPrefix(path, apexDir) {
			return errBusy
		}
		return nil
	}
	r.put(apex0+"/temp_poll_interval", "0") // so it is left out
	s, _ := r.find(coral)
	got, err := readRecord(filepath.Join(r.state, recordName))
	if err != nil || len(got.Entries) != 6 || got.Entries[3].Path != trip(2) {
		t.Errorf("record %+v, %v; want the trip points in it", got, err)
	}
	s.Close()
	r.want("closed", coralFiles().without(apex0+"/temp_poll"))
}

func TestSecondInstance(t *testing.T) {
	r := newRig(t, coralFiles())
	c := r.throttling()
	s, problems := r.find(coral)
	held, ok := errors.AsType[*HeldError](problems[0].Err)
	if len(problems) != 1 || !ok || held.PID != c.Process.Pid {
		t.Errorf("problems %v, want held by %d", problems, c.Process.Pid)
	}
	r.apply(s, Setting{Share: 0.3}, true) // in this process only
	s.Close()
	r.want("second closed", throttled)
	c.signal(c.Process.Pid, syscall.SIGTERM)
	c.over(coralFiles(), false)
}

// Nor may one that does not share its state folder.
func TestSecondInstanceElsewhere(t *testing.T) {
	r := newRig(t, coralFiles())
	c := r.throttling()
	o := r.options()
	o.State = t.TempDir()
	s, problems := Find(r.root, coral, o)
	defer s.Close()
	if len(problems) != 1 || !told(problems, "sysfs", "with another state folder") {
		t.Errorf("problems %v, want held", problems)
	}
	c.signal(c.Process.Pid, syscall.SIGKILL)
	c.over(coralFiles(), false)
}

// A start right after a kill waits for the guard, and keeps what that puts back.
func TestStartWhileGuardWorks(t *testing.T) {
	r := newRig(t, coralFiles())
	c := r.throttling()
	guard := c.guard()
	c.signal(guard, syscall.SIGSTOP)
	c.signal(c.Process.Pid, syscall.SIGKILL)
	_ = c.Wait()
	found := make(chan []Problem)
	var s *Set
	go func() {
		var problems []Problem
		s, problems = Find(r.root, coral, r.options())
		found <- problems
	}()
	c.signal(guard, syscall.SIGCONT)
	if problems := <-found; len(problems) > 0 {
		t.Errorf("problems %v, want none", problems)
	}
	r.want("started", coralFiles())
	s.Apply(Setting{Cooling: 1})
	r.want("throttled", throttled)
	s.Close()
	r.want("closed", coralFiles())
}

// kill -9 at any moment, also while the first record is written.
func TestKilledAnywhere(t *testing.T) {
	seed := rand.New(rand.NewPCG(1, 2))
	r := newRig(t, coralFiles())
	for range 20 {
		c := r.child("storm")
		for range seed.IntN(12) {
			if line := c.line(); strings.Contains(line, ":") {
				t.Errorf("storm: %s", line)
			}
		}
		c.signal(c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait()
		if _, err := os.Stat(filepath.Join(r.state, lockName)); err == nil {
			r.unlocked()
		}
		r.want("killed", coralFiles())
		if t.Failed() {
			return
		}
	}
}

func TestGuardThatKeepsDying(t *testing.T) {
	r := newRig(t, coralFiles())
	o := r.options()
	o.Command = []string{"/proc/self/exe", "dies"}
	s, _ := Find(r.root, coral, o)
	s.guard.ended.Wait()
	if got := strings.Count(r.logged(), "starting another"); got != maxGuardDeaths {
		t.Errorf("%d guards started again, want %d: %s", got, maxGuardDeaths, r.logged())
	}
	if !strings.Contains(r.logged(), "exit status 3") || !strings.Contains(r.logged(), "not started again") {
		t.Errorf("log %s, want the reason and that it ends", r.logged())
	}
	s.Apply(Setting{Cooling: 1}) // it still works
	r.want("throttled", throttled)
	s.Close()
	r.want("closed", coralFiles())
}

func TestNoGuard(t *testing.T) {
	for name, command := range map[string][]string{
		"not there":               {"/nowhere/atoll", "guard"},
		"ends before it is ready": {"/proc/self/exe", "mute"},
	} {
		r := newRig(t, coralFiles())
		o := r.options()
		o.Command = command
		s, problems := Find(r.root, coral, o)
		if !told(problems, "guard", "after a kill settings stay until the next start") {
			t.Errorf("%s: problems %v", name, problems)
		}
		s.Apply(Setting{Cooling: 1})
		r.want(name, throttled)
		s.Close()
		r.want(name, coralFiles())
	}
}

func TestLockOfStrangers(t *testing.T) {
	for _, text := range []string{"", "x", "0 0\n", "-1 -1\n", "99999999999999999999 1\n", strconv.Itoa(os.Getpid()) + " 1\n", "1 0\n"} {
		dir := t.TempDir()
		name := filepath.Join(dir, lockName)
		if err := os.WriteFile(name, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		first, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := flock(first); err != nil {
			t.Fatal(err)
		}
		_, err = takeLock(name)
		if _, ok := errors.AsType[*HeldError](err); !ok {
			t.Errorf("%q: %v, want held", text, err)
		}
		first.Close()
		f, err := takeLock(name)
		if err != nil {
			t.Fatalf("%q: free: %v", text, err)
		}
		f.Close()
	}
	link := filepath.Join(t.TempDir(), lockName)
	if err := os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), link); err != nil {
		t.Fatal(err)
	}
	if _, err := takeLock(link); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("link: %v, want it refused", err)
	}
}
