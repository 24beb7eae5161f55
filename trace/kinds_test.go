package trace

import (
	"os"
	"slices"
	"testing"
)

// Programs of both kinds see the same; other tests run what the kernel at hand gets.
func TestBothKindsOfPrograms(t *testing.T) {
	for kind, name := range map[kind]string{plain: "plain", typed: "typed"} {
		t.Run(name, func(t *testing.T) {
			loadForTests = func() (*kernel, error) { return loadPrograms(kind) }
			defer func() { loadForTests = loadKernel }()
			tr := openTracer(t)
			_, isPlain := tr.kernel.programs["on_switch"]
			_, isTyped := tr.kernel.programs["typed_switch"]
			if isPlain != (kind == plain) || isTyped != (kind == typed) {
				t.Errorf("plain %v, typed %v", isPlain, isTyped)
			}
			tr.Close()
			for name, test := range map[string]func(*testing.T){
				"adds up": TestPartsAddUpToTheWallTime, "asleep": TestComputingAndSleeping,
				"failed": TestFailedJobsAreNotCounted, "several": TestSeveralWorkers, "replaced": TestReplacedWorker,
				"CPU held": TestNamesWhoHoldsTheCPU, "faults": TestNamesPageFaults, "stopped": TestNamesASignalThatStops,
			} {
				t.Run(name, test)
			}
		})
	}
}

// A kernel that describes its types, of the version that the typed programs are for, gets those.
func TestTypedProgramsWhereTheyCanBe(t *testing.T) {
	tr := openTracer(t)
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil {
		t.Skipf("needs BTF: %v", err)
	}
	k, err := loadPrograms(typed)
	if err != nil {
		t.Skipf("needs Linux 6.0: %v", err)
	}
	k.close()
	if _, ok := tr.kernel.programs["typed_switch"]; !ok {
		t.Error("this kernel gets the plain programs")
	}
}

// Each kind has all programs that hang on tracepoints, and no other.
func TestKindsAreComplete(t *testing.T) {
	for _, kind := range []kind{plain, typed} {
		spec, err := loadBpf()
		if err != nil {
			t.Fatal(err)
		}
		all := len(spec.Programs)
		keep(spec, kind)
		if got := all - len(spec.Programs); got != len(tracepoints) {
			t.Errorf("%d programs of the other kind, want %d", got, len(tracepoints))
		}
		for _, tp := range tracepoints {
			if spec.Programs[tp.programs[kind]] == nil || slices.Contains(tp.programs[:], "") {
				t.Errorf("%s: no program %q", tp.name, tp.programs[kind])
			}
		}
	}
}
