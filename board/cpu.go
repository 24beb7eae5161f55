package board

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"periph.io/x/conn/v3/physic"
)

// maxCPUs bounds what a tree can claim.
const maxCPUs = 1024

// CPU is the processors that are online.
type CPU struct {
	Threads  int          `json:"threads"`  // that run at once
	Cores    int          `json:"cores"`    // physical
	Clusters []CPUCluster `json:"clusters"` // least capable first
	Features []string     `json:"features"` // of those that inference gains from
	Lacks    []string     `json:"lacks"`    // the others of them
	Caches   []Cache      `json:"caches"`
	Problem  *Problem     `json:"problem,omitempty"`
}

// CPUCluster is a group of like cores; on Arm also of those that share a clock.
type CPUCluster struct {
	Core     string           `json:"core"` // "Cortex-A53"
	CPUs     []int            `json:"cpus"`
	Capacity int              `json:"capacity,omitempty"` // of 1024, as the scheduler rates it
	Policy   string           `json:"policy,omitempty"`   // cpufreq's, of the first CPU
	Max      physic.Frequency `json:"-"`                  // 0 if unknown
}

// Cache is one kind of cache.
type Cache struct {
	Level    int    `json:"level"`
	Type     string `json:"type"`       // Data, Instruction or Unified
	Size     int64  `json:"size_bytes"` // of one; 0 if unknown
	Count    int    `json:"count"`
	SharedBy int    `json:"shared_by"` // CPUs that share one
}

func (r *reader) cpu(info cpuInfo, arch string, policies []Policy) CPU {
	c := CPU{Features: []string{}, Lacks: []string{}, Caches: []Cache{}, Clusters: []CPUCluster{}}
	cpus := r.online(info)
	c.Threads = len(cpus)
	if len(cpus) == 0 {
		_, err := r.text("proc/cpuinfo")
		if c.Problem = readProblem("proc/cpuinfo", err); c.Problem == nil {
			c.Problem = &Problem{Invalid, "/proc/cpuinfo names no processors", "mount /proc and /sys"}
		}
		return c
	}
	for _, f := range wanted[arch] {
		if info.has(f.flags...) {
			c.Features = append(c.Features, f.name)
		} else {
			c.Lacks = append(c.Lacks, f.name)
		}
	}
	c.Cores = r.cores(cpus)
	c.Clusters = r.clusters(cpus, info, arch, policies)
	c.Caches = r.caches(cpus)
	return c
}

func (r *reader) online(info cpuInfo) []int {
	if cpus := cpuList(r.maybe("sys/devices/system/cpu/online")); len(cpus) > 0 {
		return cpus
	}
	cpus := []int{}
	for _, p := range info.processors {
		cpus = append(cpus, p.id)
	}
	return cpus
}

func cpuDir(cpu int) string { return "sys/devices/system/cpu/cpu" + strconv.Itoa(cpu) + "/" }

// cores counts the sets of threads that share a core.
func (r *reader) cores(cpus []int) int {
	sets := map[string]bool{}
	for _, cpu := range cpus {
		siblings := r.maybe(cpuDir(cpu) + "topology/thread_siblings_list")
		if siblings == "" {
			siblings = strconv.Itoa(cpu)
		}
		sets[siblings] = true
	}
	return len(sets)
}

// clusters groups CPUs by type, capacity and, on Arm, by clock: on x86 each CPU has
// a clock of its own, and its rated capacity varies among equals.
func (r *reader) clusters(cpus []int, info cpuInfo, arch string, policies []Policy) []CPUCluster {
	x86Types := map[int]string{}
	for _, kind := range []string{"core", "atom"} { // of hybrid CPUs
		for _, cpu := range cpuList(r.maybe("sys/devices/cpu_" + kind + "/cpus")) {
			x86Types[cpu] = kind
		}
	}
	shared := slices.ContainsFunc(policies, func(p Policy) bool { return len(p.CPUs) > 1 })
	clusters := []CPUCluster{}
	groups := map[string]int{} // to an index of clusters
	for _, cpu := range cpus {
		policy := policyOf(policies, cpu)
		capacity := 0
		key := info.core(cpu) + x86Types[cpu]
		if arch != "amd64" {
			n, _ := r.maybeNumber(cpuDir(cpu) + "cpu_capacity")
			capacity = int(max(0, min(n, 1024)))
			key = fmt.Sprint(r.midr(cpu, info), capacity)
			if shared && policy != nil {
				key += policy.Name
			}
		}
		i, ok := groups[key]
		if !ok {
			i = len(clusters)
			groups[key] = i
			c := CPUCluster{Core: r.midr(cpu, info), Capacity: capacity}
			if policy != nil {
				c.Policy, c.Max = policy.Name, policy.Max
			}
			clusters = append(clusters, c)
		}
		clusters[i].CPUs = append(clusters[i].CPUs, cpu)
	}
	slices.SortStableFunc(clusters, func(a, b CPUCluster) int { return a.Capacity - b.Capacity })
	return clusters
}

// midr is the type of a core by its identification register, which is exact, or
// else by /proc/cpuinfo.
func (r *reader) midr(cpu int, info cpuInfo) string {
	text := r.maybe(cpuDir(cpu) + "regs/identification/midr_el1")
	if midr, err := strconv.ParseUint(text, 0, 64); err == nil {
		return coreName(midr>>24&0xff, midr>>4&0xfff)
	}
	return info.core(cpu)
}

// caches counts each cache once: at the first of the CPUs that share it.
func (r *reader) caches(cpus []int) []Cache {
	caches := []Cache{}
	for _, cpu := range cpus {
		for i := range 8 {
			dir := fmt.Sprintf("%scache/index%d/", cpuDir(cpu), i)
			level, ok := r.maybeNumber(dir + "level")
			if !ok || level < 1 || level > 8 {
				break
			}
			sharing := cpuList(r.maybe(dir + "shared_cpu_list"))
			if len(sharing) > 0 && sharing[0] != cpu {
				continue
			}
			c := Cache{Level: int(level), Type: r.maybe(dir + "type"), Size: kibibytes(r.maybe(dir + "size")), SharedBy: max(1, len(sharing))}
			same := func(o Cache) bool { c.Count = o.Count; return o == c }
			if at := slices.IndexFunc(caches, same); at >= 0 {
				caches[at].Count++
			} else {
				c.Count = 1
				caches = append(caches, c)
			}
		}
	}
	slices.SortStableFunc(caches, func(a, b Cache) int { return a.Level - b.Level })
	return caches
}

// kibibytes reads sizes like "32K".
func kibibytes(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(text, "K"), 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return n << 10
}
