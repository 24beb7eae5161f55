package board

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Bounds of what one detection reads, whatever is in the tree.
const (
	maxFile  = 64 << 10 // bytes of one file
	maxList  = 1024     // entries of one folder
	maxReads = 32768    // files and folders
	maxBytes = 8 << 20  // of all files
	maxText  = 256      // bytes of a value that is one line
)

var errTooMuch = errors.New("the tree is too large")

// reader reads attributes from a tree, within bounds.
type reader struct {
	tree  Tree
	reads int
	bytes int
}

// file is the first maxFile bytes of a file.
func (r *reader) file(name string) (string, error) {
	if r.reads++; r.reads > maxReads || r.bytes > maxBytes {
		return "", pathError("read", name, errTooMuch)
	}
	f, err := r.tree.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	r.bytes += len(data)
	if err != nil {
		return "", err
	}
	return string(data), nil
}

// text is the first line of a file: printable, without blanks around it.
func (r *reader) text(name string) (string, error) {
	data, err := r.file(name)
	if err != nil {
		return "", err
	}
	return line(data), nil
}

// maybe is like text, and empty if it cannot be read.
func (r *reader) maybe(name string) string {
	text, _ := r.text(name)
	return text
}

// line is the first line of data, made printable.
func line(data string) string {
	if end := strings.IndexAny(data, "\n\x00"); end >= 0 {
		data = data[:end]
	}
	if len(data) > maxText {
		data = data[:maxText]
	}
	data = strings.ToValidUTF8(data, "\uFFFD")
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c == '\t' {
			return ' '
		}
		if !unicode.IsPrint(c) {
			return '\uFFFD'
		}
		return c
	}, data))
}

// errNoNumber is a file that should hold a number and does not.
type errNoNumber struct{ name, text string }

func (e *errNoNumber) Error() string {
	return fmt.Sprintf("/%s holds no number: %.20q", e.name, e.text)
}

// number is the number that a file holds.
func (r *reader) number(name string) (int64, error) {
	text, err := r.text(name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, &errNoNumber{name, text}
	}
	return n, nil
}

// maybeNumber is like number, and false if there is none.
func (r *reader) maybeNumber(name string) (int64, bool) {
	n, err := r.number(name)
	return n, err == nil
}

// list is the names in a folder that begin with prefix, hwmon2 before hwmon10. What
// cannot be listed is empty. Of names with a prefix those that lead nowhere are left
// out; asking for them also gets them captured, even if nothing in them is read.
func (r *reader) list(dir, prefix string) []string {
	if r.reads++; r.reads > maxReads {
		return nil
	}
	f, err := r.tree.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	d, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil
	}
	entries, _ := d.ReadDir(maxList)
	var names []string
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, prefix) && len(name) <= maxText && line(name) == name &&
			(prefix == "" || r.exists(dir+"/"+name)) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, natural)
	return names
}

// natural orders names with the numbers in them as numbers.
func natural(a, b string) int {
	for {
		i := 0
		for i < len(a) && i < len(b) && a[i] == b[i] && !digitAt(a, i) {
			i++
		}
		a, b = a[i:], b[i:]
		if !digitAt(a, 0) || !digitAt(b, 0) {
			return cmp.Compare(a, b)
		}
		na, restA := cutNumber(a)
		nb, restB := cutNumber(b)
		if c := cmp.Or(cmp.Compare(len(na), len(nb)), cmp.Compare(na, nb)); c != 0 {
			return c
		}
		a, b = restA, restB
	}
}

func digitAt(s string, i int) bool { return i < len(s) && s[i] >= '0' && s[i] <= '9' }

// cutNumber cuts the digits from the front of s, without leading zeros.
func cutNumber(s string) (digits, rest string) {
	i := 0
	for digitAt(s, i) {
		i++
	}
	return strings.TrimLeft(s[:i], "0"), s[i:]
}

// index is the number at the end of a name like hwmon3.
func index(name, prefix string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(name, prefix))
	return n, err == nil && n >= 0 && strings.HasPrefix(name, prefix)
}

// link is the last element of where a link leads: a driver's name, a device's.
func (r *reader) link(name string) string {
	if r.reads++; r.reads > maxReads {
		return ""
	}
	target, err := r.tree.ReadLink(name)
	if err != nil {
		return ""
	}
	return line(path.Base(target))
}

func (r *reader) exists(name string) bool {
	if r.reads++; r.reads > maxReads {
		return false
	}
	_, err := r.tree.Stat(name)
	return err == nil
}

// cpuList reads the kernel's lists of CPUs, "0-3,6". It never has more than maxCPUs.
func cpuList(text string) []int {
	cpus := []int{}
	for _, part := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' }) {
		first, last, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(first)
		b := a
		if isRange && err == nil {
			b, err = strconv.Atoi(last)
		}
		if err != nil || a < 0 || b >= maxCPUs {
			continue
		}
		for ; a <= b && len(cpus) < maxCPUs; a++ {
			cpus = append(cpus, a)
		}
	}
	return cpus
}
