package board

import (
	"time"
)

// Watchdog is a hardware watchdog (Documentation/ABI/testing/sysfs-class-watchdog).
type Watchdog struct {
	Node     string        `json:"node"`        // "/dev/watchdog0"
	Identity string        `json:"identity"`    // empty if the kernel lacks CONFIG_WATCHDOG_SYSFS
	Timeout  time.Duration `json:"-"`           // 0 if unknown
	State    string        `json:"state"`       // active or inactive
	NoWayOut bool          `json:"nowayout"`    // once started it can't be stopped
	Boot     int64         `json:"boot_status"` // flags of WDIOC_GETBOOTSTATUS: 32 if it caused the last reset
	Problem  *Problem      `json:"problem,omitempty"`
}

const maxTimeout = 24 * 3600 // seconds

func (r *reader) watchdogs() []Watchdog {
	dogs := []Watchdog{}
	for _, name := range r.list("sys/class/watchdog", "watchdog") {
		if _, ok := index(name, "watchdog"); !ok {
			continue
		}
		dir := "sys/class/watchdog/" + name + "/"
		w := Watchdog{Node: "/dev/" + name, Identity: r.maybe(dir + "identity"), State: r.maybe(dir + "state")}
		if n, ok := r.maybeNumber(dir + "timeout"); ok && n >= 0 && n <= maxTimeout {
			w.Timeout = time.Duration(n) * time.Second
		}
		w.Boot, _ = r.maybeNumber(dir + "bootstatus")
		w.NoWayOut = r.maybe(dir+"nowayout") == "1"
		w.Problem = r.nodeProblem("dev/"+name, Write, "run atoll as root, or add a udev rule: "+`SUBSYSTEM=="watchdog", GROUP="atoll", MODE="0660"`)
		if w.Problem == nil && w.State == "active" {
			w.Problem = &Problem{Busy, w.Node + " is active: another program feeds it", "stop that program; of systemd: RuntimeWatchdogSec=off in /etc/systemd/system.conf"}
		}
		dogs = append(dogs, w)
	}
	return dogs
}
