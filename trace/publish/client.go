package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"atoll/trace"
)

// ErrNoRun says that no run serves its traces in the state folder.
var ErrNoRun = errors.New("no run is serving traces")

// askLimit is how long a run may take to answer, also one that is stopped.
const askLimit = 5 * time.Second

// Ask returns what the run of that state folder has seen until now. Where there is no
// run the error is ErrNoRun.
func Ask(ctx context.Context, state string) (trace.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	path := filepath.Join(state, socketName)
	if len(path) > maxSocketPath {
		return trace.Snapshot{}, fmt.Errorf("%s has %d bytes, a socket's path may have %d: give a shorter --state, as to the run", path, len(path), maxSocketPath)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
	case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOTDIR):
		return trace.Snapshot{}, fmt.Errorf("%w in %s: start atoll run --state %s, or name its folder with --state", ErrNoRun, state, state)
	case errors.Is(err, os.ErrPermission):
		return trace.Snapshot{}, fmt.Errorf("no right to ask the run in %s: be its user or in its group (sudo)", state)
	default:
		return trace.Snapshot{}, fmt.Errorf("ask the run: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })()
	b, err := io.ReadAll(io.LimitReader(conn, maxDocument+1))
	if err == nil {
		var s trace.Snapshot
		if s, err = decode(b); err == nil {
			return s, nil
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if err = ctx.Err(); errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no answer in %v: is it stopped?", askLimit)
		}
	}
	return trace.Snapshot{}, fmt.Errorf("ask the run in %s: %w", state, err)
}
