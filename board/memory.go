package board

import (
	"strconv"
	"strings"
)

// Memory is the main memory, in bytes.
type Memory struct {
	Total     int64    `json:"total_bytes"`
	Available int64    `json:"available_bytes"` // to new programs, without swapping
	SwapTotal int64    `json:"swap_total_bytes"`
	SwapFree  int64    `json:"swap_free_bytes"`
	Problem   *Problem `json:"problem,omitempty"`
}

func (r *reader) memory() Memory {
	var m Memory
	data, err := r.file("proc/meminfo")
	if err != nil {
		m.Problem = readProblem("proc/meminfo", err)
		return m
	}
	fields := map[string]*int64{"MemTotal": &m.Total, "MemAvailable": &m.Available, "SwapTotal": &m.SwapTotal, "SwapFree": &m.SwapFree}
	for text := range strings.Lines(data) {
		key, value, _ := strings.Cut(text, ":")
		if field := fields[key]; field != nil {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 50)
			if err == nil && n >= 0 {
				*field = n << 10
			}
		}
	}
	if m.Total == 0 {
		m.Problem = &Problem{Invalid, "/proc/meminfo has no MemTotal", "mount /proc"}
	}
	return m
}
