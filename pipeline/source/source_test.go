package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"atoll/pipeline/source/sourcetest"
)

// TestMain fails when the tests leave goroutines of this package or descriptors behind.
func TestMain(m *testing.M) {
	r, w, _ := os.Pipe() // starts the runtime's poller, which keeps descriptors of its own
	r.Close()
	w.Close()
	before := descriptors()
	code := m.Run()
	if code == 0 {
		if left := leaks(before); left != "" {
			fmt.Fprintln(os.Stderr, "left behind:", left)
			code = 1
		}
	}
	os.Exit(code)
}

func descriptors() map[string]string {
	open := map[string]string{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open[e.Name()] = to
		}
	}
	return open
}

func leaks(before map[string]string) string {
	buf := make([]byte, 1<<20)
	left := ""
	for range 1000 { // what has been told to end may need a moment to
		left = ""
		for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")[1:] {
			if strings.Contains(stack, "atoll/pipeline/source.") {
				left += stack + "\n"
			}
		}
		for fd, to := range descriptors() {
			if before[fd] == "" {
				left += fd + " → " + to + "\n"
			}
		}
		if left == "" {
			return ""
		}
		runtime.Gosched()
	}
	return left
}

// run is a source under test.
type run struct {
	t      *testing.T
	out    *Queue
	cancel context.CancelFunc
	ended  chan error
	env    Env
	log    *bytes.Buffer // to be read once the run has ended
}

// start runs the source that cfg describes into a queue of 64 items.
func start(t *testing.T, cfg Config, env Env, policy Policy) *run {
	t.Helper()
	r := &run{t: t, ended: make(chan error, 1), log: &bytes.Buffer{}}
	env.Logger = zerolog.New(r.log)
	if env.Counters == nil {
		env.Counters = &Counters{}
	}
	if env.Clock == nil {
		env.Clock = &sourcetest.Clock{}
	}
	r.env = env
	cfg.Name = "it"
	s, err := New(cfg, env)
	if err != nil {
		t.Fatal(err)
	}
	r.out = mustQueue(t, 64, policy)
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	go func() {
		err := s.Run(ctx, r.out)
		r.out.Close()
		r.ended <- err
	}()
	return r
}

func mustQueue(t testing.TB, capacity int, policy Policy) *Queue {
	t.Helper()
	q, err := NewQueue(capacity, policy)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// next returns the next item, which the test keeps.
func (r *run) next() *Item {
	r.t.Helper()
	it, err := r.out.Get(r.t.Context())
	if err != nil {
		r.t.Fatalf("Get: %v (the source says %v)", err, <-r.ended)
	}
	return it
}

// rest returns copies of all items until the source ends, and how it ended.
func (r *run) rest() ([]Item, error) {
	r.t.Helper()
	var all []Item
	for {
		it, err := r.out.Get(r.t.Context())
		if errors.Is(err, io.EOF) {
			return all, <-r.ended
		}
		if err != nil {
			r.t.Fatal(err)
		}
		c := *it
		c.Audio, c.Image.Pix = clone(it.Audio), bytes.Clone(it.Image.Pix)
		all = append(all, c)
		r.out.Recycle(it)
	}
}

func clone(a []float32) []float32 { return append([]float32(nil), a...) }

// stop cancels the run and checks that it ends with ctx's error.
func (r *run) stop() {
	r.t.Helper()
	r.cancel()
	if err := <-r.ended; !errors.Is(err, context.Canceled) {
		r.t.Errorf("Run = %v after it was cancelled, want context.Canceled", err)
	}
}

func texts(items []Item) (all []string) {
	for _, it := range items {
		all = append(all, it.Text)
	}
	return all
}

func write(t testing.TB, path string, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o640); err != nil {
		t.Fatal(err)
	}
}

func TestNewRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.txt")
	write(t, file, "hello\n")
	write(t, filepath.Join(dir, "empty", "x"), "")
	stdin := strings.NewReader("")
	for _, c := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"unknown kind", Config{Kind: "radar"}, `unknown kind "radar": use one of fifo, lines, mjpeg, pcm, pictures, raw, socket, tail, wav`},
		{"key of another kind", Config{Kind: "pictures", Path: dir, URL: "http://x"}, "pictures has no use for url: it takes path"},
		{"negative interval", Config{Kind: "pictures", Path: dir, Interval: Duration{Duration: -1}}, "must not be negative"},
		{"no path", Config{Kind: "pictures"}, "path is missing"},
		{"no file", Config{Kind: "pictures", Path: filepath.Join(dir, "none")}, "no such file"},
		{"empty folder", Config{Kind: "pictures", Path: filepath.Join(dir, "empty")}, "nothing to play in"},
		{"glob without match", Config{Kind: "wav", Path: filepath.Join(dir, "*.wav")}, "nothing to play in"},
		{"bad glob", Config{Kind: "wav", Path: filepath.Join(dir, "[")}, "syntax error in pattern"},
		{"device as pictures", Config{Kind: "pictures", Path: "/dev/null"}, "neither a file nor a folder"},
		{"no url", Config{Kind: "mjpeg"}, "url is missing"},
		{"wrong scheme", Config{Kind: "mjpeg", URL: "rtsp://u:secret@cam/"}, "want http:// or https://"},
		{"raw without size", Config{Kind: "raw"}, "width and height: picture of 0x0"},
		{"raw too large", Config{Kind: "raw", Width: 1 << 30, Height: 1 << 30}, "million can be read"},
		{"raw in an unknown format", Config{Kind: "raw", Width: 2, Height: 2, Format: "mp4"}, "use bgr24, gray8, i420, nv12, rgb24, yuyv"},
		{"odd yuyv", Config{Kind: "raw", Width: 3, Height: 2, Format: "yuyv"}, "must be even"},
		{"odd nv12", Config{Kind: "raw", Width: 2, Height: 3, Format: "nv12"}, "must be even"},
		{"pcm in an unknown format", Config{Kind: "pcm", Format: "u8"}, "use s16le or f32le"},
		{"pcm too slow", Config{Kind: "pcm", Rate: 10}, "a rate of 10 Hz"},
		{"pcm with too many channels", Config{Kind: "pcm", Channels: 65}, "65 channels"},
		{"tail without path", Config{Kind: "tail"}, "path is missing"},
		{"tail of a folder", Config{Kind: "tail", Path: dir}, "not a regular file"},
		{"tail in no folder", Config{Kind: "tail", Path: dir + "/no/x"}, "the folder of"},
		{"fifo without path", Config{Kind: "fifo"}, "path is missing"},
		{"fifo that is a file", Config{Kind: "fifo", Path: file}, "is no FIFO"},
		{"fifo below a file", Config{Kind: "fifo", Path: file + "/x"}, "is no folder"},
		{"socket without path", Config{Kind: "socket"}, "path is missing"},
		{"socket that is a file", Config{Kind: "socket", Path: file}, "is no socket"},
		{"socket with a long path", Config{Kind: "socket", Path: dir + strings.Repeat("x", 108)}, "a socket's may have 107"},
		{"too many clients", Config{Kind: "socket", Path: dir + "/s", Clients: 1025}, "1 to 1024 can be served"},
		{"lines of no file", Config{Kind: "lines", Path: dir + "/none"}, "no such file"},
		{"lines of a folder", Config{Kind: "lines", Path: dir}, "not a regular file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Name = "porch"
			_, err := New(c.cfg, Env{Stdin: stdin})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `"porch"`) {
				t.Errorf("New = %v, want an error with the source and %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("New = %v: it shows the password", err)
			}
		})
	}
	if _, err := New(Config{Kind: "tail", Path: file}, Env{}); err == nil || !strings.Contains(err.Error(), "has no name") {
		t.Errorf("New without a name = %v", err)
	}
	for _, kind := range []string{"raw", "pcm", "lines"} {
		if _, err := New(Config{Name: "x", Kind: kind, Width: 0}, Env{}); err == nil {
			t.Errorf("New(%s) without standard input gave no error", kind)
		}
	}
}

func TestCheckAll(t *testing.T) {
	good := []Config{{Name: "a", Kind: "lines"}, {Name: "b", Kind: "lines", Path: "x"}, {Name: "c", Kind: "tail", Path: "y"}}
	if i, err := CheckAll(good); err != nil {
		t.Errorf("CheckAll = %d, %v", i, err)
	}
	for want, bad := range map[string]Config{
		"the name is taken":                {Name: "a", Kind: "tail"},
		`"a" reads standard input already`: {Name: "b", Kind: "pcm"},
		"has no name":                      {Kind: "tail"},
		`unknown kind "x"`:                 {Name: "d", Kind: "x"},
		"has no use for url":               {Name: "d", Kind: "tail", URL: "http://x"},
	} {
		i, err := CheckAll(append([]Config{{Name: "a", Kind: "lines"}, {Name: "c", Kind: "tail", Path: "y"}}, bad, Config{}))
		if i != 2 || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckAll = %d, %v; want %d and %q", i, err, 2, want)
		}
	}
}

func TestFinite(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want bool
	}{
		{Config{Kind: "pictures"}, true}, {Config{Kind: "pictures", Loop: true}, false}, {Config{Kind: "mjpeg"}, false},
		{Config{Kind: "lines"}, true}, {Config{Kind: "tail"}, false}, {Config{Kind: "nonsense"}, false},
	} {
		if got := c.cfg.Finite(); got != c.want {
			t.Errorf("%+v.Finite() = %v", c.cfg, got)
		}
	}
}
