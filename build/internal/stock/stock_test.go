package stock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"atoll/build/internal/command"
)

// checker writes a program that stands for the checker.
func checker(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "check")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o750); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         Result
	}{
		{"sound", `echo noise >&2; echo 2 1.27e-06`, Result{Outputs: 2, Difference: 1.27e-6}},
		{"no difference", `echo 1 0`, Result{Outputs: 1}},
		{"told the model", `test "$1" = "a model" && echo 1 0.5`, Result{Outputs: 1, Difference: 0.5}},
		{"refused", `echo "cannot be run" >&2; exit 1`, Result{Error: "cannot be run"}},
		{"refused without a word", `exit 1`, Result{Error: "refused without a reason"}},
		{"died", `echo last words >&2; kill -SEGV $$`, Result{Error: "stock TensorFlow Lite died of it: signal: segmentation fault\nlast words"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Check(t.Context(), command.OS{}, checker(t, c.script), "a model")
			if got != c.want || err != nil {
				t.Errorf("Check = %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestCheckFails(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"wrong usage", "exit 2", "exit status 2"},
		{"silence", "exit 0", "cannot read its answer"},
		{"one number", "echo 2", "cannot read its answer"},
		{"no outputs", "echo 0 0", "cannot read its answer"},
		{"no number", "echo 2 nan", "cannot read its answer"},
		{"infinite", "echo 2 inf", "cannot read its answer"},
		{"negative", "echo 2 -1", "cannot read its answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Check(t.Context(), command.OS{}, checker(t, c.script), "m")
			if got != (Result{}) || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Check = %+v, %v; want an error with %q", got, err, c.want)
			}
		})
	}
	if _, err := Check(t.Context(), command.OS{}, "/no/such/checker", "m"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Check = %v; want that there is no such program", err)
	}
}

// endless is a checker that never ends.
type endless struct{}

func (endless) Run(ctx context.Context, _ command.Cmd) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestEndless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got, err := Check(t.Context(), endless{}, "check", "m"); got.Error != "not done after 2m0s" || err != nil {
			t.Errorf("Check = %+v, %v; want that it took too long", got, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got, err := Check(ctx, endless{}, "check", "m"); got != (Result{}) || !errors.Is(err, context.Canceled) {
			t.Errorf("Check = %+v, %v; want that it was interrupted", got, err)
		}
	})
}
