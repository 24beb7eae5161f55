package hosttools

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"atoll/build/internal/command"
)

// aptFake is an apt that installs what has says, or fails.
type aptFake struct {
	calls  [][]string
	brings []string
	has    map[string]bool
	err    error
}

func (f *aptFake) Run(_ context.Context, c command.Cmd) error {
	f.calls = append(f.calls, c.Argv)
	if !slices.Contains(c.Env, "DEBIAN_FRONTEND=noninteractive") {
		return errors.New("apt may ask questions")
	}
	if f.err == nil && slices.Contains(c.Argv, "install") {
		for _, name := range f.brings {
			f.has[name] = true
		}
	}
	return f.err
}

func host(root bool, f *aptFake, there ...string) Host {
	f.has = map[string]bool{}
	for _, name := range there {
		f.has[name] = true
	}
	return Host{Root: root, Has: func(name string) bool { return f.has[name] }, Run: f, Note: func(string) {}}
}

func TestNothingMissing(t *testing.T) {
	f := &aptFake{}
	if err := host(true, f, "gcc", "g++", "ar", "cmake", "ninja", "python3").Ensure(t.Context(), Compile); err != nil || len(f.calls) > 0 {
		t.Errorf("Ensure = %v after %q; want nil and no call", err, f.calls)
	}
}

func TestUserIsTold(t *testing.T) {
	f := &aptFake{}
	err := host(false, f, "gcc", "g++", "ar").Ensure(t.Context(), Compile)
	want := "missing: cmake ninja python3; install with: sudo apt-get install -y cmake ninja-build python3"
	if err == nil || err.Error() != want {
		t.Errorf("Ensure = %v; want %q", err, want)
	}
	var missing *MissingError
	if !errors.As(err, &missing) || len(missing.Needs) != 3 {
		t.Errorf("error %v is no MissingError of 3 needs", err)
	}
	if len(f.calls) > 0 {
		t.Errorf("apt was called without the right to: %q", f.calls)
	}
}

func TestRootInstalls(t *testing.T) {
	f := &aptFake{brings: []string{"cmake", "ninja"}}
	if err := host(true, f, "gcc", "g++", "ar", "python3").Ensure(t.Context(), Compile); err != nil {
		t.Fatal(err)
	}
	if len(f.calls) != 2 || f.calls[0][1] != "update" || !slices.Equal(f.calls[1][len(f.calls[1])-2:], []string{"cmake", "ninja-build"}) {
		t.Errorf("apt calls %q; want one update, then the install of cmake and ninja-build", f.calls)
	}
}

func TestAptFails(t *testing.T) {
	cause := errors.New("no network")
	if err := host(true, &aptFake{err: cause}).Ensure(t.Context(), EmulateARM64); !errors.Is(err, cause) {
		t.Errorf("Ensure = %v; want apt's own error", err)
	}
}

func TestStillMissing(t *testing.T) {
	err := host(true, &aptFake{}).Ensure(t.Context(), EmulateARM64)
	if err == nil || !strings.HasPrefix(err.Error(), "still missing after apt installed qemu-user-static") {
		t.Errorf("Ensure = %v; want what is still missing", err)
	}
}

func TestPackagesOnce(t *testing.T) {
	got := packages([]Need{{"a", "z"}, {"b", "y"}, {"c", "z"}})
	if want := []string{"y", "z"}; !slices.Equal(got, want) {
		t.Errorf("packages = %q; want %q", got, want)
	}
}
