package board

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// armCPUs is a /proc/cpuinfo of cores with these part numbers.
func armCPUs(flags string, parts ...int) string {
	var b strings.Builder
	for i, part := range parts {
		fmt.Fprintf(&b, "processor\t: %d\nFeatures\t: %s\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0x%03x\n\n", i, flags, part)
	}
	return "-- proc/cpuinfo --\n" + b.String()
}

func policyTree(policy, cpus string) string {
	dir := "-- sys/devices/system/cpu/cpufreq/" + policy + "/"
	return dir + "related_cpus --\n" + cpus + "\n" + dir + "scaling_max_freq --\n1000000\n"
}

func TestClusters(t *testing.T) {
	capacity := func(cpu, n int) string {
		return fmt.Sprintf("-- sys/devices/system/cpu/cpu%d/cpu_capacity --\n%d\n", cpu, n)
	}
	midr := func(cpu int, value string) string {
		return fmt.Sprintf("-- sys/devices/system/cpu/cpu%d/regs/identification/midr_el1 --\n%s\n", cpu, value)
	}
	const x86 = "-- proc/cpuinfo --\nprocessor : 0\nvendor_id : GenuineIntel\nmodel name : Hybrid\n\nprocessor : 1\nvendor_id : GenuineIntel\nmodel name : Hybrid\n"
	for _, test := range []struct {
		name, tree string
		want       []string
	}{
		{"alike", armCPUs("asimd", 0xd03, 0xd03), []string{"Cortex-A53 [0 1]"}},
		{"big and little", armCPUs("asimd", 0xd08, 0xd03, 0xd03) + capacity(0, 1024) + capacity(1, 400) + capacity(2, 400), []string{"Cortex-A53 [1 2]", "Cortex-A72 [0]"}},
		{"alike but for the clock", armCPUs("asimd", 0xd03, 0xd03, 0xd03) + policyTree("policy0", "0 1") + policyTree("policy2", "2"), []string{"Cortex-A53 [0 1]", "Cortex-A53 [2]"}},
		{"a clock for each core", armCPUs("asimd", 0xd0c, 0xd0c) + policyTree("policy0", "0") + policyTree("policy1", "1"), []string{"Neoverse-N1 [0 1]"}},
		{"by register", armCPUs("asimd", 0xd03, 0xd03) + midr(1, "0x00000000410fd092"), []string{"Cortex-A53 [0]", "Cortex-A73 [1]"}},
		{"unknown core", armCPUs("asimd", 0xfff), []string{"core 0x41/0xfff [0]"}},
		{"hybrid PC", x86 + "-- sys/devices/cpu_core/cpus --\n0\n-- sys/devices/cpu_atom/cpus --\n1\n", []string{"Hybrid [0]", "Hybrid [1]"}},
		{"PC", x86 + policyTree("policy0", "0") + policyTree("policy1", "1"), []string{"Hybrid [0 1]"}},
		{"one is offline", armCPUs("asimd", 0xd03, 0xd03) + "-- sys/devices/system/cpu/online --\n1\n", []string{"Cortex-A53 [1]"}},
		{"capacity is nonsense", armCPUs("asimd", 0xd03) + capacity(0, -7), []string{"Cortex-A53 [0]"}},
	} {
		got := []string{}
		for _, c := range Detect(tree(t, test.tree)).CPU.Clusters {
			got = append(got, fmt.Sprint(c.Core, " ", c.CPUs))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestFeatures(t *testing.T) {
	const x86 = "-- proc/cpuinfo --\nprocessor : 0\nvendor_id : AuthenticAMD\nflags : %s\n"
	for _, test := range []struct {
		name, tree string
		has, lacks string
	}{
		{"A53", armCPUs("fp asimd evtstrm aes", 0xd03), "neon", "dotprod fp16 i8mm bf16 sve"},
		{"A76", armCPUs("fp asimd fphp asimdhp asimddp", 0xd0b), "neon dotprod fp16", "i8mm bf16 sve"},
		{"all of Arm", armCPUs("asimd asimdhp asimddp sve i8mm bf16", 0xd4f), "neon dotprod fp16 i8mm bf16 sve", ""},
		{"PC", fmt.Sprintf(x86, "avx2 fma f16c avx512f avx512_vnni avx_vnni"), "avx2 fma f16c avx512f avx512_vnni avx_vnni", ""},
		{"old PC", fmt.Sprintf(x86, "sse2 avx2x"), "", "avx2 fma f16c avx512f avx512_vnni avx_vnni"},
		{"no flags", "-- proc/cpuinfo --\nprocessor : 0\nCPU architecture: 8\n", "", "neon dotprod fp16 i8mm bf16 sve"},
	} {
		c := Detect(tree(t, test.tree)).CPU
		if has, lacks := strings.Join(c.Features, " "), strings.Join(c.Lacks, " "); has != test.has || lacks != test.lacks {
			t.Errorf("%s: has %q, lacks %q, want %q, %q", test.name, has, lacks, test.has, test.lacks)
		}
	}
	mixed := cpuInfo{processors: []processor{{flags: map[string]bool{"asimd": true, "asimddp": true}}, {flags: map[string]bool{"asimd": true}}}}
	if !mixed.has("asimd") || mixed.has("asimddp") {
		t.Error("a feature counts that only some cores have")
	}
}

func TestCaches(t *testing.T) {
	cache := func(cpu, index int, kind, size, shared string) string {
		dir := fmt.Sprintf("-- sys/devices/system/cpu/cpu%d/cache/index%d/", cpu, index)
		return dir + "level --\n" + kind[1:2] + "\n" + dir + "type --\n" + kind[2:] + "\n" + dir + "size --\n" + size + "\n" + dir + "shared_cpu_list --\n" + shared + "\n"
	}
	text := armCPUs("asimd", 0xd03, 0xd03) +
		cache(0, 0, "L1Data", "32K", "0") + cache(0, 1, "L2Unified", "1024K", "0-1") +
		cache(1, 0, "L1Data", "32K", "1") + cache(1, 1, "L2Unified", "1024K", "0-1")
	want := []Cache{{1, "Data", 32 << 10, 2, 1}, {2, "Unified", 1 << 20, 1, 2}}
	if got := Detect(tree(t, text)).CPU.Caches; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for size, want := range map[string]int64{"32K": 32 << 10, "": 0, "-1K": 0, "99999999999999K": 0, "garbage": 0} {
		if got := kibibytes(size); got != want {
			t.Errorf("size %q = %d, want %d", size, got, want)
		}
	}
}

func TestCores(t *testing.T) {
	text := armCPUs("asimd", 0xd03, 0xd03, 0xd03, 0xd03)
	if c := Detect(tree(t, text)).CPU; c.Cores != 4 || c.Threads != 4 {
		t.Errorf("%d cores of %d threads, want 4 of 4", c.Cores, c.Threads)
	}
	for cpu, siblings := range []string{"0,2", "1,3", "0,2", "1,3"} {
		text += fmt.Sprintf("-- sys/devices/system/cpu/cpu%d/topology/thread_siblings_list --\n%s\n", cpu, siblings)
	}
	if c := Detect(tree(t, text)).CPU; c.Cores != 2 || c.Threads != 4 {
		t.Errorf("%d cores of %d threads, want 2 of 4", c.Cores, c.Threads)
	}
}

func TestCPUProblem(t *testing.T) {
	for text, want := range map[string]Kind{
		"-- x --\n":                         Absent,
		"-- proc/cpuinfo (error EACCES) --": Permission,
		"-- proc/cpuinfo --\nprocessor : x": Invalid,
	} {
		if p := Detect(tree(t, text)).CPU.Problem; p == nil || p.Kind != want {
			t.Errorf("%q: got %v, want %s", text, p, want)
		}
	}
}

func TestMemory(t *testing.T) {
	for _, test := range []struct {
		name, tree string
		want       Memory
		problem    Kind
	}{
		{"all", "-- proc/meminfo --\nMemTotal: 100 kB\nMemFree: 9 kB\nMemAvailable: 50 kB\nSwapTotal: 10 kB\nSwapFree: 5 kB\n", Memory{Total: 102400, Available: 51200, SwapTotal: 10240, SwapFree: 5120}, ""},
		{"negative", "-- proc/meminfo --\nMemTotal: 1 kB\nMemAvailable: -5 kB\n", Memory{Total: 1024}, ""},
		{"too much", "-- proc/meminfo --\nMemTotal: 99999999999999999999 kB\n", Memory{}, Invalid},
		{"no total", "-- proc/meminfo --\nMemAvailable\n", Memory{}, Invalid},
		{"none", "-- x --\n", Memory{}, Absent},
		{"error", "-- proc/meminfo (error EIO) --\n", Memory{}, Driver},
	} {
		got := read(t, test.tree).memory()
		if kind := kindOf(got.Problem); kind != test.problem {
			t.Errorf("%s: problem %q, want %q", test.name, kind, test.problem)
		}
		if got.Problem = nil; got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
}

// kindOf is the kind of a problem, or empty.
func kindOf(p *Problem) Kind {
	if p == nil {
		return ""
	}
	return p.Kind
}
