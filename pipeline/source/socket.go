package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"atoll/model"
)

func init() {
	register("socket", kind{
		modality: model.Text,
		live:     true,
		keys:     []string{"path", "clients"},
		open:     openSocket,
	})
}

const (
	socketMode     = 0o660
	maxSocketPath  = 107 // sun_path of unix(7), less its final 0
	defaultClients = 8
	maxClients     = 1024
)

// socket reads lines from the clients of a Unix stream socket, at most cfg.Clients (default 8) at a time; more are turned away. When
// the socket's file is removed it is made anew; a file that another program put in its place is left to that one. Clients stay.
type socket struct {
	speaker
	clients sync.WaitGroup
	places  chan struct{} // one taken by each client
}

func openSocket(b base) (Source, error) {
	switch {
	case b.cfg.Path == "":
		return nil, errors.New("path is missing: name the socket")
	case len(b.cfg.Path) > maxSocketPath:
		return nil, fmt.Errorf("path has %d bytes: a socket's may have %d", len(b.cfg.Path), maxSocketPath)
	case b.cfg.Clients < 0 || b.cfg.Clients > maxClients:
		return nil, fmt.Errorf("%d clients: 1 to %d can be served", b.cfg.Clients, maxClients)
	case b.cfg.Clients == 0:
		b.cfg.Clients = defaultClients
	}
	if err := checkParent(b.cfg.Path); err != nil {
		return nil, err
	}
	if info, err := os.Lstat(b.cfg.Path); err == nil && info.Mode().Type() != os.ModeSocket {
		return nil, fmt.Errorf("%s exists and is no socket: remove it or name another path", b.cfg.Path)
	}
	return &socket{speaker: speaker{base: b}}, nil
}

func (s *socket) Run(ctx context.Context, out *Queue) error {
	s.ctx, s.out = ctx, out
	s.places = make(chan struct{}, s.cfg.Clients)
	defer s.clients.Wait() // ctx has ended: nothing else ends retry
	return s.retry(ctx, func(working func()) error { return s.serve(ctx, working) })
}

// serve listens and accepts clients until that fails, ctx ends or another file takes the socket's place.
func (s *socket) serve(ctx context.Context, working func()) error {
	listener, info, err := listen(ctx, s.cfg.Path)
	if err != nil {
		return err
	}
	defer unlisten(listener, s.cfg.Path, info)
	guarded, release, err := guard(ctx, s.cfg.Path, info)
	if err != nil {
		return err
	}
	defer release()
	defer onDone(guarded, func() { listener.SetDeadline(time.Unix(1, 0)) })()
	working()
	return causeOf(guarded, s.accept(ctx, listener))
}

// accept accepts clients until listening fails. They stay when it does.
func (s *socket) accept(ctx context.Context, listener net.Listener) error {
	full := false
	for {
		conn, err := listener.Accept()
		if err != nil {
			return fmt.Errorf("accept a client at %s: %w", s.cfg.Path, err)
		}
		select {
		case s.places <- struct{}{}:
			full = false
		default:
			s.env.Counters.Refused.Add(1)
			conn.Close()
			if !full {
				s.log.Warn().Int("clients", s.cfg.Clients).Msg("a client was turned away: all places are taken")
			}
			full = true
			continue
		}
		s.clients.Go(func() {
			defer func() { <-s.places }()
			s.read(ctx, conn)
		})
	}
}

// read delivers one client's lines until it leaves.
func (s *socket) read(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	defer expire(ctx, conn)()
	err := readLines(ctx, conn, s.newSplitter(), make([]byte, textBuffer), s.sayNow)
	if err != nil && ctx.Err() == nil {
		s.log.Debug().Err(err).Msg("lost a client")
	}
}

// listen makes the socket, in place of one that nobody listens at any more, and returns its file's description.
func listen(ctx context.Context, path string) (*net.UnixListener, os.FileInfo, error) {
	if err := removeStale(ctx, path); err != nil {
		return nil, nil, err
	}
	// The file takes its mode from the descriptor's, less the umask: it never lets in more than it should.
	config := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) (err error) {
		failed := conn.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), socketMode) })
		return errors.Join(failed, err)
	}}
	l, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, nil, fmt.Errorf("make socket: %w", err)
	}
	listener := l.(*net.UnixListener)
	listener.SetUnlinkOnClose(false) // it would remove whatever lies there
	info, err := os.Lstat(path)
	if err == nil {
		err = os.Chmod(path, socketMode)
	}
	if err != nil {
		listener.Close()
		return nil, nil, fmt.Errorf("make socket: %w", err)
	}
	return listener, info, nil
}

// unlisten removes the socket's file, unless another lies at the path by now, and closes the listener: only then, since while it is
// open no other file can have its inode number.
func unlisten(listener net.Listener, path string, info os.FileInfo) {
	if now, err := os.Lstat(path); err == nil && os.SameFile(now, info) {
		os.Remove(path)
	}
	listener.Close()
}

// removeStale removes a socket whose owner is gone.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("make socket: %w", err)
	case info.Mode().Type() != os.ModeSocket:
		return fmt.Errorf("make socket: %s exists and is no socket: remove it or name another path", path)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("make socket: another program listens at %s: end it or name another path", path)
	case !errors.Is(err, unix.ECONNREFUSED):
		return fmt.Errorf("make socket: %w", err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the socket of a program that has ended: %w", err)
	}
	return nil
}
