package trace

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// BenchmarkMark compares ways to tell the kernel that a job begins: a program on the
// socket that the request goes through anyway, a map that the parent writes, and a
// program that the parent runs.
func BenchmarkMark(b *testing.B) {
	tr := openTracer(b)
	w := startWorker(b, tr)
	w.load(modelNumber, "vision/short")
	request := make([]byte, headerSize+24)
	request[0] = opRun
	request[8] = modelNumber
	request[headerSize] = 1 // asked for at some time, to be added up for the first worker

	b.Run("message alone", func(b *testing.B) { sendAndRead(b, request, -1) })
	b.Run("message with a program", func(b *testing.B) { sendAndRead(b, request, tr.kernel.programs["on_request"].FD()) })
	key, value := uint32(0), bpfTotal{}
	b.Run("write to a map", func(b *testing.B) {
		for b.Loop() {
			const mapUpdate = 2
			attr := mapAttr{fd: uint32(tr.kernel.maps["totals"].FD()), key: address(&key), value: address(&value)}
			bpfCall(b, mapUpdate, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
		}
	})
	b.Run("run of a program", func(b *testing.B) {
		for b.Loop() {
			const testRun = 10
			attr := runAttr{fd: uint32(tr.kernel.programs["on_request"].FD()), sizeIn: uint32(len(request)), in: address(&request[0])}
			bpfCall(b, testRun, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
		}
	})
}

// The beginnings of union bpf_attr of include/uapi/linux/bpf.h.
type (
	mapAttr struct {
		fd, _             uint32
		key, value, flags uint64
	}
	runAttr struct {
		fd, result, sizeIn, sizeOut uint32
		in, out                     uint64
		repeat, duration            uint32
	}
)

func address[T any](p *T) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }

func bpfCall(b *testing.B, command uintptr, attr unsafe.Pointer, size uintptr) {
	if _, _, errno := unix.Syscall(unix.SYS_BPF, command, uintptr(attr), size); errno != 0 {
		b.Fatal(errno)
	}
}

func sendAndRead(b *testing.B, request []byte, program int) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	if program >= 0 {
		if err := unix.SetsockoptInt(fds[1], unix.SOL_SOCKET, unix.SO_ATTACH_BPF, program); err != nil {
			b.Fatal(err)
		}
	}
	in := make([]byte, 64)
	for b.Loop() {
		unix.Write(fds[0], request)
		unix.Read(fds[1], in)
	}
}

// BenchmarkSwitch is two switches of a CPU between two threads, neither of them a
// worker's: what tracing costs everything else on the machine.
func BenchmarkSwitch(b *testing.B) {
	b.Run("untraced", pingPong)
	for n, name := range []string{plain: "plain", typed: "typed"} {
		k, err := loadPrograms(kind(n))
		if err != nil {
			b.Skipf("needs eBPF: %v", err)
		}
		b.Run(name, pingPong)
		k.close()
	}
}

func pingPong(b *testing.B) {
	there, back := pipe(b), pipe(b)
	ready := make(chan error)
	go func() {
		runtime.LockOSThread()
		ready <- pin(0, 0)
		for x := make([]byte, 1); ; {
			if n, err := unix.Read(there[0], x); n != 1 || err != nil {
				return // its thread ends with it
			}
			unix.Write(back[1], x)
		}
	}()
	if err := <-ready; err != nil {
		b.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	unix.SchedGetaffinity(0, &before)
	pin(0, 0)
	defer unix.SchedSetaffinity(0, &before)
	x := make([]byte, 1)
	for b.Loop() {
		unix.Write(there[1], x)
		unix.Read(back[0], x)
	}
	unix.Close(there[1])
}

func pipe(b testing.TB) (fds [2]int) {
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		b.Fatal(err)
	}
	return fds
}

// BenchmarkPrograms runs jobs of 1 ms and reports what each program took, by the
// kernel's own count, which itself adds some tens of nanoseconds to each.
func BenchmarkPrograms(b *testing.B) {
	tr := openTracer(b)
	w := startWorker(b, tr)
	w.load(modelNumber, "vision/short")
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		b.Skipf("needs the kernel to time programs: %v", err)
	}
	defer stats.Close()
	for b.Loop() {
		w.run(modelNumber, compute, uint64(time.Millisecond))
	}
	names := []string{}
	for name := range tr.kernel.programs {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		s, err := tr.kernel.programs[name].Stats()
		if err != nil {
			b.Fatal(err)
		}
		if s.RunCount > 0 {
			fmt.Fprintf(os.Stderr, "%-16s %5d ns, %6.1f runs a job\n", name, int64(s.Runtime)/int64(s.RunCount), float64(s.RunCount)/float64(b.N))
		}
	}
}

func BenchmarkOpenAndClose(b *testing.B) {
	var opened time.Duration
	for b.Loop() {
		began := time.Now()
		tr := Open(Options{})
		tr.Source()
		opened += time.Since(began)
		tr.Close()
	}
	b.ReportMetric(float64(opened.Nanoseconds())/float64(b.N), "ns/open")
}
