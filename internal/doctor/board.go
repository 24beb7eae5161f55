package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"atoll/board"
	"atoll/model"
)

func checkBoard(_ context.Context, x *examination) Item {
	b := x.board
	system := joined(b.SoC, b.Architecture)
	if b.Profile != nil && !b.Profile.Generic {
		return ok("%s", joined(b.Profile.Name, system))
	}
	found := "unknown board"
	if b.Model != "" {
		found += " " + strconv.Quote(b.Model)
	}
	if b.Profile != nil {
		found += fmt.Sprintf(": using the %s profile", b.Profile.Name)
	}
	return warning(joined(found, system), "its heat and power are guessed until measured: send in the output of: atoll detect --capture board.txtar")
}

// leastKernel is the first with the ring buffer for eBPF (5.8); before 5.7 no process
// can be started into its cgroup.
var leastKernel = [2]int{5, 8}

func checkKernel(_ context.Context, x *examination) Item {
	release := x.board.Kernel
	var version [2]int
	if _, err := fmt.Sscanf(release, "%d.%d", &version[0], &version[1]); err != nil {
		return warning(fmt.Sprintf("release unknown: %q", release), "mount /proc")
	}
	if slices.Compare(version[:], leastKernel[:]) < 0 {
		return warning(fmt.Sprintf("Linux %s: older than %d.%d, so no tracing, and limits hold a moment later", release, leastKernel[0], leastKernel[1]),
			"install the board's newer image where there is one; atoll runs without")
	}
	return ok("Linux %s", release)
}

// fastOn are the features without which XNNPACK falls back to much slower kernels.
var fastOn = map[string]string{"arm64": "neon", "amd64": "avx2"}

func checkCPU(_ context.Context, x *examination) Item {
	c := x.board.CPU
	if c.Problem != nil {
		return warning(c.Problem.What, c.Problem.Fix)
	}
	var parts []string
	for _, cluster := range c.Clusters {
		core := cluster.Core
		if core == "" {
			core = "core of unknown type"
		}
		parts = append(parts, fmt.Sprintf("%d × %s", len(cluster.CPUs), core))
	}
	found := strings.Join(parts, ", ") + " with " + list(c.Features, "nothing that inference gains from")
	need := fastOn[x.board.Architecture]
	if slices.Contains(c.Lacks, need) {
		return warning(found+"; lacks "+need, "inference is several times slower without: choose smaller variants or a newer board")
	}
	if threads := x.config.Engine.Threads; threads > c.Threads {
		return warning(fmt.Sprintf("%s; engine.threads is %d, CPUs are %d", found, threads, c.Threads), fmt.Sprintf("set threads = %d or less in [engine]", c.Threads))
	}
	return ok("%s", found)
}

// What one camera of 1920x1080, parent and worker take is 57 MB (README), to which
// come the page cache and what the system needs for itself.
const (
	leastMemory = 96 << 20
	goodMemory  = 256 << 20
)

func checkMemory(_ context.Context, x *examination) Item {
	m := x.board.Memory
	if m.Problem != nil {
		return warning(m.Problem.What, m.Problem.Fix)
	}
	free := m.Available
	found := fmt.Sprintf("%s, of which %s available", mebibytes(m.Total), mebibytes(m.Available))
	if limit := x.board.Cgroup.MemoryLimit; limit > 0 {
		free = min(free, limit)
		found += ", limited to " + mebibytes(limit)
	}
	fix := "stop what else runs, or raise the limit: systemd-cgtop -m shows who has it"
	switch {
	case free < leastMemory:
		return failed(found+": atoll takes 60 MiB and the system the rest of "+mebibytes(leastMemory), fix)
	case free < goodMemory:
		return warning(found+": little room for anything else", fix)
	}
	return ok("%s", found)
}

func checkEdgeTPU(_ context.Context, x *examination) Item {
	tpus := x.board.EdgeTPUs
	if len(tpus) == 0 {
		return ok("none: inference runs on the CPU")
	}
	var names []string
	var problems []*board.Problem
	for _, t := range tpus {
		name := t.Node
		if name == "" {
			name = t.Bus + " " + t.Address
		}
		if t.Temp > 0 {
			name += " at " + celsius(t.Temp)
		}
		if x.soldered(t) {
			t.Problem = nil
		}
		names = append(names, name)
		problems = append(problems, t.Problem)
	}
	return usable(names, problems)
}

// soldered tells whether an Edge TPU is as fast as it gets: the Dev Board Mini has it
// soldered to a bus of USB 2.
func (x *examination) soldered(t board.EdgeTPU) bool {
	p := x.board.Profile
	return p != nil && p.Name == "Coral Dev Board Mini" && t.Problem != nil && t.Problem.Kind == board.Degraded
}

func checkCamera(_ context.Context, x *examination) Item {
	var names []string
	var problems []*board.Problem
	for _, c := range x.board.Cameras {
		if c.Capture {
			names = append(names, fmt.Sprintf("%s (%s)", c.Node, c.Name))
			problems = append(problems, c.Problem)
		}
	}
	return x.device(names, problems, model.Vision, "camera")
}

func checkMicrophone(_ context.Context, x *examination) Item {
	var names []string
	var problems []*board.Problem
	for _, m := range x.board.Microphones {
		names = append(names, fmt.Sprintf("hw:%s,%d (%s)", m.CardID, m.Device, m.Name))
		problems = append(problems, m.Problem)
	}
	return x.device(names, problems, model.Audio, "microphone")
}

// device judges what another program can feed standard input from: atoll opens no
// camera or microphone itself.
func (x *examination) device(names []string, problems []*board.Problem, m model.Modality, what string) Item {
	fed := x.fed(m)
	switch {
	case len(names) == 0 && fed != "":
		return warning(fmt.Sprintf("none found, and the source %q waits for one on standard input", fed), "connect it and load its driver: see dmesg")
	case len(names) == 0:
		return ok("none, and no source needs one")
	}
	item := usable(names, problems)
	if item.State == Warning && fed == "" && x.Config != nil && x.wrong == nil {
		return ok("%s; no source needs one", item.Found)
	}
	return item
}

// fed is the name of a source of that modality that another program feeds.
func (x *examination) fed(m model.Modality) string {
	for _, s := range x.config.Sources {
		if got, err := s.Modality(); err == nil && got == m && (s.Kind == "raw" || s.Kind == "pcm") {
			return s.Name
		}
	}
	return ""
}

// usable lists things, and warns of those with a problem.
func usable(names []string, problems []*board.Problem) Item {
	var f faults
	for _, p := range problems {
		f.add(p)
	}
	if len(f.all) == 0 {
		return ok("%s", strings.Join(names, ", "))
	}
	return warning(f.what(), f.fix())
}

// faults are problems, of which those with the same remedy are told together.
type faults struct {
	all  []*board.Problem
	like []int // how many there are besides, with the same remedy
}

func (f *faults) add(p *board.Problem) {
	if p == nil {
		return
	}
	for i, q := range f.all {
		if q.Kind == p.Kind && q.Fix == p.Fix {
			f.like[i]++
			return
		}
	}
	f.all, f.like = append(f.all, p), append(f.like, 0)
}

func (f *faults) what() string {
	var told []string
	for i, p := range f.all {
		if n := f.like[i]; n > 0 {
			told = append(told, fmt.Sprintf("%s (and %d more like it)", p.What, n))
		} else {
			told = append(told, p.What)
		}
	}
	return brief(told)
}

func (f *faults) fix() string {
	var fixes []string
	for _, p := range f.all {
		if p.Fix != "" {
			fixes = append(fixes, p.Fix)
		}
	}
	return strings.Join(fixes[:min(len(fixes), most)], "; and ")
}

// most is how many things of a kind are named.
const most = 4

// brief lists a few things, and says how many there are besides.
func brief(things []string) string {
	if len(things) > most {
		things = append(slices.Clone(things[:most]), fmt.Sprintf("and %d more", len(things)-most))
	}
	return strings.Join(things, ", ")
}

func list(things []string, none string) string {
	if len(things) == 0 {
		return none
	}
	return strings.Join(things, ", ")
}

func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// mebibytes has a blank at which no row ends.
func mebibytes(n int64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f\u00a0GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%.0f\u00a0MiB", float64(n)/(1<<20))
}
