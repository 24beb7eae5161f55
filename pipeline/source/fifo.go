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

// maxPipe is the most a pipe holds unless root made it larger (pipe-max-size in pipe(7)).
const maxPipe = 1 << 20

// fifo reads lines from a named pipe, made with mode 0660 where there is none. Writers may come and go, and so may the pipe: when it
// is removed it is made anew, when it is replaced its successor is opened.
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
	return s.retry(ctx, func(working func()) error { return s.read(ctx, working) })
}

// read delivers what all writers write until that fails or another file takes the FIFO's place.
func (s *fifo) read(ctx context.Context, working func()) error {
	f, info, err := openPipe(s.cfg.Path)
	if err != nil {
		return fmt.Errorf("open FIFO: %w", err)
	}
	defer f.Close()
	guarded, release, err := guard(ctx, s.cfg.Path, info)
	if err != nil {
		return err
	}
	defer release()
	defer expire(guarded, f)()
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	r := &pipeReader{conn: conn}
	r.try = r.read
	split, buf := s.newSplitter(), make([]byte, textBuffer)
	working()
	for err == nil {
		// Every end of file is the last writer's leaving: its last line needs no newline.
		err = readLines(guarded, r, split, buf, s.sayNow)
	}
	if guarded.Err() != nil && ctx.Err() == nil { // what was written before nobody found the FIFO any more
		if err := readLines(ctx, io.LimitReader(&pipeRest{r}, maxPipe), split, buf, s.sayNow); err != nil {
			return err
		}
	}
	return causeOf(guarded, err)
}

// openPipe opens the FIFO, made if missing, without waiting for a writer.
func openPipe(path string) (*os.File, os.FileInfo, error) {
	err := unix.Mkfifo(path, 0o660)
	switch {
	case err == nil:
		err = os.Chmod(path, 0o660) // whatever the umask
	case errors.Is(err, os.ErrExist):
		err = nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("make %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil || info.Mode().Type() != os.ModeNamedPipe {
		f.Close()
		return nil, nil, errors.Join(err, fmt.Errorf("%s is no FIFO", path))
	}
	return f, info, nil
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

// pipeRest reads what the FIFO holds, waiting for nothing.
type pipeRest struct{ *pipeReader }

// Read implements io.Reader.
func (r *pipeRest) Read(b []byte) (int, error) {
	r.buf, r.n, r.err = b, 0, nil
	some := false
	if err := r.conn.Control(func(fd uintptr) { some = r.read(fd) }); err != nil {
		return 0, err
	}
	if !some {
		return 0, io.EOF
	}
	return r.n, r.err
}
