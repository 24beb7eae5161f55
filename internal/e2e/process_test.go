package e2e

import (
	"debug/elf"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"atoll/internal/figures"
	"atoll/internal/material"
)

func startScene(t *testing.T) *figures.Scene {
	t.Helper()
	data := material.Data(testData(t))
	s, err := figures.StartScene(binary(t, "ATOLL_BIN"), t.TempDir(), data.Path("pictures", "astronaut.png"), data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFirstEventComesSoon(t *testing.T) {
	const soon = 300 * time.Millisecond
	var times []time.Duration
	for len(times) < 5 || len(times) < 30 && slices.Min(times) > soon {
		took, err := figures.FirstEvent(binary(t, "ATOLL_BIN"), t.TempDir(), material.Data(testData(t)))
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, took)
	}
	slices.Sort(times)
	t.Logf("start to first event: %v", times)
	// A busy machine slows the others; the best shows what the program takes.
	if least := times[0]; least > soon {
		t.Errorf("first event after %v at best, must be %v", least, soon)
	}
}

func TestMemoryIsSmall(t *testing.T) {
	s := startScene(t)
	defer s.Stop()
	for range 3 { // presence, speech and engagement: everything has run
		if _, _, err := s.Event(); err != nil {
			t.Fatal(err)
		}
	}
	m, err := figures.MemoryOf(s.PID())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("parent and worker: RSS %.1f MB, PSS %.1f MB", float64(m.RSS)*1024/1e6, float64(m.PSS)*1024/1e6)
	if m.RSS*1024 > 64e6 {
		t.Errorf("parent and worker take %d KiB, must be 64 MB", m.RSS)
	}
}

// A parent that is killed leaves no worker behind, and one that is stopped
// neither.
func TestNoOrphan(t *testing.T) {
	for name, end := range map[string]func(*figures.Scene){
		"killed":  func(s *figures.Scene) { s.Kill() },
		"stopped": func(s *figures.Scene) { s.Stop() },
	} {
		s := startScene(t)
		if _, _, err := s.Event(); err != nil {
			t.Fatal(err)
		}
		children, err := figures.Children(s.PID())
		if err != nil || len(children) != 1 {
			t.Fatalf("children %v, %v; want one worker", children, err)
		}
		end(s)
		if !gone(children[0]) {
			t.Errorf("%s: worker %d goes on without its parent", name, children[0])
		}
	}
}

// gone waits until a process that is nobody's child here has ended.
func gone(pid int) bool {
	fd, err := pidfdOpen(pid)
	if err != nil {
		return err == syscall.ESRCH
	}
	defer syscall.Close(fd)
	return waitReadable(fd, 5*time.Second)
}

// A worker that is killed in the middle of a run costs one job at most.
func TestKilledWorkerGoesUnnoticed(t *testing.T) {
	s := startScene(t)
	defer s.Stop()
	if _, _, err := s.Event(); err != nil {
		t.Fatal(err)
	}
	before, err := figures.Children(s.PID())
	if err != nil || len(before) != 1 {
		t.Fatalf("children %v, %v; want one worker", before, err)
	}
	if err := syscall.Kill(before[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if !gone(before[0]) {
		t.Fatalf("worker %d survives SIGKILL", before[0])
	}
	var after []int
	for range 500 { // until the parent has noticed as well
		if after, err = figures.Children(s.PID()); err != nil {
			t.Fatal(err)
		}
		if len(after) == 1 && after[0] != before[0] {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if len(after) != 1 || after[0] == before[0] {
		t.Errorf("children %v; want one new worker", after)
	}
}

func TestBinariesAreStatic(t *testing.T) {
	for variable, machine := range map[string]elf.Machine{"ATOLL_BIN": 0, "ATOLL_BIN_ARM64": elf.EM_AARCH64} {
		path := binary(t, variable)
		f, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if machine != 0 && f.Machine != machine {
			t.Errorf("%s is for %v, want %v", path, f.Machine, machine)
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Errorf("%s has %v: it is not static", path, p.Type)
			}
		}
		if f.Section(".symtab") != nil {
			t.Errorf("%s is not stripped", path)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %.1f MB", path, float64(info.Size())/1e6)
		if machine == elf.EM_AARCH64 && info.Size() > 24e6 {
			t.Errorf("%s has %d bytes, must be 24 MB", path, info.Size())
		}
	}
}
