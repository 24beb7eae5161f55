package trace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// failNow lets a process that is no test use what tests do.
type failNow struct{ testing.TB }

func (failNow) Helper()        {}
func (failNow) Cleanup(func()) {}
func (failNow) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, args...)
	os.Exit(1)
}

// report is what a traced parent says of itself.
type report struct {
	Snapshot   Snapshot
	Permission bool // the reason why eBPF is not used is a right that is missing
	Typed      bool
	Programs   []ebpf.ProgramID
}

const parentJobs = 20

// parent traces jobs under less rights, prints a report and waits for its end.
func parent(rights string) {
	switch rights {
	case "nobody":
		if err := syscall.Setuid(65534); err != nil {
			failNow{}.Fatal(err)
		}
	case "seccomp":
		if err := refuseBPF(); err != nil {
			failNow{}.Fatal(err)
		}
	}
	tr := Open(Options{Logger: zerolog.New(os.Stderr)})
	tr.Source() // all jobs are traced
	w := startWorker(failNow{}, tr)
	w.load(modelNumber, "vision/short")
	for range parentJobs {
		w.run(modelNumber, compute, uint64(time.Millisecond))
	}
	w.run(modelNumber, touch, 100)
	s, err := tr.Snapshot()
	if err != nil {
		failNow{}.Fatal(err)
	}
	_, typed := errors.AsType[*UnsupportedError](tr.Limited())
	r := report{Snapshot: s, Typed: typed, Permission: errors.Is(tr.Limited(), fs.ErrPermission)}
	if tr.kernel != nil {
		for _, p := range tr.kernel.programs {
			info, err := p.Info()
			if err != nil {
				failNow{}.Fatal(err)
			}
			id, _ := info.ID()
			r.Programs = append(r.Programs, id)
		}
	}
	json.NewEncoder(os.Stdout).Encode(r)
	os.Stdin.Read(make([]byte, 1))
	w.stop()
	tr.Close()
	os.Exit(0)
}

// refuseBPF has the kernel refuse bpf(2) to all threads, as container runtimes do.
func refuseBPF() error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_BPF, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x50000 | uint32(unix.EPERM)}, // SECCOMP_RET_ERRNO
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x7fff0000},                   // SECCOMP_RET_ALLOW
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	const setModeFilter, allThreads = 1, 1
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, allThreads, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return errno
	}
	return nil
}

// startParent starts this binary as a parent. Its thread stays as it is until the test
// ends, as the kernel ends the child with the thread that started it.
func startParent(t *testing.T, rights string) (r report, log string, c *exec.Cmd) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	if rights == "no capabilities" {
		for capability := range uintptr(unix.CAP_LAST_CAP + 1) {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil && err != unix.EINVAL {
				t.Skipf("needs the right to give up rights: %v", err)
			}
		}
	}
	c = exec.Command("/proc/self/exe", "parent", rights)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if rights == "three capabilities" {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		c.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_DAC_READ_SEARCH}
	}
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		c.Wait()
		t.Fatalf("%v: %s", err, &stderr)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatal(err)
	}
	if rights == "killed" {
		return r, "", c
	}
	stdin.Close()
	if err := c.Wait(); err != nil {
		t.Errorf("%v: %s", err, &stderr)
	}
	return r, stderr.String(), c
}

func TestLessRights(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to give it up")
	}
	openTracer(t).Close()
	full, log, _ := startParent(t, "all")
	if full.Snapshot.Source != EBPF || log != "" {
		t.Fatalf("with all rights: %q, log %q", full.Snapshot.Source, log)
	}
	t.Run("three capabilities", func(t *testing.T) {
		if r, log, _ := startParent(t, "three capabilities"); r.Snapshot.Source != EBPF {
			t.Errorf("source %q, want ebpf: %s", r.Snapshot.Source, log)
		}
	})
	for _, rights := range []string{"nobody", "no capabilities", "seccomp"} {
		t.Run(rights, func(t *testing.T) {
			r, log, _ := startParent(t, rights)
			s := r.Snapshot
			t.Log(strings.TrimSpace(log))
			if s.Source != SchedStat || s.Limited == "" || !r.Typed || !r.Permission {
				t.Errorf("source %q, limited %q, typed %v, permission %v", s.Source, s.Limited, r.Typed, r.Permission)
			}
			if strings.Count(log, "\n") != 1 || !strings.Contains(log, s.Limited) || !strings.Contains(log, "CAP_BPF") {
				t.Errorf("log %q, want one line that says why and what it takes", log)
			}
			coarse(t, s)
			if got, want := keys(t, s), keys(t, full.Snapshot); !slices.Equal(got, want) {
				t.Errorf("JSON has the keys %v, want %v", got, want)
			}
		})
	}
}

// coarse checks what parent's jobs look like by /proc.
func coarse(t *testing.T, s Snapshot) {
	t.Helper()
	if len(s.Models) != 1 || s.Models[0].Jobs != parentJobs+1 || len(s.Slowest) != MaxSlowest {
		t.Fatalf("got %+v, want one model of %d jobs", s.Models, parentJobs+1)
	}
	m := s.Models[0]
	if m.Parts.Sum() != m.Wall {
		t.Errorf("parts %v add up to %v, not to %v", m.Parts, m.Parts.Sum(), m.Wall)
	}
	if m.Parts[OnCPU] < parentJobs*time.Millisecond*95/100 {
		t.Errorf("%v on a CPU, computed for %v", m.Parts[OnCPU], parentJobs*time.Millisecond)
	}
	if m.MinorFaults < 100 || m.MinorFaults > 1000 {
		t.Errorf("%d page faults, want 100 and some", m.MinorFaults)
	}
}

// keys are all paths of a JSON object's values, besides what is there only under some
// condition.
func keys(t *testing.T, s Snapshot) (list []string) {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		list = append(list, path)
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				walk(path+"."+k, x)
			}
		case []any:
			for _, x := range v {
				walk(path+"[]", x)
			}
		}
	}
	walk("", v)
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(path string) bool {
		return path == ".limited" || strings.Contains(path, "holders[]") || strings.Contains(path, "preemptors[]") || strings.HasSuffix(path, "_khz")
	})
}

// Nothing of a parent that is killed stays in the kernel.
func TestNothingStaysOfAKilledParent(t *testing.T) {
	openTracer(t).Close()
	r, _, c := startParent(t, "killed")
	if len(r.Programs) == 0 {
		t.Fatal("no programs")
	}
	for _, id := range r.Programs {
		p, err := ebpf.NewProgramFromID(id)
		if err != nil {
			t.Fatalf("program %d of a parent that lives: %v", id, err)
		}
		p.Close()
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	for _, id := range r.Programs {
		eventually(t, fmt.Sprintf("program %d is gone", id), func() bool {
			p, err := ebpf.NewProgramFromID(id)
			if err != nil {
				return errors.Is(err, fs.ErrNotExist)
			}
			p.Close()
			return false
		})
	}
}

// eventually waits for what the kernel does on its own, such as to free a program.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("30 s later it is not true that %s", what)
		}
	}
}
