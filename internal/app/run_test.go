package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"atoll/internal/config"
	"atoll/pipeline/fusion"
	"atoll/sensors/sensorstest"
)

const (
	zone   = "sys/class/thermal/thermal_zone0"
	policy = "sys/devices/system/cpu/cpufreq/policy0"
	limit  = policy + "/scaling_max_freq"
)

// coral fills the tree of a Coral Dev Board whose die has that temperature, in m°C.
func coral(t *testing.T, milli string) *sensorstest.Tree {
	tree := sensorstest.NewTree(t)
	tree.WriteAll(map[string]string{
		"proc/stat":                               "cpu  10 0 10 180 0 0 0 0 0 0\ncpu0 10 0 10 180 0 0 0 0 0 0\n",
		"proc/sys/kernel/random/boot_id":          "b0a7f1d2-6c0e-4a51-9a3b-0123456789ab\n",
		"proc/device-tree/model":                  "Google i.MX8MQ Phanbell\x00",
		"proc/device-tree/compatible":             "google,imx8mq-phanbell\x00fsl,imx8mq\x00",
		zone + "/type":                            "cpu-thermal\n",
		zone + "/temp":                            milli + "\n",
		policy + "/related_cpus":                  "0 1 2 3\n",
		policy + "/cpuinfo_min_freq":              "800000\n",
		policy + "/cpuinfo_max_freq":              "1500000\n",
		policy + "/scaling_min_freq":              "800000\n",
		limit:                                     "1500000\n",
		policy + "/scaling_cur_freq":              "1500000\n",
		policy + "/scaling_available_frequencies": "800000 1000000 1300000 1500000\n",
	})
	return tree
}

// desk is a run that waits for lines of text.
func desk(t testing.TB) config.Config {
	cfg, err := config.Parse([]byte("[[source]]\nname = \"desk\"\nkind = \"lines\"\npath = \"-\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// runToBeEnded is the process of a child: a run on the board at root, which logs to
// standard output and ends on SIGTERM.
func runToBeEnded(root, state string) error {
	cfg, err := config.Parse([]byte("[[source]]\nname = \"desk\"\nkind = \"lines\"\npath = \"-\"\n"))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	_, err = Run(ctx, cfg, RunOptions{
		Root: root, State: state, Stdin: os.Stdin, Emit: func(fusion.Event) {}, Logger: zerolog.New(os.Stdout),
	})
	return err
}

// runToPanic is another one, whose goroutine panics once it has lowered the clock.
func runToPanic(root, state string) error {
	if _, err := openHeat(config.Default(), RunOptions{Root: root, State: state, Logger: zerolog.New(panicking{})}); err != nil {
		return err
	}
	select {} // until the panic
}

type panicking struct{}

func (panicking) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "thermal budget") {
		os.Stdout.Write(b)
		panic("of a test")
	}
	return os.Stdout.Write(b)
}

// child is a process of this test binary that keeps a board cool.
type child struct {
	*exec.Cmd
	t     *testing.T
	tree  *sensorstest.Tree
	state string
	said  *bufio.Scanner
}

func startChild(t *testing.T, mode string, tree *sensorstest.Tree) *child {
	t.Helper()
	c := &child{Cmd: exec.Command("/proc/self/exe", mode, tree.Root, filepath.Join(t.TempDir(), "state")), t: t, tree: tree}
	c.state = c.Args[3]
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.StdinPipe(); err != nil { // which says nothing
		t.Fatal(err)
	}
	c.said = bufio.NewScanner(out)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	return c
}

// hear waits until the child logs a record with that message for which ok is true.
func (c *child) hear(message string, ok func(r map[string]any) bool) {
	c.t.Helper()
	for c.said.Scan() {
		var r map[string]any
		if err := json.Unmarshal(c.said.Bytes(), &r); err != nil {
			c.t.Fatalf("%q: %v", c.said.Bytes(), err)
		}
		if r["message"] == message && ok(r) {
			return
		}
	}
	c.t.Fatalf("the child ended and never told of %q: %v", message, c.said.Err())
}

// over waits until the child and its guard have ended.
func (c *child) over() {
	c.t.Helper()
	for c.said.Scan() {
	}
	_ = c.Wait()
	fd, err := unix.Open(filepath.Join(c.state, "actuators.lock"), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	defer unix.Close(fd)
	for err = unix.EINTR; err == unix.EINTR; {
		err = unix.Flock(fd, unix.LOCK_EX)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *child) limit() string { return read(c.t, c.tree, limit) }

func read(t *testing.T, tree *sensorstest.Tree, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(tree.Root, path))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// await waits until a file of the board holds a value: who turns does not wait for it.
func await(t *testing.T, tree *sensorstest.Tree, path, want string) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, filepath.Join(tree.Root, path), unix.IN_CLOSE_WRITE); err != nil {
		t.Fatal(err)
	}
	for read(t, tree, path) != want {
		if _, err := unix.Read(fd, make([]byte, 4096)); err != nil && err != unix.EINTR {
			t.Fatal(err)
		}
	}
}

func always(map[string]any) bool { return true }

// A run lowers the clock of a board that grows hot, and however it ends the clock is
// put back.
func TestRunKeepsTheBoardCool(t *testing.T) {
	for name, end := range map[string]syscall.Signal{"stopped": syscall.SIGTERM, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			c := startChild(t, "run", coral(t, "45000"))
			c.hear("actuators", always)
			if got := c.limit(); got != "1500000" {
				t.Errorf("the clock is at most %s at 45 °C, want it left alone", got)
			}
			c.tree.Write(zone+"/temp", "90000\n")
			c.hear("thermal budget", func(r map[string]any) bool { return r["share"].(float64) < 0.1 })
			await(t, c.tree, limit, "800000")
			if err := c.Process.Signal(end); err != nil {
				t.Fatal(err)
			}
			c.over()
			if got := c.limit(); got != "1500000" {
				t.Errorf("the clock is at most %s after the end, want 1500000", got)
			}
		})
	}
}

// A panic of the thermostat leaves nothing lowered.
func TestPanicPutsBack(t *testing.T) {
	c := startChild(t, "panics", coral(t, "80000"))
	c.hear("thermal budget", func(r map[string]any) bool { return r["share"].(float64) < 0.1 })
	c.over()
	if c.ProcessState.Success() {
		t.Error("it did not panic")
	}
	if got := c.limit(); got != "1500000" {
		t.Errorf("the clock is at most %s after a panic, want 1500000", got)
	}
}

// What ends in order puts the clock back itself, and leaves nothing to the guard.
func TestClosePutsBack(t *testing.T) {
	tree, state := coral(t, "80000"), t.TempDir()
	var log logbook
	var once sync.Once
	lowered := make(chan struct{})
	h, err := openHeat(config.Default(), RunOptions{Root: tree.Root, State: state, Logger: zerolog.New(&waker{
		&log, "thermal budget", func() { once.Do(func() { close(lowered) }) },
	})})
	if err != nil {
		t.Fatal(err)
	}
	<-lowered
	await(t, tree, limit, "800000")
	if !h.pace.Economy() {
		t.Error("nothing is told of economy while the clock is lowered")
	}
	h.Close()
	if got := read(t, tree, limit); got != "1500000" {
		t.Errorf("the clock is at most %s after the end, want 1500000", got)
	}
}

// A run that fails to start puts back what it has turned by then.
func TestFailedStartPutsBack(t *testing.T) {
	cfg := desk(t)
	cfg.Sources[0].Path = "/nowhere/*.txt"
	tree, state := coral(t, "80000"), t.TempDir()
	if _, err := Run(t.Context(), cfg, RunOptions{Root: tree.Root, State: state}); err == nil {
		t.Fatal("no error for a source that is not there")
	}
	if got := read(t, tree, limit); got != "1500000" {
		t.Errorf("the clock is at most %s, want 1500000", got)
	}
	if _, err := os.Stat(filepath.Join(state, "actuators.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a record stays behind: %v", err)
	}
}

// Whoever only watches leaves no record and turns nothing.
func TestWatchOnlyRun(t *testing.T) {
	cfg := desk(t)
	cfg.Thermal.Control = false
	tree, state := coral(t, "80000"), t.TempDir()
	var log logbook
	stdin, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	defer writer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := Run(ctx, cfg, RunOptions{Root: tree.Root, State: state, Stdin: stdin, Logger: zerolog.New(&waker{&log, "alert temperature is reached", cancel})})
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := read(t, tree, limit); got != "1500000" {
		t.Errorf("the clock is at most %s, want it left alone", got)
	}
	if found, err := filepath.Glob(filepath.Join(state, "actuators*")); err != nil || len(found) > 0 {
		t.Errorf("state folder has %v, %v; want no record", found, err)
	}
	if got := log.records(t, "board"); len(got) != 1 || got[0]["profile"] != "Coral Dev Board" {
		t.Errorf("board %v, want the Coral Dev Board", got)
	}
}

// waker calls wake once the log has that message.
type waker struct {
	log     *logbook
	message string
	wake    func()
}

func (w *waker) Write(b []byte) (int, error) {
	if strings.Contains(string(b), w.message) {
		w.wake()
	}
	return w.log.Write(b)
}

func TestWrongSensor(t *testing.T) {
	cfg, err := config.Parse([]byte("[[sensor]]\nname = \"supply\"\nkind = \"tmp102\"\nbus = \"1\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	tree := sensorstest.NewTree(t)
	tree.Write("sys/bus/i2c/devices/1-0048/name", "tmp102\n")
	tree.Link("sys/bus/i2c/devices/1-0048/driver", "../../drivers/tmp102")
	tree.Write("sys/bus/i2c/drivers/tmp102/bind", "")
	_, err = openSensors(cfg, tree.Root)
	if located, ok := errors.AsType[*config.Error](err); !ok || located.Line != 1 {
		t.Errorf("a part with a driver: %v, want an error with its line", err)
	}
	if err := CheckSensors(cfg); err != nil {
		t.Errorf("a part that is absent for now: %v", err)
	}
}
