// Package e2e tests what users do: it runs the binary.
package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// binary returns the path that a variable of make test's environment holds.
func binary(t testing.TB, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: run this through make test, which builds the binaries", variable)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return path
}

func testData(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("ATOLL_DATA")
	if dir == "" {
		t.Fatal("ATOLL_DATA is not set: run this through make test, which fetches the test data")
	}
	return dir
}

// TestScripts runs the scripts of testdata/script; each is a session at a shell.
// In them $DATA is the folder of test data and $MODELS that of the models.
func TestScripts(t *testing.T) {
	bin, data := binary(t, "ATOLL_BIN"), testData(t)
	models, err := filepath.Abs("../../models")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:       "testdata/script",
		Condition: condition,
		Cmds:      map[string]func(*testscript.TestScript, bool, []string){"twist": twist, "zeros": zeros},
		Setup: func(env *testscript.Env) error {
			env.Setenv("DATA", data)
			env.Setenv("MODELS", models)
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state-home"))
			env.Setenv("PATH", env.WorkDir+string(filepath.ListSeparator)+env.Getenv("PATH"))
			return os.Symlink(bin, filepath.Join(env.WorkDir, "atoll"))
		},
	})
}

// condition is what scripts may ask for: whether this machine is bare of sensors, and
// whether it mounts file systems for anybody.
func condition(name string) (bool, error) {
	switch name {
	case "bare":
	case "mounts":
		return mounts(), nil
	default:
		return false, fmt.Errorf("unknown condition %q", name)
	}
	for _, pattern := range []string{"/sys/class/thermal/thermal_zone*", "/sys/class/hwmon/hwmon*"} {
		if found, err := filepath.Glob(pattern); len(found) > 0 || err != nil {
			return false, err
		}
	}
	return true, nil
}
