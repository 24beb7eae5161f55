package recipe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"atoll/build/internal/command"
	"atoll/build/internal/pins"
)

// runnerFake notes the programs that run. Programs named fail end with an error as long as broken is set.
type runnerFake struct {
	mu     sync.Mutex
	ran    []string
	broken bool
	during func(command.Cmd)
}

var errBroken = errors.New("broken")

func (f *runnerFake) Run(ctx context.Context, c command.Cmd) error {
	f.mu.Lock()
	f.ran = append(f.ran, strings.Join(c.Argv, " "))
	broken, during := f.broken, f.during
	f.mu.Unlock()
	if during != nil {
		during(c)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if broken && c.Argv[0] == "fail" {
		return errBroken
	}
	return nil
}

// reportFake notes what a job reports.
type reportFake struct {
	mu    sync.Mutex
	lines []string
}

func (f *reportFake) add(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, fmt.Sprintf(format, args...))
}

func (f *reportFake) Start(job string, n int) { f.add("start %d", n) }
func (f *reportFake) Step(title string)       { f.add("step %s", title) }
func (f *reportFake) Advance(done, total int) { f.add("advance %d/%d", done, total) }
func (f *reportFake) Note(text string)        { f.add("note") }
func (f *reportFake) Finish(err error)        { f.add("finish %v", err) }

func kitchen(t *testing.T) (*Kitchen, *runnerFake, *reportFake) {
	run, report := &runnerFake{}, &reportFake{}
	fetch := func(context.Context, pins.Pin) (string, error) { return "", errors.New("nothing to fetch here") }
	return &Kitchen{Cache: filepath.Join(t.TempDir(), "cache"), Fetch: fetch, Run: run, Report: report}, run, report
}

var threeSteps = Recipe{Name: "thing", Steps: []Step{
	Run{Name: "first", Argv: []string{"first", "$WORK/a", "$OUT/b"}},
	Run{Name: "second", Argv: []string{"fail"}},
	Write{File: "$OUT/lib/x", Text: "result"},
}}

func TestMake(t *testing.T) {
	k, run, report := kitchen(t)
	path, err := k.Make(t.Context(), threeSteps)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(path, "lib", "x")); err != nil || string(text) != "result" {
		t.Errorf("result holds %q, %v", text, err)
	}
	if want := "first " + path + ".work/a " + path + ".new/b"; run.ran[0] != want {
		t.Errorf("ran %q; want %q", run.ran[0], want)
	}
	if want := []string{"start 3", "step first", "step second", "step write x", "finish <nil>"}; !slices.Equal(report.lines, want) {
		t.Errorf("reported %q; want %q", report.lines, want)
	}
	entries, _ := filepath.Glob(path + "*")
	if want := []string{path, path + ".lock"}; !slices.Equal(entries, want) {
		t.Errorf("left %q; want %q", entries, want)
	}
	if again, err := k.Make(t.Context(), threeSteps); again != path || err != nil || len(run.ran) != 2 {
		t.Errorf("second Make = %q, %v and ran %d programs; want the cached result", again, err, len(run.ran))
	}
}

func TestFailureLeavesNoResult(t *testing.T) {
	k, run, report := kitchen(t)
	run.broken = true
	path, err := k.Make(t.Context(), threeSteps)
	if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "thing: second") {
		t.Errorf("Make error = %v; want it to name recipe and step", err)
	}
	if isDir(path) {
		t.Error("a failed build left a result")
	}
	if last := report.lines[len(report.lines)-1]; !strings.HasPrefix(last, "finish thing: second") {
		t.Errorf("last report %q; want the failure", last)
	}
	run.broken = false
	if _, err := k.Make(t.Context(), threeSteps); err != nil {
		t.Fatal(err)
	}
	if want := 3; len(run.ran) != want {
		t.Errorf("ran %q; want the first step once and the second twice", run.ran)
	}
}

func TestInterruptThenResume(t *testing.T) {
	for cut := range 2 {
		t.Run(threeSteps.Steps[cut].Title(), func(t *testing.T) {
			k, run, _ := kitchen(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := errors.New("ctrl-c")
			run.during = func(command.Cmd) {
				if len(run.ran) == cut+1 {
					cancel(stop)
				}
			}
			if _, err := k.Make(ctx, threeSteps); !errors.Is(err, stop) {
				t.Fatalf("Make error = %v; want %v", err, stop)
			}
			run.during = nil
			path, err := k.Make(t.Context(), threeSteps)
			if err != nil || !isDir(path) {
				t.Fatalf("after an interrupt: %v", err)
			}
			if len(run.ran) != 3 {
				t.Errorf("ran %q; want the interrupted step alone twice", run.ran)
			}
		})
	}
}

// A killed build may leave the stamp of a step, half a result and no lock holder.
func TestLeftoversOfAKill(t *testing.T) {
	k, run, _ := kitchen(t)
	path := k.Path(threeSteps)
	for _, dir := range []string{path + ".work/.done", path + ".new/lib"} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{path + ".work/.done/0": "", path + ".new/lib/x": "res", path + ".lock": ""} {
		if err := os.WriteFile(name, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.Make(t.Context(), threeSteps); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(filepath.Join(path, "lib", "x")); string(text) != "result" {
		t.Errorf("result holds %q; want it whole", text)
	}
	if want := []string{"fail"}; !slices.Equal(run.ran, want) {
		t.Errorf("ran %q; want %q: the first step was done", run.ran, want)
	}
}

func TestTwoAtOnce(t *testing.T) {
	k, run, report := kitchen(t)
	inStep, goOn := make(chan struct{}), make(chan struct{})
	run.during = func(c command.Cmd) {
		if c.Argv[0] == "first" {
			close(inStep)
			<-goOn
		}
	}
	results := make(chan error, 2)
	build := func() { _, err := k.Make(context.Background(), threeSteps); results <- err }
	go build()
	<-inStep
	waits := *k
	note := &noteSignal{reportFake: report, noted: make(chan struct{})}
	waits.Report = note
	go func() { _, err := waits.Make(context.Background(), threeSteps); results <- err }()
	<-note.noted
	close(goOn)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if len(run.ran) != 2 {
		t.Errorf("ran %q; want one build", run.ran)
	}
}

type noteSignal struct {
	*reportFake
	noted chan struct{}
}

func (n *noteSignal) Note(string) { close(n.noted) }

func TestWaitForLockIsInterrupted(t *testing.T) {
	k, _, _ := kitchen(t)
	if err := os.MkdirAll(k.Cache, 0o750); err != nil {
		t.Fatal(err)
	}
	held, err := k.lock(t.Context(), k.Path(threeSteps)+".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Make(ctx, threeSteps); !errors.Is(err, context.Canceled) {
		t.Errorf("Make error = %v; want %v", err, context.Canceled)
	}
}

func TestProgramsHoldTheLock(t *testing.T) {
	k, run, _ := kitchen(t)
	run.during = func(c command.Cmd) {
		if len(c.Keep) != 1 || !strings.HasSuffix(c.Keep[0].Name(), ".lock") {
			t.Errorf("%q does not inherit the lock", c.Argv)
		}
	}
	if _, err := k.Make(t.Context(), threeSteps); err != nil {
		t.Fatal(err)
	}
}

func TestHash(t *testing.T) {
	base := func() Recipe {
		return Recipe{Name: "a", Tools: "gcc 12", Steps: []Step{
			Unpack{Pin: pins.Pin{Name: "x", SHA256: "1", Suite: "sid"}, Into: "$WORK/x"},
			Run{Name: "build", Argv: []string{"make", "x"}},
		}}
	}
	want := base().Hash()
	for name, change := range map[string]func(*Recipe){
		"name":     func(r *Recipe) { r.Name = "b" },
		"tools":    func(r *Recipe) { r.Tools = "gcc 13" },
		"argument": func(r *Recipe) { r.Steps[1] = Run{Name: "build", Argv: []string{"make", "y"}} },
		"pin":      func(r *Recipe) { r.Steps[0] = Unpack{Pin: pins.Pin{Name: "x", SHA256: "2"}, Into: "$WORK/x"} },
		"order":    func(r *Recipe) { slices.Reverse(r.Steps) },
		"fewer":    func(r *Recipe) { r.Steps = r.Steps[:1] },
		"kind":     func(r *Recipe) { r.Steps[1] = Write{File: "make", Text: "x"} },
	} {
		r := base()
		change(&r)
		if r.Hash() == want {
			t.Errorf("%s changed, the hash did not", name)
		}
	}
	for name, change := range map[string]func(*Recipe){
		"title": func(r *Recipe) { r.Steps[1] = Run{Name: "compile", Argv: []string{"make", "x"}} },
		"suite": func(r *Recipe) {
			r.Steps[0] = Unpack{Pin: pins.Pin{Name: "x", SHA256: "1", Suite: "trixie"}, Into: "$WORK/x"}
		},
	} {
		r := base()
		change(&r)
		if r.Hash() != want {
			t.Errorf("%s is no part of the result, but changed the hash", name)
		}
	}
}
