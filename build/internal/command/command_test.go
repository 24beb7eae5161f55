package command

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestOutput(t *testing.T) {
	got, err := Output(t.Context(), OS{}, "printf", "a\nb\n\n")
	if got != "a\nb" || err != nil {
		t.Errorf("Output = %q, %v; want a and b", got, err)
	}
}

func TestRunLines(t *testing.T) {
	var got []string
	err := OS{}.Run(t.Context(), Cmd{Argv: []string{"sh", "-c", `echo one; echo two >&2; printf "$X in $PWD"`}, Dir: "/", Env: []string{"X=three"}, Line: func(s string) { got = append(got, s) }})
	if want := []string{"one", "two", "three in /"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("lines %q, %v; want %q", got, err, want)
	}
}

func TestRunStdin(t *testing.T) {
	var out bytes.Buffer
	if err := (OS{}).Run(t.Context(), Cmd{Argv: []string{"cat"}, Stdin: strings.NewReader("x"), Stdout: &out}); err != nil || out.String() != "x" {
		t.Errorf("cat wrote %q, %v", out.String(), err)
	}
}

func TestRunKeepsFiles(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "kept"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := (OS{}).Run(t.Context(), Cmd{Argv: []string{"sh", "-c", "echo held >&3"}, Keep: []*os.File{f}}); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(f.Name()); string(got) != "held\n" {
		t.Errorf("the program wrote %q to the file it holds", got)
	}
}

func TestRunFails(t *testing.T) {
	err := OS{}.Run(t.Context(), Cmd{Argv: []string{"sh", "-c", "echo went wrong >&2; exit 3"}})
	var failed *Error
	var exit *exec.ExitError
	if !errors.As(err, &failed) || failed.Output != "went wrong" || !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("Run error = %v; want status 3 and what the program said", err)
	}
	if err := (OS{}).Run(t.Context(), Cmd{Argv: []string{"/no/such/program"}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Run error = %v; want that there is no such program", err)
	}
}

func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	err := OS{}.Run(ctx, Cmd{Argv: []string{"sh", "-c", "echo ready; exec sleep 1000"}, Line: func(string) { cancel(stop) }})
	if !errors.Is(err, stop) {
		t.Errorf("Run error = %v; want %v", err, stop)
	}
}

func TestInteractive(t *testing.T) {
	for status, script := range []string{"exit 0", "exit 1", "exit 2"} {
		if got, err := Interactive(t.Context(), []string{"sh", "-c", script}, nil); got != status || err != nil {
			t.Errorf("Interactive(%q) = %d, %v; want %d", script, got, err, status)
		}
	}
	if _, err := Interactive(t.Context(), []string{"sh", "-c", "kill -9 $$"}, nil); err == nil {
		t.Error("a killed program is no error")
	}
	if _, err := Interactive(t.Context(), []string{"/no/such/program"}, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Interactive error = %v; want that there is no such program", err)
	}
}

func TestTail(t *testing.T) {
	w := &tailWriter{}
	for range 3 {
		if _, err := w.Write(bytes.Repeat([]byte("x"), tailSize/2+1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write([]byte("end")); err != nil {
		t.Fatal(err)
	}
	if got := w.String(); len(got) != tailSize || !strings.HasSuffix(got, "xend") {
		t.Errorf("kept %d bytes that end in %q; want the last %d", len(got), got[len(got)-4:], tailSize)
	}
}

func TestHowItEnded(t *testing.T) {
	for _, c := range []struct {
		argv []string
		exit int
		died bool
	}{
		{[]string{"sh", "-c", "exit 3"}, 3, false},
		{[]string{"sh", "-c", "kill -KILL $$"}, -1, true},
		{[]string{"/no/such/program"}, -1, false},
	} {
		var failed *Error
		if err := (OS{}).Run(t.Context(), Cmd{Argv: c.argv}); !errors.As(err, &failed) || failed.Exit() != c.exit || failed.Died() != c.died {
			t.Errorf("%q: %v; want exit status %d, died %v", c.argv, err, c.exit, c.died)
		}
	}
}
