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

// A clock goes up at once, as work would be lost that the budget has room for: the
// pace sees to it that no more is drawn. It goes down when it was not needed for a
// while, with something to spare, so that a budget between two steps does not make it
// flap; and at once when there is nothing to be done.
const (
	clockDwell = 2 * time.Second
	clockSpare = 0.97
)

// cpufreq caps the clock of the CPUs of one policy through scaling_max_freq (Linux,
// Documentation/admin-guide/pm/cpufreq.rst, "Policy Interface in sysfs"). What is
// written there is one wish among several, of which the kernel takes the least: its
// own cooling goes on beside it, and what is read back may be lower.
type cpufreq struct {
	domain
	name    string
	cap     *attribute
	inForce int64 // kHz, as read last
	now     func() time.Time
	needed  time.Time // when the cap was last needed
}

// clocks are those of all policies.
type clocks struct {
	policies []*cpufreq
	fixed    float64 // what CPUs without one draw under full load
	full     float64 // what all draw at the original clocks
}

// part is how much of what full load draws at the original clocks it draws at those in
// force.
func (c *clocks) part() float64 {
	if len(c.policies) == 0 {
		return 1
	}
	now := c.fixed
	for _, p := range c.policies {
		now += p.power(min(p.inForce, p.cap.original))
	}
	return now / c.full
}

func (f *finder) cpufreq(energy board.Energy) clocks {
	dirs := f.list(cpufreqDir, policyName)
	if len(dirs) == 0 {
		f.problem("cpufreq", errNone("policy", cpufreqDir, "the kernel drives no CPU clock here"))
	}
	var c clocks
	var domains []*domain
	found, modelled := f.domains(dirs, energy)
	for i, dir := range dirs {
		d := &found[i]
		p, err := f.policy(dir)
		if err != nil {
			f.problem("cpufreq "+dir[len(cpufreqDir)+1:], err)
			if modelled {
				c.fixed += d.power(0)
			}
			continue
		}
		p.cpus, p.draw = d.cpus, d.draw
		c.policies = append(c.policies, p)
		domains = append(domains, &p.domain)
	}
	c.full = newPlan(c.fixed, domains)
	return c
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
	return &cpufreq{
		domain: domain{steps: steps}, name: "cpufreq " + dir[len(cpufreqDir)+1:], cap: limit, inForce: limit.seen, now: f.now,
	}, nil
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

// domains tells what the CPUs of each policy draw: by the cluster of the model that
// their numbers belong to, or all by their clock alone when the board has other CPUs
// than the model.
func (f *finder) domains(dirs []string, energy board.Energy) (domains []domain, modelled bool) {
	var ends []int // the CPU after each cluster
	cpus := 0
	modelled = true
	for _, c := range energy.Clusters {
		cpus += c.Cores
		ends = append(ends, cpus)
		modelled = modelled && plausible(c)
	}
	seen := 0
	for _, dir := range dirs {
		text, _ := readText(f.root, dir+"/related_cpus") // none: it fits no model
		words := strings.Fields(text)
		seen += len(words)
		d := domain{cpus: max(1, len(words)), draw: drawByClock}
		head, _, _ := strings.Cut(text, " ")
		first, err := strconv.Atoi(head)
		i := slices.IndexFunc(ends, func(end int) bool { return first < end })
		if modelled = modelled && err == nil && first >= 0 && i >= 0; modelled {
			d.draw = drawOf(energy.Clusters[i])
		}
		domains = append(domains, d)
	}
	if modelled = modelled && seen == cpus; !modelled {
		for i := range domains {
			domains[i].draw = drawByClock
		}
	}
	return domains, modelled
}

func (c *cpufreq) Name() string { return c.name }

func (c *cpufreq) Apply(s Setting) (changed bool, err error) {
	now, err := c.cap.get()
	if err != nil {
		return false, err
	}
	c.inForce = now
	want := c.want(s.Share)
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
	c.inForce = c.cap.seen
	return true, nil
}

// want is the cap for a share, kHz.
func (c *cpufreq) want(share float64) int64 {
	wrote := c.cap.wrote
	if share <= 0 {
		return c.steps[0]
	}
	now := c.now()
	if up := c.step(share); up >= wrote {
		c.needed = now
		return up
	}
	down := c.step(share / clockSpare)
	if down >= wrote {
		c.needed = now
		return wrote
	}
	if now.Sub(c.needed) < clockDwell {
		return wrote
	}
	return down
}

func (c *cpufreq) Restore() error {
	if err := c.cap.restore(); err != nil {
		return err
	}
	c.cap.wrote = c.cap.original
	c.inForce = c.cap.seen
	return nil
}

func (c *cpufreq) entries() []entry { return []entry{c.cap.entry()} }
func (c *cpufreq) close()           { c.cap.close() }
