package instructions

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"atoll/build/internal/command"
)

// qemuFake says lines in QEMU's place.
type qemuFake struct {
	says []string
	err  error
	hang bool
	argv []string
	read string // the initramfs, unpacked
}

func (f *qemuFake) Run(ctx context.Context, c command.Cmd) error {
	f.argv = c.Argv
	image, err := os.Open(c.Argv[slices.Index(c.Argv, "-initrd")+1])
	if err != nil {
		return err
	}
	defer image.Close()
	zipped, err := gzip.NewReader(image)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(zipped)
	if err != nil {
		return err
	}
	f.read = string(text)
	for _, line := range f.says {
		c.Line(line)
	}
	if f.hang {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return f.err
}

// board returns a counter with files that are there, two models, and what it told of its progress. Its temporary files must be
// gone in the end.
func board(t *testing.T, f *qemuFake) (c Counter, models []string, told *[]int) {
	t.Helper()
	dir, temporary := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temporary)
	t.Cleanup(func() {
		if left, err := os.ReadDir(temporary); len(left) > 0 || err != nil {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	for _, name := range []string{"guest", "a.tflite", "b.tflite"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("content of "+name), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	told = new([]int)
	c = Counter{Run: f, Kernel: "/boot/kernel", Program: filepath.Join(dir, "guest"), Done: func(n int) { *told = append(*told, n) }}
	return c, []string{filepath.Join(dir, "a.tflite"), filepath.Join(dir, "b.tflite")}, told
}

func TestCount(t *testing.T) {
	f := &qemuFake{says: []string{
		"[    0.1] Booting Linux", "INFO: Created delegate", "",
		`atoll-instructions: {"millions":89.8,"runs":12}`,
		`[    1.2] a kernel's wordsatoll-instructions: {"millions":0,"runs":0,"error":"no model"}`,
		"reboot: Power down",
	}}
	c, models, told := board(t, f)
	got, err := c.Count(t.Context(), models)
	want := []Result{{Millions: 89.8, Runs: 12}, {Error: "no model"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Count = %v, %v; want %v", got, err, want)
	}
	if !slices.Equal(*told, []int{1, 2}) {
		t.Errorf("told of %v models done; want 1, then 2", *told)
	}
	for _, part := range []string{"init\x00", "content of guest", "proc\x00", "sys\x00", "models\x00", "models/000000.tflite\x00", "content of a.tflite", "models/000001.tflite\x00", "content of b.tflite"} {
		if !strings.Contains(f.read, part) {
			t.Errorf("the initramfs lacks %q", part)
		}
	}
	line := strings.Join(f.argv, " ")
	for _, part := range []string{"qemu-system-aarch64 -M virt -cpu cortex-a53", "-smp 1", "-icount shift=0,sleep=off", "-nic none", "-no-reboot", "-kernel /boot/kernel", "panic=-1"} {
		if !strings.Contains(line, part) {
			t.Errorf("%q lacks %q", line, part)
		}
	}
}

func TestCountFails(t *testing.T) {
	const result = `atoll-instructions: {"millions":1,"runs":1}`
	missing := &command.Error{Argv: []string{"qemu-system-aarch64"}, Err: exec.ErrNotFound}
	for _, c := range []struct {
		name string
		fake qemuFake
		want []string
	}{
		{"no QEMU", qemuFake{err: missing}, []string{"emulated board: qemu-system-aarch64", exec.ErrNotFound.Error()}},
		{"the kernel panics at once", qemuFake{says: []string{"Kernel panic - not syncing: no init"}}, []string{"after 0 of 2 models", "Kernel panic - not syncing"}},
		{"a model kills the guest", qemuFake{says: []string{result, "SIGSEGV: segmentation violation", "Kernel panic - not syncing: Attempted to kill init!"}},
			[]string{"after 1 of 2 models", "SIGSEGV", "kill init"}},
		{"the guest says nothing", qemuFake{}, []string{"after 0 of 2 models"}},
		{"more results than models", qemuFake{says: []string{result, result, result}}, []string{"after 3 of 2 models"}},
		{"a garbled line", qemuFake{says: []string{result, "atoll-instructions: {\"milli[ 1.2] words"}}, []string{"garbled line"}},
		{"no figure", qemuFake{says: []string{result, `atoll-instructions: {"runs":3}`}}, []string{"has no figure"}},
		{"a broken QEMU after its work", qemuFake{says: []string{result, result}, err: errors.New("exit status 1")}, []string{"exit status 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			counter, models, _ := board(t, &c.fake)
			got, err := counter.Count(t.Context(), models)
			if got != nil || err == nil {
				t.Fatalf("Count = %v, %v; want an error alone", got, err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

func TestLongConsole(t *testing.T) {
	f := &qemuFake{says: append(slices.Repeat([]string{"chatter"}, 1000), "the cause")}
	c, models, _ := board(t, f)
	_, err := c.Count(t.Context(), models)
	if err == nil || strings.Count(err.Error(), "\n") != keptLines || !strings.HasSuffix(err.Error(), "chatter\nthe cause") {
		t.Errorf("error %q; want the last %d lines", err, keptLines)
	}
}

func TestTimeout(t *testing.T) {
	c, models, _ := board(t, &qemuFake{hang: true})
	synctest.Test(t, func(t *testing.T) {
		if _, err := c.Count(t.Context(), models); !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), "13m0s") {
			t.Errorf("Count = %v; want that more than 13 minutes were too long", err)
		}
	})
}

func TestInterrupted(t *testing.T) {
	c, models, _ := board(t, &qemuFake{hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Count(ctx, models); !errors.Is(err, context.Canceled) {
		t.Errorf("Count = %v; want that it was interrupted", err)
	}
}

func TestFilesThatDoNotFit(t *testing.T) {
	f := &qemuFake{}
	c, models, _ := board(t, f)
	if _, err := c.Count(t.Context(), append(models, "no/such.tflite")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Count = %v; want that a model is not there", err)
	}
	if err := os.Truncate(models[1], mostModels); err != nil { // a file of holes
		t.Fatal(err)
	}
	if _, err := c.Count(t.Context(), models); err == nil || !strings.Contains(err.Error(), "larger than 128 MiB together") {
		t.Errorf("Count = %v; want that the models are too large", err)
	}
	c.Program += "gone"
	if _, err := c.Count(t.Context(), models[:1]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Count = %v; want that the guest program is not there", err)
	}
	if f.argv != nil {
		t.Error("QEMU was started all the same")
	}
}

func TestLine(t *testing.T) {
	for _, r := range []Result{{Millions: 0.0327, Runs: 61}, {Error: "a \"quoted\"\nreason"}} {
		line, err := Line(r)
		if err != nil || strings.Contains(line, "\n") {
			t.Errorf("Line(%v) = %q, %v; want one line", r, line, err)
		}
		if got, ours, err := ParseLine(line); got != r || !ours || err != nil {
			t.Errorf("ParseLine(%q) = %v, %v, %v; want %v", line, got, ours, err, r)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add(`atoll-instructions: {"millions":89.8,"runs":12}`)
	f.Add(`atoll-instructions: {"error":"x"}`)
	f.Add("[    0.1] Booting Linux")
	f.Fuzz(func(t *testing.T, line string) {
		r, ours, err := ParseLine(line)
		if (!ours || err != nil) && !reflect.DeepEqual(r, Result{}) {
			t.Errorf("ParseLine(%q) = %v, %v, %v; want no result", line, r, ours, err)
		}
		if ours && err == nil && r.Error == "" && !(r.Millions > 0) {
			t.Errorf("ParseLine(%q) = %v, which is no figure", line, r)
		}
	})
}
