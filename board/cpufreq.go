package board

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"periph.io/x/conn/v3/physic"
)

// Policy is a cpufreq policy: a clock and the CPUs that run by it.
type Policy struct {
	Name      string             `json:"name"` // "policy0", in /sys/devices/system/cpu/cpufreq
	CPUs      []int              `json:"cpus"`
	Driver    string             `json:"driver"`
	Governor  string             `json:"governor"`
	Governors []string           `json:"governors"` // that there are
	Min       physic.Frequency   `json:"-"`         // of the hardware
	Max       physic.Frequency   `json:"-"`         // of the hardware
	Limit     physic.Frequency   `json:"-"`         // scaling_max_freq
	Current   physic.Frequency   `json:"-"`         // 0 if the driver doesn't say
	Steps     []physic.Frequency `json:"-"`         // rising; empty if the clock has no steps
	Writable  bool               `json:"writable"`  // scaling_max_freq is
	Problem   *Problem           `json:"problem,omitempty"`
}

func (r *reader) policies() []Policy {
	policies := []Policy{}
	for _, name := range r.list("sys/devices/system/cpu/cpufreq", "policy") {
		if _, ok := index(name, "policy"); ok {
			policies = append(policies, r.policy(name))
		}
	}
	return policies
}

func (r *reader) policy(name string) Policy {
	dir := "sys/devices/system/cpu/cpufreq/" + name + "/"
	p := Policy{Name: name, Driver: r.maybe(dir + "scaling_driver"), Governor: r.maybe(dir + "scaling_governor"), Steps: []physic.Frequency{}}
	// affected_cpus, if there is no other, are those that are online.
	if p.CPUs = cpuList(r.maybe(dir + "related_cpus")); len(p.CPUs) == 0 {
		p.CPUs = cpuList(r.maybe(dir + "affected_cpus"))
	}
	p.Governors = append([]string{}, strings.Fields(r.maybe(dir+"scaling_available_governors"))...)
	p.Min, _ = r.kilohertz(dir + "cpuinfo_min_freq")
	p.Max, _ = r.kilohertz(dir + "cpuinfo_max_freq")
	p.Current, _ = r.kilohertz(dir + "scaling_cur_freq")
	steps, _ := r.file(dir + "scaling_available_frequencies")
	for _, step := range strings.Fields(steps) {
		if f, ok := kilohertz(step); ok && len(p.Steps) < 256 {
			p.Steps = append(p.Steps, f)
		}
	}
	slices.Sort(p.Steps)
	p.Steps = slices.Compact(p.Steps)
	limit := dir + "scaling_max_freq"
	var err error
	if p.Limit, err = r.kilohertz(limit); err != nil {
		p.Problem = readProblem(limit, err)
		return p
	}
	p.Writable = r.tree.Access(limit, Write) == nil
	if !p.Writable {
		p.Problem = &Problem{Permission, fmt.Sprintf("%s cannot be throttled: /%s is read only", name, limit), "run atoll as root, with /sys mounted writable"}
	}
	return p
}

func (r *reader) kilohertz(name string) (physic.Frequency, error) {
	text, err := r.text(name)
	if err != nil {
		return 0, err
	}
	if f, ok := kilohertz(text); ok {
		return f, nil
	}
	return 0, &errNoNumber{name, text}
}

// kilohertz reads a frequency of at most 1 THz, which physic.Frequency can hold.
func kilohertz(text string) (physic.Frequency, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 1e9 {
		return 0, false
	}
	return physic.Frequency(n) * physic.KiloHertz, true
}

// policyOf is the policy of a CPU, or nil.
func policyOf(policies []Policy, cpu int) *Policy {
	for i := range policies {
		if slices.Contains(policies[i].CPUs, cpu) {
			return &policies[i]
		}
	}
	return nil
}
