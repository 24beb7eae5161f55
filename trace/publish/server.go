package publish

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"atoll/trace"
)

// Names in the state folder.
const (
	socketName = "trace.sock"
	lockName   = "trace.lock" // held while a run serves the socket; it stays
	lastName   = "trace-last.json"
)

const (
	socketMode    = 0o660
	maxSocketPath = 107 // sun_path of unix(7), less its final 0
)

// writeLimit is how long a client may take to read its document. Nearly all fit into
// the socket's buffer, and nobody has to be waited for.
const writeLimit = 2 * time.Second

// acceptPause is how long the server waits when it can't take a connection, for want
// of descriptors or memory.
const acceptPause = time.Second

// ErrServed says that another run serves its traces in that state folder.
var ErrServed = errors.New("another run serves its traces there: give each run a --state of its own")

// Server sends snapshots to who connects to the socket, one client after the other; the
// others wait in the kernel, which bounds how many may.
type Server struct {
	path     string
	lock     *os.File
	listener *net.UnixListener
	recent   recent
	log      zerolog.Logger
	closing  chan struct{}
	done     sync.WaitGroup
}

// Serve makes the socket in the state folder, in place of one that a killed run left
// there, and answers until Close. snapshot is called by one goroutine at a time.
func Serve(state string, snapshot func() (trace.Snapshot, error), log zerolog.Logger) (*Server, error) {
	return serve(state, recent{snapshot: snapshot, now: time.Now}, log)
}

func serve(state string, recent recent, log zerolog.Logger) (*Server, error) {
	path := filepath.Join(state, socketName)
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("make socket %s: its path has %d bytes, a socket's may have %d: give a shorter --state", path, len(path), maxSocketPath)
	}
	if err := os.MkdirAll(state, 0o750); err != nil {
		return nil, fmt.Errorf("make state folder: %w", err)
	}
	lock, err := takeLock(filepath.Join(state, lockName))
	if err != nil {
		return nil, err
	}
	listener, err := listen(path)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("make socket: %w", err)
	}
	s := &Server{path: path, lock: lock, listener: listener, recent: recent, log: log, closing: make(chan struct{})}
	s.done.Go(s.accept)
	return s, nil
}

// Close ends the server and removes the socket.
func (s *Server) Close() error {
	close(s.closing)
	err := s.listener.Close() // removes the socket
	s.done.Wait()
	return errors.Join(err, s.lock.Close())
}

// takeLock locks a file. The kernel lets go of it whatever becomes of this process.
func takeLock(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o640)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrServed
		}
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return f, nil
}

// listen makes the socket. The lock is held: nobody listens at one that is there.
func listen(path string) (*net.UnixListener, error) {
	info, err := os.Lstat(path)
	switch {
	case err == nil && info.Mode().Type() != os.ModeSocket:
		return nil, fmt.Errorf("%s exists and is no socket: remove it, or give another --state", path)
	case err == nil:
		err = os.Remove(path)
	case errors.Is(err, os.ErrNotExist):
		err = nil
	}
	if err != nil {
		return nil, err
	}
	// The file takes its mode from the descriptor's, less the umask: it never lets in more than it should.
	config := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) (err error) {
		failed := conn.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), socketMode) })
		return errors.Join(failed, err)
	}}
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socketMode); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l.(*net.UnixListener), nil
}

// accept answers clients until the server is closed.
func (s *Server) accept() {
	failing := false
	for {
		conn, err := s.listener.AcceptUnix()
		switch {
		case err == nil:
			failing = false
			s.answer(conn)
			continue
		case errors.Is(err, net.ErrClosed):
			return
		case !failing:
			s.log.Warn().Err(err).Msg("who asks for traces can't be answered")
		}
		failing = true
		select {
		case <-time.After(acceptPause):
		case <-s.closing:
			return
		}
	}
}

// answer sends one document.
func (s *Server) answer(conn *net.UnixConn) {
	defer conn.Close()
	b, err := s.recent.answer()
	if err == nil {
		err = conn.SetWriteDeadline(time.Now().Add(writeLimit))
	}
	if err == nil {
		_, err = conn.Write(b)
	}
	if err != nil {
		s.log.Debug().Err(err).Msg("who asked for traces was not answered")
	}
}
