package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"atoll/model"
)

// split feeds pieces to a splitter and returns the lines and how many were cut.
func split(max int, pieces ...[]byte) (lines []string, cut int) {
	s := &splitter{max: max, cut: func() { cut++ }}
	emit := func(text string) error { lines = append(lines, text); return nil }
	for _, p := range pieces {
		s.feed(p, emit)
	}
	s.flush(emit)
	return lines, cut
}

func TestSplitter(t *testing.T) {
	full := strings.Repeat("x", MaxTextBytes)
	nearly := full[:MaxTextBytes-1]
	for _, c := range []struct {
		name, in string
		want     []string
		cut      int
	}{
		{"lines", "one\ntwo\n", []string{"one", "two"}, 0},
		{"CRLF", "one\r\ntwo\r\n", []string{"one", "two"}, 0},
		{"CR inside", "one\rtwo\n", []string{"one\rtwo"}, 0},
		{"blank lines", "\n\n \t\r\none\n\n", []string{"one"}, 0},
		{"no end", "one\ntwo", []string{"one", "two"}, 0},
		{"invalid UTF-8", "caf\xe9 \xff\xfe!\n", []string{"caf\uFFFD \uFFFD!"}, 0},
		{"just fits", full + "\r\ny\n", []string{full, "y"}, 0},
		{"too long by one", full + "y\nz\n", []string{full, "z"}, 1},
		{"much too long", full + full + full + "\nz\n", []string{full, "z"}, 1},
		{"cut inside a rune", nearly + "é\nz\n", []string{nearly, "z"}, 1},
		{"ends in a rune", full[2:] + "é\n", []string{full[2:] + "é"}, 0},
		{"grows by replacement", nearly + "\xff\n", []string{nearly}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, cut := split(MaxTextBytes, []byte(c.in)); !slices.Equal(got, c.want) || cut != c.cut {
				t.Errorf("lines = %.40q (%d), %d cut; want %.40q, %d cut", got, len(got), cut, c.want, c.cut)
			}
		})
	}
}

func checkLines(t interface{ Fatalf(string, ...any) }, max int, in []byte, cuts func(n int) int) {
	whole, cut := split(max, in)
	var pieces [][]byte
	for rest := in; len(rest) > 0; {
		n := cuts(len(rest))
		pieces = append(pieces, rest[:n])
		rest = rest[n:]
	}
	got, cut2 := split(max, pieces...)
	if !slices.Equal(got, whole) || cut != cut2 {
		t.Fatalf("in pieces %.80q, %d cut; whole %.80q, %d cut", got, cut2, whole, cut)
	}
	for _, line := range whole {
		if !utf8.ValidString(line) || len(line) > max || strings.TrimSpace(line) == "" || strings.Contains(line, "\n") {
			t.Fatalf("bad line %.80q of %d bytes", line, len(line))
		}
	}
	if utf8.Valid(in) && cut == 0 {
		var want []string
		for line := range strings.SplitSeq(string(in), "\n") {
			if strings.TrimSpace(line) != "" {
				want = append(want, strings.TrimSuffix(line, "\r"))
			}
		}
		if !slices.Equal(whole, want) {
			t.Fatalf("lines = %.80q, want %.80q", whole, want)
		}
	}
}

func TestSplitterInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"\n", "\r\n", "\xff",
			strings.Repeat("y", MaxTextBytes-1), strings.Repeat("é", MaxTextBytes/2)}))).Draw(t, "in"), "")
		checkLines(t, MaxTextBytes, []byte(in), func(n int) int { return rapid.IntRange(1, n).Draw(t, "piece") })
	})
}

func FuzzTail(f *testing.F) {
	f.Add([]byte("one\r\n\ntwo \xff\nthree"), 3, uint64(1))
	f.Add([]byte("éééé\r\r\n"), 4, uint64(2))
	f.Fuzz(func(t *testing.T, in []byte, max int, seed uint64) {
		if max < utf8.UTFMax || max > MaxTextBytes {
			return
		}
		rng := rand.New(rand.NewPCG(seed, 0))
		checkLines(t, max, in, func(n int) int { return 1 + rng.IntN(n) })
	})
}

// expect reads the given texts from the source.
func (r *run) expect(want ...string) {
	r.t.Helper()
	for i, w := range want {
		it := r.next()
		if it.Text != w || it.Modality != model.Text || it.Source != "it" {
			r.t.Fatalf("text %d = %+v, want %q", i, it, w)
		}
		r.out.Recycle(it)
	}
}

func TestLinesOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	write(t, path, "one\ntwo\n\nthree")
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Kind: "lines", Path: path}, Env{Clock: NewClock()}, Block)
		items, err := r.rest()
		if err != nil || !slices.Equal(texts(items), []string{"one", "two", "three"}) {
			t.Fatalf("lines = %q, %v", texts(items), err)
		}
		if items[2].At != 2*time.Second || items[2].Seq != 3 {
			t.Errorf("last line = %+v, want it 2 s after the first", items[2])
		}
		r = start(t, Config{Kind: "lines", Path: path, Interval: Duration{Duration: time.Hour}}, Env{Clock: NewClock()}, Block)
		r.expect("one")
		synctest.Wait()
		r.stop()
	})
}

func TestLinesOfStandardInput(t *testing.T) {
	r := start(t, Config{Kind: "lines"}, Env{Stdin: strings.NewReader("one\ntwo")}, Block)
	if items, err := r.rest(); err != nil || !slices.Equal(texts(items), []string{"one", "two"}) {
		t.Errorf("lines = %q, %v", texts(items), err)
	}
	broken := errors.New("disk on fire")
	r = start(t, Config{Kind: "lines", Path: "-"}, Env{Stdin: io.MultiReader(strings.NewReader("one\n"), errReader{broken})}, Block)
	if items, err := r.rest(); !errors.Is(err, broken) || len(items) != 1 {
		t.Errorf("lines = %q, %v; want the one before the error", texts(items), err)
	}
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Kind: "lines", Interval: Duration{Duration: time.Minute}}, Env{Clock: NewClock(), Stdin: strings.NewReader("one\ntwo\n")}, Block)
		if items, err := r.rest(); err != nil || items[0].At != 0 || items[1].At != time.Minute {
			t.Errorf("items = %+v, %v; want them a minute apart", items, err)
		}
	})
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// TestStandardInputIsInterruptible: a source that waits for standard input of any kind ends at once when it is told to, and takes
// nothing that comes later.
func TestStandardInputIsInterruptible(t *testing.T) {
	blocking := func() (io.Reader, io.WriteCloser) { // as the shell hands it over
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if r.Fd() == 0 { // Fd makes it block
			t.Fatal("no descriptor")
		}
		return r, w
	}
	polled := func() (io.Reader, io.WriteCloser) {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		return r, w
	}
	closing := func() (io.Reader, io.WriteCloser) { return io.Pipe() }
	for name, open := range map[string]func() (io.Reader, io.WriteCloser){"blocking": blocking, "polled": polled, "closing": closing} {
		for _, cfg := range []Config{{Kind: "lines"}, {Kind: "raw", Width: 2, Height: 2}, {Kind: "pcm"}} {
			t.Run(name+" "+cfg.Kind, func(t *testing.T) {
				in, out := open()
				r := start(t, cfg, Env{Stdin: in}, Block)
				out.Write([]byte("some\n"))
				if cfg.Kind == "lines" {
					r.expect("some")
				}
				r.stop()
				out.Close()
				if name != "closing" {
					if b, err := io.ReadAll(in); err != nil {
						t.Errorf("standard input afterwards: %q, %v", b, err)
					}
				}
				in.(io.Closer).Close()
			})
		}
	}
}

func TestStandardInputThatBlocksIsReadToItsEnd(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	in.Fd()
	r := start(t, Config{Kind: "lines"}, Env{Stdin: in}, Block)
	fmt.Fprint(out, "one\ntw")
	r.expect("one")
	fmt.Fprint(out, "o\nlast")
	out.Close()
	r.expect("two", "last")
	if _, err := r.rest(); err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	r := start(t, Config{Kind: "fifo", Path: path}, Env{}, Block)
	open := func() *os.File {
		for { // until the source has made it
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err == nil {
				return f
			}
		}
	}
	for i := range 20 { // writers come and go
		w := open()
		fmt.Fprintf(w, "line %d\nrest", i)
		r.expect(fmt.Sprintf("line %d", i))
		w.Close()
		r.expect("rest")
	}
	a, b := open(), open()
	fmt.Fprint(a, "a\n")
	a.Close()
	fmt.Fprint(b, "b\n")
	r.expect("a", "b")
	if info, err := os.Stat(path); err != nil || info.Mode() != os.ModeNamedPipe|0o660 {
		t.Errorf("mode = %v, %v; want a FIFO of 0660", info.Mode(), err)
	}
	r.stop() // while a writer is there
	b.Close()

	r = start(t, Config{Kind: "fifo", Path: path}, Env{}, Block)
	r.stop() // while none is
}

func TestFIFOThatCannotBeMade(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "text")
	s, err := New(Config{Name: "it", Kind: "fifo", Path: path}, Env{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "in its place")
	synctest.Test(t, func(t *testing.T) {
		s.(*fifo).env.Clock = NewClock()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Run(ctx, mustQueue(t, 1, Block)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run = %v, want it to try until its time is up", err)
		}
		if n := s.(*fifo).env.Counters.Retries.Load(); n < 5 {
			t.Errorf("%d attempts", n)
		}
	})
}

// connect dials the source's socket once it is there.
func connect(t *testing.T, path string) net.Conn {
	t.Helper()
	for {
		conn, err := net.Dial("unix", path)
		if err == nil {
			return conn
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
}

func TestSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	r := start(t, Config{Kind: "socket", Path: path, Clients: 2}, Env{}, Block)
	a, b := connect(t, path), connect(t, path)
	fmt.Fprint(a, "from a\n")
	r.expect("from a")
	fmt.Fprint(b, "from b\nrest of b")
	r.expect("from b")
	c := connect(t, path)
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a third client of two reads %v, want it turned away", err)
	}
	c.Close()
	b.Close()
	r.expect("rest of b")
	if info, err := os.Stat(path); err != nil || info.Mode() != os.ModeSocket|0o660 {
		t.Errorf("mode = %v, %v; want a socket of 0660", info.Mode(), err)
	}
	if n := r.env.Counters.Refused.Load(); n != 1 {
		t.Errorf("%d clients refused, want 1", n)
	}
	r.stop() // while a client is there
	a.Close()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestSocketManyWritersAreInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	r := start(t, Config{Kind: "socket", Path: path}, Env{}, Block)
	const clients, each = 8, 50
	for c := range clients {
		go func() {
			conn := connect(t, path)
			defer conn.Close()
			for i := range each {
				fmt.Fprintf(conn, "%d %d\n", c, i)
			}
		}()
	}
	next := map[string]int{}
	for i := range clients * each {
		it := r.next()
		var c string
		var n int
		fmt.Sscan(it.Text, &c, &n)
		if it.Seq != uint64(i+1) || n != next[c] {
			t.Fatalf("item %d = %+v, want line %d of client %s", i, it, next[c], c)
		}
		next[c]++
		r.out.Recycle(it)
	}
	r.stop()
}

func TestSocketInPlaceOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := listen(t.Context(), path); err == nil || !strings.Contains(err.Error(), "another program listens") {
		t.Errorf("listen where another does = %v", err)
	}
	old.SetUnlinkOnClose(false)
	old.Close() // as if killed
	r := start(t, Config{Kind: "socket", Path: path}, Env{}, Block)
	var conn net.Conn
	for conn == nil {
		conn, _ = net.Dial("unix", path)
	}
	fmt.Fprint(conn, "hello\n")
	r.expect("hello")
	r.stop()
	conn.Close()

	write(t, path, "a file")
	if _, _, err := listen(t.Context(), path); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("listen where a file lies = %v", err)
	}
	if b, err := os.ReadFile(path); string(b) != "a file" {
		t.Errorf("the file is now %q, %v", b, err)
	}
}
