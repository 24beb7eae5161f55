package trace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// field is where a tracepoint's record has a value, in bytes.
type field struct{ offset, size int }

// kind is one of two ways to hang programs on tracepoints.
type kind int

const (
	plain kind = iota // the kernel writes a record for them; Linux 4.14
	typed             // they read the kernel's structures, which must have BTF; Linux 6.0
)

// tracepoint is one that programs are made for, with what the plain one takes for
// granted of its record.
type tracepoint struct {
	name     string    // group and event
	programs [2]string // by kind
	fields   map[string]field
	optional bool // a kernel without it has none of what it tells of
}

var tracepoints = []tracepoint{
	{name: "sched/sched_switch", programs: [2]string{"on_switch", "typed_switch"}, fields: map[string]field{
		"prev_pid": {24, 4}, "prev_state": {32, 8}, "next_comm": {40, 16}, "next_pid": {56, 4},
	}},
	{name: "sched/sched_waking", programs: [2]string{"on_waking", "typed_waking"}, fields: map[string]field{"pid": {24, 4}}},
	{name: "sched/sched_wakeup", programs: [2]string{"on_wakeup", "typed_wakeup"}, fields: map[string]field{"pid": {24, 4}}},
	{name: "irq/irq_handler_entry", programs: [2]string{"on_hard_entry", "typed_hard_entry"}},
	{name: "irq/irq_handler_exit", programs: [2]string{"on_hard_exit", "typed_hard_exit"}},
	{name: "irq/softirq_entry", programs: [2]string{"on_soft_entry", "typed_soft_entry"}},
	{name: "irq/softirq_exit", programs: [2]string{"on_soft_exit", "typed_soft_exit"}},
	{name: "power/cpu_frequency", programs: [2]string{"on_frequency", "typed_frequency"}, fields: map[string]field{"state": {8, 4}, "cpu_id": {12, 4}}, optional: true},
}

// keep takes the programs of the other kind away.
func keep(spec *ebpf.CollectionSpec, kind kind) {
	for _, tp := range tracepoints {
		delete(spec.Programs, tp.programs[1-kind])
	}
}

// hang hangs the programs of a kind on their tracepoints.
func (k *kernel) hang(kind kind) error {
	if kind == typed {
		return k.hangTyped()
	}
	dir, err := events(tracefs)
	if err != nil {
		return err
	}
	for _, tp := range tracepoints {
		id, fields, err := tp.probe(dir)
		if tp.optional && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if target, ok := fields["target_cpu"]; ok {
			k.watch.TargetCpu = uint32(target.offset)
		}
		attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Config: uint64(id), Sample_type: unix.PERF_SAMPLE_RAW, Sample: 1, Wakeup: 1}
		event, err := k.attach(attr, -1, 0, tp.programs[plain])
		if err != nil {
			return unsupported("program at tracepoint "+tp.name, "CONFIG_BPF_EVENTS", err)
		}
		k.events = append(k.events, event)
	}
	return nil
}

func (k *kernel) hangTyped() error {
	for _, tp := range tracepoints {
		event, err := openRawTracepoint(k.programs[tp.programs[typed]])
		if err != nil {
			return unsupported("program at tracepoint "+tp.name, "CONFIG_BPF_EVENTS", err)
		}
		k.events = append(k.events, event)
	}
	return nil
}

// openRawTracepoint hangs a program on the tracepoint that it was loaded for, until the
// descriptor is closed.
func openRawTracepoint(p *ebpf.Program) (event int, err error) {
	const rawTracepointOpen = 17 // enum bpf_cmd of include/uapi/linux/bpf.h
	attr := struct {
		name       uint64
		program, _ uint32
	}{program: uint32(p.FD())}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, rawTracepointOpen, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		return -1, os.NewSyscallError("bpf BPF_RAW_TRACEPOINT_OPEN", errno)
	}
	return int(fd), nil
}

// tracefs is where the kernel's tracepoints are described; the second is where kernels
// before 4.1 and some systems have it.
var tracefs = []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}

// events finds the folder of all tracepoints among those folders.
func events(roots []string) (string, error) {
	var errs []error
	for _, root := range roots {
		dir := filepath.Join(root, "events")
		_, err := os.Stat(filepath.Join(dir, "sched"))
		if err == nil {
			return dir, nil
		}
		errs = append(errs, err)
	}
	for _, err := range errs {
		if errors.Is(err, fs.ErrPermission) {
			return "", unsupported("right to read "+roots[0], "", err)
		}
	}
	return "", &UnsupportedError{
		Missing: "tracefs at " + roots[0],
		Takes:   "mount -t tracefs tracefs " + roots[0] + ", and a kernel with CONFIG_BPF_EVENTS",
		Err:     errs[0],
	}
}

// probe returns the kernel's number for a tracepoint and the fields of its record.
func (tp tracepoint) probe(events string) (id int, fields map[string]field, err error) {
	dir := filepath.Join(events, tp.name)
	text, err := os.ReadFile(filepath.Join(dir, "format"))
	if err != nil {
		return 0, nil, unsupported("tracepoint "+tp.name, "CONFIG_BPF_EVENTS", err)
	}
	fields, id, err = parseFormat(string(text))
	if err != nil {
		return 0, nil, unsupported("tracepoint "+tp.name, "the layout of Linux 4.14 or later", err)
	}
	for name, want := range tp.fields {
		if got := fields[name]; got != want {
			err := fmt.Errorf("%s of %d bytes at %d, not of %d at %d", name, got.size, got.offset, want.size, want.offset)
			return 0, nil, unsupported("known layout of tracepoint "+tp.name, "the layout of Linux 4.14 or later", err)
		}
	}
	return id, fields, nil
}

// parseFormat reads a tracepoint's file format: its ID, and a line such as
//
//	field:pid_t prev_pid;	offset:24;	size:4;	signed:1;
//
// for each field.
func parseFormat(text string) (fields map[string]field, id int, err error) {
	fields = map[string]field{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if number, ok := strings.CutPrefix(line, "ID:"); ok {
			if id, err = strconv.Atoi(strings.TrimSpace(number)); err != nil {
				return nil, 0, err
			}
		}
		declaration, ok := strings.CutPrefix(line, "field:")
		if !ok {
			continue
		}
		parts := strings.Split(declaration, ";")
		if len(parts) < 3 {
			return nil, 0, fmt.Errorf("line %q of its format", line)
		}
		words := strings.Fields(parts[0])
		offset, err1 := value(parts[1], "offset:")
		size, err2 := value(parts[2], "size:")
		if len(words) == 0 || err1 != nil || err2 != nil {
			return nil, 0, fmt.Errorf("line %q of its format", line)
		}
		name, _, _ := strings.Cut(words[len(words)-1], "[")
		fields[name] = field{offset, size}
	}
	if id <= 0 {
		return nil, 0, errors.New("no ID in its format")
	}
	return fields, id, nil
}

func value(s, key string) (int, error) {
	return strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(s), key))
}
