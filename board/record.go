package board

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// Recorder is a tree that remembers what was read from another one: only that, so
// that the archive of a detection is small, and gives the same detection again.
type Recorder struct {
	tree    Tree
	entries map[string]*entry
}

type entry struct {
	data       []byte
	target     string
	properties []string
}

// Capture starts to record what is read from tree.
func Capture(tree Tree) *Recorder {
	return &Recorder{tree: tree, entries: map[string]*entry{}}
}

// Open reads a file whole, but no more of it than detection would.
func (r *Recorder) Open(name string) (fs.File, error) {
	f, err := r.tree.Open(name)
	if err != nil {
		r.failed(name, err)
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if info.IsDir() {
		r.entry(name).add("dir")
		return f, nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		r.failed(name, err)
		return nil, err
	}
	r.entry(name).data = data
	return &openFile{node: &node{name: info.Name(), data: data}, Reader: bytes.NewReader(data)}, nil
}

// Lstat is not recorded: detection only asks so for the kind of what it reads then.
func (r *Recorder) Lstat(name string) (fs.FileInfo, error) { return r.tree.Lstat(name) }

// Stat records that there is such a file, which is not read.
func (r *Recorder) Stat(name string) (fs.FileInfo, error) {
	info, err := r.tree.Stat(name)
	switch {
	case err != nil:
		r.failed(name, err)
	case info.IsDir():
		r.entry(name).add("dir")
	case info.Mode().IsRegular():
		r.entry(name)
	default:
		r.node(name)
	}
	return info, err
}

// ReadLink records the link.
func (r *Recorder) ReadLink(name string) (string, error) {
	target, err := r.tree.ReadLink(name)
	if err == nil {
		r.entry(name).target = target
	}
	return target, err
}

// Access records what may be done with the file.
func (r *Recorder) Access(name string, mode Mode) error {
	err := r.tree.Access(name, mode)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	info, statErr := r.tree.Stat(name)
	switch {
	case statErr != nil:
	case info.Mode().IsRegular() && r.tree.Access(name, Write) != nil:
		r.entry(name).add("read-only")
	case info.Mode().IsRegular():
		r.entry(name)
	case info.IsDir():
		r.entry(name).add("dir")
		if r.tree.Access(name, Write) != nil {
			r.entry(name).add("read-only")
		}
	default:
		r.node(name)
	}
	return err
}

func (r *Recorder) node(name string) {
	rights := ""
	if r.tree.Access(name, Read) == nil {
		rights += "r"
	}
	if r.tree.Access(name, Write) == nil {
		rights += "w"
	}
	if rights == "" {
		rights = "none"
	}
	r.entry(name).add("node " + rights)
}

func (r *Recorder) entry(name string) *entry {
	e := r.entries[name]
	if e == nil {
		e = &entry{}
		r.entries[name] = e
	}
	return e
}

func (e *entry) add(property string) {
	if !slices.Contains(e.properties, property) {
		e.properties = append(e.properties, property)
	}
}

// failed records an error of the kernel; that there is no such file is the default.
func (r *Recorder) failed(name string, err error) {
	var errno syscall.Errno
	if errors.Is(err, fs.ErrNotExist) || !errors.As(err, &errno) || errno == syscall.ENOTDIR {
		return
	}
	errorName := unix.ErrnoName(errno)
	if errorName == "" {
		errorName = "EIO"
	}
	r.entry(name).add("error " + errorName)
}

// Archive is what was recorded, as OpenTree reads it. Whatever could tell one
// machine from another of its kind is blanked: see redact.
func (r *Recorder) Archive() []byte {
	names := make([]string, 0, len(r.entries))
	for name := range r.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	var files []textFile
	for i, name := range names {
		e := r.entries[name]
		// A folder with something in it needs no entry of its own.
		if i+1 < len(names) && strings.HasPrefix(names[i+1], name+"/") && slices.Equal(e.properties, []string{"dir"}) && e.target == "" {
			continue
		}
		if len(name) > maxPath || strings.Contains(name, " (") || strings.Contains(name, " -> ") || strings.ContainsAny(name, "\n\r") {
			continue // an archive has no way to say it
		}
		files = append(files, e.file(name))
	}
	if len(files) == 0 { // an archive has at least one
		files = []textFile{{name: "proc (dir)"}}
	}
	return formatFiles("A tree captured with atoll detect --capture.\n", files)
}

func (e *entry) file(name string) textFile {
	if e.target != "" {
		return textFile{name: redact(name) + " -> " + redact(e.target)}
	}
	text := redact(string(e.data))
	if strings.HasSuffix(name, "proc/cpuinfo") {
		text = serial.ReplaceAllString(text, "")
	}
	properties := e.properties
	if !plain(text) {
		properties = append([]string{"quoted"}, properties...)
		text = strconv.Quote(text) + "\n"
	}
	name = redact(name)
	if len(properties) > 0 {
		name += " (" + strings.Join(properties, ", ") + ")"
	}
	return textFile{name, []byte(text)}
}

// plain tells whether a txtar archive holds the text as it is.
func plain(text string) bool {
	if text == "" {
		return true
	}
	return strings.HasSuffix(text, "\n") && utf8.ValidString(text) && !strings.ContainsAny(text, "\x00\r") &&
		!strings.HasPrefix(text, "-- ") && !strings.Contains(text, "\n-- ")
}

var (
	// serial is the Raspberry Pi's serial number.
	serial = regexp.MustCompile(`(?m)^Serial\s*:.*\n?`)
	// identities are identifiers of machines, containers and network devices.
	identities = regexp.MustCompile(`(?i)[0-9a-f]{32,}|[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{2}(?:[:_][0-9a-f]{2}){5}`)
	digit      = regexp.MustCompile(`[0-9A-Fa-f]`)
)

// redact blanks UUIDs, container identifiers and hardware addresses. The same in a
// name and in a file stay the same.
func redact(text string) string {
	return identities.ReplaceAllStringFunc(text, func(id string) string { return digit.ReplaceAllString(id, "0") })
}
