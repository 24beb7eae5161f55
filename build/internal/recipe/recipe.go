// Package recipe builds things from pinned sources into a cache. A recipe is a list of steps that are plain data; the name of
// its result holds a hash of them, so a result in the cache is one of exactly this recipe.
package recipe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"atoll/build/internal/command"
	"atoll/build/internal/pins"
)

// semantics counts changes in what the steps do with their data; it belongs to the hash as much as the data does.
const semantics = "1\n"

// Recipe makes one folder.
type Recipe struct {
	Name  string // first part of the result's folder name
	Tools string // versions of the host's tools that the result depends on
	Steps []Step
}

// Hash names the result: 16 hex digits over the steps, their pins and the tools.
func (r Recipe) Hash() string {
	h := sha256.New()
	h.Write([]byte(semantics + r.Name + "\n" + r.Tools + "\n"))
	for _, step := range r.Steps {
		h.Write([]byte(describe(step)))
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// Reporter hears how a recipe gets on.
type Reporter interface {
	// Start begins n steps of a job, Step the next of them, Advance tells how far that one is, Note says something by the way.
	Start(job string, n int)
	Step(title string)
	Advance(done, total int)
	Note(text string)
	// Finish ends the job, successfully if err is nil.
	Finish(err error)
}

// Kitchen carries recipes out.
type Kitchen struct {
	Cache  string
	Fetch  func(context.Context, pins.Pin) (string, error)
	Run    command.Runner
	Report Reporter
}

// Path is where the result of a recipe is, or will be.
func (k *Kitchen) Path(r Recipe) string { return filepath.Join(k.Cache, r.Name+"-"+r.Hash()) }

// Make returns the folder of the result, and builds it first unless the cache has it. It may be interrupted at any point
// and by any means: the next call goes on with the first step that had not ended. Calls at the same time wait for each other.
func (k *Kitchen) Make(ctx context.Context, r Recipe) (string, error) {
	path := k.Path(r)
	if isDir(path) {
		return path, nil
	}
	if err := os.MkdirAll(k.Cache, 0o750); err != nil {
		return "", err
	}
	lock, err := k.lock(ctx, path+".lock")
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if isDir(path) {
		return path, nil // another process built it meanwhile
	}
	k.Report.Start(r.Name, len(r.Steps))
	err = k.cook(ctx, r, path, lock)
	k.Report.Finish(err)
	return path, err
}

func (k *Kitchen) cook(ctx context.Context, r Recipe, path string, lock *os.File) error {
	s := &site{work: path + ".work", out: path + ".new", fetch: k.Fetch, run: k.Run, keep: []*os.File{lock}, advance: k.Report.Advance}
	done := filepath.Join(s.work, ".done")
	for _, dir := range []string{s.work, s.out, done} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
	}
	for i, step := range r.Steps {
		k.Report.Step(step.Title())
		stamp := filepath.Join(done, strconv.Itoa(i))
		if _, err := os.Stat(stamp); err == nil {
			continue
		}
		if err := step.do(ctx, s); err != nil {
			return fmt.Errorf("%s: %s: %w", r.Name, step.Title(), err)
		}
		if err := os.WriteFile(stamp, nil, 0o640); err != nil {
			return err
		}
	}
	if err := os.Rename(s.out, path); err != nil {
		return err
	}
	return os.RemoveAll(s.work)
}

// lock takes the lock of a result. The programs of the steps inherit it, so it stays taken while one of an interrupted
// build is still running.
func (k *Kitchen) lock(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return f, err
	}
	k.Report.Note("another build of the same holds " + path + ": waiting for it")
	got := make(chan error, 1)
	go func() { got <- flock(f) }()
	select {
	case err := <-got:
		return f, err
	case <-ctx.Done():
		return nil, context.Cause(ctx) // the goroutine ends with the process
	}
}

func flock(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().Type() == fs.ModeDir
}
