package doctor

import (
	"testing"
	"testing/fstest"
	"time"

	"atoll/board"
)

func TestWatchdog(t *testing.T) {
	dogs := func(all ...board.Watchdog) func(*rig) { return func(r *rig) { r.board.Watchdogs = all } }
	try(t, "watchdog", []state{
		{"one", nil, OK, "/dev/watchdog0 (dog), timeout 1m0s"},
		{"none", dogs(), Warning, "none"},
		{"busy", dogs(board.Watchdog{Node: "/dev/watchdog0", Problem: problem(board.Busy)}), Warning, "something is wrong"},
		{"one of two", dogs(board.Watchdog{Node: "/dev/watchdog0", Problem: problem(board.Busy)}, board.Watchdog{Node: "/dev/watchdog1"}), OK, "/dev/watchdog1"},
		{"caused the last reset", dogs(board.Watchdog{Node: "/dev/watchdog0", Boot: 0x20}), Warning, "caused the last reset"},
		{"other flags", dogs(board.Watchdog{Node: "/dev/watchdog0", Boot: 0x8000}), OK, "/dev/watchdog0"},
	})
}

func TestKernelParts(t *testing.T) {
	try(t, "cgroup", []state{
		{"delegated", nil, OK, "cpu, memory"},
		{"not mounted", func(r *rig) { r.board.Cgroup = board.Cgroup{Problem: problem(board.Absent)} }, Warning, "something is wrong: limits"},
	})
	try(t, "ebpf", []state{
		{"works", nil, OK, "1 kind of maps"},
		{"lacks one", func(r *rig) {
			r.board.EBPF.Features = append(r.board.EBPF.Features, board.EBPFFeature{Name: "program kprobe", Problem: problem(board.Unsupported)})
		}, Warning, "lacks program kprobe"},
		{"no BTF", func(r *rig) { r.board.EBPF.Problem = problem(board.Unsupported) }, Warning, "something is wrong"},
		{"captured", func(r *rig) { captured(r); r.board.EBPF = board.EBPF{Problem: problem(board.NotProbed)} }, Skipped, "machine itself"},
	})
}

func TestSwap(t *testing.T) {
	vmstat := func(text string) func(*rig) {
		return func(r *rig) {
			r.board.Memory.SwapTotal, r.board.Memory.SwapFree = gib, gib
			r.Tree = fakeTree{MapFS: fstest.MapFS{"proc/vmstat": {Data: []byte(text)}}}
			r.swaps = swaps{pages: 1000, at: time.Now().Add(-2 * time.Second), known: true}
		}
	}
	try(t, "swap", []state{
		{"none", nil, OK, "none"},
		{"quiet", vmstat("pswpin 600\npswpout 400\n"), OK, "1.0 GiB, of which 1.0 GiB free"},
		{"a little", vmstat("pswpin 1000\npswpout 511\n"), OK, "free"},
		{"thrashing", vmstat("nr_free_pages 9\npswpin 1000\npswpout 512\n"), Warning, "256 pages a second"},
		{"not told", vmstat("pswpin many\n"), OK, "free"},
		{"nearly full", func(r *rig) { r.board.Memory.SwapTotal, r.board.Memory.SwapFree = gib, 50*mib }, Warning, "nearly used up"},
		{"unreadable", func(r *rig) { r.board.Memory.Problem = problem(board.Permission) }, Warning, "something is wrong"},
		{"captured", captured, Skipped, "live machine"},
	})
}

func TestClock(t *testing.T) {
	says := func(at time.Time) func(*rig) { return func(r *rig) { r.Live.Now = func() time.Time { return at } } }
	try(t, "clock", []state{
		{"sane", nil, OK, now.Format(time.DateTime)},
		{"1970", says(time.Unix(12, 0)), Warning, "1970-01-01 00:00:12, which is before"},
		{"before this program", func(r *rig) { r.Live.Built = now.Add(time.Hour) }, Warning, "before this program was built"},
		{"build unknown", func(r *rig) { r.Live.Built = time.Time{} }, OK, "UTC"},
		{"far ahead", says(time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)), Warning, "far ahead"},
		{"captured", captured, Skipped, "live machine"},
	})
	try(t, "user", []state{
		{"service", nil, OK, "user 990"},
		{"root", func(r *rig) { r.Live.User = 0 }, OK, "root"},
	})
}
