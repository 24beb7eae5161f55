// Package board tells which machine this is and what of it can be used: CPU, memory,
// clocks, sensors, buses, cameras, microphones, watchdogs, cgroups, eBPF and Edge TPUs.
//
// All of it is read from /proc, /sys and the existence and access rights of device
// nodes; no device is opened. So a detection can be captured on one machine (Recorder)
// and repeated on another (OpenTree), byte for byte. Only eBPF support is probed, and
// only on the live machine. What is present but cannot be used has a Problem that says
// why and what to do.
package board

// Board is a machine as Detect finds it. Its JSON is described in docs/detect.md.
type Board struct {
	Model        string   `json:"model"` // as the device tree or DMI names it, or empty
	SoC          string   `json:"soc"`   // "i.MX8MQ", or empty
	Compatible   []string `json:"compatible"`
	Architecture string   `json:"architecture"` // GOARCH's names: arm64, amd64, …
	Kernel       string   `json:"kernel"`       // its release
	Profile      *Profile `json:"-"`            // as name and generic in the JSON

	CPU         CPU           `json:"cpu"`
	Memory      Memory        `json:"memory"`
	EdgeTPUs    []EdgeTPU     `json:"edge_tpus"`
	Cameras     []Camera      `json:"cameras"`
	Microphones []Microphone  `json:"microphones"`
	Policies    []Policy      `json:"cpufreq_policies"`
	Zones       []Zone        `json:"thermal_zones"`
	Coolers     []Cooler      `json:"cooling_devices"`
	Chips       []Chip        `json:"hwmon_chips"`
	Powers      []PowerSensor `json:"power_sensors"`
	Buses       []Bus         `json:"i2c_buses"`
	Watchdogs   []Watchdog    `json:"watchdogs"`
	Cgroup      Cgroup        `json:"cgroup"`
	EBPF        EBPF          `json:"ebpf"`
}

// Detect tells what the machine is whose /proc, /sys and /dev are in tree. It never
// fails: what could not be read is a Problem of the part that it belongs to.
func Detect(tree Tree) *Board {
	r := &reader{tree: tree}
	b := &Board{}
	info := r.cpuInfo()
	b.identify(r, info)
	b.Policies = r.policies()
	b.CPU = r.cpu(info, b.Architecture, b.Policies)
	b.Memory = r.memory()
	b.EdgeTPUs = r.edgeTPUs()
	b.Cameras = r.cameras()
	b.Microphones = r.microphones()
	b.Zones = r.zones()
	b.Coolers = r.coolers()
	b.Chips = r.chips()
	b.Powers = r.powers(b.Chips)
	b.Buses = r.buses()
	b.Watchdogs = r.watchdogs()
	b.Cgroup = r.cgroup()
	b.EBPF = r.ebpf()
	return b
}
