package task

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of a folder. What is kept of it lies in memory while a model is converted.
const (
	maxEntries  = 100_000
	maxItems    = 500      // kept of each half
	maxKeptHalf = 48 << 20 // bytes
)

// folder is one kind of files in a folder of the user's, sorted by name.
type folder struct {
	paths []string
	notes []string
}

// note adds a sentence for the user.
func (f *folder) note(format string, args ...any) {
	f.notes = append(f.notes, fmt.Sprintf(format, args...))
}

func (f *folder) noteSingle() {
	f.note("There is one item only, so it both calibrates and judges: the accuracy will look better than it is.")
}

// kind is one kind of files that a folder may hold.
type kind struct {
	name       string
	extensions []string // in lower case
	open       func(f *folder, reference Model) (data, error)
}

var kinds = []kind{
	{"pictures", []string{".png", ".jpg", ".jpeg"}, openPictures},
	{"recordings", []string{".wav", ".wave"}, openRecordings},
	{"texts", []string{".txt"}, openTexts},
	{"arrays", []string{".npy"}, openArrays},
}

// openFolder opens the one kind of files that a folder has.
func openFolder(dir string, reference Model) (data, []string, error) {
	byKind, others, err := list(dir)
	if err != nil {
		return nil, nil, err
	}
	found := -1
	for i, paths := range byKind {
		if len(paths) == 0 {
			continue
		}
		if found >= 0 {
			return nil, nil, fmt.Errorf("%s has both %s (such as %s) and %s (such as %s): leave one kind",
				dir, kinds[found].name, filepath.Base(byKind[found][0]), kinds[i].name, filepath.Base(paths[0]))
		}
		found = i
	}
	if found < 0 {
		var all []string
		for _, k := range kinds {
			all = append(all, k.extensions...)
		}
		return nil, nil, fmt.Errorf("%s has no files to use: want one of %s", dir, strings.Join(all, " "))
	}
	f := &folder{paths: byKind[found]}
	slices.Sort(f.paths)
	if others > 0 {
		f.note("%d other files and folders in %s are left out.", others, dir)
	}
	d, err := kinds[found].open(f, reference)
	if err != nil {
		return nil, nil, fmt.Errorf("%s in %s: %w", kinds[found].name, dir, err)
	}
	return d, f.notes, nil
}

// list sorts the files of a folder by kind, and counts what is of none. Hidden files
// don't count.
func list(dir string) (byKind [][]string, others int, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	entries, err := f.ReadDir(maxEntries + 1)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, 0, fmt.Errorf("want a folder, or one of %s, %s, %s: %w", Vision, Audio, Text, err)
	case len(entries) > maxEntries:
		return nil, 0, fmt.Errorf("%s has more than %d files", dir, maxEntries)
	}
	byKind = make([][]string, len(kinds))
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		i := -1
		if !e.IsDir() {
			extension := strings.ToLower(filepath.Ext(e.Name()))
			i = slices.IndexFunc(kinds, func(k kind) bool { return slices.Contains(k.extensions, extension) })
		}
		if i < 0 {
			others++
			continue
		}
		byKind[i] = append(byKind[i], filepath.Join(dir, e.Name()))
	}
	return byKind, others, nil
}
