package trace

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// kernel is tracing by eBPF. Programs and maps live as long as this process has their
// descriptors open; nothing is pinned, so nothing stays when it is killed.
type kernel struct {
	programs map[string]*ebpf.Program
	maps     map[string]*ebpf.Map
	events   []int                      // descriptors of what programs hang on
	faults   [maxWorkers]map[int][2]int // likewise, by worker and thread
	watch    bpfWatch
}

// loadKernel loads the programs and attaches those of tracepoints: the typed ones where
// the kernel takes them, as they cost less.
func loadKernel() (*kernel, error) {
	k, err := loadPrograms(typed)
	if err != nil {
		k, err = loadPrograms(plain)
	}
	return k, err
}

// loadPrograms loads those of one kind, and what all need.
func loadPrograms(kind kind) (*kernel, error) {
	if ns, err := os.Readlink("/proc/self/ns/pid"); err == nil && ns != firstPIDNamespace {
		return nil, &UnsupportedError{
			Missing: "process numbers as the kernel has them",
			Takes:   "run atoll in the PID namespace of the machine, not of a container (--pid=host)",
		}
	}
	k := &kernel{}
	err := k.load(kind)
	if err == nil {
		err = k.hang(kind)
	}
	if err == nil {
		err = k.start()
	}
	if err == nil {
		err = enoughDescriptors()
	}
	if err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

// spareDescriptors are for the run: sources, sockets, models, and two for each thread of
// its workers.
const spareDescriptors = 128

// enoughDescriptors says whether the run can have as many more. The Go runtime has raised
// the soft limit to the hard one.
func enoughDescriptors() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return unsupported("limit of descriptors", "getrlimit", err)
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return unsupported("count of descriptors", "/proc", err)
	}
	if uint64(len(open))+spareDescriptors > limit.Cur {
		return unsupported(fmt.Sprintf("descriptors for eBPF and %d more", spareDescriptors), "", unix.EMFILE)
	}
	return nil
}

// firstPIDNamespace has a fixed number: PROC_PID_INIT_INO of include/linux/proc_ns.h.
const firstPIDNamespace = "pid:[4026531836]"

func (k *kernel) load(kind kind) error {
	spec, err := loadBpf()
	if err != nil {
		return fmt.Errorf("programs in the binary: %w", err)
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return unsupported("count of CPUs", "/sys/devices/system/cpu/possible", err)
	}
	spec.Maps["cpus"].MaxEntries = uint32(cpus)
	keep(spec, kind)
	collection, err := ebpf.NewCollection(spec)
	if errors.Is(err, unix.EPERM) && unlockMemory() { // kernels before 5.11 count maps as locked memory
		collection, err = ebpf.NewCollection(spec)
	}
	if err != nil {
		return refused(err)
	}
	k.programs, k.maps = collection.Programs, collection.Maps
	return k.readClocks(cpus)
}

func unlockMemory() bool {
	return unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}) == nil
}

// refused is the error of loading maps and programs, whose text runs to several lines.
// EACCES is no matter of rights there: the kernel's verifier says so of what it can't follow.
func refused(err error) error {
	if errno, ok := errors.AsType[unix.Errno](err); ok && errno != unix.EACCES {
		return unsupported("eBPF", "CONFIG_BPF_SYSCALL, of Linux 4.14 or later", errno)
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return unsupported("programs that this kernel's verifier accepts", "Linux 4.14 or later", errors.New(line))
}

// readClocks says what clocks the CPUs have; later the kernel tells of each change.
func (k *kernel) readClocks(cpus int) error {
	for cpu := range uint32(cpus) {
		text, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", cpu))
		if err != nil {
			continue // unknown until it changes
		}
		khz, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 32)
		if err != nil {
			continue
		}
		if err := k.maps["cpus"].Put(cpu, &bpfCpu{Khz: uint32(khz)}); err != nil {
			return err
		}
	}
	return nil
}

// start prepares for workers.
func (k *kernel) start() error {
	// Faults are counted thread by thread once there are any; this is to know now.
	event, err := k.attach(faultEvent(unix.PERF_COUNT_SW_PAGE_FAULTS_MIN), 0, -1, "on_minor_fault")
	if err != nil {
		return unsupported("program at page faults", "CONFIG_PERF_EVENTS and CONFIG_BPF_EVENTS", err)
	}
	unix.Close(event)
	return k.show()
}

// attach opens a perf event, of thread pid on a CPU (-1: any), that runs a program.
func (k *kernel) attach(attr unix.PerfEventAttr, pid, cpu int, program string) (event int, err error) {
	attr.Size = uint32(unsafe.Sizeof(attr))
	event, err = unix.PerfEventOpen(&attr, pid, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return -1, os.NewSyscallError("perf_event_open", err)
	}
	err = unix.IoctlSetInt(event, unix.PERF_EVENT_IOC_SET_BPF, k.programs[program].FD())
	if err == nil {
		err = unix.IoctlSetInt(event, unix.PERF_EVENT_IOC_ENABLE, 0)
	}
	if err != nil {
		unix.Close(event)
		return -1, os.NewSyscallError("ioctl of perf event", err)
	}
	return event, nil
}

func faultEvent(config uint64) unix.PerfEventAttr {
	return unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: config, Sample: 1}
}

// show tells the programs which tasks to watch.
func (k *kernel) show() error { return k.maps["watched"].Put(uint32(0), &k.watch) }

// started makes a process's marks: its jobs begin and end with messages, and programs
// that the kernel runs on those cost no system call.
func (k *kernel) started(worker, pid, parentEnd, workerEnd int) error {
	for program, end := range map[string]int{"on_request": workerEnd, "on_reply": parentEnd} {
		if err := unix.SetsockoptInt(end, unix.SOL_SOCKET, unix.SO_ATTACH_BPF, k.programs[program].FD()); err != nil {
			return os.NewSyscallError("setsockopt SO_ATTACH_BPF", err)
		}
	}
	k.watch.Process[worker] = uint32(pid)
	return k.show()
}

// loaded tells of the thread that runs a process's models, one of which is new. now is the
// time of CLOCK_MONOTONIC.
func (k *kernel) loaded(worker, pid, thread int, now uint64) error {
	if k.watch.Thread[worker] != uint32(thread) {
		if err := k.reset(worker, now); err != nil {
			return err
		}
		k.watch.Thread[worker] = uint32(thread)
		if err := k.show(); err != nil {
			return err
		}
	}
	return k.countFaults(worker, pid)
}

// reset forgets a thread and the jobs at hand. The next is asleep as far as is known: it
// waits for a job.
func (k *kernel) reset(worker int, now uint64) error {
	w, err := k.worker(worker)
	if err != nil {
		return err
	}
	const noCPU = ^uint32(0)
	return k.maps["workers"].Put(uint32(worker), &bpfWorker{
		Since: now, State: uint32(Blocked), WaitCpu: noCPU, Lost: w.Lost, Least: w.Least, Fastest: w.Fastest, Slowest: w.Slowest,
	})
}

func (k *kernel) worker(worker int) (w bpfWorker, err error) {
	err = k.maps["workers"].Lookup(uint32(worker), &w)
	return w, err
}

// countFaults has the page faults of all threads of a process counted that are there
// now: those that share the work exist once a model is loaded.
func (k *kernel) countFaults(worker, pid int) error {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil // it has died, which its next request tells
	}
	for _, entry := range threads {
		thread, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if _, ok := k.faults[worker][thread]; ok {
			continue
		}
		events, err := k.attachFaults(thread)
		if errors.Is(err, unix.ESRCH) {
			continue // the thread has ended
		}
		if err != nil {
			return err
		}
		if k.faults[worker] == nil {
			k.faults[worker] = map[int][2]int{}
		}
		k.faults[worker][thread] = events
	}
	return nil
}

// attachFaults opens the events of minor and of major page faults of a thread.
func (k *kernel) attachFaults(thread int) (events [2]int, err error) {
	if events[0], err = k.attach(faultEvent(unix.PERF_COUNT_SW_PAGE_FAULTS_MIN), thread, -1, "on_minor_fault"); err != nil {
		return events, err
	}
	if events[1], err = k.attach(faultEvent(unix.PERF_COUNT_SW_PAGE_FAULTS_MAJ), thread, -1, "on_major_fault"); err != nil {
		unix.Close(events[0])
	}
	return events, err
}

// gone forgets a process.
func (k *kernel) gone(worker int, now uint64) error {
	k.watch.Thread[worker], k.watch.Process[worker] = 0, 0
	k.closeFaults(worker)
	return errors.Join(k.show(), k.reset(worker, now))
}

// close may come again. Of plain programs it waits until the kernel has let go of each
// tracepoint, which takes it some tens of milliseconds one after the other, under a lock:
// side by side they are no faster.
func (k *kernel) close() {
	for worker := range k.faults {
		k.closeFaults(worker)
	}
	for _, event := range k.events {
		unix.Close(event)
	}
	k.events = nil
	for _, p := range k.programs {
		p.Close()
	}
	for _, m := range k.maps {
		m.Close()
	}
}

func (k *kernel) closeFaults(worker int) {
	for _, events := range k.faults[worker] {
		unix.Close(events[0])
		unix.Close(events[1])
	}
	k.faults[worker] = nil
}
