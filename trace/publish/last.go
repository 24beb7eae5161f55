package publish

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"atoll/trace"
)

// Save writes a run's last snapshot into the state folder, so that either the old or
// the new one is there whatever happens.
func Save(state string, s trace.Snapshot) error {
	b, err := encode(answer{Snapshot: s})
	if err != nil {
		return err
	}
	name := filepath.Join(state, lastName)
	fresh := name + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(fresh, name)
	}
	if err != nil {
		_ = os.Remove(fresh)
	}
	return err
}

// Last reads the snapshot that the last run in the state folder has saved at its end.
// Where there is none the error is os.ErrNotExist.
func Last(state string) (trace.Snapshot, error) {
	f, err := os.OpenFile(filepath.Join(state, lastName), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return trace.Snapshot{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	var b []byte
	if err == nil {
		b, err = io.ReadAll(io.LimitReader(f, maxDocument+1))
	}
	var s trace.Snapshot
	if err == nil {
		s, err = decode(b)
	}
	if err != nil {
		return trace.Snapshot{}, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return s, nil
}
