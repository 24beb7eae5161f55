package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"atoll/trace"
)

func example() trace.Snapshot {
	return trace.Snapshot{
		Source: trace.EBPF, Began: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), For: time.Minute,
		Models: []trace.Model{{
			Modality: "vision", Variant: "short", Jobs: 2, P50: 5e6, P99: 9e6, Max: 9e6, Wall: 14e6,
			Parts: trace.Parts{trace.OnCPU: 13e6, trace.Reply: 1e6}, Histogram: []trace.Bucket{{From: 1 << 22, Jobs: 2}},
		}},
		Preemptors: []trace.Holder{{Task: "kworker/1:2", PID: 812, Time: 3e6, Jobs: 2}},
		Slowest:    []trace.Job{{Modality: "vision", Variant: "short", Wall: 9e6, Holders: []trace.Holder{}, Reason: "as usual"}},
	}
}

func serveFor(t *testing.T, state string, snapshot func() (trace.Snapshot, error)) *Server {
	t.Helper()
	s, err := Serve(state, snapshot, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func always(s trace.Snapshot) func() (trace.Snapshot, error) {
	return func() (trace.Snapshot, error) { return s, nil }
}

func TestServeAndAsk(t *testing.T) {
	state := filepath.Join(t.TempDir(), "made", "by it")
	before := descriptors(t)
	s, err := Serve(state, always(example()), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			got, err := Ask(t.Context(), state)
			if want := example(); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
		})
	}
	clients.Wait()
	for name, want := range map[string]os.FileMode{socketName: os.ModeSocket | 0o660, lockName: 0o640} {
		info, err := os.Stat(filepath.Join(state, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(state, socketName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, there were %d", after, before)
	}
	if _, err := Ask(t.Context(), state); !errors.Is(err, ErrNoRun) {
		t.Errorf("got %v, want %v", err, ErrNoRun)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// A run that was killed leaves a socket that nobody listens at, and its lock file.
func TestServeInPlaceOfAKilledRun(t *testing.T) {
	state := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(state, socketName)})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if err := os.WriteFile(filepath.Join(state, lockName), nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Ask(t.Context(), state); !errors.Is(err, ErrNoRun) || !strings.Contains(err.Error(), "start atoll run --state "+state+", or name") {
		t.Errorf("got %v, want %v and what to do", err, ErrNoRun)
	}
	serveFor(t, state, always(example()))
	if _, err := Ask(t.Context(), state); err != nil {
		t.Error(err)
	}
}

func TestServeRefuses(t *testing.T) {
	used, taken := t.TempDir(), t.TempDir()
	serveFor(t, used, always(example()))
	if err := os.WriteFile(filepath.Join(taken, socketName), []byte("precious"), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, state, want string }{
		{"a run that is alive", used, "another run serves its traces there"},
		{"what is no socket", taken, "exists and is no socket"},
		{"a path that is too long", "/tmp/" + strings.Repeat("x", 100), "a socket's may have 107: give a shorter --state"},
		{"a folder that can't be made", "/proc/nowhere", "make state folder"},
		{"a folder that can't be written", "/proc/self", "trace.lock"},
	} {
		before := descriptors(t)
		s, err := Serve(tt.state, always(example()), zerolog.Nop())
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if after := descriptors(t); after != before {
			t.Errorf("%s: %d descriptors, there were %d", tt.name, after, before)
		}
	}
	if _, err := Serve(used, always(example()), zerolog.Nop()); !errors.Is(err, ErrServed) {
		t.Errorf("got %v, want %v", err, ErrServed)
	}
	if _, err := Ask(t.Context(), used); err != nil {
		t.Errorf("the run that is alive has lost its socket: %v", err)
	}
	if b, err := os.ReadFile(filepath.Join(taken, socketName)); string(b) != "precious" {
		t.Errorf("the file holds %q, %v", b, err)
	}
}

// Who connects and reads nothing, or leaves, keeps nobody else from an answer.
func TestServeClientsThatDontRead(t *testing.T) {
	state := t.TempDir()
	serveFor(t, state, always(example()))
	for i := range 8 {
		conn, err := net.Dial("unix", filepath.Join(state, socketName))
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			conn.Close()
		} else {
			defer conn.Close()
		}
	}
	if _, err := Ask(t.Context(), state); err != nil {
		t.Error(err)
	}
}

func TestServeTellsFailures(t *testing.T) {
	state := t.TempDir()
	huge := example()
	huge.Limited = strings.Repeat("x", maxDocument)
	answers := make(chan func() (trace.Snapshot, error), 3)
	answers <- func() (trace.Snapshot, error) { return trace.Snapshot{}, errors.New("map is gone") }
	answers <- always(huge)
	answers <- always(example())
	now := time.Now()
	r := recent{
		snapshot: func() (trace.Snapshot, error) { return (<-answers)() },
		now:      func() time.Time { now = now.Add(freshFor); return now },
	}
	s, err := serve(state, r, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, want := range []string{`the run has none: "map is gone"`, "it is empty", ""} {
		_, err := Ask(t.Context(), state)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// However many ask at once, a snapshot is made ten times a second.
func TestAnswersAreKeptForAMoment(t *testing.T) {
	now, made := time.Unix(1_000_000, 0), 0
	r := recent{now: func() time.Time { return now }, snapshot: func() (trace.Snapshot, error) {
		made++
		return example(), nil
	}}
	for i, wait := range []time.Duration{0, 0, freshFor - 1, 1, 0, time.Hour} {
		now = now.Add(wait)
		b, err := r.answer()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode(b); err != nil {
			t.Error(err)
		}
		if want := []int{1, 1, 1, 2, 2, 3}[i]; made != want {
			t.Errorf("ask %d: %d snapshots, want %d", i, made, want)
		}
	}
}

// speak makes a socket at which somebody else speaks.
func speak(t *testing.T, say func(net.Conn)) (state string) {
	t.Helper()
	state = t.TempDir()
	l, err := net.Listen("unix", filepath.Join(state, socketName))
	if err != nil {
		t.Fatal(err)
	}
	var speaker sync.WaitGroup
	speaker.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		say(conn)
	})
	t.Cleanup(func() { l.Close(); speaker.Wait() })
	return state
}

func TestAskRefuses(t *testing.T) {
	for want, text := range map[string]string{
		`"\x1b[2J"`:                   `{"error":"\u001b[2J"}`,
		"it is empty":                 "",
		"unexpected EOF":              `{"source":"ebpf"`,
		"goes on after its end":       `{"source":"ebpf"} {}`,
		"is longer than":              `{"source":"` + strings.Repeat("x", maxDocument) + `"}`,
		`source "" is not known`:      `{}`,
		`unknown part "sleeping"`:     `{"source":"ebpf","models":[{"parts_ns":{"sleeping":1}}]}`,
		"a time of -5ns can't be":     `{"source":"ebpf","slowest":[{"parts_ns":{"reply":-5}}]}`,
		"257 models: at most 256":     `{"source":"ebpf","models":[` + strings.Repeat("{},", maxModels) + `{}]}`,
		"11 preemptors: at most 10":   `{"source":"ebpf","preemptors":[` + strings.Repeat("{},", trace.MaxPreemptors) + `{}]}`,
		"17 slowest jobs: at most 16": `{"source":"ebpf","slowest":[` + strings.Repeat("{},", trace.MaxSlowest) + `{}]}`,
		"a histogram of 65 buckets":   `{"source":"ebpf","models":[{"histogram":[` + strings.Repeat("{},", maxBuckets) + `{}]}]}`,
		"a job with 5 holders":        `{"source":"ebpf","slowest":[{"holders":[` + strings.Repeat("{},", trace.MaxHolders) + `{}]}]}`,
	} {
		state := speak(t, func(c net.Conn) { io.WriteString(c, text) })
		if _, err := Ask(t.Context(), state); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
	}
	if _, err := Ask(t.Context(), "/tmp/"+strings.Repeat("x", 100)); err == nil || !strings.Contains(err.Error(), "give a shorter --state") {
		t.Errorf("got %v", err)
	}
}

// A run that is stopped accepts and never answers.
func TestAskARunThatIsStopped(t *testing.T) {
	over := make(chan struct{})
	state := speak(t, func(net.Conn) { <-over })
	defer close(over)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := Ask(ctx, state); err == nil || !strings.Contains(err.Error(), "no answer in ") {
		t.Errorf("got %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Ask(ended, state); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestSaveAndLast(t *testing.T) {
	state := t.TempDir()
	if _, err := Last(state); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want %v", err, os.ErrNotExist)
	}
	if err := os.WriteFile(filepath.Join(state, lastName+".new"), []byte("of a killed run"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		want := example()
		want.Lost = uint64(i)
		if err := Save(state, want); err != nil {
			t.Fatal(err)
		}
		if got, err := Last(state); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	list, err := os.ReadDir(state)
	if err != nil || len(list) != 1 {
		t.Errorf("got %v, %v, want one file", list, err)
	}
	if info, err := list[0].Info(); err != nil || info.Mode() != 0o640 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	if err := Save("/proc/nowhere", example()); err == nil {
		t.Error("saved where nothing can be")
	}
}

func TestLastRefuses(t *testing.T) {
	for want, lay := range map[string]func(path string) error{
		"too many levels of symbolic links": func(p string) error { return os.Symlink("/etc/passwd", p) },
		"is no regular file":                func(p string) error { return unix.Mkfifo(p, 0o640) },
		"it is empty":                       func(p string) error { return os.WriteFile(p, nil, 0o640) },
		"more than":                         func(p string) error { return os.WriteFile(p, make([]byte, maxDocument+1), 0o640) },
	} {
		state := t.TempDir()
		if err := lay(filepath.Join(state, lastName)); err != nil {
			t.Fatal(err)
		}
		if _, err := Last(state); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// What is read is within bounds, and comes back as it was when it is sent on.
func FuzzDecode(f *testing.F) {
	b, err := encode(answer{Snapshot: example()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"error":"map is gone"}`))
	f.Add([]byte(`{"source":"schedstat","began":"2026-05-01T12:00:00+02:00","models":[{"parts_ns":{"on_cpu":-1}}],"slowest":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decode(b)
		if err != nil {
			return
		}
		again, err := encode(answer{Snapshot: s})
		if err != nil {
			return // by escapes it is too long now
		}
		got, err := decode(again)
		if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", s) {
			t.Errorf("got %+v, %v, want %+v", got, err, s)
		}
	})
}
