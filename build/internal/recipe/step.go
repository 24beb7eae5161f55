package recipe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"atoll/build/internal/command"
	"atoll/build/internal/pins"
)

// Step is one thing that a recipe does. A step is plain data, so that a hash of all steps tells whether a result is still
// current, and can be done again after it was cut short. Paths and arguments may hold $WORK, the work folder, and $OUT,
// the folder that becomes the result.
type Step interface {
	// Title is what the user reads while the step runs.
	Title() string
	do(ctx context.Context, s *site) error
}

// site is where a recipe is carried out.
type site struct {
	work, out string
	fetch     func(context.Context, pins.Pin) (string, error)
	run       command.Runner
	keep      []*os.File // files every program holds open: the lock
	advance   func(done, total int)
}

func (s *site) path(p string) string {
	return os.Expand(p, func(name string) string {
		switch name {
		case "WORK":
			return s.work
		case "OUT":
			return s.out
		}
		return "$" + name
	})
}

func (s *site) command(ctx context.Context, line func(string), argv ...string) error {
	expanded := make([]string, len(argv))
	for i, a := range argv {
		expanded[i] = s.path(a)
	}
	if line == nil {
		line = func(string) {}
	}
	return s.run.Run(ctx, command.Cmd{Argv: expanded, Dir: s.work, Line: line, Keep: s.keep})
}

// Unpack fetches a pinned tarball or Debian package and unpacks it into a folder, less Strip leading path elements.
type Unpack struct {
	Pin   pins.Pin
	Into  string
	Strip int
}

// Title implements Step.
func (u Unpack) Title() string { return "fetch and unpack " + u.Pin.String() }

func (u Unpack) do(ctx context.Context, s *site) error {
	file, err := s.fetch(ctx, u.Pin)
	if err != nil {
		return err
	}
	into := s.path(u.Into)
	if err := errors.Join(os.RemoveAll(into), os.MkdirAll(into, 0o750)); err != nil {
		return err
	}
	if u.Pin.Kind == pins.Deb {
		return s.command(ctx, nil, "dpkg-deb", "--extract", file, into)
	}
	return s.command(ctx, nil, "tar", "--extract", "--no-same-owner", "--file", file, "--directory", into, "--strip-components", strconv.Itoa(u.Strip))
}

// DeleteLines removes the lines of a file that contain a text. It is an error if there were not Count of them, unless none is left.
type DeleteLines struct {
	File, Containing string
	Count            int
}

// Title implements Step.
func (d DeleteLines) Title() string { return "edit " + filepath.Base(d.File) }

func (d DeleteLines) do(_ context.Context, s *site) error {
	path := s.path(d.File)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(string(text), "\n")
	before := len(lines)
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, d.Containing) })
	deleted := before - len(lines)
	if deleted == 0 {
		return nil // done before an interrupt
	}
	if deleted != d.Count {
		return fmt.Errorf("%s: %d lines with %q, want %d", path, deleted, d.Containing, d.Count)
	}
	return os.WriteFile(path, []byte(strings.Join(lines, "")), 0o640)
}

// Write writes a file.
type Write struct{ File, Text string }

// Title implements Step.
func (w Write) Title() string { return "write " + filepath.Base(w.File) }

func (w Write) do(_ context.Context, s *site) error {
	path := s.path(w.File)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(w.Text), 0o640)
}

// Run runs a program in the work folder.
type Run struct {
	Name string `json:"-"` // no part of the result
	Argv []string
}

// Title implements Step.
func (r Run) Title() string { return r.Name }

func (r Run) do(ctx context.Context, s *site) error {
	return s.command(ctx, func(line string) {
		if done, total, ok := ninjaStatus(line); ok {
			s.advance(done, total)
		}
	}, r.Argv...)
}

// ninjaStatus reads "[12/345] …", with which Ninja begins a line.
func ninjaStatus(line string) (done, total int, ok bool) {
	status, _, found := strings.Cut(strings.TrimPrefix(line, "["), "]")
	a, b, slash := strings.Cut(status, "/")
	done, err1 := strconv.Atoi(a)
	total, err2 := strconv.Atoi(b)
	ok = strings.HasPrefix(line, "[") && found && slash && err1 == nil && err2 == nil && total > 0
	return done, total, ok
}

// Merge puts all archives of some folders into one.
type Merge struct {
	Ar      string
	Out     string
	Folders []string
	Objects []string // single object files to add
	Except  []string // patterns of the base names of archives to leave out
}

// Title implements Step.
func (m Merge) Title() string { return "merge archives into " + filepath.Base(m.Out) }

func (m Merge) do(ctx context.Context, s *site) error {
	var archives []string
	for _, folder := range m.Folders {
		found, err := m.archives(s.path(folder))
		if err != nil {
			return err
		}
		archives = append(archives, found...)
	}
	// MRI scripts know no quoting, so they get paths relative to the work folder, whose names are ours.
	script := "CREATE merged.a\n"
	for _, list := range []struct {
		verb  string
		paths []string
	}{{"ADDLIB", archives}, {"ADDMOD", m.Objects}} {
		for _, p := range list.paths {
			rel, err := filepath.Rel(s.work, s.path(p))
			if err != nil {
				return err
			}
			script += list.verb + " " + rel + "\n"
		}
	}
	script += "SAVE\nEND\n"
	c := command.Cmd{Argv: []string{m.Ar, "-M"}, Dir: s.work, Stdin: strings.NewReader(script), Keep: s.keep}
	if err := s.run.Run(ctx, c); err != nil {
		return err
	}
	out := s.path(m.Out)
	if err := os.MkdirAll(filepath.Dir(out), 0o750); err != nil {
		return err
	}
	return os.Rename(filepath.Join(s.work, "merged.a"), out)
}

func (m Merge) archives(folder string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".a" {
			return err
		}
		out := slices.ContainsFunc(m.Except, func(pattern string) bool {
			matched, _ := filepath.Match(pattern, d.Name())
			return matched
		})
		if !out {
			found = append(found, path)
		}
		return nil
	})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no archive in %s", folder)
	}
	return found, err
}

// Copy copies files into a folder. The last element of each path is a pattern that must match one file at least.
type Copy struct {
	Files []string
	To    string
}

// Title implements Step.
func (c Copy) Title() string { return "copy " + filepath.Base(c.Files[0]) }

func (c Copy) do(_ context.Context, s *site) error {
	for _, pattern := range c.Files {
		dir, base := filepath.Split(s.path(pattern))
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		copied := 0
		for _, e := range entries {
			if ok, err := filepath.Match(base, e.Name()); !ok || err != nil {
				continue
			}
			if err := copyFile(filepath.Join(dir, e.Name()), filepath.Join(s.path(c.To), e.Name())); err != nil {
				return err
			}
			copied++
		}
		if copied == 0 {
			return fmt.Errorf("no file matches %s", s.path(pattern))
		}
	}
	return nil
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o640)
}

// CopyHeaders copies the header files below From/Sub to the same place below To.
type CopyHeaders struct{ From, Sub, To string }

// Title implements Step.
func (c CopyHeaders) Title() string { return "copy headers of " + filepath.Base(c.From) }

func (c CopyHeaders) do(_ context.Context, s *site) error {
	from, to := s.path(c.From), s.path(c.To)
	copied := 0
	err := filepath.WalkDir(filepath.Join(from, c.Sub), func(path string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err != nil || d.IsDir() || ext != ".h" && ext != ".inc" {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		copied++
		return copyFile(path, filepath.Join(to, rel))
	})
	if err == nil && copied == 0 {
		err = fmt.Errorf("no header in %s", filepath.Join(from, c.Sub))
	}
	return err
}

// describe is what a step adds to the recipe's hash.
func describe(step Step) string {
	text, err := json.Marshal(step)
	if err != nil {
		panic(err) // steps are plain data
	}
	return fmt.Sprintf("%T %s\n", step, text)
}
