package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"atoll/internal/material"
)

// atoll starts its worker by itself, which plain qemu-aarch64 cannot do: it takes
// the kernel's binfmt_misc. The magic is the head of an arm64 ELF file as in QEMU's
// qemu-binfmt-conf.sh: F keeps the interpreter open, C and O pass credentials and
// the binary's descriptor.
const (
	mountPoint = "/proc/sys/fs/binfmt_misc"
	register   = `printf '%s' ':atoll-arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:'"$QEMU"':OCF' > ` + mountPoint + `/register`
	mount      = `mount -t binfmt_misc binfmt_misc ` + mountPoint
)

// emulator makes commands that run the arm64 binary.
type emulator func(args ...string) *exec.Cmd

// findEmulator finds a way to run the arm64 binary: as it is, where the machine is
// one or knows how; with binfmt_misc in a namespace of its own (Linux 6.7), which
// leaves the machine as it was; or, as root, registered for the time of the test.
func findEmulator(t *testing.T) emulator {
	t.Helper()
	bin := binary(t, "ATOLL_BIN_ARM64")
	plain := func(args ...string) *exec.Cmd {
		cmd := exec.Command(bin, args...)
		cmd.Env = append(os.Environ(), "QEMU_CPU=cortex-a53")
		return cmd
	}
	if plain("config", "default").Run() == nil {
		return plain
	}
	qemu, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		t.Fatalf("%v: install qemu-user-static", err)
	}
	apart := func(args ...string) *exec.Cmd {
		cmd := exec.Command("/bin/sh", append([]string{"-c", mount + " && " + register + ` && exec "$@"`, "sh", bin}, args...)...)
		cmd.Env = append(os.Environ(), "QEMU="+qemu, "QEMU_CPU=cortex-a53")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		return cmd
	}
	out, err := apart("config", "default").CombinedOutput()
	if err == nil {
		return apart
	}
	if os.Getuid() != 0 {
		t.Skipf("the arm64 binary was not run: this kernel lets no ordinary user register an emulator (Linux 6.7 does), and none is registered (root: install binfmt-support, or run the tests as root): %s", out)
	}
	registerAsRoot(t, qemu)
	if out, err := plain("config", "default").CombinedOutput(); err != nil {
		t.Fatalf("arm64 binary: %v: %s", err, out)
	}
	return plain
}

// registerAsRoot registers the emulator with the machine until the test ends.
func registerAsRoot(t *testing.T, qemu string) {
	t.Helper()
	script := "test -e " + mountPoint + "/register || " + mount + "; " + register
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Env = append(os.Environ(), "QEMU="+qemu)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("register the emulator: %v: %s", err, out)
	}
	t.Cleanup(func() { os.WriteFile(mountPoint+"/atoll-arm64", []byte("-1"), 0) })
}

// The arm64 binary gives the same results as this machine's, within 1e-3.
func TestArm64GivesTheSame(t *testing.T) {
	arm64 := findEmulator(t)
	data := material.Data(testData(t))
	for _, c := range []struct {
		args  []string
		stdin string
	}{
		{[]string{"infer", "vision", "--json", data.Path("pictures", "astronaut.png"), data.Path("pictures", "coffee.png")}, ""},
		{[]string{"infer", "vision", "--json", "--variant", "full-sparse", data.Path("pictures", "astronaut.png")}, ""},
		{[]string{"infer", "audio", "--json", data.Path("speech", "cards", "001.wav")}, ""},
		{[]string{"infer", "audio", "--json", "--variant", "f16", data.Path("speech", "cards", "002.wav")}, ""},
		{[]string{"infer", "text", "--json", "-"}, "A fine film.\nNot worth the money at all, a sad waste of time.\n"},
	} {
		native, emulated := exec.Command(binary(t, "ATOLL_BIN"), c.args...), arm64(c.args...)
		want, got := results(t, native, c.stdin), results(t, emulated, c.stdin)
		if len(want) != len(got) || len(want) == 0 {
			t.Fatalf("%q: %d results, want %d", c.args, len(got), len(want))
		}
		for i := range want {
			if where, diff := compare(want[i], got[i], ""); diff > 1e-3 {
				t.Errorf("%q: line %d%s differs by %g", c.args, i+1, where, diff)
			}
		}
	}
}

// results runs cmd and reads its JSON lines, without the time that each took.
func results(t *testing.T, cmd *exec.Cmd, stdin string) (list []any) {
	t.Helper()
	cmd.Stdin = bytes.NewReader([]byte(stdin))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v", cmd.Args, err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v map[string]any
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("%q: %v", cmd.Args, err)
		}
		delete(v, "ms")
		list = append(list, v)
	}
	return list
}

// compare returns the largest relative difference of two JSON values and where it
// is; infinite where they differ in form. Numbers above 1, positions in pixels, are
// compared as shares of their size.
func compare(want, got any, at string) (where string, diff float64) {
	worst := func(key string, a, b any) {
		if w, d := compare(a, b, at+"."+key); d > diff {
			where, diff = w, d
		}
	}
	switch want := want.(type) {
	case float64:
		if got, ok := got.(float64); ok {
			return at, math.Abs(got-want) / max(1, math.Abs(want))
		}
	case []any:
		if got, ok := got.([]any); ok && len(got) == len(want) {
			for i := range want {
				worst(fmt.Sprint(i), want[i], got[i])
			}
			return where, diff
		}
	case map[string]any:
		if got, ok := got.(map[string]any); ok && len(got) == len(want) {
			for k := range want {
				worst(k, want[k], got[k])
			}
			return where, diff
		}
	default:
		if got == want {
			return at, 0
		}
	}
	return at, math.Inf(1)
}
