package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"atoll/internal/figures"
)

// emulated runs its arguments with arm64 binaries executable. atoll starts its
// worker by itself, which plain qemu-aarch64 cannot do: it takes the kernel's
// binfmt_misc, mounted here in a namespace of its own, so that the machine is left
// as it was. The magic is the head of an arm64 ELF file as in QEMU's
// qemu-binfmt-conf.sh: F keeps the interpreter open, C and O pass credentials and
// the binary's descriptor.
const emulated = `mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc &&
printf '%s' ':atoll-arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:'"$QEMU"':OCF' \
> /proc/sys/fs/binfmt_misc/register && exec "$@"`

// arm64 returns a command that runs the arm64 binary with args.
func arm64(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	bin := binary(t, "ATOLL_BIN_ARM64")
	if runtime.GOARCH == "arm64" {
		return exec.Command(bin, args...)
	}
	qemu, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		t.Fatalf("%v: install qemu-user-static", err)
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", emulated, "sh", bin}, args...)...)
	cmd.Env = append(os.Environ(), "QEMU="+qemu, "QEMU_CPU=cortex-a53")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	return cmd
}

// needEmulation skips where the kernel can't do what the test takes, and fails
// where the binary can't.
func needEmulation(t *testing.T) {
	t.Helper()
	out, err := arm64(t, "config", "default").CombinedOutput()
	if err == nil {
		return
	}
	if bytes.Contains(out, []byte("binfmt_misc")) || bytes.Contains(out, []byte("register")) {
		t.Skipf("this kernel has no binfmt_misc for user namespaces (it came with Linux 6.7), so the arm64 binary was not run: %s", out)
	}
	t.Fatalf("arm64 binary: %v: %s", err, out)
}

// The arm64 binary gives the same results as this machine's, within 1e-3.
func TestArm64GivesTheSame(t *testing.T) {
	needEmulation(t)
	data := figures.Data(testData(t))
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
		native, emulated := exec.Command(binary(t, "ATOLL_BIN"), c.args...), arm64(t, c.args...)
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
