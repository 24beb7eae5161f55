package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// maxFiles bounds how many files one source plays.
const maxFiles = 100_000

// errNoFile says that a path leads to no file of the kind asked for.
var errNoFile = errors.New("no such file")

// listFiles returns the files that path means, sorted: itself; of a folder those with one of the extensions, in any case; or what it
// matches as a glob. Only regular files count.
func listFiles(path string, extensions ...string) ([]string, error) {
	if path == "" {
		return nil, errors.New("path is missing: name a file, a folder or a glob")
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.Mode().IsRegular():
		return []string{path}, nil
	case err == nil && info.IsDir():
		path = filepath.Join(escape(path), "*")
	case err == nil:
		return nil, fmt.Errorf("%s is neither a file nor a folder", path)
	case !strings.ContainsAny(path, "*?["):
		return nil, err
	default:
		extensions = nil // a glob chooses for itself
	}
	matches, err := filepath.Glob(path)
	if err != nil {
		return nil, fmt.Errorf("path %s: %w", path, err)
	}
	files := slices.DeleteFunc(matches, func(f string) bool { return !wanted(f, extensions) })
	switch {
	case len(files) == 0:
		return nil, fmt.Errorf("%w: nothing in %s to play", errNoFile, path)
	case len(files) > maxFiles:
		return nil, fmt.Errorf("%s has %d files: at most %d can be played", path, len(files), maxFiles)
	}
	slices.Sort(files)
	return files, nil
}

func wanted(file string, extensions []string) bool {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	return extensions == nil || slices.Contains(extensions, strings.ToLower(filepath.Ext(file)))
}

// escape makes a folder's name stand for itself in a glob.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// errBroken marks a file that cannot be played; the source goes on with the next.
var errBroken = errors.New("file skipped")

// player plays files one after the other, again and again with Loop.
type player struct {
	base
	extensions []string        // of a folder's files
	broken     map[string]bool // files reported
}

func newPlayer(b base, extensions ...string) (player, error) {
	_, err := listFiles(b.cfg.Path, extensions...)
	return player{base: b, extensions: extensions, broken: map[string]bool{}}, err
}

// play calls one for every file. It returns nil when all have been played.
func (s *player) play(ctx context.Context, one func(path string) error) error {
	if !s.cfg.Loop {
		return s.pass(ctx, one)
	}
	return s.retry(ctx, func(working func()) error {
		for {
			if err := s.pass(ctx, one); err != nil {
				return err
			}
			working()
		}
	})
}

// pass plays all files once. A folder of which nothing can be played is an error, so that a loop over it does not spin.
func (s *player) pass(ctx context.Context, one func(path string) error) error {
	files, err := listFiles(s.cfg.Path, s.extensions...)
	if err != nil {
		return err
	}
	played := 0
	for _, path := range files {
		err := one(path)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errBroken):
			s.report(path, err)
		case err != nil:
			return err
		default:
			played++
		}
	}
	if played == 0 {
		return fmt.Errorf("none of %d files in %s can be played", len(files), s.cfg.Path)
	}
	return nil
}

// report counts a broken file, and logs it unless it has been logged before.
func (s *player) report(path string, err error) {
	s.env.Counters.Broken.Add(1)
	if len(s.broken) >= maxFiles { // a folder whose files come and go
		clear(s.broken)
	}
	if !s.broken[path] {
		s.broken[path] = true
		s.log.Warn().Err(err).Str("file", path).Msg("cannot play a file")
	}
}

// openFile opens a regular file for reading. Anything else is an error: opening a FIFO would wait for a writer.
func openFile(path string) (*os.File, os.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}
