package board

import (
	"strconv"
	"strings"
)

// cpuInfo is /proc/cpuinfo.
type cpuInfo struct {
	architecture string
	processors   []processor
}

type processor struct {
	id    int
	core  string // "Cortex-A53", or the model name of an x86 CPU
	flags map[string]bool
}

func (r *reader) cpuInfo() cpuInfo {
	data, _ := r.file("proc/cpuinfo")
	return parseCPUInfo(data)
}

// parseCPUInfo reads the fields of each processor. Boards end with fields that
// belong to none (Hardware, Revision).
func parseCPUInfo(data string) cpuInfo {
	var info cpuInfo
	var implementer, part uint64
	for text := range strings.Lines(data) {
		key, value, _ := strings.Cut(text, ":")
		key, value = strings.TrimSpace(key), line(value)
		if key == "processor" {
			id, err := strconv.Atoi(value)
			if err != nil || id < 0 || id >= maxCPUs || len(info.processors) >= maxCPUs {
				continue
			}
			info.processors = append(info.processors, processor{id: id})
			implementer, part = 0, 0
			continue
		}
		if len(info.processors) == 0 {
			continue
		}
		p := &info.processors[len(info.processors)-1]
		switch key {
		case "model name":
			p.core = value
		case "CPU implementer":
			implementer, _ = strconv.ParseUint(value, 0, 8)
		case "CPU part":
			part, _ = strconv.ParseUint(value, 0, 12)
			p.core = coreName(implementer, part)
		case "CPU architecture":
			info.architecture = "arm64"
			if value == "7" {
				info.architecture = "arm"
			}
		case "vendor_id":
			info.architecture = "amd64"
		case "isa":
			info.architecture = "riscv64"
		case "Features", "flags":
			p.flags = flagSet(text)
		}
	}
	return info
}

func flagSet(text string) map[string]bool {
	_, words, _ := strings.Cut(text, ":")
	set := map[string]bool{}
	for _, word := range strings.Fields(words) {
		set[word] = true
	}
	return set
}

// has tells whether all processors have one of the flags.
func (i cpuInfo) has(flags ...string) bool {
	for _, p := range i.processors {
		found := false
		for _, flag := range flags {
			found = found || p.flags[flag]
		}
		if !found {
			return false
		}
	}
	return len(i.processors) > 0
}

// core is the type of core of a CPU, or empty.
func (i cpuInfo) core(cpu int) string {
	for _, p := range i.processors {
		if p.id == cpu {
			return p.core
		}
	}
	return ""
}
