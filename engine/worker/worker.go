// Package worker is the process that holds TensorFlow Lite. It serves one
// parent over a socket and ends when the parent does. All that can crash, hang
// or leak below the C API does so here, where it can be killed and replaced.
package worker

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"atoll/engine/internal/wire"
	"atoll/engine/tflite"
)

// The descriptors that the parent leaves open in a new worker.
const (
	socketFD   = 3 // requests and replies
	lifelineFD = 4 // read end of a pipe that the parent holds open while it lives
)

// Become makes this program the worker that it was started as, by the argument "worker"
// alone, and ends it with that; else it does nothing. It is for programs, as tests, that
// are their own workers.
func Become() {
	if len(os.Args) != 2 || os.Args[1] != "worker" {
		return
	}
	if err := Main(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Main serves the parent until it closes the socket or ends. It returns an
// error only where this process was not started by a parent.
func Main() error {
	if kind, err := unix.GetsockoptInt(socketFD, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_SEQPACKET {
		return errors.New("atoll worker is started by atoll itself, not by hand")
	}
	unix.CloseOnExec(socketFD)
	unix.CloseOnExec(lifelineFD)
	// Signals to the whole group, as from a terminal or a service manager, are the
	// parent's to act on; it ends the worker by the lifeline.
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	runtime.LockOSThread()
	// By default its name is "exe". Threads that this one starts, as XNNPACK's, get it too.
	if err := unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&[]byte("atoll worker\x00")[0])), 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl PR_SET_NAME", err)
	}
	go dieWithParent()
	// The steady path allocates nothing, so the collector has little to do;
	// the limit is there for models being loaded.
	debug.SetGCPercent(50)
	s := server{models: map[uint32]*slot{}, in: make([]byte, wire.MaxMessage), out: make([]byte, 0, wire.MaxMessage), thread: unix.Gettid()}
	return s.serve()
}

// dieWithParent ends the process when the parent is gone, also while the main
// thread hangs inside an inference.
func dieWithParent() {
	f := os.NewFile(lifelineFD, "lifeline")
	var b [1]byte
	f.Read(b[:])
	os.Exit(0)
}

// slot is one loaded model.
type slot struct {
	interp  *tflite.Interpreter
	tensors wire.Tensors
	memory  []byte
	bound   bool
}

type server struct {
	models map[uint32]*slot
	began  time.Time // when the request at hand was read
	thread int       // that serves
	in     []byte
	out    []byte
}

func (s *server) serve() error {
	for {
		n, err := unix.Read(socketFD, s.in)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		if n == 0 {
			return nil
		}
		s.began = time.Now()
		h, err := wire.ParseHeader(s.in[:n])
		if err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		fd := -1
		if h.Op == wire.Load || h.Op == wire.Bind {
			if fd, err = wire.ReceiveDescriptor(socketFD); err != nil {
				return err
			}
		}
		if err := s.answer(h, fd); err != nil {
			return fmt.Errorf("write reply: %w", err)
		}
	}
}

// answer does what h asks and writes the reply. fd, if any, is its own to close.
func (s *server) answer(h wire.Header, fd int) error {
	var err error
	s.out = s.out[:wire.HeaderSize]
	switch h.Op {
	case wire.Run:
		h.Arg, err = s.runMeasured(h.Model, h.Arg == wire.WantUsage)
	case wire.Load:
		err = s.load(h.Model, fd, int(h.Arg))
	case wire.Bind:
		err = s.bind(h.Model, fd, int(h.Arg))
		h.Arg = uint64(s.thread)
	case wire.Unload:
		s.unload(h.Model)
	default:
		err = fmt.Errorf("unknown operation %d", h.Op)
	}
	if fd >= 0 {
		unix.Close(fd)
	}
	h.Status = wire.OK
	if err != nil {
		h.Status = wire.Failed
		text := err.Error()
		s.out = append(s.out[:wire.HeaderSize], text[:min(len(text), 2048)]...)
	}
	h.Put(s.out)
	for {
		if _, err = unix.Write(socketFD, s.out); err != unix.EINTR {
			return err
		}
	}
}

var errNoModel = errors.New("no such model in this worker")

// run invokes the model and returns how many nanoseconds the request took.
func (s *server) run(id uint32) (uint64, error) {
	m := s.models[id]
	if m == nil || !m.bound {
		return 0, errNoModel
	}
	err := m.interp.Invoke()
	return uint64(time.Since(s.began)), err
}

// runMeasured runs the model and, if it is to measure, appends what that used to the
// reply.
func (s *server) runMeasured(id uint32, measure bool) (ns uint64, err error) {
	if !measure {
		return s.run(id)
	}
	before, err := usage()
	if err != nil {
		return 0, err
	}
	if ns, err = s.run(id); err != nil {
		return ns, err
	}
	after, err := usage()
	if err != nil {
		return ns, err
	}
	for i := range after {
		after[i] -= before[i]
	}
	s.out = after.Append(s.out)
	return ns, nil
}

// usage is what the calling thread has used in its life.
func usage() (u wire.Usage, err error) {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &r); err != nil {
		return u, os.NewSyscallError("getrusage", err)
	}
	// Its CPU time in getrusage is behind by what it has run since the last tick.
	var cpu unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &cpu); err != nil {
		return u, os.NewSyscallError("clock_gettime", err)
	}
	return wire.Usage{uint64(cpu.Nano()), uint64(r.Minflt), uint64(r.Majflt)}, nil
}

// load reads the model in fd and appends its tensors to the reply.
func (s *server) load(id uint32, fd, threads int) error {
	s.unload(id)
	interp, err := tflite.New(fmt.Sprintf("/proc/self/fd/%d", fd), threads)
	if err != nil {
		return err
	}
	tensors, err := interp.Tensors()
	if err != nil {
		interp.Close()
		return err
	}
	reply := tensors.Append(s.out)
	if len(reply) > wire.MaxMessage {
		interp.Close()
		return fmt.Errorf("description of inputs and outputs takes %d bytes: at most %d", len(reply), wire.MaxMessage)
	}
	s.out = reply
	s.models[id] = &slot{interp: interp, tensors: tensors}
	return nil
}

// bind maps the memory in fd and places the model's inputs and outputs there.
func (s *server) bind(id uint32, fd, size int) error {
	m := s.models[id]
	if m == nil {
		return errNoModel
	}
	if m.bound {
		return errors.New("model has its memory already")
	}
	inputs, outputs, total, err := m.tensors.Layout()
	if err != nil {
		return err
	}
	if uint64(size) != total {
		return fmt.Errorf("%d bytes of memory for tensors that take %d", size, total)
	}
	if m.memory, err = wire.Map(fd, size); err != nil {
		return err
	}
	if err := m.interp.Bind(m.memory, m.tensors, inputs, outputs); err != nil {
		return err
	}
	m.bound = true
	return nil
}

func (s *server) unload(id uint32) {
	m := s.models[id]
	if m == nil {
		return
	}
	m.interp.Close()
	if m.memory != nil {
		unix.Munmap(m.memory)
	}
	delete(s.models, id)
}
