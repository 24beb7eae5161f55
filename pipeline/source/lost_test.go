package source

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// openWriter opens the source's FIFO once it is there and read.
func openWriter(t *testing.T, path string) *os.File {
	t.Helper()
	for {
		f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0)
		if err == nil {
			return f
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
}

// warned checks that the run, now ended, was logged to have failed n times with text and to have worked again.
func (r *run) warned(n int, text string) {
	r.t.Helper()
	log := r.log.String()
	if got := strings.Count(log, text); got != n || strings.Count(log, `"warn"`) != n || strings.Count(log, "works again") != n {
		r.t.Errorf("want %d warnings with %q and as many times that it works again; log:\n%s", n, text, log)
	}
	if got := r.env.Counters.Retries.Load(); got != uint64(n) {
		r.t.Errorf("%d retries, want %d", got, n)
	}
}

// TestFIFOThatIsLost: the source goes over to a new FIFO, and what was written to the old one is not lost.
func TestFIFOThatIsLost(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, path string){
		"removed": func(t *testing.T, path string) { must(t, os.Remove(path)) },
		"replaced": func(t *testing.T, path string) {
			must(t, unix.Mkfifo(path+".new", 0o660))
			must(t, os.Rename(path+".new", path))
		},
		"renamed": func(t *testing.T, path string) { must(t, os.Rename(path, path+".old")) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "text")
			r := start(t, Config{Kind: "fifo", Path: path}, Env{}, Block)
			const times = 3
			for i := range times {
				w := openWriter(t, path)
				fmt.Fprintf(w, "line %d\nrest %d", i, i)
				r.expect(fmt.Sprintf("line %d", i))
				lose(t, path)
				r.expect(fmt.Sprintf("rest %d", i))
				w.Close()
				w = openWriter(t, path)
				fmt.Fprintln(w, "after")
				r.expect("after")
				w.Close()
			}
			r.stop()
			r.warned(times, "has been removed or replaced")
		})
	}
}

func TestFIFOBehindALink(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "there", "text"), filepath.Join(dir, "link")
	must(t, os.Mkdir(filepath.Dir(path), 0o750))
	must(t, unix.Mkfifo(path, 0o660))
	must(t, os.Symlink("there/text", link))
	r := start(t, Config{Kind: "fifo", Path: link}, Env{}, Block)
	openWriter(t, link).Close()
	must(t, unix.Mkfifo(path+".new", 0o660))
	must(t, os.Rename(path+".new", path))
	w := openWriter(t, link)
	fmt.Fprintln(w, "hello")
	r.expect("hello")
	w.Close()
	r.stop()
	r.warned(1, "has been removed or replaced")
}

func TestPipeRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	f, _, err := openPipe(path)
	must(t, err)
	defer f.Close()
	w := openWriter(t, path)
	defer w.Close()
	fmt.Fprint(w, "left")
	conn, err := f.SyscallConn()
	must(t, err)
	if b, err := io.ReadAll(&pipeRest{&pipeReader{conn: conn}}); err != nil || string(b) != "left" {
		t.Errorf("rest = %q, %v; want what was written and no waiting for the writer", b, err)
	}
}

// TestSocketThatIsLost: the source makes its socket anew, and its clients stay.
func TestSocketThatIsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	r := start(t, Config{Kind: "socket", Path: path}, Env{}, Block)
	old := connect(t, path)
	defer old.Close()
	fmt.Fprintln(old, "hello") // so that it has been accepted
	r.expect("hello")
	const times = 3
	for i := range times {
		must(t, os.Remove(path))
		conn := connect(t, path)
		fmt.Fprintf(conn, "new %d\n", i)
		r.expect(fmt.Sprintf("new %d", i))
		fmt.Fprintf(old, "old %d\n", i)
		r.expect(fmt.Sprintf("old %d", i))
		conn.Close()
	}
	r.stop()
	r.warned(times, "has been removed or replaced")
}

// TestSocketOfAnotherIsLeftAlone: one that has taken the place of the source's outlives it.
func TestSocketOfAnotherIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	r := start(t, Config{Kind: "socket", Path: path}, Env{}, Block)
	connect(t, path).Close()
	other, err := net.Listen("unix", path+".new")
	must(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := other.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	must(t, os.Rename(path+".new", path))
	for r.env.Counters.Retries.Load() < 3 {
		connect(t, path).Close()
	}
	r.stop()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Errorf("the other program's socket: %v", err)
	} else {
		conn.Close()
	}
	other.Close()
	<-ended
	if !strings.Contains(r.log.String(), "another program listens") {
		t.Errorf("log = %s", r.log)
	}
}

func TestUnlisten(t *testing.T) {
	for name, c := range map[string]struct {
		replace func(t *testing.T, path string)
		stays   bool
	}{
		"ours":    {func(*testing.T, string) {}, false},
		"removed": {func(t *testing.T, path string) { must(t, os.Remove(path)) }, false},
		"a file":  {func(t *testing.T, path string) { must(t, os.Remove(path)); write(t, path, "a file") }, true},
		"a link to it": {func(t *testing.T, path string) {
			must(t, os.Rename(path, path+"2"))
			must(t, os.Symlink(path+"2", path))
		}, true},
		"another socket": {func(t *testing.T, path string) {
			must(t, os.Remove(path))
			other, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
			must(t, err)
			other.SetUnlinkOnClose(false)
			other.Close()
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			listener, info, err := listen(t.Context(), path)
			must(t, err)
			c.replace(t, path)
			unlisten(listener, path, info)
			if _, err := os.Lstat(path); (err == nil) != c.stays || err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("afterwards: %v; stays, want %v", err, c.stays)
			}
		})
	}
}
