package board

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"
)

// EBPF is what of eBPF this process may use: what atoll traces inferences with.
type EBPF struct {
	Probed   bool          `json:"probed"` // by loading maps and programs: on the live machine only
	BTF      bool          `json:"btf"`    // /sys/kernel/btf/vmlinux exists
	Features []EBPFFeature `json:"features"`
	Problem  *Problem      `json:"problem,omitempty"`
}

// EBPFFeature is a kind of map or program that was tried.
type EBPFFeature struct {
	Name      string   `json:"name"` // "map hash", "program kprobe"
	Supported bool     `json:"supported"`
	Problem   *Problem `json:"problem,omitempty"`
}

const btfFile = "sys/kernel/btf/vmlinux"

// ebpfProbe tries a feature. It takes a file beside it where programs of the kind
// can be loaded but not attached without.
type ebpfProbe struct {
	name, file, config string
	have               func() error
}

// ebpfProbes are what tracing takes, with the kernel's option for each.
var ebpfProbes = []ebpfProbe{
	{"map hash", "", "CONFIG_BPF_SYSCALL", haveMap(ebpf.Hash)},
	{"map ringbuf", "", "CONFIG_BPF_SYSCALL and Linux 5.8", haveMap(ebpf.RingBuf)},
	{"program kprobe", "sys/bus/event_source/devices/kprobe", "CONFIG_KPROBE_EVENTS", haveProgram(ebpf.Kprobe)},
	{"program tracepoint", "sys/bus/event_source/devices/tracepoint", "CONFIG_BPF_EVENTS", haveProgram(ebpf.TracePoint)},
	{"program raw_tracepoint", "", "CONFIG_BPF_EVENTS and Linux 4.17", haveProgram(ebpf.RawTracepoint)},
	{"program tracing", btfFile, "CONFIG_DEBUG_INFO_BTF", haveProgram(ebpf.Tracing)},
}

func haveMap(t ebpf.MapType) func() error { return func() error { return features.HaveMapType(t) } }

func haveProgram(t ebpf.ProgramType) func() error {
	return func() error { return features.HaveProgramType(t) }
}

// ebpf tries each feature. The results are those of the process: the library keeps
// them, whatever rights are won or lost later.
func (r *reader) ebpf() EBPF {
	e := EBPF{BTF: r.exists(btfFile), Features: []EBPFFeature{}}
	if !isLive(r.tree) {
		e.Problem = &Problem{NotProbed, "not probed: a captured tree", "run atoll detect on the machine itself"}
		return e
	}
	e.Probed = true
	loads := false // a program
	for _, p := range ebpfProbes {
		err := ebpf.ErrNotSupported
		if p.file == "" || r.exists(p.file) {
			err = p.have()
		}
		problem := ebpfProblem(p.name, p.config, err)
		if err != nil && loads && problem.Kind == Permission {
			problem = &Problem{Permission, "the kernel refuses eBPF " + p.name + ", though it allows others", "a security policy of the kernel or container forbids it: atoll traces without"}
		}
		loads = loads || err == nil && strings.HasPrefix(p.name, "program")
		e.Features = append(e.Features, EBPFFeature{p.name, err == nil, problem})
	}
	return e
}

// ebpfProblem says what a feature lacks by the error of its probe.
func ebpfProblem(name, config string, err error) *Problem {
	var errno syscall.Errno
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, syscall.ENOSYS):
		return &Problem{Unsupported, "the kernel has no eBPF " + name, "it takes a kernel with " + config}
	case errors.Is(err, fs.ErrPermission):
		return &Problem{Permission, "no permission for eBPF " + name, "run atoll as root or with the capabilities CAP_BPF and CAP_PERFMON (before Linux 5.8: CAP_SYS_ADMIN)"}
	case errors.As(err, &errno):
		return &Problem{Driver, fmt.Sprintf("the kernel refuses eBPF %s (%s)", name, unix.ErrnoName(errno)), "see dmesg for its reason"}
	}
	return &Problem{Invalid, fmt.Sprintf("cannot probe eBPF %s: %v", name, err), ""}
}
