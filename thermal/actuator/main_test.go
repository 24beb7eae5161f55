package actuator

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/physic"

	"atoll/board"
)

// TestMain makes this test binary its own guard, as atoll is, a guard that dies, and
// a parent that throttles a board and waits.
func TestMain(m *testing.M) {
	if len(os.Args) > 3 {
		switch os.Args[1] {
		case "guard":
			if err := Guard(os.Args[2], os.Args[3], os.Stdin, os.Stdout); err != nil {
				fmt.Fprintln(os.Stderr, err)
				unix.Exit(1)
			}
			unix.Exit(0) // os.Exit waits for a second under the race detector
		case "dies":
			os.Stdin.Read(make([]byte, 1<<16))
			os.Stdout.Write([]byte{'\n'})
			unix.Exit(3)
		case "mute":
			unix.Exit(4)
		case "parent":
			parent(os.Args[2], os.Args[3], "")
		case "governed":
			parent(os.Args[2], os.Args[3], "90")
		case "storm":
			storm(os.Args[2], os.Args[3])
		}
	}
	os.Exit(m.Run())
}

// parent throttles the board at root, says so, and ends in order on SIGTERM. Before
// it begins to, the kernel gives the fan another speed.
func parent(root, state, speed string) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	signal.Ignore(syscall.SIGINT)
	s, problems := Find(root, coral, Options{State: state, Logger: zerolog.New(os.Stdout)})
	if speed != "" {
		if err := os.WriteFile(filepath.Join(root, hwmon3, "pwm1"), []byte(speed), 0o640); err != nil {
			fmt.Println(err)
		}
	}
	if _, err := s.Apply(Setting{Cooling: 1}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(len(problems), problems)
	<-stop
	s.Close()
	unix.Exit(0)
}

// storm turns everything up and down, saying so each time, until it is killed.
func storm(root, state string) {
	now := time.Unix(1e9, 0)
	s, _ := Find(root, coral, Options{State: state, Now: func() time.Time { return now }})
	for i := 0; ; i++ {
		now = now.Add(time.Minute)
		share := float64(i%5) / 4
		if _, err := s.Apply(Setting{Share: share, Cooling: 1 - share}); err != nil {
			fmt.Println(err)
		}
		fmt.Println(i)
	}
}

// coral is an energy model of one cluster with three steps: 2, 3.25 and 4.8 W.
var coral = board.Energy{
	Static: 1 * physic.Watt,
	Clusters: []board.Cluster{{Cores: 4, Capacitance: 0.5, Steps: []board.Step{
		{Frequency: 500 * physic.MegaHertz, Voltage: 1000 * physic.MilliVolt},
		{Frequency: 1000 * physic.MegaHertz, Voltage: 1060 * physic.MilliVolt},
		{Frequency: 1500 * physic.MegaHertz, Voltage: 1125 * physic.MilliVolt},
	}}},
}

const bootID = "b0a7f1d2-6c0e-4a51-9a3b-0123456789ab"

const (
	policy0 = "sys/devices/system/cpu/cpufreq/policy0"
	hwmon3  = "sys/class/hwmon/hwmon3"
	fan0    = "sys/class/thermal/cooling_device0"
	apex0   = "sys/class/apex/apex_0"
)

// files are a board's sysfs and procfs.
type files map[string]string

// coralFiles are those of a board that has everything: one policy, a fan in
// automatic mode, an Edge TPU.
func coralFiles() files {
	return files{
		bootFile:                                   bootID,
		policy0 + "/cpuinfo_min_freq":              "500000",
		policy0 + "/cpuinfo_max_freq":              "1500000",
		policy0 + "/scaling_min_freq":              "500000",
		policy0 + "/scaling_max_freq":              "1500000",
		policy0 + "/related_cpus":                  "0 1 2 3",
		policy0 + "/scaling_available_frequencies": "500000 1000000 1500000",
		hwmon3 + "/name":                           "emc2305",
		hwmon3 + "/pwm1":                           "80",
		hwmon3 + "/pwm1_enable":                    "2",
		apex0 + "/temp":                            "61050",
		apex0 + "/temp_poll_interval":              "5000",
		apex0 + "/trip_point0_temp":                "84800",
		apex0 + "/trip_point1_temp":                "89800",
		apex0 + "/trip_point2_temp":                "94800",
	}
}

// without returns f without the files below the paths.
func (f files) without(paths ...string) files {
	for name := range f {
		for _, p := range paths {
			if strings.HasPrefix(name, p) {
				delete(f, name)
			}
		}
	}
	return f
}

func (f files) with(more files) files {
	for name, text := range more {
		f[name] = text
	}
	return f
}

// rig is a board in a folder, with a clock and a log.
type rig struct {
	t     testing.TB
	root  string
	state string

	mu     sync.Mutex
	now    time.Time
	log    bytes.Buffer
	writes []string                              // "path value"
	fail   func(path string, value string) error // of writes
	unread func(path string) error               // of reads
}

func newRig(t testing.TB, f files) *rig {
	t.Helper()
	r := &rig{t: t, root: t.TempDir(), state: filepath.Join(t.TempDir(), "state"), now: time.Unix(1e9, 0)}
	for path, text := range f {
		r.put(path, text)
	}
	return r
}

func (r *rig) put(path, text string) {
	r.t.Helper()
	name := filepath.Join(r.root, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o750), os.WriteFile(name, []byte(text+"\n"), 0o640)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) get(path string) string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.root, path))
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// want checks what attributes hold.
func (r *rig) want(what string, f files) {
	r.t.Helper()
	for path, want := range f {
		if got := r.get(path); got != want {
			r.t.Errorf("%s: %s is %s, want %s", what, path, got, want)
		}
	}
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *rig) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(b)
}

func (r *rig) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// access counts writes, fails them as asked and keeps the apex driver's order.
func (r *rig) access() access {
	return access{
		read: func(f *os.File, b []byte) (int, error) {
			if r.unread != nil {
				if err := r.unread(r.relative(f.Name())); err != nil {
					return 0, err
				}
			}
			return f.ReadAt(b, 0)
		},
		write: func(name string, b []byte) error {
			path, value := r.relative(name), strings.TrimSpace(string(b))
			r.writes = append(r.writes, path+" "+value)
			if r.fail != nil {
				if err := r.fail(path, value); err != nil {
					return &os.PathError{Op: "write", Path: name, Err: err}
				}
			}
			if err := r.apexOrder(path, value); err != nil {
				return err
			}
			return writeAttribute(name, b)
		},
	}
}

func (r *rig) relative(name string) string {
	path, err := filepath.Rel(r.root, name)
	if err != nil {
		r.t.Fatal(err)
	}
	return path
}

// apexOrder says EINVAL as sysfs_store of apex_driver.c does.
func (r *rig) apexOrder(path, value string) error {
	if !strings.HasPrefix(path, apexDir) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(r.root, path)); err != nil {
		return err
	}
	var trips [3]int
	for i := range trips {
		text := r.get(fmt.Sprintf("%s/trip_point%d_temp", filepath.Dir(path), i))
		if path == fmt.Sprintf("%s/trip_point%d_temp", filepath.Dir(path), i) {
			text = value
		}
		if _, err := fmt.Sscan(text, &trips[i]); err != nil {
			return syscall.EINVAL
		}
	}
	if trips[0] > trips[1] || trips[1] > trips[2] {
		return syscall.EINVAL
	}
	return nil
}
