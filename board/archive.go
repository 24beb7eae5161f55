package board

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of an archive: a tree that detection captured has some hundred entries.
const (
	maxArchive = 4 << 20
	maxEntries = 16384
	maxNodes   = 65536
	maxPath    = 512
	maxLinks   = 20 // that are followed for one name
)

// archive is a tree in memory, read from a txtar archive. The names of its entries:
//
//	sys/a/file               a file and what is in it
//	sys/a/file (quoted)      what is in it is a Go string literal
//	sys/a/file (read-only)   Access refuses to write
//	sys/a/file (error EIO)   whoever opens it gets this error; there can be others beneath it
//	sys/a/link -> ../target  a link
//	sys/a/folder (dir)       a folder that can be empty
//	dev/node (node rw)       a device node and what may be done with it: rw, r, w or none
//
// Several properties of one entry are separated by a comma and a space. A name
// may lead through a link. A path may begin with a slash.
type archive struct {
	root  *node
	nodes int
}

type node struct {
	name     string
	children map[string]*node // of a folder, or of what has an error and may be one
	target   string           // of a link
	data     []byte
	err      error
	device   bool
	denied   Mode // what Access refuses
}

func parseArchive(data []byte) (*archive, error) {
	if len(data) > maxArchive {
		return nil, fmt.Errorf("an archive of more than %d MiB is no captured tree", maxArchive>>20)
	}
	files := parseFiles(data)
	if len(files) == 0 {
		return nil, fmt.Errorf("no entries: a captured tree is a txtar archive (atoll detect --capture writes one)")
	}
	if len(files) > maxEntries {
		return nil, fmt.Errorf("%d entries, of at most %d", len(files), maxEntries)
	}
	a := &archive{root: &node{name: ".", children: map[string]*node{}}, nodes: 1}
	// Links first: the names of other entries may lead through them.
	for _, links := range []bool{true, false} {
		for _, f := range files {
			if _, _, link := strings.Cut(f.name, " -> "); link != links {
				continue
			}
			if err := a.add(f); err != nil {
				return nil, fmt.Errorf("entry %.80q: %w", f.name, err)
			}
		}
	}
	return a, nil
}

func (a *archive) add(f textFile) error {
	name, target, link := strings.Cut(f.name, " -> ")
	var properties []string
	if open := strings.LastIndex(name, " ("); !link && open >= 0 && strings.HasSuffix(name, ")") {
		properties = strings.Split(name[open+2:len(name)-1], ", ")
		name = name[:open]
	}
	name = strings.TrimPrefix(name, "/")
	if !fs.ValidPath(name) || len(name) > maxPath || len(target) > maxPath {
		return fmt.Errorf("no valid path of at most %d bytes", maxPath)
	}
	n, err := a.walk(name, walkCreate)
	if err != nil {
		return err
	}
	if n.target != "" || n.data != nil || n.device || n.err != nil {
		return fmt.Errorf("there is another entry of that name")
	}
	if link {
		if target == "" || len(n.children) > 0 {
			return fmt.Errorf("not a link: there is no target, or other entries are beneath it")
		}
		n.target, n.children = target, nil
		return nil
	}
	n.data = f.data
	if n.data == nil {
		n.data = []byte{}
	}
	return n.apply(properties)
}

// apply gives a new node the properties of its entry. It is a folder until here.
func (n *node) apply(properties []string) error {
	folder := false
	for _, p := range properties {
		word, value, _ := strings.Cut(p, " ")
		switch word {
		case "dir":
			folder = true
		case "quoted":
			text, err := strconv.Unquote(strings.TrimSpace(string(n.data)))
			if err != nil {
				return fmt.Errorf("no Go string literal")
			}
			n.data = []byte(text)
		case "read-only":
			n.denied = Write
		case "error":
			errno, ok := errnoOf(value)
			if !ok {
				return fmt.Errorf("no name of an error: %.20q", value)
			}
			n.err = errno
		case "node":
			n.device = true
			if !slices.Contains([]string{"", "rw", "r", "w", "none"}, value) {
				return fmt.Errorf("a node's access is rw, r, w or none")
			}
			if value != "" && !strings.Contains(value, "r") {
				n.denied |= Read
			}
			if value != "" && !strings.Contains(value, "w") {
				n.denied |= Write
			}
		default:
			return fmt.Errorf("unknown property %.20q: quoted, read-only, error, dir or node", p)
		}
	}
	if folder || n.err != nil {
		n.data = nil
		return nil
	}
	if len(n.children) > 0 {
		return fmt.Errorf("a file, but other entries are beneath it")
	}
	n.children = nil
	return nil
}

func errnoOf(name string) (syscall.Errno, bool) {
	for e := syscall.Errno(1); e < 256; e++ {
		if name != "" && unix.ErrnoName(e) == name {
			return e, true
		}
	}
	return 0, false
}

type walkMode int

const (
	walkFollow walkMode = iota // follow a link at the end
	walkLink                   // don't
	walkCreate                 // make folders of what is missing
)

// walk finds a node by its name.
func (a *archive) walk(name string, mode walkMode) (*node, error) {
	at := []*node{a.root}
	parts := strings.Split(name, "/")
	for links := 0; len(parts) > 0; {
		part := parts[0]
		parts = parts[1:]
		here := at[len(at)-1]
		switch part {
		case "", ".":
			continue
		case "..":
			at = at[:max(1, len(at)-1)]
			continue
		}
		if here.children == nil {
			return nil, syscall.ENOTDIR
		}
		next := here.children[part]
		if next == nil {
			if mode != walkCreate && here.err != nil {
				return nil, here.err
			}
			if mode != walkCreate {
				return nil, fs.ErrNotExist
			}
			if a.nodes++; a.nodes > maxNodes {
				return nil, fmt.Errorf("more than %d files and folders", maxNodes)
			}
			next = &node{name: part, children: map[string]*node{}}
			here.children[part] = next
		}
		if next.target == "" || len(parts) == 0 && mode != walkFollow {
			at = append(at, next)
			continue
		}
		if links++; links > maxLinks {
			return nil, syscall.ELOOP
		}
		if strings.HasPrefix(next.target, "/") {
			at = at[:1]
		}
		parts = append(strings.Split(next.target, "/"), parts...)
	}
	return at[len(at)-1], nil
}

func (a *archive) find(op, name string, mode walkMode) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, pathError(op, name, fs.ErrInvalid)
	}
	n, err := a.walk(name, mode)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	return n, nil
}

func (a *archive) Open(name string) (fs.File, error) {
	n, err := a.find("open", name, walkFollow)
	if err != nil {
		return nil, err
	}
	if n.err != nil {
		return nil, pathError("open", name, n.err)
	}
	if n.device {
		return nil, pathError("open", name, syscall.EINVAL)
	}
	if !n.isDir() {
		return &openFile{node: n, Reader: bytes.NewReader(n.data)}, nil
	}
	names := make([]string, 0, len(n.children))
	for name := range n.children {
		names = append(names, name)
	}
	slices.Sort(names)
	return &openDir{node: n, names: names}, nil
}

func (a *archive) Stat(name string) (fs.FileInfo, error) {
	n, err := a.find("stat", name, walkFollow)
	if err != nil {
		return nil, err
	}
	return nodeInfo{n}, nil
}

func (a *archive) Lstat(name string) (fs.FileInfo, error) {
	n, err := a.find("lstat", name, walkLink)
	if err != nil {
		return nil, err
	}
	return nodeInfo{n}, nil
}

func (a *archive) ReadLink(name string) (string, error) {
	n, err := a.find("readlink", name, walkLink)
	if err != nil {
		return "", err
	}
	if n.target == "" {
		return "", pathError("readlink", name, syscall.EINVAL)
	}
	return n.target, nil
}

func (a *archive) Access(name string, mode Mode) error {
	n, err := a.find("access", name, walkFollow)
	if err != nil {
		return err
	}
	if mode&n.denied != 0 {
		return pathError("access", name, syscall.EACCES)
	}
	if n.err == syscall.EACCES {
		return pathError("access", name, n.err)
	}
	return nil
}

func (n *node) isDir() bool { return n.children != nil && (n.err == nil || len(n.children) > 0) }

type nodeInfo struct{ *node }

func (i nodeInfo) Name() string       { return i.name }
func (i nodeInfo) Size() int64        { return int64(len(i.data)) }
func (i nodeInfo) ModTime() time.Time { return time.Time{} }
func (i nodeInfo) IsDir() bool        { return i.isDir() }
func (i nodeInfo) Sys() any           { return nil }
func (i nodeInfo) Mode() fs.FileMode {
	switch {
	case i.target != "":
		return fs.ModeSymlink | 0o777
	case i.isDir():
		return fs.ModeDir | 0o755
	case i.device:
		return fs.ModeDevice | fs.ModeCharDevice | 0o600
	}
	return 0o644
}

type openFile struct {
	node *node
	*bytes.Reader
}

func (f *openFile) Stat() (fs.FileInfo, error) { return nodeInfo{f.node}, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	node  *node
	names []string
}

func (d *openDir) Stat() (fs.FileInfo, error) { return nodeInfo{d.node}, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, pathError("read", d.node.name, syscall.EISDIR)
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(d.names) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.names) {
		n = len(d.names)
	}
	entries := make([]fs.DirEntry, n)
	for i, name := range d.names[:n] {
		entries[i] = fs.FileInfoToDirEntry(nodeInfo{d.node.children[name]})
	}
	d.names = d.names[n:]
	return entries, nil
}
