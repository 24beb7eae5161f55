// Package instructions counts the arm64 instructions that a model's inference takes. QEMU, told to advance the guest's clock by
// one nanosecond an instruction, boots a kernel whose first process times the models: what it takes for nanoseconds are
// instructions. They are no cycles: a Cortex-A53 also waits for its memory.
package instructions

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"atoll/build/internal/command"
	"atoll/build/internal/initramfs"
)

// What the emulated board allows.
const (
	memory     = 512 << 20
	mostModels = 128 << 20 // bytes of all models together: they are held packed, unpacked and mapped

	bootTime  = 3 * time.Minute // about 10 s on an idle machine
	modelTime = 5 * time.Minute // about 15 s for 5,000 million instructions
)

// Counter boots the emulated board.
type Counter struct {
	Run     command.Runner
	Kernel  string    // path of an arm64 kernel image
	Program string    // path of the guest program, build/guest, linked statically for arm64
	Done    func(int) // told how many models are done
}

// ErrTimeout is a guest that did not end in the time it had.
var ErrTimeout = errors.New("the emulated board took too long")

// Count returns the result of each model, in their order. A model that can't be run has its Error set; an error is of the whole.
func (c Counter) Count(ctx context.Context, models []string) ([]Result, error) {
	if err := fit(models); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "atoll-guest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	image := filepath.Join(dir, "initramfs")
	if err := c.writeImage(image, models); err != nil {
		return nil, err
	}
	limit := bootTime + time.Duration(len(models))*modelTime
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w: more than %v", ErrTimeout, limit))
	defer cancel()
	said := console{want: len(models), done: c.Done}
	if err := c.Run.Run(ctx, command.Cmd{Argv: qemu(c.Kernel, image), Line: said.line}); err != nil {
		return nil, fmt.Errorf("emulated board: %w", err)
	}
	return said.results()
}

// qemu is the command line: one core of a Cortex-A53, a clock that counts instructions and leaps over idle time, no network.
func qemu(kernel, image string) []string {
	return []string{
		"qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-smp", "1", "-m", fmt.Sprintf("%dM", memory>>20),
		"-icount", "shift=0,sleep=off", "-nic", "none", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
		"-kernel", kernel, "-initrd", image, "-append", "console=ttyAMA0 quiet panic=-1",
	}
}

// fit returns an error if the models are too large for the emulated board.
func fit(models []string) error {
	total := int64(0)
	for _, model := range models {
		info, err := os.Stat(model)
		if err != nil {
			return err
		}
		if total += info.Size(); total > mostModels {
			return fmt.Errorf("the models are larger than %d MiB together, which the emulated board has no room for: name fewer", mostModels>>20)
		}
	}
	return nil
}

// writeImage writes an initramfs of the guest program and the models, which are numbered: their names are the caller's.
func (c Counter) writeImage(path string, models []string) error {
	program, err := os.ReadFile(c.Program)
	if err != nil {
		return err
	}
	files := []initramfs.File{
		{Name: "init", Kind: initramfs.Program, Data: program},
		{Name: "proc", Kind: initramfs.Folder}, {Name: "sys", Kind: initramfs.Folder},
		{Name: strings.TrimPrefix(ModelDir, "/"), Kind: initramfs.Folder},
	}
	for i, model := range models {
		data, err := os.ReadFile(model)
		if err != nil {
			return err
		}
		files = append(files, initramfs.File{Name: strings.TrimPrefix(ModelPath(i), "/"), Kind: initramfs.Regular, Data: data})
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(initramfs.Write(f, files), f.Close())
}

// console reads what the guest says.
type console struct {
	want int
	done func(int)
	got  []Result
	last []string // lines that are none of ours, such as a panic's
	err  error
}

const keptLines = 30

func (c *console) line(text string) {
	r, ours, err := ParseLine(text)
	switch {
	case !ours:
		if text = strings.TrimSpace(text); text != "" {
			c.last = append(c.last[max(0, len(c.last)-keptLines+1):], text)
		}
	case err != nil:
		c.err = errors.Join(c.err, err)
	default:
		c.got = append(c.got, r)
		c.done(len(c.got))
	}
}

// results are those of all models, or an error that says what is missing.
func (c *console) results() ([]Result, error) {
	if c.err != nil {
		return nil, c.err
	}
	if len(c.got) != c.want {
		return nil, fmt.Errorf("the emulated board ended after %d of %d models; last it said:\n%s", len(c.got), c.want, strings.Join(c.last, "\n"))
	}
	return slices.Clone(c.got), nil
}
