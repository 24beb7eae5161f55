package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"atoll/engine/internal/wire"
)

// process is one worker process and the parent's end of its socket.
type process struct {
	cmd      *exec.Cmd
	socket   int      // not blocking
	lifeline *os.File // its closing ends the worker, whatever that is doing
	said     *lastWords
	exited   chan struct{}
	err      error // from Wait, once exited is closed
	traced   int   // the tracer's number for it

	seq uint32
	buf []byte
}

func startProcess(command []string, log zerolog.Logger, tracer Tracer) (*process, error) {
	ours, theirs, err := wire.Pair()
	if err != nil {
		return nil, err
	}
	workerSocket := os.NewFile(uintptr(theirs), "worker end")
	defer workerSocket.Close()
	if err := unix.SetNonblock(ours, true); err != nil {
		unix.Close(ours)
		return nil, os.NewSyscallError("fcntl", err)
	}
	workerLifeline, lifeline, err := os.Pipe()
	if err != nil {
		unix.Close(ours)
		return nil, err
	}
	defer workerLifeline.Close()

	p := &process{
		cmd: exec.Command(command[0], command[1:]...), socket: ours, lifeline: lifeline,
		said: &lastWords{log: log}, exited: make(chan struct{}), buf: make([]byte, wire.MaxMessage),
	}
	p.cmd.Args[0] = "atoll"
	p.cmd.Env = []string{"GOTRACEBACK=none"} // nothing of ours; short last words
	p.cmd.Stderr = p.said
	p.cmd.ExtraFiles = []*os.File{workerSocket, workerLifeline}
	// The lifeline ends a worker that runs; this also one that is stopped.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		unix.Close(ours)
		lifeline.Close()
		return nil, err
	}
	p.traced = tracer.Started(p.pid(), ours, theirs)
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// kill ends the process, waits until it is gone and returns its last words.
func (p *process) kill() string {
	unix.Close(p.socket)
	p.lifeline.Close()
	p.cmd.Process.Kill()
	<-p.exited
	return p.said.last()
}

// call sends a request, with marks if it is for a job and with descriptor fd if that is
// not negative, and waits for the reply; payload is valid until the next call. An error
// means that the process is of no more use.
func (p *process) call(h wire.Header, marks wire.Marks, fd int, timeout time.Duration) (reply wire.Header, payload []byte, err error) {
	deadline := time.Now().Add(timeout)
	p.seq++
	h.Seq = p.seq
	h.Put(p.buf)
	size := wire.HeaderSize
	if h.Op == wire.Run {
		marks.Put(p.buf[size:])
		size += wire.MarksSize
	}
	if err := p.write(p.buf[:size], deadline); err != nil {
		return reply, nil, err
	}
	if fd >= 0 {
		if err := wire.SendDescriptor(p.socket, fd); err != nil {
			return reply, nil, err
		}
	}
	n, err := p.read(deadline)
	if err != nil {
		return reply, nil, err
	}
	if reply, err = wire.ParseHeader(p.buf[:n]); err != nil {
		return reply, nil, fmt.Errorf("reply: %w", err)
	}
	if reply.Seq != h.Seq || reply.Op != h.Op || reply.Model != h.Model {
		return reply, nil, errors.New("reply to another request than the one made")
	}
	return reply, p.buf[wire.HeaderSize:n], nil
}

func (p *process) write(b []byte, deadline time.Time) error {
	for {
		err := unix.Send(p.socket, b, unix.MSG_NOSIGNAL)
		if err != unix.EAGAIN && err != unix.EINTR {
			return os.NewSyscallError("send", err)
		}
		if err := p.wait(unix.POLLOUT, deadline); err != nil {
			return err
		}
	}
}

// read reads one message into p.buf.
func (p *process) read(deadline time.Time) (int, error) {
	for {
		if err := p.wait(unix.POLLIN, deadline); err != nil {
			return 0, err
		}
		n, err := unix.Read(p.socket, p.buf)
		if n == 0 && err == nil {
			return 0, io.EOF
		}
		if err != unix.EAGAIN && err != unix.EINTR {
			return n, os.NewSyscallError("read", err)
		}
	}
}

// wait waits until the socket is ready. It blocks its thread in poll(2): going
// through the runtime's poller instead takes the answer tens of microseconds longer.
func (p *process) wait(events int16, deadline time.Time) error {
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return os.ErrDeadlineExceeded
		}
		ready := [1]unix.PollFd{{Fd: int32(p.socket), Events: events}}
		timeout := unix.NsecToTimespec(int64(left))
		n, err := unix.Ppoll(ready[:], &timeout, nil)
		switch {
		case err != nil && err != unix.EINTR:
			return os.NewSyscallError("ppoll", err)
		case n > 0:
			return nil
		}
	}
}

// died explains why call failed: the process's end if it ended, else err.
func (p *process) died(err error, timeout time.Duration) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Sprintf("deadline of %v passed", timeout)
	}
	// A socket closed from the other side comes just before the exit status.
	select {
	case <-p.exited:
		return p.cause()
	case <-time.After(time.Second):
		return err.Error()
	}
}

// cause says how a process ended that has.
func (p *process) cause() string {
	if p.err != nil {
		return p.err.Error()
	}
	return "worker ended by itself"
}

// lastWords keeps the end of what a worker writes to its standard error, where
// libraries and the Go runtime say why they abort.
type lastWords struct {
	log zerolog.Logger
	mu  sync.Mutex
	buf []byte
}

const lastWordsSize = 8 << 10

func (l *lastWords) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, b[max(0, len(b)-lastWordsSize):]...)
	if n := len(l.buf) - lastWordsSize; n > 0 {
		l.buf = append(l.buf[:0], l.buf[n:]...)
	}
	l.log.Debug().Bytes("text", bytes.TrimSpace(b[:min(len(b), lastWordsSize)])).Msg("worker said")
	return len(b), nil
}

// causeLine begins the line that names a cause, above a dump of stacks and registers.
var causeLine = regexp.MustCompile(`^(fatal error|panic|runtime|SIG[A-Z]+|terminate called|\[signal)\b`)

// last is the line that names the cause, or else the last one, at most 200 bytes.
func (l *lastWords) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	said := ""
	for line := range strings.Lines(string(l.buf)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "INFO:") {
			continue
		}
		said = line
		if causeLine.MatchString(line) {
			break
		}
	}
	return strings.ToValidUTF8(said[:min(len(said), 200)], "")
}
