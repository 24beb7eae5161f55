package board

import "periph.io/x/conn/v3/physic"

// Profile is what is known of a kind of board before anything is measured.
type Profile struct {
	Name       string   // "Coral Dev Board"
	Compatible []string // device tree "compatible" strings that name it, most exact first
	Products   []string // DMI product names, for a board whose UEFI hides the device tree
	Generic    bool     // stands for boards that nobody described

	Threads int // of inference, at most: leaves the rest of the system room to breathe

	// Trips are the temperatures at which the vendor's kernel itself acts.
	Passive, Hot, Critical physic.Temperature

	Energy  Energy
	Thermal Thermal
}

// Energy is a power model: P = Static + Σ clusters Capacitance·V²·f·utilisation.
type Energy struct {
	Static   physic.Power // of the whole board when idle
	Clusters []Cluster
}

// fit divides the power of the one cluster of a generic profile among so many cores:
// what is assumed is the power of the whole board, not how many cores share it.
func (e *Energy) fit(cores int) {
	c := e.Clusters[0]
	if cores <= 0 || cores == c.Cores {
		return
	}
	c.Capacitance *= float64(c.Cores) / float64(cores)
	c.Cores = cores
	e.Clusters = []Cluster{c}
}

// Cluster is a group of cores that share a clock.
type Cluster struct {
	Cores       int
	Capacitance float64 // effective switched capacitance of one core, nF
	Steps       []Step  // operating points, slowest first
}

// Step is an operating point of a cluster.
type Step struct {
	Frequency physic.Frequency
	Voltage   physic.ElectricPotential
}

// Thermal is a two-node model of die and board: where identification begins.
type Thermal struct {
	DieResistance   float64 // die to board, K/W
	DieCapacity     float64 // J/K
	BoardResistance float64 // board to ambient, K/W
	BoardCapacity   float64 // J/K
	AmbientAssumed  physic.Temperature
}
