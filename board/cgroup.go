package board

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// Cgroup is what of cgroup v2 there is for this process.
type Cgroup struct {
	Mount       string   `json:"mount"`                        // "/sys/fs/cgroup"; empty if there is none
	Path        string   `json:"path"`                         // of this process, beneath Mount
	Available   []string `json:"available"`                    // controllers that the kernel has
	Delegated   []string `json:"delegated"`                    // those that atoll may give to groups of its own
	MemoryLimit int64    `json:"memory_limit_bytes,omitempty"` // of this process's group; 0: none
	Problem     *Problem `json:"problem,omitempty"`
}

// neededControllers are those by which atoll keeps its worker within bounds.
var neededControllers = []string{"cpu", "memory"}

func (r *reader) cgroup() Cgroup {
	c := Cgroup{Available: []string{}, Delegated: []string{}}
	mount := ""
	for _, dir := range []string{"sys/fs/cgroup", "sys/fs/cgroup/unified"} {
		if r.exists(dir + "/cgroup.controllers") {
			mount = dir
			break
		}
	}
	if mount == "" {
		c.Problem = &Problem{Absent, "cgroup v2 is not mounted", "boot with systemd.unified_cgroup_hierarchy=1, or: sudo mount -t cgroup2 none /sys/fs/cgroup"}
		return c
	}
	c.Mount = "/" + mount
	c.Available = r.words(mount + "/cgroup.controllers")
	c.Path = r.ownCgroup()
	own := path.Join(mount, c.Path)
	if !strings.HasPrefix(own, mount) || c.Path == "" {
		own = mount
	}
	if n, ok := r.maybeNumber(path.Join(own, "memory.max")); ok && n > 0 {
		c.MemoryLimit = n
	}
	if r.mayDelegate(own) {
		c.Delegated = r.words(own + "/cgroup.controllers")
	}
	c.Problem = c.lack(mount)
	return c
}

// ownCgroup reads /proc/self/cgroup, where v2 has the line "0::/path".
func (r *reader) ownCgroup() string {
	data, _ := r.file("proc/self/cgroup")
	for text := range strings.Lines(data) {
		if own, ok := strings.CutPrefix(text, "0::"); ok {
			return line(own)
		}
	}
	return ""
}

// mayDelegate tells whether a process may make groups in its own and hand
// controllers to them: it takes write access to the folder and two files in it
// (Documentation/admin-guide/cgroup-v2.rst, "Delegation").
func (r *reader) mayDelegate(own string) bool {
	for _, name := range []string{own, own + "/cgroup.procs", own + "/cgroup.subtree_control"} {
		if r.tree.Access(name, Write) != nil {
			return false
		}
	}
	return true
}

// lack is why atoll can't limit its worker.
func (c *Cgroup) lack(mount string) *Problem {
	for _, name := range neededControllers {
		if !slices.Contains(c.Available, name) {
			fix := "cgroup v1 has it: boot with systemd.unified_cgroup_hierarchy=1, or cgroup_no_v1=all (Linux 4.15 or newer)"
			if name == "memory" && mount == "sys/fs/cgroup" {
				fix = "boot with cgroup_enable=memory (on a Raspberry Pi in /boot/firmware/cmdline.txt)"
			}
			return &Problem{Absent, "cgroup v2 has no " + name + " controller", fix}
		}
	}
	for _, name := range neededControllers {
		if !slices.Contains(c.Delegated, name) {
			return &Problem{Permission, "the " + name + " controller is not delegated to " + strconv.Quote(c.Path), "run atoll as a systemd service with Delegate=yes, or as root"}
		}
	}
	return nil
}

func (r *reader) words(name string) []string {
	words := strings.Fields(r.maybe(name))
	if words == nil {
		return []string{}
	}
	return words
}
