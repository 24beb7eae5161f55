package doctor

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/engine"
	"atoll/internal/config"
	"atoll/pipeline/source"
	"atoll/sensors"
	"atoll/sensors/sensorstest"
)

// fakeTree is a tree in which some files refuse to be written.
type fakeTree struct {
	fstest.MapFS
	denied []string
}

func (t fakeTree) Access(name string, _ board.Mode) error {
	if slices.Contains(t.denied, name) {
		return &fs.PathError{Op: "access", Path: name, Err: syscall.EACCES}
	}
	_, err := t.Stat(name)
	return err
}

// fakeDisk is a disk that says what it is told.
type fakeDisk struct {
	folder   Folder
	folderOK error
	took     time.Duration
	write    error
	writable error
	logs     int64
	exists   bool
}

func (d *fakeDisk) Folder(string) (Folder, error)       { return d.folder, d.folderOK }
func (d *fakeDisk) Write(string) (time.Duration, error) { return d.took, d.write }
func (d *fakeDisk) Writable(string) error               { return d.writable }
func (d *fakeDisk) Logs(string) int64                   { return d.logs }
func (d *fakeDisk) Exists(string) bool                  { return d.exists }

// fakeSenses give fixed answers: face, speech, positive.
type fakeSenses struct {
	p      [3]float64
	err    error
	took   time.Duration
	closed bool
}

func (s *fakeSenses) answer(i int) (float64, engine.Timing, error) {
	return s.p[i], engine.Timing{Total: s.took}, s.err
}
func (s *fakeSenses) Face(source.Image) (float64, engine.Timing, error) { return s.answer(0) }
func (s *fakeSenses) Speech([]float32) (float64, engine.Timing, error)  { return s.answer(1) }
func (s *fakeSenses) Positive(string) (float64, engine.Timing, error)   { return s.answer(2) }
func (s *fakeSenses) Close()                                            { s.closed = true }

var errBroken = errors.New("broken")

const (
	mib = 1 << 20
	gib = 1 << 30
)

// now is a moment at which no clock is suspect.
var now = epoch.Add(1000 * time.Hour)

// rig is a healthy board, which tests make sick.
type rig struct {
	*examination
	disk   *fakeDisk
	senses *fakeSenses
	tree   fakeTree
	found  []sensors.Sensor
}

func healthy() *rig {
	cfg := config.Default()
	cfg.Sources = []source.Config{{Name: "door", Kind: "mjpeg"}}
	r := &rig{
		disk:   &fakeDisk{folder: Folder{Dir: "/state", Free: gib, Size: 8 * gib}},
		senses: &fakeSenses{p: [3]float64{0.1, 0.1, 0.9}, took: time.Millisecond},
		tree:   fakeTree{MapFS: fstest.MapFS{}},
		found:  []sensors.Sensor{temperature("cpu-thermal", sensors.PlaceDie, 50)},
	}
	r.examination = &examination{
		Env: Env{
			Tree:   r.tree,
			Config: &Config{File: "/etc/atoll.toml", Load: func() (config.Config, error) { return cfg, nil }},
			Live: &Machine{
				State: "/state", Disk: r.disk, User: 990, Now: func() time.Time { return now }, Built: epoch,
				FindSensors: func() ([]sensors.Sensor, []sensors.Problem) { return r.found, nil },
				OpenSensor: func(c sensors.Config) (sensors.Sensor, error) {
					return fake(c.Name, sensors.Power, sensors.PlaceTotal, int64(4*physic.Watt)), nil
				},
				CheckSources: func(config.Config) error { return nil },
				Start:        func(config.Config) (Senses, error) { return r.senses, nil },
			},
		},
		board:  healthyBoard(),
		config: cfg,
	}
	return r
}

func healthyBoard() *board.Board {
	return &board.Board{
		Model: "Nice Board", SoC: "N1", Architecture: "arm64", Kernel: "6.12.1",
		Profile: &board.Profile{Name: "Nice Board", Passive: celsiusOf(80)},
		CPU: board.CPU{
			Threads: 4, Features: []string{"neon"}, Lacks: []string{"sve"},
			Clusters: []board.CPUCluster{{Core: "Cortex-A53", CPUs: []int{0, 1, 2, 3}}},
		},
		Memory:    board.Memory{Total: gib, Available: gib / 2},
		Policies:  []board.Policy{{Name: "policy0", Max: 1500 * physic.MegaHertz, Limit: 1500 * physic.MegaHertz, Writable: true}},
		Watchdogs: []board.Watchdog{{Node: "/dev/watchdog0", Identity: "dog", Timeout: time.Minute}},
		Cgroup:    board.Cgroup{Delegated: []string{"cpu", "memory"}},
		EBPF:      board.EBPF{Probed: true, BTF: true, Features: []board.EBPFFeature{{Name: "map hash", Supported: true}}},
	}
}

func celsiusOf(c float64) physic.Temperature {
	return physic.ZeroCelsius + physic.Temperature(c*float64(physic.Kelvin))
}

func fake(name string, q sensors.Quantity, p sensors.Place, v int64) *sensorstest.Fake {
	return sensorstest.NewFake(sensors.Info{Name: name, Part: "fake", Quantity: q, Place: p}, sensorstest.Answer{Value: v})
}

func temperature(name string, p sensors.Place, c float64) *sensorstest.Fake {
	return fake(name, sensors.Temperature, p, int64(celsiusOf(c)))
}

func problem(k board.Kind) *board.Problem {
	return &board.Problem{Kind: k, What: "something is wrong", Fix: "mend something"}
}

// state is one way in which an item can come out.
type state struct {
	name  string
	sick  func(r *rig) // nil: healthy
	want  State
	found string // is part of what was found
}

// try checks that an item comes out as it should in every state.
func try(t *testing.T, name string, states []state) {
	t.Helper()
	i := slices.IndexFunc(checks, func(c check) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("no check %q", name)
	}
	for _, s := range states {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := healthy()
				if s.sick != nil {
					s.sick(r)
				}
				if r.Live != nil {
					r.watch = r.watchOnce()
				}
				got := checks[i].do(t.Context(), r.examination)
				time.Sleep(2 * workerLimit) // until what was left behind has ended
				if got.State != s.want || !strings.Contains(strings.ReplaceAll(got.Found, "\u00a0", " "), s.found) {
					t.Errorf("got %s %q, want %s %q", got.State, got.Found, s.want, s.found)
				}
				if got.Found == "" || (got.State == Warning || got.State == Failed) == (got.Fix == "") {
					t.Errorf("%s: found %q, fix %q", got.State, got.Found, got.Fix)
				}
			})
		})
	}
}
