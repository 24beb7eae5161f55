package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"atoll/model"
)

func init() {
	register("fifo", kind{
		modality: model.Text,
		live:     true,
		keys:     []string{"path"},
		open:     openFIFO,
	})
}

// fifo reads lines from a named pipe, made with mode 0660 where there is none. Writers may come and go.
type fifo struct{ speaker }

func openFIFO(b base) (Source, error) {
	if b.cfg.Path == "" {
		return nil, errors.New("path is missing: name the FIFO")
	}
	info, err := os.Stat(b.cfg.Path)
	if err == nil && info.Mode().Type() != os.ModeNamedPipe {
		return nil, fmt.Errorf("%s exists and is no FIFO: remove it or name another path", b.cfg.Path)
	}
	if err := checkParent(b.cfg.Path); err != nil {
		return nil, err
	}
	return &fifo{speaker{base: b}}, nil
}

func (s *fifo) Run(ctx context.Context, out *Queue) error {
	s.ctx, s.out = ctx, out
	return s.retry(ctx, func(working func()) error {
		emit := func(text string) error {
			working()
			return s.sayNow(text)
		}
		return s.read(ctx, emit)
	})
}

// read delivers what all writers write until it fails.
func (s *fifo) read(ctx context.Context, emit func(string) error) error {
	f, err := openPipe(s.cfg.Path)
	if err != nil {
		return fmt.Errorf("open FIFO: %w", err)
	}
	defer f.Close()
	defer expire(ctx, f)()
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	r := &pipeReader{conn: conn}
	r.try = r.read
	split, buf := s.newSplitter(), make([]byte, textBuffer)
	for {
		// Every end of file is the last writer's leaving: its last line needs no newline.
		if err := readLines(ctx, r, split, buf, emit); err != nil {
			return err
		}
	}
}

// openPipe opens the FIFO, made if missing, without waiting for a writer.
func openPipe(path string) (*os.File, error) {
	err := unix.Mkfifo(path, 0o660)
	switch {
	case err == nil:
		err = os.Chmod(path, 0o660) // whatever the umask
	case errors.Is(err, os.ErrExist):
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.Mode().Type() != os.ModeNamedPipe {
		f.Close()
		return nil, errors.Join(err, fmt.Errorf("%s is no FIFO", path))
	}
	return f, nil
}

// pipeReader reads a FIFO across its writers: io.EOF is told once when the last one leaves, and the next Read waits for another.
// An os.File would tell it over and over.
type pipeReader struct {
	conn    syscall.RawConn
	try     func(fd uintptr) bool // read, kept so that a Read allocates nothing
	buf     []byte
	written bool // since the last end
	n       int
	err     error
}

// Read implements io.Reader.
func (r *pipeReader) Read(b []byte) (int, error) {
	r.buf, r.n, r.err = b, 0, nil
	if err := r.conn.Read(r.try); err != nil {
		return 0, err
	}
	return r.n, r.err
}

// read tries once; false waits for the poller, which tells of data and of writers that come or go.
func (r *pipeReader) read(fd uintptr) bool {
	for {
		n, err := unix.Read(int(fd), r.buf)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN, err == nil && n == 0 && !r.written:
			return false
		case err != nil:
			r.err = os.NewSyscallError("read", err)
		case n == 0:
			r.written, r.err = false, io.EOF
		default:
			r.written, r.n = true, n
		}
		return true
	}
}
