package source

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var errNoStdin = errors.New("there is no standard input to read")

// deadliner is what a read can be taken back from: a socket, or a file that the runtime polls.
type deadliner interface{ SetReadDeadline(time.Time) error }

// interruptible returns a reader of r whose Read fails as soon as ctx ends, even while it waits. The caller calls release when it has
// read enough; r stays open if it is a file; of anything else closing is the only way to wake its reader.
func interruptible(ctx context.Context, r io.Reader) (in io.Reader, release func(), err error) {
	if f, ok := r.(*os.File); ok {
		return newPolled(ctx, f)
	}
	if c, ok := r.(io.Closer); ok {
		return r, onDone(ctx, func() { c.Close() }), nil
	}
	return r, func() {}, nil
}

// expire makes d's reads fail once ctx ends.
func expire(ctx context.Context, d deadliner) (release func()) {
	return onDone(ctx, func() { d.SetReadDeadline(time.Unix(1, 0)) })
}

// onDone calls f when ctx ends. Once release returns, f has ended or will not be called.
func onDone(ctx context.Context, f func()) (release func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		f()
	})
	return sync.OnceFunc(func() {
		if !stop() {
			<-done
		}
	})
}

// polled reads a file that may block, as standard input mostly does: a terminal or a pipe. Making it non-blocking would change it for
// every process that shares it, so poll(2) waits for it and for ctx first.
type polled struct {
	f    *os.File
	fds  [2]unix.PollFd // the file, and an eventfd that is written when ctx ends
	conn syscall.RawConn
	wait func(fd uintptr) // poll, kept so that a Read allocates nothing
	err  error
}

func newPolled(ctx context.Context, f *os.File) (io.Reader, func(), error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, nil, os.NewSyscallError("eventfd", err)
	}
	p := &polled{f: f, conn: conn}
	p.fds[1] = unix.PollFd{Fd: int32(wake), Events: unix.POLLIN}
	p.wait = p.poll
	release := onDone(ctx, func() { unix.Write(wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) })
	return p, sync.OnceFunc(func() {
		release()
		unix.Close(wake)
	}), nil
}

func (p *polled) poll(fd uintptr) {
	p.fds[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	for {
		_, err := unix.Poll(p.fds[:], -1)
		if err != unix.EINTR {
			p.err = os.NewSyscallError("poll", err)
			return
		}
	}
}

// Read implements io.Reader.
func (p *polled) Read(b []byte) (int, error) {
	if err := p.conn.Control(p.wait); err != nil {
		return 0, err
	}
	if p.err != nil {
		return 0, p.err
	}
	if p.fds[1].Revents != 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return p.f.Read(b)
}
