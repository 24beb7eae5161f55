package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"atoll/board"
	"atoll/internal/config"
)

var update = flag.Bool("update", false, "write testdata/golden anew")

// printed is the report as people see it.
func printed(r Report, colour bool) string {
	var b bytes.Buffer
	text := NewText(&b, colour)
	for _, item := range r.Items {
		text.Item(item)
	}
	text.Verdict(r)
	return b.String()
}

// What doctor says of each captured board is in testdata/golden.
func TestGolden(t *testing.T) {
	trees, err := filepath.Glob("../../board/testdata/*.txtar")
	if err != nil || len(trees) < 8 {
		t.Fatalf("%d trees, %v", len(trees), err)
	}
	for _, file := range trees {
		tree, err := board.OpenTree(file)
		if err != nil {
			t.Fatal(err)
		}
		got := printed(Run(t.Context(), Env{Tree: tree}, Observer{}), false)
		golden := filepath.Join("testdata", "golden", strings.TrimSuffix(filepath.Base(file), ".txtar")+".txt")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o640); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatalf("%v: run go test ./internal/doctor -update", err)
		}
		if got != string(want) {
			t.Errorf("%s (run go test ./internal/doctor -update if it is right):\n%s", golden, got)
		}
		for row := range strings.Lines(got) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(row, "\n")); n > textWidth && strings.Contains(strings.TrimSpace(row[stateWidth+nameWidth+2:]), " ") {
				t.Errorf("%s: a row of %d columns: %s", golden, n, row)
			}
		}
	}
}

// The table of docs/doctor.md has all items, in the same order.
func TestDocs(t *testing.T) {
	data, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, c := range checks {
		want = append(want, c.name)
		if strings.ContainsFunc(c.name, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') }) {
			t.Errorf("%q is no name for scripts", c.name)
		}
	}
	for row := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(row, "| `"); ok {
			name, _, _ = strings.Cut(name, "`")
			got = append(got, name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/doctor.md has %q, want %q", got, want)
	}
}

// A whole examination of a machine that lacks nearly everything, with its progress.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := healthy()
		var began, done []string
		report := Run(t.Context(), r.Env, Observer{
			Began: func(name string) { began = append(began, name) },
			Done:  func(i Item) { done = append(done, i.Name) },
		})
		if len(done) != len(checks) || !slices.Equal(began[1:], done) || began[0] != "board" {
			t.Errorf("began %q, done %q", began, done)
		}
		if !strings.HasPrefix(report.Verdict, "ready with ") || report.Count(Skipped) != 1 {
			t.Errorf("verdict %q", report.Verdict)
		}
		data, err := json.Marshal(report)
		if err != nil || !strings.HasPrefix(string(data), `{"verdict":"ready with`) ||
			!strings.Contains(string(data), `"items":[{"name":"board","state":"warning","found":"unknown board`) || strings.Contains(string(data), `"group":`) {
			t.Errorf("JSON %.200s, %v", data, err)
		}
	})
}

// A configuration that is wrong fails its own item; the rest goes by the defaults.
func TestBadConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := healthy()
		r.Config.Load = func() (config.Config, error) { return config.Config{}, errBroken }
		report := Run(t.Context(), r.Env, Observer{})
		for name, want := range map[string]State{"config": Failed, "sources": Skipped, "sensors": Skipped, "temperature": OK, "state": OK, "inference": OK} {
			if got := report.item(name); got.State != want {
				t.Errorf("%s: got %s %q, want %s", name, got.State, got.Found, want)
			}
		}
	})
}

func (r Report) item(name string) Item {
	i := slices.IndexFunc(r.Items, func(i Item) bool { return i.Name == name })
	return r.Items[i]
}

// blocked is a tree that nobody can read until the channel closes.
type blocked struct {
	fakeTree
	until <-chan struct{}
}

func (b blocked) Open(string) (fs.File, error) { <-b.until; return nil, errBroken }

func (b blocked) Stat(string) (fs.FileInfo, error) { <-b.until; return nil, errBroken }

// A detection that blocks costs what is about the board, and nothing else.
func TestBlockedDetection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		until := make(chan struct{})
		r := healthy()
		r.Tree = blocked{r.tree, until}
		began := time.Now()
		report := Run(t.Context(), r.Env, Observer{})
		for name, want := range map[string]State{"board": Failed, "kernel": Skipped, "temperature": Skipped, "clock": OK, "state": OK, "inference": OK} {
			if got := report.item(name); got.State != want {
				t.Errorf("%s: got %s %q, want %s", name, got.State, got.Found, want)
			}
		}
		if took := time.Since(began); took != detectLimit {
			t.Errorf("took %v, want %v", took, detectLimit)
		}
		if got := report.item("board").Found; got != "detection does not answer within 10s" {
			t.Errorf("got %q", got)
		}
		close(until)
	})
}

func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		r := healthy()
		r.Live.Start = func(config.Config) (Senses, error) { return nil, errBroken }
		r.Live.CheckSources = func(config.Config) error { interrupt(); time.Sleep(time.Second); return nil }
		report := Run(ctx, r.Env, Observer{})
		for name, want := range map[string]State{"config": OK, "sources": Failed, "state": Skipped, "inference": Skipped} {
			if got := report.item(name); got.State != want {
				t.Errorf("%s: got %s %q, want %s", name, got.State, got.Found, want)
			}
		}
		if !strings.HasPrefix(report.Verdict, "not ready: 1 failed") {
			t.Errorf("verdict %q", report.Verdict)
		}
		time.Sleep(time.Minute) // until what was left behind has ended
	})
}

func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := func(context.Context) int { time.Sleep(time.Minute); return 1 }
		ended, end := context.WithCancel(t.Context())
		end()
		for _, c := range []struct {
			name string
			ctx  context.Context
			f    func(context.Context) int
			want string
		}{
			{"in time", t.Context(), func(context.Context) int { return 7 }, ""},
			{"late", t.Context(), late, "does not answer within 1s"},
			{"crash", t.Context(), func(context.Context) int { panic(errors.New("ouch")) }, "the check itself crashed: ouch"},
			{"interrupted", ended, late, "interrupted"},
		} {
			v, err := within(c.ctx, time.Second, c.f)
			if got := message(err); got != c.want || (err == nil) != (v == 7) {
				t.Errorf("%s: got %d, %q, want %q", c.name, v, got, c.want)
			}
		}
		time.Sleep(time.Hour) // until what was left behind has ended
	})
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		states []State
		want   string
	}{
		{nil, "ready"},
		{[]State{OK, OK}, "ready"},
		{[]State{OK, Warning}, "ready with 1 warning"},
		{[]State{Warning, Skipped, Warning}, "ready with 2 warnings, 1 skipped"},
		{[]State{Failed, OK}, "not ready: 1 failed"},
		{[]State{Warning, Failed, Failed}, "not ready: 2 failed, 1 warning"},
	} {
		var r Report
		for _, s := range c.states {
			r.Items = append(r.Items, Item{State: s})
		}
		if got := r.verdict(); got != c.want {
			t.Errorf("%v: got %q, want %q", c.states, got, c.want)
		}
	}
}

func TestColour(t *testing.T) {
	r := Report{Verdict: "not ready: 1 failed", Items: []Item{{Name: "swap", State: Failed, Found: "all"}}}
	if got := printed(r, true); !strings.Contains(got, "\x1b[1;31mFAILED") || !strings.Contains(got, "\x1b[1;31mnot ready") {
		t.Errorf("got %q", got)
	}
	if got := printed(r, false); strings.Contains(got, "\x1b") {
		t.Errorf("got %q, want no colour", got)
	}
}

// Whatever a board calls itself, a row is too long only if it is one word, and nothing
// disturbs the terminal.
func TestWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune(" ab\n\x1b")), rapid.Rune().Filter(func(r rune) bool { return r != '\u00a0' }))).Draw(t, "text")
		for _, row := range wrap(text, 10) {
			if utf8.RuneCountInString(row) > 10 && strings.Contains(row, " ") {
				t.Errorf("%q is too long", row)
			}
			if strings.ContainsAny(row, "\x1b\n") {
				t.Errorf("%q disturbs the terminal", row)
			}
		}
	})
	if got, want := wrap("aaa bbbb ccc 12\u00a0°C", 8), []string{"aaa bbbb", "ccc", "12 °C"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
