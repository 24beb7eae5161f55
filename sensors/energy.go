package sensors

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"atoll/board"
	"periph.io/x/conn/v3/physic"
)

// Energy is a sensor that estimates the power of the board from a model of it, how
// busy its CPUs were since the reading before, and their clock:
//
//	P = Static + Σ CPUs Capacitance·V²·f·utilisation
//
// The first reading tells of the time since boot.
type Energy struct {
	static   physic.Power
	clusters []energyCluster
	stat     *attribute
	cpus     []cpuTimes // as of the reading before, by number
}

// energyCluster is a cluster of the model and what was seen of it.
type energyCluster struct {
	board.Cluster
	clock *attribute // its frequency in kHz; nil: unknown
	busy  float64    // how many of its cores' worth
}

// statSize bounds what is read of /proc/stat, whose first lines are those of the
// CPUs: at most 130 bytes each.
const statSize = 32 << 10

// maxCPUs bounds what is kept of CPUs, as statSize does.
const maxCPUs = 256

// NewEnergy returns the sensor for a board with that model. CPUs belong to its
// clusters in the order of their numbers; those that the model does not know belong
// to the last cluster, which never draws more for them than PowerAt says of all its
// cores. The root must have proc/stat; a cluster whose clock can't
// be read counts at its fastest step.
func NewEnergy(env Env, model board.Energy) (*Energy, error) {
	env = env.defaults()
	stat, err := newAttribute(env.path("proc/stat"), statSize)
	if err != nil {
		return nil, fmt.Errorf("energy model: %w", err)
	}
	e := &Energy{static: model.Static, stat: stat, cpus: make([]cpuTimes, maxCPUs)}
	policies := clockFiles(env)
	first := 0
	for _, c := range model.Clusters {
		cluster := energyCluster{Cluster: c}
		if path, ok := policies[first]; ok {
			cluster.clock, _ = newAttribute(path, numberSize) // without it: the fastest step
		}
		e.clusters = append(e.clusters, cluster)
		first += c.Cores
	}
	return e, nil
}

// clockFiles returns where the current clock of each CPU's policy is read.
func clockFiles(env Env) map[int]string {
	files := map[int]string{}
	base := env.path("sys/devices/system/cpu/cpufreq")
	for _, n := range numbered(base, "policy", "") {
		dir := fmt.Sprintf("%s/policy%d", base, n)
		for _, field := range strings.Fields(text(dir + "/related_cpus")) {
			if cpu, err := parseNumber([]byte(field)); err == nil && cpu >= 0 && cpu < maxCPUs {
				files[int(cpu)] = dir + "/scaling_cur_freq"
			}
		}
	}
	return files
}

// Info says that it is the power of the whole board.
func (e *Energy) Info() Info {
	return Info{Name: "energy model", Part: "energy model", Quantity: Power, Place: PlaceTotal}
}

// Estimated reports true: nothing here is measured.
func (e *Energy) Estimated() bool { return true }

// Close closes the files.
func (e *Energy) Close() error {
	err := e.stat.close()
	for _, c := range e.clusters {
		if c.clock != nil {
			err = errors.Join(err, c.clock.close())
		}
	}
	return err
}

// Read returns the power since the reading before, in nW.
func (e *Energy) Read() (int64, error) {
	if err := e.utilisation(); err != nil {
		return 0, err
	}
	total := e.static
	for i := range e.clusters {
		c := &e.clusters[i]
		if c.busy > 0 {
			total += dynamicPower(c.Cluster, c.frequency(), min(c.busy, float64(c.Cores)))
		}
	}
	return int64(total), nil
}

// utilisation reads how busy the clusters were. A CPU that is offline has no line and
// counts for nothing.
func (e *Energy) utilisation() error {
	lines, err := e.stat.read()
	if err != nil {
		return err
	}
	for i := range e.clusters {
		e.clusters[i].busy = 0
	}
	seen := false
	for {
		var now cpuTimes
		now, lines, err = nextCPU(lines)
		if err == io.EOF {
			break
		}
		if err != nil {
			return e.stat.fail(err)
		}
		seen = true
		if now.number < len(e.cpus) && len(e.clusters) > 0 {
			last := &e.cpus[now.number]
			now.share = now.since(*last)
			*last = now
			e.clusters[e.clusterOf(now.number)].busy += now.share
		}
	}
	if !seen {
		return e.stat.fail(errNoCPU)
	}
	return nil
}

func (e *Energy) clusterOf(cpu int) int {
	for i, c := range e.clusters {
		if cpu < c.Cores {
			return i
		}
		cpu -= c.Cores
	}
	return len(e.clusters) - 1
}

// maxClock is above any clock of a CPU, kHz.
const maxClock = 20_000_000

// frequency returns the cluster's clock, 0 when it is not known.
func (c *energyCluster) frequency() physic.Frequency {
	if c.clock == nil {
		return 0
	}
	kHz, err := c.clock.number()
	if err != nil || kHz <= 0 || kHz > maxClock {
		return 0
	}
	return physic.Frequency(kHz) * physic.KiloHertz
}

// PowerAt returns the power of the whole board by its model when each cluster runs
// at the clock in clocks (one per cluster; 0, or none: its fastest step), with
// all its cores busy for that share of the time, 0 to 1.
func PowerAt(model board.Energy, clocks []physic.Frequency, utilisation float64) physic.Power {
	total := model.Static
	for i, c := range model.Clusters {
		var f physic.Frequency
		if i < len(clocks) {
			f = clocks[i]
		}
		total += dynamicPower(c, f, utilisation*float64(c.Cores))
	}
	return total
}

// dynamicPower returns what a cluster at clock f (0: its fastest) draws for that many
// cores' worth of work.
func dynamicPower(c board.Cluster, f physic.Frequency, busy float64) physic.Power {
	if len(c.Steps) == 0 {
		return 0
	}
	if f <= 0 {
		f = c.Steps[len(c.Steps)-1].Frequency
	}
	volts := float64(voltageAt(c.Steps, f)) / float64(physic.Volt)
	// nF·V²·Hz = nW
	return physic.Power(c.Capacitance * volts * volts * float64(f) / float64(physic.Hertz) * busy)
}

// voltageAt returns the voltage that clock f takes, between two steps by
// interpolation, beyond them that of the nearest.
func voltageAt(steps []board.Step, f physic.Frequency) physic.ElectricPotential {
	below := steps[0]
	for _, s := range steps {
		if f <= s.Frequency {
			if s.Frequency <= below.Frequency {
				return s.Voltage
			}
			part := float64(f-below.Frequency) / float64(s.Frequency-below.Frequency)
			return below.Voltage + physic.ElectricPotential(part*float64(s.Voltage-below.Voltage))
		}
		below = s
	}
	return below.Voltage
}
