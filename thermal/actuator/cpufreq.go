package actuator

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"atoll/board"
)

const cpufreqDir = "sys/devices/system/cpu/cpufreq"

var policyName = regexp.MustCompile(`^policy[0-9]+$`)

// A clock goes down at once, and up only after a dwell and with power to spare, so
// that a budget between two steps does not make it flap.
const (
	clockDwell = 2 * time.Second
	clockSpare = 0.97
)

// cpufreq caps the clock of the CPUs of one policy through scaling_max_freq (Linux,
// Documentation/admin-guide/pm/cpufreq.rst, "Policy Interface in sysfs"). What is
// written there is one wish among several, of which the kernel takes the least: its
// own cooling goes on beside it, and what is read back may be lower.
type cpufreq struct {
	name    string
	cap     *attribute
	steps   []int64 // kHz, rising; the last is the original
	plan    plan    // nil: by share
	model   []board.Step
	cluster int
	now     func() time.Time
	changed time.Time
}

func (f *finder) cpufreq(energy board.Energy) []kept {
	dirs := f.list(cpufreqDir, policyName)
	if len(dirs) == 0 {
		f.problem("cpufreq", errNone("policy", cpufreqDir, "the kernel drives no CPU clock here"))
	}
	p := newPlan(energy)
	clusters := f.clusters(dirs, energy)
	if clusters == nil {
		p = nil
	}
	var found []kept
	for i, dir := range dirs {
		c, err := f.policy(dir)
		if err != nil {
			f.problem("cpufreq "+dir[len(cpufreqDir)+1:], err)
			continue
		}
		if p != nil {
			c.plan, c.cluster, c.model = p, clusters[i], energy.Clusters[clusters[i]].Steps
		}
		found = append(found, c)
	}
	return found
}

// policy opens one policy.
func (f *finder) policy(dir string) (*cpufreq, error) {
	low, err := readNumber(f.root, dir+"/cpuinfo_min_freq")
	if err != nil {
		return nil, err
	}
	high, err := readNumber(f.root, dir+"/cpuinfo_max_freq")
	if err != nil {
		return nil, err
	}
	if low <= 0 || high < low || high > maxKilohertz {
		return nil, fmt.Errorf("clocks from %d to %d kHz can't be", low, high)
	}
	// Older kernels refuse a maximum below the minimum, newer ones make it the minimum.
	if least, err := readNumber(f.root, dir+"/scaling_min_freq"); err == nil {
		low = max(low, least)
	}
	limit, err := f.open(dir + "/scaling_max_freq")
	if err != nil {
		return nil, err
	}
	table := f.frequencies(dir)
	_, left := f.originals[limit.path]
	if !left && f.kernelCools(dir, limit.original, table) {
		limit.original, limit.wrote = high, high
	}
	steps := between(table, low, limit.original)
	if len(table) == 0 && low < limit.original {
		steps = geometricSteps(low, limit.original)
	}
	if len(steps) < 2 {
		limit.close()
		return nil, fmt.Errorf("there is nothing to choose between %d kHz (cpuinfo_min_freq, scaling_min_freq) and %d kHz (scaling_max_freq)", low, limit.original)
	}
	return &cpufreq{name: "cpufreq " + dir[len(cpufreqDir)+1:], cap: limit, steps: steps, now: f.now}, nil
}

// between returns the steps from low up to high, which is one itself; table is
// sorted.
func between(table []int64, low, high int64) []int64 {
	var steps []int64
	for _, khz := range table {
		if khz >= low && khz < high {
			steps = append(steps, khz)
		}
	}
	return append(steps, high)
}

// frequencies reads the driver's steps, sorted; none if it has none.
func (f *finder) frequencies(dir string) []int64 {
	text, err := readText(f.root, dir+"/scaling_available_frequencies")
	if err != nil {
		return nil
	}
	var steps []int64
	for word := range strings.FieldsSeq(text) {
		khz, err := strconv.ParseInt(word, 10, 64)
		if err != nil || khz <= 0 || khz > maxKilohertz {
			return nil
		}
		steps = append(steps, khz)
	}
	slices.Sort(steps)
	return slices.Compact(steps)
}

var coolingName = regexp.MustCompile(`^cooling_device[0-9]+$`)

// kernelCools reports whether the cap that was found is the kernel's own, as on a
// start while it is hot. Put back for good, that would be a throttle that stays. A
// cooling device's state n is the nth step from above (drivers/thermal/
// cpufreq_cooling.c); it is named after its CPU, or numbered in older kernels.
func (f *finder) kernelCools(dir string, khz int64, table []int64) bool {
	for _, cooling := range f.list(coolingDir, coolingName) {
		kind, err := readText(f.root, cooling+"/type")
		if err != nil || kind != fmt.Sprintf("cpufreq-cpu%d", number(dir)) && !strings.HasPrefix(kind, "thermal-cpufreq-") {
			continue
		}
		state, err := readNumber(f.root, cooling+"/cur_state")
		if err == nil && state > 0 && state < int64(len(table)) && table[int64(len(table))-1-state] == khz {
			return true
		}
	}
	return false
}

// clusters tells the cluster of each policy by the numbers of its CPUs, or nil when
// the board has others than the model.
func (f *finder) clusters(dirs []string, energy board.Energy) []int {
	var ends []int // the CPU after each cluster
	cpus := 0
	for _, c := range energy.Clusters {
		cpus += c.Cores
		ends = append(ends, cpus)
	}
	of := make([]int, len(dirs))
	seen := 0
	for i, dir := range dirs {
		text, err := readText(f.root, dir+"/related_cpus")
		words := strings.Fields(text)
		if err != nil || len(words) == 0 {
			return nil
		}
		first, err := strconv.Atoi(words[0])
		if err != nil || first < 0 || first >= cpus {
			return nil
		}
		seen += len(words)
		of[i] = slices.IndexFunc(ends, func(end int) bool { return first < end })
	}
	if seen != cpus {
		return nil
	}
	return of
}

func (c *cpufreq) Name() string { return c.name }

func (c *cpufreq) Apply(s Setting) (changed bool, err error) {
	now, err := c.cap.get()
	if err != nil {
		return false, err
	}
	want := c.want(s)
	wrote, original := c.cap.wrote, c.cap.original
	switch {
	case c.cap.dirty && now < c.cap.seen && want >= wrote:
		return false, nil // the kernel, or someone, wants still less
	case want == wrote && (now <= c.cap.seen || want == original):
		return false, nil
	}
	if err := c.cap.set(want); err != nil {
		return false, err
	}
	if want != wrote {
		c.changed = c.now()
	}
	return true, nil
}

// want is the cap for s, kHz.
func (c *cpufreq) want(s Setting) int64 {
	wrote := c.cap.wrote
	down := c.target(s, 1)
	if down <= wrote {
		return down
	}
	if up := c.target(s, clockSpare); up > wrote && c.now().Sub(c.changed) >= clockDwell {
		return up
	}
	return wrote
}

// target is the cap for a part of what s allows, kHz.
func (c *cpufreq) target(s Setting, part float64) int64 {
	if s.Share >= 1 {
		return c.cap.original
	}
	if c.plan == nil {
		return limitByShare(c.steps, s.Share*part)
	}
	i := c.plan.at(watts(s.Power) * part)
	if i == len(c.plan)-1 {
		return c.cap.original
	}
	return limit(c.steps, c.model, c.plan[i].steps[c.cluster])
}

func (c *cpufreq) Restore() error {
	if err := c.cap.restore(); err != nil {
		return err
	}
	c.cap.wrote = c.cap.original
	return nil
}

func (c *cpufreq) entries() []entry { return []entry{c.cap.entry()} }
func (c *cpufreq) close()           { c.cap.close() }
