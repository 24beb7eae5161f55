package doctor

import (
	"testing"

	"atoll/board"
	"atoll/pipeline/source"
)

func captured(r *rig) { r.Live = nil }

func TestBoard(t *testing.T) {
	try(t, "board", []state{
		{"known", nil, OK, "Nice Board, N1, arm64"},
		{"captured", captured, OK, "Nice Board"},
		{"generic", func(r *rig) { r.board.Profile = &board.Profile{Name: "generic arm64", Generic: true} }, Warning, `unknown board "Nice Board": using the generic arm64 profile`},
		{"nameless", func(r *rig) {
			r.board.Model, r.board.Profile = "", &board.Profile{Name: "generic arm64", Generic: true}
		}, Warning, "unknown board: using"},
		{"no profile", func(r *rig) { r.board.Profile = nil }, Warning, "unknown board"},
		{"no detection", func(r *rig) { r.board, r.stuck = nil, errBroken }, Failed, "detection broken"},
	})
}

func TestKernel(t *testing.T) {
	kernel := func(release string) func(*rig) { return func(r *rig) { r.board.Kernel = release } }
	try(t, "kernel", []state{
		{"new", nil, OK, "Linux 6.12.1"},
		{"just new enough", kernel("5.8.0-rc1"), OK, "5.8.0-rc1"},
		{"old", kernel("4.14.98-imx"), Warning, "older than 5.8"},
		{"a little old", kernel("5.7.19"), Warning, "older than 5.8"},
		{"unknown", kernel(""), Warning, "unknown"},
		{"garbage", kernel("six"), Warning, `"six"`},
		{"no detection", func(r *rig) { r.board = nil }, Skipped, "could not be detected"},
	})
}

func TestCPU(t *testing.T) {
	try(t, "cpu", []state{
		{"fine", nil, OK, "4 × Cortex-A53 with neon"},
		{"no NEON", func(r *rig) { r.board.CPU.Features, r.board.CPU.Lacks = nil, []string{"neon"} }, Warning, "nothing that inference gains from; lacks neon"},
		{"no AVX2", func(r *rig) {
			r.board.Architecture, r.board.CPU.Features, r.board.CPU.Lacks = "amd64", []string{"fma"}, []string{"avx2"}
		}, Warning, "lacks avx2"},
		{"too many threads", func(r *rig) { r.config.Engine.Threads = 5 }, Warning, "engine.threads is 5, CPUs are 4"},
		{"unreadable", func(r *rig) { r.board.CPU = board.CPU{Problem: problem(board.Invalid)} }, Warning, "something is wrong"},
		{"nameless core", func(r *rig) { r.board.CPU.Clusters[0].Core = "" }, OK, "4 × core of unknown type"},
	})
}

func TestMemory(t *testing.T) {
	available := func(n int64) func(*rig) { return func(r *rig) { r.board.Memory.Available = n } }
	try(t, "memory", []state{
		{"enough", nil, OK, "1.0 GiB, of which 512 MiB available"},
		{"little", available(255 * mib), Warning, "little room"},
		{"too little", available(95 * mib), Failed, "atoll takes 60 MiB"},
		{"limited", func(r *rig) { r.board.Cgroup.MemoryLimit = 64 * mib }, Failed, "limited to 64 MiB"},
		{"unreadable", func(r *rig) { r.board.Memory.Problem = problem(board.Permission) }, Warning, "something is wrong"},
	})
}

func TestDevices(t *testing.T) {
	slow := func(r *rig) {
		r.board.EdgeTPUs = []board.EdgeTPU{{Bus: "usb", Address: "1-1", Problem: problem(board.Degraded)}}
	}
	try(t, "edge-tpu", []state{
		{"none", nil, OK, "none"},
		{"one", func(r *rig) {
			r.board.EdgeTPUs = []board.EdgeTPU{{Bus: "pcie", Node: "/dev/apex_0", Temp: celsiusOf(50)}, {Bus: "usb", Address: "2-1"}}
		}, OK, "/dev/apex_0 at 50.0 °C, usb 2-1"},
		{"slow", slow, Warning, "something is wrong"},
		{"slow and soldered", func(r *rig) { slow(r); r.board.Profile.Name = "Coral Dev Board Mini" }, OK, "usb 1-1"},
		{"no driver", func(r *rig) { r.board.EdgeTPUs = []board.EdgeTPU{{Problem: problem(board.Absent)}} }, Warning, "something is wrong"},
	})
	camera := func(p *board.Problem) func(*rig) {
		return func(r *rig) {
			r.board.Cameras = []board.Camera{{Node: "/dev/video0", Name: "Cam", Capture: true, Problem: p}, {Node: "/dev/video1", Problem: p}}
		}
	}
	fed := func(sick func(*rig)) func(*rig) {
		return func(r *rig) {
			if sick != nil {
				sick(r)
			}
			r.config.Sources = []source.Config{{Name: "eye", Kind: "raw"}, {Name: "ear", Kind: "pcm"}}
		}
	}
	try(t, "camera", []state{
		{"none", nil, OK, "no source needs one"},
		{"none but needed", fed(nil), Warning, `"eye" waits for one`},
		{"one", camera(nil), OK, "/dev/video0 (Cam)"},
		{"no permission, not needed", camera(problem(board.Permission)), OK, "something is wrong; no source needs one"},
		{"no permission, needed", fed(camera(problem(board.Permission))), Warning, "something is wrong"},
		{"no permission, configuration unknown", func(r *rig) { camera(problem(board.Permission))(r); r.Config = nil }, Warning, "something is wrong"},
	})
	microphone := func(p *board.Problem) func(*rig) {
		return func(r *rig) {
			r.board.Microphones = []board.Microphone{{CardID: "Mic", Device: 1, Name: "USB", Problem: p}}
		}
	}
	try(t, "microphone", []state{
		{"none", nil, OK, "no source needs one"},
		{"none but needed", fed(nil), Warning, `"ear" waits for one`},
		{"one", microphone(nil), OK, "hw:Mic,1 (USB)"},
		{"no permission, needed", fed(microphone(problem(board.Permission))), Warning, "something is wrong"},
	})
}

func TestFaults(t *testing.T) {
	var f faults
	for _, p := range []*board.Problem{
		nil,
		{Kind: board.Permission, What: "no a", Fix: "become root"},
		{Kind: board.Driver, What: "no b", Fix: "see dmesg"},
		{Kind: board.Permission, What: "no c", Fix: "become root"},
		{Kind: board.Permission, What: "no d", Fix: "become root"},
		{Kind: board.Invalid, What: "no e"},
	} {
		f.add(p)
	}
	if got, want := f.what(), "no a (and 2 more like it), no b, no e"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := f.fix(), "become root; and see dmesg"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
