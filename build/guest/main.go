// Command guest is the first process of the emulated board on which instructions are counted. It times the inference of each
// model in its folder, one thread with XNNPACK, tells what it takes on the console, and powers the board off.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"atoll/build/internal/instructions"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "guest: it runs as the first process of an emulated board: sh build/bootstrap.sh instructions MODEL...")
		os.Exit(2)
	}
	debug.SetGCPercent(-1) // a collection would be counted too
	runtime.LockOSThread()
	if err := run(); err != nil {
		fmt.Println("guest:", err)
	}
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("guest: power off:", err)
	}
}

func run() error {
	for _, m := range []struct{ kind, at string }{{"proc", "/proc"}, {"sysfs", "/sys"}} { // XNNPACK reads both
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	models, err := filepath.Glob(instructions.ModelDir + "/*")
	if err != nil {
		return err
	}
	for _, model := range models { // sorted, as they are numbered
		r, err := measure(model)
		if err != nil {
			r.Error = err.Error()
		}
		line, err := instructions.Line(r)
		if err != nil {
			return err
		}
		fmt.Println(line)
	}
	return nil
}
