package trace

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
)

// TestMain makes this test binary the processes that tests need.
func TestMain(m *testing.M) {
	if len(os.Args) >= 2 {
		switch os.Args[1] {
		case "worker":
			serve()
		case "burn":
			burn()
		case "parent":
			parent(os.Args[2])
		}
	}
	os.Exit(m.Run())
}

// What a stand-in for a worker does for a job, and how long or how often.
const (
	compute = iota // nanoseconds of its own CPU time
	sleep          // nanoseconds
	touch          // pages of fresh memory
	refuse         // answers that it failed
	linger         // as compute, and computes on for lingers after its answer
	die            // without an answer
)

// The messages of atoll/engine/internal/wire, which this package does not know.
const (
	headerSize = 24
	opBind     = 2
	opRun      = 3
)

const lingers = 5 * time.Millisecond

func serve() {
	runtime.LockOSThread()
	b := make([]byte, 4096)
	for {
		n, err := unix.Read(3, b)
		if err == unix.EINTR {
			continue
		}
		if n < headerSize || err != nil {
			os.Exit(0)
		}
		arg := binary.LittleEndian.Uint64(b[16:])
		lingering := b[0] == opRun && arg>>56 == linger
		answer := b[:headerSize]
		switch b[0] {
		case opBind:
			binary.LittleEndian.PutUint64(b[16:], uint64(unix.Gettid()))
		case opRun:
			began, cpu, faults := time.Now(), cpuTime(), minorFaults()
			work(arg>>56, arg<<8>>8, b)
			binary.LittleEndian.PutUint64(b[16:], uint64(time.Since(began)))
			answer = binary.LittleEndian.AppendUint64(answer, uint64(cpuTime()-cpu))
			answer = binary.LittleEndian.AppendUint64(answer, minorFaults()-faults)
			answer = binary.LittleEndian.AppendUint64(answer, 0)
		}
		unix.Write(3, answer)
		if lingering {
			work(compute, uint64(lingers), nil)
		}
	}
}

func work(what, amount uint64, reply []byte) {
	switch what {
	case compute, linger:
		for end := cpuTime() + time.Duration(amount); cpuTime() < end; {
		}
	case sleep:
		ts := unix.NsecToTimespec(int64(amount))
		unix.Nanosleep(&ts, nil)
	case touch:
		size := int(amount) * os.Getpagesize()
		fresh, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			os.Exit(1)
		}
		unix.Madvise(fresh, unix.MADV_NOHUGEPAGE)
		for i := 0; i < size; i += os.Getpagesize() {
			fresh[i] = 1
		}
		unix.Munmap(fresh)
	case refuse:
		reply[1] = 1
	case die:
		os.Exit(3)
	}
}

func cpuTime() time.Duration {
	var ts unix.Timespec
	unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}

func minorFaults() uint64 {
	var r unix.Rusage
	unix.Getrusage(unix.RUSAGE_THREAD, &r)
	return uint64(r.Minflt)
}

// burn computes on the CPU that its argument says until it is killed.
func burn() {
	cpu, _ := strconv.Atoi(os.Args[2])
	runtime.LockOSThread()
	pin(0, cpu)
	unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
	os.Stdout.Write([]byte{'\n'})
	for cpuTime() < time.Hour {
	}
}

func pin(thread, cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	return unix.SchedSetaffinity(thread, &set)
}

// standIn is a parent of a worker process that does as engine.Worker.
type standIn struct {
	tb     testing.TB
	tracer *Tracer
	cmd    *exec.Cmd
	socket int
	number int
	thread int
	seq    uint32
	buf    [4096]byte
}

func startWorker(tb testing.TB, tracer *Tracer) *standIn {
	tb.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	end := os.NewFile(uintptr(fds[1]), "worker end")
	defer end.Close()
	w := &standIn{tb: tb, tracer: tracer, socket: fds[0], cmd: exec.Command("/proc/self/exe", "worker")}
	w.cmd.ExtraFiles = []*os.File{end}
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := w.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	w.number = tracer.Started(w.cmd.Process.Pid, fds[0], fds[1])
	tb.Cleanup(w.stop)
	reply, err := w.call(opBind, 0, 0, [3]uint64{})
	if err != nil {
		tb.Fatal(err)
	}
	w.thread = int(binary.LittleEndian.Uint64(reply[16:]))
	return w
}

func (w *standIn) stop() {
	if w.socket < 0 {
		return
	}
	unix.Close(w.socket)
	w.socket = -1
	w.cmd.Process.Kill()
	w.cmd.Wait()
	w.tracer.Gone(w.number)
}

func (w *standIn) load(model uint32, name string) {
	w.tracer.Loaded(w.number, model, name, w.thread)
}

func (w *standIn) call(op byte, model uint32, arg uint64, marks [3]uint64) ([]byte, error) {
	b := w.buf[:headerSize+24]
	clear(b)
	w.seq++
	b[0] = op
	binary.LittleEndian.PutUint32(b[4:], w.seq)
	binary.LittleEndian.PutUint32(b[8:], model)
	binary.LittleEndian.PutUint64(b[16:], arg)
	binary.LittleEndian.PutUint64(b[24:], marks[0])
	binary.LittleEndian.PutUint64(b[32:], marks[1])
	binary.LittleEndian.PutUint64(b[40:], marks[2])
	if _, err := unix.Write(w.socket, b); err != nil {
		return nil, err
	}
	ready := [1]unix.PollFd{{Fd: int32(w.socket), Events: unix.POLLIN}}
	for {
		if _, err := unix.Ppoll(ready[:], nil, nil); err != unix.EINTR {
			break
		}
	}
	n, err := unix.Read(w.socket, w.buf[:])
	if err == nil && n < headerSize {
		err = errors.New("no answer")
	}
	return w.buf[:max(n, 0)], err
}

// run makes one job and returns how long it took for the caller and for the worker.
func (w *standIn) run(model uint32, what, amount uint64) (total, inWorker time.Duration) {
	w.tb.Helper()
	began := time.Now()
	marks, _ := w.tracer.Begin(w.number, model, began)
	reply, err := w.call(opRun, model, what<<56|amount, marks)
	total = time.Since(began)
	if err != nil {
		w.tb.Fatal(err)
	}
	if reply[1] != 0 {
		w.tracer.End(w.number, 0, [3]uint64{})
		return 0, 0
	}
	var usage [3]uint64
	for i := range usage {
		usage[i] = binary.LittleEndian.Uint64(reply[headerSize+8*i:])
	}
	w.tracer.End(w.number, total, usage)
	return total, time.Duration(binary.LittleEndian.Uint64(reply[16:]))
}

// loadForTests is what openTracer loads.
var loadForTests = loadKernel

// openTracer opens one that uses eBPF, or skips the test where that can't be.
func openTracer(tb testing.TB) *Tracer {
	tb.Helper()
	t := open(Options{Logger: zerolog.New(zerolog.NewTestWriter(tb))}, loadForTests)
	if err := t.Limited(); err != nil {
		t.Close()
		tb.Skipf("needs eBPF: %v", err)
	}
	tb.Cleanup(func() { t.Close() })
	return t
}

func snapshot(tb testing.TB, t *Tracer) Snapshot {
	tb.Helper()
	s, err := t.Snapshot()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
