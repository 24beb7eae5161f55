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

// listFiles returns the files that path means, sorted: itself; of a folder those with one of the extensions, in any case; or what it
// matches as a glob. Only regular files count.
func listFiles(path string, extensions ...string) ([]string, error) {
	if path == "" {
		return nil, errors.New("path is missing: name a file, a folder or a glob")
	}
	info, err := os.Stat(path)
	var matches []string
	switch {
	case err == nil && info.Mode().IsRegular():
		return []string{path}, nil
	case err == nil && info.IsDir():
		matches, err = listFolder(path)
	case err == nil:
		err = fmt.Errorf("%s is neither a file nor a folder", path)
	case strings.ContainsAny(path, "*?["):
		extensions = nil // a glob chooses for itself
		if matches, err = filepath.Glob(path); err != nil {
			err = fmt.Errorf("path %s: %w", path, err)
		}
	}
	if err != nil {
		return nil, err
	}
	files := slices.DeleteFunc(matches, func(f string) bool { return !wanted(f, extensions) })
	switch {
	case len(files) == 0:
		return nil, fmt.Errorf("there is nothing to play in %s", path)
	case len(files) > maxFiles:
		return nil, fmt.Errorf("%s has %d files: at most %d can be played", path, len(files), maxFiles)
	}
	slices.Sort(files)
	return files, nil
}

func listFolder(dir string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	return paths, err
}

// wanted reports whether file is regular and has one of the extensions; nil stands for any.
func wanted(file string, extensions []string) bool {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	return extensions == nil || slices.Contains(extensions, strings.ToLower(filepath.Ext(file)))
}

// errBroken marks a file that cannot be played; the source goes on with the next.
var errBroken = errors.New("file skipped")

// player plays files one after the other, again and again with Loop.
type player struct {
	base
	extensions []string        // of a folder's files
	warned     map[string]bool // files
}

func newPlayer(b base, extensions ...string) (player, error) {
	_, err := listFiles(b.cfg.Path, extensions...)
	return player{base: b, extensions: extensions, warned: map[string]bool{}}, err
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
	var broken error
	for _, path := range files {
		err := one(path)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errBroken):
			s.env.Counters.Broken.Add(1)
			s.warn(path, err, "cannot play a file")
			broken = err
		case err != nil:
			return err
		default:
			played++
		}
	}
	if played == 0 {
		return fmt.Errorf("none of %d files in %s can be played; the last: %w", len(files), s.cfg.Path, broken)
	}
	return nil
}

// warn logs what is wrong with a file, unless something has been logged about it before.
func (s *player) warn(path string, err error, message string) {
	if len(s.warned) >= maxFiles { // a folder whose files come and go
		clear(s.warned)
	}
	if !s.warned[path] {
		s.warned[path] = true
		s.log.Warn().Err(err).Str("file", path).Msg(message)
	}
}

// OpenFile opens a regular file for reading. Anything else is an error: opening a FIFO would wait for a writer.
func OpenFile(path string) (*os.File, os.FileInfo, error) {
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

// checkParent reports that the folder a file is to be made in is missing.
func checkParent(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder", dir)
	}
	if err != nil {
		return fmt.Errorf("the folder of %s: %w", path, err)
	}
	return nil
}
