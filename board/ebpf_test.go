package board

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
)

func TestEBPFProblem(t *testing.T) {
	for _, test := range []struct {
		err  error
		kind Kind
		fix  string
	}{
		{nil, "", ""},
		{fmt.Errorf("probe: %w", ebpf.ErrNotSupported), Unsupported, "CONFIG_X"},
		{syscall.ENOSYS, Unsupported, "CONFIG_X"},
		{fmt.Errorf("probe: %w", syscall.EPERM), Permission, "CAP_BPF"},
		{syscall.EACCES, Permission, "CAP_BPF"},
		{syscall.ENOMEM, Driver, "dmesg"},
		{fmt.Errorf("odd"), Invalid, ""},
	} {
		got := ebpfProblem("map x", "CONFIG_X", test.err)
		if kindOf(got) != test.kind || got != nil && !strings.Contains(got.Fix, test.fix) {
			t.Errorf("%v: got %+v, want %s", test.err, got, test.kind)
		}
	}
}

func TestEBPFOfACapturedTree(t *testing.T) {
	got := Detect(tree(t, imaginary)).EBPF
	if got.Probed || !got.BTF || len(got.Features) != 0 || kindOf(got.Problem) != NotProbed {
		t.Errorf("got %+v", got)
	}
}

func TestEBPFText(t *testing.T) {
	denied := ebpfProblem("map hash", "CONFIG_X", syscall.EPERM)
	for _, test := range []struct {
		name string
		ebpf EBPF
		want string
	}{
		{"works", EBPF{Probed: true, BTF: true, Features: []EBPFFeature{{"map hash", true, nil}, {"program kprobe", true, nil}}}, "eBPF          hash, kprobe, BTF\n"},
		{"denied", EBPF{Probed: true, BTF: true, Features: []EBPFFeature{{"map hash", false, denied}, {"map ringbuf", false, denied}}},
			"eBPF          nothing works\n              ! no permission for eBPF map hash\n              → run atoll as root or with the capabilities CAP_BPF and\n                CAP_PERFMON (before Linux 5.8: CAP_SYS_ADMIN)\n"},
	} {
		var out bytes.Buffer
		text := &textWriter{w: bufio.NewWriter(&out), fixes: map[string]bool{}}
		test.ebpf.write(text)
		text.w.Flush()
		if got := out.String(); got != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

func TestEBPFLive(t *testing.T) {
	got := Detect(Live()).EBPF
	if !got.Probed || len(got.Features) != len(ebpfProbes) {
		t.Fatalf("got %+v", got)
	}
	for _, f := range got.Features {
		if f.Supported != (f.Problem == nil) {
			t.Errorf("%+v", f)
		}
		t.Logf("%-24s %v %+v", f.Name, f.Supported, f.Problem)
	}
}

// The first detection of a process is the slow one: it probes eBPF and reads BTF.
func TestLiveDetectTakesLittle(t *testing.T) {
	const child = "ATOLL_TIME_DETECT"
	if os.Getenv(child) != "" {
		start := time.Now()
		Detect(Live())
		fmt.Println("took", time.Since(start).Microseconds())
		return
	}
	least := time.Hour
	for range 5 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestLiveDetectTakesLittle$")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		var us int64
		if _, scan := fmt.Sscanf(string(out), "took %d", &us); err != nil || scan != nil {
			t.Fatalf("%v, %v: %s", err, scan, out)
		}
		least = min(least, time.Duration(us)*time.Microsecond)
	}
	t.Logf("the first detection of a process takes %v", least)
	if least > slowdown*maxDetect {
		t.Errorf("got %v, want at most %v", least, slowdown*maxDetect)
	}
}
