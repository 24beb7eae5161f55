package source

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
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

func TestTailFollowsASymlink(t *testing.T) {
	l := newLog(t)
	l.create()
	defer l.close()
	link := filepath.Join(t.TempDir(), "link")
	l.must(os.Symlink(l.path, link))
	r := start(t, Config{Kind: "tail", Path: link, FromStart: true}, Env{}, Block)
	l.add("one\n")
	r.expect("one")
	l.add("two\n")
	r.expect("two")
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
	if !strings.Contains(r.log.String(), "its folder is gone") || !strings.Contains(r.log.String(), "works again") {
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
