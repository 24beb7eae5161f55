package doctor

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"atoll/board"
)

// cardReset is WDIOF_CARDRESET: this watchdog caused the last reset.
const cardReset = 0x20

// checkWatchdog opens none: that would start it.
func checkWatchdog(_ context.Context, x *examination) Item {
	dogs := x.board.Watchdogs
	if len(dogs) == 0 {
		return warning("none: a board that hangs stays so until somebody comes", "load its driver (see the board's manual); a weak substitute: sudo modprobe softdog")
	}
	var names []string
	var problems []*board.Problem
	for _, d := range dogs {
		name := d.Node
		if d.Identity != "" {
			name += " (" + d.Identity + ")"
		}
		if d.Timeout > 0 {
			name += fmt.Sprintf(", timeout %v", d.Timeout)
		}
		if d.Problem == nil && d.Boot&cardReset != 0 {
			return warning(name+": it caused the last reset", "find out what hung: the end of the log before it, and journalctl -b -1")
		}
		names, problems = append(names, name), append(problems, d.Problem)
	}
	for i, p := range problems { // one that works is enough
		if p == nil {
			return ok("%s", names[i])
		}
	}
	return usable(names, problems)
}

func checkCgroup(_ context.Context, x *examination) Item {
	c := x.board.Cgroup
	if c.Problem != nil {
		return warning(c.Problem.What+": limits on memory and CPU hold less well", c.Problem.Fix)
	}
	return ok("v2, delegated: %s", list(c.Delegated, "nothing"))
}

func checkEBPF(_ context.Context, x *examination) Item {
	e := x.board.EBPF
	if !e.Probed {
		return skipped("can only be tried on the machine itself")
	}
	var lacks []string
	var why faults
	for _, f := range e.Features {
		if !f.Supported {
			lacks = append(lacks, f.Name)
			why.add(f.Problem)
		}
	}
	switch {
	case len(lacks) > 0:
		return warning("no tracing of inferences: lacks "+brief(lacks), why.fix())
	case e.Problem != nil:
		return warning("no tracing of inferences: "+e.Problem.What, e.Problem.Fix)
	}
	return ok("%s", plural(len(e.Features), "kind")+" of maps and programs work")
}

// swaps counts pages that went to swap and came back since the start of the machine.
type swaps struct {
	pages int64
	at    time.Time
	known bool
}

// maxVmstat is more than any kernel's /proc/vmstat takes.
const maxVmstat = 64 << 10

func readSwaps(tree board.Tree) swaps {
	s := swaps{at: time.Now()}
	f, err := tree.Open("proc/vmstat")
	if err != nil {
		return s
	}
	defer f.Close()
	rows := bufio.NewScanner(io.LimitReader(f, maxVmstat))
	for rows.Scan() {
		key, value, _ := strings.Cut(rows.Text(), " ")
		if key != "pswpin" && key != "pswpout" {
			continue
		}
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			s.pages, s.known = s.pages+n, true
		}
	}
	return s
}

// A machine thrashes from about 1 MiB/s of swapping, and nearly full swap is the
// last thing before the kernel kills processes.
const (
	thrashing = 256 // pages a second
	nearlyOut = 0.1 // of the swap
)

func checkSwap(_ context.Context, x *examination) Item {
	m := x.board.Memory
	if m.Problem != nil {
		return warning(m.Problem.What, m.Problem.Fix)
	}
	if m.SwapTotal == 0 {
		return ok("none")
	}
	found := fmt.Sprintf("%s, of which %s free", mebibytes(m.SwapTotal), mebibytes(m.SwapFree))
	fix := "stop what takes the memory: ps aux --sort=-rss | head"
	if now := readSwaps(x.Tree); now.known && x.swaps.known {
		seconds := max(now.at.Sub(x.swaps.at).Seconds(), 1)
		if rate := float64(now.pages-x.swaps.pages) / seconds; rate >= thrashing {
			return warning(fmt.Sprintf("%s; %.0f pages a second come and go: inference will stall", found, rate), fix)
		}
	}
	if float64(m.SwapFree) < nearlyOut*float64(m.SwapTotal) {
		return warning(found+": nearly used up", fix)
	}
	return ok("%s", found)
}

// epoch is when this program was begun: no clock that is right is before it.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// tooLate is how long after that a clock is not believed: a battery that is empty also
// gives dates far ahead.
const tooLate = 30 * 365 * 24 * time.Hour

func checkClock(_ context.Context, x *examination) Item {
	now, from := x.Live.Now().UTC(), epoch
	if x.Live.Built.After(from) {
		from = x.Live.Built.UTC()
	}
	const fix = "set it, or let it be set: timedatectl set-ntp true, a battery for the RTC; until then the log's dates are wrong, its order is not"
	switch {
	case now.Before(from):
		return warning(fmt.Sprintf("says %s, which is before this program was built (%s)", now.Format(time.DateTime), from.Format(time.DateOnly)), fix)
	case now.Sub(from) > tooLate:
		return warning(fmt.Sprintf("says %s, which is far ahead", now.Format(time.DateTime)), fix)
	}
	return ok("%s UTC", now.Format(time.DateTime))
}

func checkUser(_ context.Context, x *examination) Item {
	if x.Live.User == 0 {
		return ok("root, which may use everything: this is what a service of root finds")
	}
	return ok("user %d: a service of another user may find other rights", x.Live.User)
}
