package source

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// logFile is what a logging program does to its file.
type logFile struct {
	t    *testing.T
	path string
	f    *os.File
}

func newLog(t *testing.T) *logFile {
	return &logFile{t: t, path: filepath.Join(t.TempDir(), "logs", "app.log")}
}

func (l *logFile) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// create makes a new file at the path.
func (l *logFile) create() {
	l.t.Helper()
	l.close()
	l.must(os.MkdirAll(filepath.Dir(l.path), 0o750))
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	l.must(err)
	l.f = f
}

func (l *logFile) add(text string) {
	l.t.Helper()
	_, err := l.f.WriteString(text)
	l.must(err)
}

func (l *logFile) close() {
	if l.f != nil {
		l.f.Close()
		l.f = nil
	}
}

func TestTailFromTheStart(t *testing.T) {
	l := newLog(t)
	l.create()
	defer l.close()
	l.add("one\ntwo\nhal")
	r := start(t, Config{Kind: "tail", Path: l.path, FromStart: true}, Env{}, Block)
	r.expect("one", "two")
	l.add("f\nthree\n")
	r.expect("half", "three")
	r.stop()
}

func TestTailFromTheEnd(t *testing.T) {
	l := newLog(t)
	l.create()
	defer l.close()
	l.add("old\n")
	s, err := New(Config{Name: "it", Kind: "tail", Path: l.path}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	tl := s.(*tail)
	tl.ctx, tl.out, tl.split = t.Context(), mustQueue(t, 8, Block), tl.newSplitter()
	w, err := newWatcher(l.path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.f.Close()
	defer tl.leave()
	if err := tl.catchUp(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if n := tl.out.Stats().Received; n != 0 {
		t.Errorf("%d lines from before the start, want none", n)
	}
	l.add("new\n")
	if err := w.wait(); err != nil {
		t.Fatal(err)
	}
	if err := tl.catchUp(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if it, err := tl.out.Get(t.Context()); err != nil || it.Text != "new" {
		t.Errorf("item = %+v, %v; want the new line", it, err)
	}
}

func TestTailFollowsRotation(t *testing.T) {
	l := newLog(t)
	l.create()
	defer l.close()
	r := start(t, Config{Kind: "tail", Path: l.path, FromStart: true}, Env{}, Block)
	for i := range 10 {
		l.add(fmt.Sprintf("before %d\nlast %d", i, i))
		r.expect(fmt.Sprintf("before %d", i))
		l.must(os.Rename(l.path, l.path+".1"))
		l.add(" of all") // a writer that does not know yet
		l.create()
		l.add(fmt.Sprintf("after %d\n", i))
		r.expect(fmt.Sprintf("last %d of all", i), fmt.Sprintf("after %d", i))
	}
	l.must(os.Remove(l.path))
	l.create()
	l.add("again\n")
	r.expect("again")
	r.stop()
	if n := r.env.Counters.Retries.Load(); n != 0 {
		t.Errorf("%d failures: %s", n, r.log)
	}
}

func TestTailFollowsTruncation(t *testing.T) {
	l := newLog(t)
	l.create()
	defer l.close()
	r := start(t, Config{Kind: "tail", Path: l.path, FromStart: true}, Env{}, Block)
	l.add("a rather long line\nand the start of one")
	r.expect("a rather long line")
	l.must(l.f.Truncate(0))
	r.expect("and the start of one")
	l.add("new\n")
	r.expect("new")
	r.stop()
}

func TestTailWaitsForTheFile(t *testing.T) {
	l := newLog(t)
	l.must(os.MkdirAll(filepath.Dir(l.path), 0o750))
	r := start(t, Config{Kind: "tail", Path: l.path, FromStart: true}, Env{}, Block)
	write(t, filepath.Join(filepath.Dir(l.path), "another.log"), "not this\n")
	l.create()
	defer l.close()
	l.add("first\n")
	r.expect("first")
	r.stop()
}

// relink makes link lead to target, in one step.
func relink(t *testing.T, target, link string) {
	t.Helper()
	must(t, os.Symlink(target, link+".new"))
	must(t, os.Rename(link+".new", link))
}

// TestTailFollowsSymlinks: whatever changes on the way to the file, it is followed to where the path leads now.
func TestTailFollowsSymlinks(t *testing.T) {
	// The path is link/file/app.log or less; folders a and b hold a file app.log each, a's is read first.
	for _, c := range []struct {
		name   string
		links  [][2]string // link, target
		path   string
		change func(t *testing.T)
		end    string // where the path leads in the end
	}{
		{"target rotated", [][2]string{{"link", "a/app.log"}}, "link", func(t *testing.T) {
			must(t, os.Rename("a/app.log", "a/app.log.1"))
			write(t, "a/app.log", "")
		}, "a"},
		{"link re-pointed", [][2]string{{"link", "a/app.log"}}, "link", func(t *testing.T) { relink(t, "b/app.log", "link") }, "b"},
		{"link removed and made", [][2]string{{"link", "a/app.log"}}, "link", func(t *testing.T) {
			must(t, os.Remove("link"))
			must(t, os.Symlink("b/app.log", "link"))
		}, "b"},
		{"folder re-pointed", [][2]string{{"link", "a"}}, "link/app.log", func(t *testing.T) { relink(t, "./b/", "link") }, "b"},
		{"folder removed and made", [][2]string{{"link", "a"}}, "./link//app.log", func(t *testing.T) {
			must(t, os.Remove("link"))
			must(t, os.Symlink("b", "link"))
		}, "b"},
		{"folder's link re-pointed", [][2]string{{"link", "../DIR/two"}, {"two", "a"}}, "a/../link/app.log",
			func(t *testing.T) { relink(t, "b", "two") }, "b"},
		{"second link re-pointed", [][2]string{{"link", "c/two"}, {"c/two", "../a/app.log"}}, "link",
			func(t *testing.T) { relink(t, "../b/app.log", "c/two") }, "b"},
		{"old folder removed", [][2]string{{"link", "a"}}, "link/app.log", func(t *testing.T) {
			relink(t, "b", "link")
			must(t, os.RemoveAll("a"))
		}, "b"},
		{"new folder comes later", [][2]string{{"link", "a"}}, "link/app.log", func(t *testing.T) {
			relink(t, "d", "link")
			must(t, os.Rename("b", "d"))
		}, "d"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			write(t, "a/app.log", "first\n")
			write(t, "b/app.log", "")
			must(t, os.Mkdir("c", 0o750))
			for _, l := range c.links {
				must(t, os.Symlink(strings.ReplaceAll(l[1], "DIR", filepath.Base(dir)), l[0]))
			}
			r := start(t, Config{Kind: "tail", Path: c.path, FromStart: true}, Env{}, Block)
			r.expect("first")
			c.change(t)
			for i := range 3 {
				f, err := os.OpenFile(filepath.Join(c.end, "app.log"), os.O_WRONLY|os.O_APPEND, 0)
				must(t, err)
				fmt.Fprintf(f, "line %d\n", i)
				f.Close()
				r.expect(fmt.Sprintf("line %d", i))
			}
			r.stop()
			if n := strings.Count(r.log.String(), `"warn"`); n > 1 {
				t.Errorf("%d warnings, want at most one: %s", n, r.log)
			}
		})
	}
}

func TestWatcherRefusesALoop(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, os.Symlink("b", "a"))
	must(t, os.Symlink("a/x", "b"))
	if _, err := newWatcher("a"); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("newWatcher on a loop of links = %v, want ELOOP", err)
	}
}

// TestTailReadsTheRestOfALostFolder: what was written just before its folder went is not lost.
func TestTailReadsTheRestOfALostFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a/app.log", "")
	must(t, os.Symlink("a", "link"))
	r := start(t, Config{Kind: "tail", Path: "link/app.log", FromStart: true}, Env{}, Block)
	f, err := os.OpenFile("a/app.log", os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	defer f.Close()
	for range 10 {
		fmt.Fprintln(f, "first")
		r.expect("first") // the source has found the file
		fmt.Fprintln(f, "last")
		must(t, os.Remove("link"))
		r.expect("last")
		must(t, os.Symlink("a", "link"))
	}
	r.stop()
}

func TestTailSurvivesItsFolder(t *testing.T) {
	l := newLog(t)
	l.create()
	l.add("one\n")
	r := start(t, Config{Kind: "tail", Path: l.path, FromStart: true}, Env{}, Block)
	r.expect("one")
	l.close()
	l.must(os.RemoveAll(filepath.Dir(l.path)))
	for r.env.Counters.Retries.Load() == 0 {
		runtime.Gosched()
	}
	l.create()
	defer l.close()
	l.add("two\n")
	r.expect("two")
	r.stop()
	if !strings.Contains(r.log.String(), "the folder of the followed file is gone") || !strings.Contains(r.log.String(), "works again") {
		t.Errorf("log = %s", r.log)
	}
}

func TestTailReadsOnWhereItFailed(t *testing.T) {
	l := newLog(t)
	l.create()
	defer l.close()
	l.add("one\n")
	s, err := New(Config{Name: "it", Kind: "tail", Path: l.path, FromStart: true}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	tl := s.(*tail)
	tl.ctx, tl.out, tl.split = t.Context(), mustQueue(t, 8, Block), tl.newSplitter()
	for _, add := range []string{"", "two\n", "three\n"} { // each time after a failure
		l.add(add)
		w, err := newWatcher(l.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := tl.catchUp(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		tl.leave()
		w.f.Close()
	}
	for _, want := range []string{"one", "two", "three"} {
		if it, err := tl.out.Get(t.Context()); err != nil || it.Text != want {
			t.Errorf("item = %+v, %v; want %q", it, err, want)
		}
	}
}

func TestTailCutsAndCounts(t *testing.T) {
	l := newLog(t)
	l.create()
	defer l.close()
	l.add(strings.Repeat("x", 5*MaxTextBytes) + "\nnext\n")
	r := start(t, Config{Kind: "tail", Path: l.path, FromStart: true}, Env{}, Block)
	r.expect(strings.Repeat("x", MaxTextBytes), "next")
	r.stop()
	if n := r.env.Counters.Cut.Load(); n != 1 {
		t.Errorf("%d lines cut, want 1", n)
	}
}
