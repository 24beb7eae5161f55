package board

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"
)

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(dir, "sys/real"), 0o750))
	must(os.WriteFile(filepath.Join(dir, "sys/real/file"), []byte("value\n"), 0o640))
	must(os.WriteFile(filepath.Join(dir, "sys/real/locked"), []byte("1\n"), 0o440))
	must(os.WriteFile(filepath.Join(dir, "sys/real/secret"), nil, 0o200))
	must(os.Symlink("real", filepath.Join(dir, "sys/link")))
	must(os.Symlink("../../../../../../../etc", filepath.Join(dir, "sys/out")))
	must(os.Symlink("loop", filepath.Join(dir, "sys/loop")))
	must(unix.Mkfifo(filepath.Join(dir, "sys/fifo"), 0o640))
	tree, err := OpenTree(dir)
	must(err)
	r := &reader{tree: tree}
	if got, err := r.text("sys/link/file"); got != "value" || err != nil {
		t.Errorf("through a link: %q, %v", got, err)
	}
	if got := r.link("sys/link"); got != "real" {
		t.Errorf("link = %q", got)
	}
	if got := r.list("sys/real", ""); len(got) != 3 {
		t.Errorf("list = %q", got)
	}
	for _, name := range []string{"sys/fifo", "sys/loop", "sys/out/passwd", "sys/none", "../etc/passwd", ""} {
		if got, err := r.file(name); err == nil {
			t.Errorf("%s: %q, want an error", name, got)
		}
	}
	for _, test := range []struct {
		name string
		mode Mode
		want error
	}{
		{"sys/real/file", Read | Write, nil},
		{"sys/real/locked", Read, nil},
		{"sys/real/locked", Write, fs.ErrPermission},
		{"sys/real/secret", Read, fs.ErrPermission},
		{"sys/none", Read, fs.ErrNotExist},
	} {
		if got := tree.Access(test.name, test.mode); !errors.Is(got, test.want) {
			t.Errorf("access %s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestLiveTree(t *testing.T) {
	live := Live()
	r := &reader{tree: live}
	if got, err := r.file("proc/self/stat"); got == "" || err != nil {
		t.Errorf("a file of unknown size: %q, %v", got, err)
	}
	if err := live.Access("proc/version", Read); err != nil {
		t.Error(err)
	}
	if err := live.Access("proc/none", Read); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("access to nothing: %v", err)
	}
	if _, err := r.file("dev/null"); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a device was opened: %v", err)
	}
	if !isLive(live) || !isLive(Capture(live)) || isLive(tree(t, imaginary)) {
		t.Error("it is not known what is live")
	}
}

// A socket that has nothing to read answers EAGAIN, as some drivers do. It must come
// back as an error, not be waited for.
func TestAttributeEAGAIN(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[1])
	file := os.NewFile(uintptr(fds[0]), "socket")
	a, err := newAttribute(file, "sys/sensor")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Read(make([]byte, 8)); !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("got %v, want EAGAIN", err)
	}
}

func TestOpenTreeFails(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, test := range []struct{ path, want string }{
		{filepath.Join(dir, "none"), "no such file"},
		{"/dev/null", "neither a folder nor a file"},
		{dir, "neither proc nor sys"},
		{file("empty", ""), "no entries"},
		{file("garbage", "\x00\xff\n"), "no entries"},
		{file("large", strings.Repeat("x", maxArchive+1)), "is no captured tree"},
		{file("dots", "-- ../etc/passwd --\n"), "no valid path"},
		{file("twice", "-- a --\n-- a --\n"), "another entry"},
		{file("beneath", "-- a --\n-- a/b --\n"), "not a directory"},
		{file("above", "-- a/b --\n-- a --\n"), "beneath it"},
		{file("loop", "-- a -> b --\n-- b -> a --\n-- a/c --\n"), "too many levels"},
		{file("property", "-- a (odd) --\n"), "unknown property"},
		{file("errno", "-- a (error EODD) --\n"), "no name of an error"},
		{file("no errno", "-- a (error ) --\n"), "no name of an error"},
		{file("access", "-- a (node x) --\n"), "rw, r, w or none"},
		{file("quoted", "-- a (quoted) --\nplain\n"), "no Go string"},
		{file("entries", strings.Repeat("-- a --\n", maxEntries+1)), "of at most"},
		{file("long", "-- "+strings.Repeat("a/", maxPath)+"a --\n"), "no valid path"},
		{file("nodes", nodesArchive()), "files and folders"},
	} {
		_, err := OpenTree(test.path)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", filepath.Base(test.path), err, test.want)
		}
	}
}

// nodesArchive has more folders than a tree may have.
func nodesArchive() string {
	var b strings.Builder
	for i := range maxNodes/200 + 1 {
		b.WriteString("-- " + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + strings.Repeat("/a", 200) + " --\n")
	}
	return b.String()
}

func TestArchiveIsFS(t *testing.T) {
	a := tree(t, "-- a/file --\ntext\n-- a/empty (dir) --\n-- a/link -> file --\n-- b -> a --\n")
	if err := fstest.TestFS(a, "a/file", "a/link", "b"); err != nil {
		t.Error(err)
	}
}

func TestArchiveProperties(t *testing.T) {
	a := tree(t, `
-- sys/file --
text
-- /sys/quoted (quoted, read-only) --
"a\x00b"
-- sys/broken (error EIO) --
-- sys/secret (error EACCES) --
-- sys/unlisted (error EACCES) --
-- sys/unlisted/known --
2
-- sys/link -> file --
-- sys/away -> /sys/deep --
-- sys/away/leaf --
1
-- dev/none (node none) --
-- dev/read (node r) --
-- dev/all (node) --
`)
	r := &reader{tree: a}
	for _, test := range []struct {
		name, want string
		err        error
	}{
		{"sys/file", "text\n", nil},
		{"sys/quoted", "a\x00b", nil},
		{"sys/link", "text\n", nil},
		{"sys/deep/leaf", "1\n", nil},
		{"sys/away/leaf", "1\n", nil},
		{"sys/broken", "", syscall.EIO},
		{"sys/secret", "", fs.ErrPermission},
		{"sys/unlisted", "", fs.ErrPermission},
		{"sys/unlisted/known", "2\n", nil},
		{"sys/unlisted/other", "", fs.ErrPermission},
		{"sys/none", "", fs.ErrNotExist},
		{"sys/file/below", "", syscall.ENOTDIR},
		{"dev/all", "", syscall.EINVAL},
	} {
		if got, err := r.file(test.name); got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: %q, %v, want %q, %v", test.name, got, err, test.want, test.err)
		}
	}
	for _, test := range []struct {
		name string
		mode Mode
		ok   bool
	}{
		{"sys/file", Read | Write, true},
		{"sys/quoted", Read, true}, {"sys/quoted", Write, false},
		{"sys/secret", Read, false},
		{"dev/none", Read, false}, {"dev/none", Write, false},
		{"dev/read", Read, true}, {"dev/read", Read | Write, false},
		{"dev/all", Read | Write, true},
	} {
		if err := a.Access(test.name, test.mode); (err == nil) != test.ok || err != nil && !errors.Is(err, fs.ErrPermission) {
			t.Errorf("access %s %d: %v", test.name, test.mode, err)
		}
	}
}
