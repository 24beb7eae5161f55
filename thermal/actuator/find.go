package actuator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// finder looks for actuators below root.
type finder struct {
	root      string
	access    access
	now       func() time.Time
	originals map[string]int64 // of what a killed instance left changed
	problems  []Problem
}

func (f *finder) problem(name string, err error) {
	f.problems = append(f.problems, Problem{name, reason(err)})
}

func (f *finder) open(path string) (*attribute, error) {
	return openAttribute(f.access, f.root, path, f.originals)
}

// openAll opens several attributes or none.
func (f *finder) openAll(paths ...string) ([]*attribute, error) {
	var all []*attribute
	for _, p := range paths {
		a, err := f.open(p)
		if err != nil {
			for _, a := range all {
				a.close()
			}
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// list returns the entries of a folder that match name, by the number in them.
func (f *finder) list(dir string, name *regexp.Regexp) []string {
	entries, err := os.ReadDir(filepath.Join(f.root, dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.problem(dir, err)
	}
	var found []string
	for _, e := range entries {
		if name.MatchString(e.Name()) {
			found = append(found, path.Join(dir, e.Name()))
		}
	}
	slices.SortFunc(found, func(a, b string) int { return number(a) - number(b) })
	return found
}

var digits = regexp.MustCompile(`[0-9]+$`)

// number is the one a name ends with.
func number(name string) int {
	n, err := strconv.Atoi(digits.FindString(name))
	if err != nil {
		return -1
	}
	return n
}

// errNone says that a board has nothing of a kind.
func errNone(what, dir, without string) error {
	return fmt.Errorf("none found: there is no %s below /%s (%s)", what, dir, without)
}
