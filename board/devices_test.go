package board

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestBuses(t *testing.T) {
	const bus = "-- sys/bus/i2c/devices/i2c-1/name --\nadapter\n"
	for _, test := range []struct {
		name, tree string
		kind       Kind
		what       string
	}{
		{"usable", bus + "-- dev/i2c-1 (node rw) --\n", "", ""},
		{"not loaded", bus, Absent, "i2c-dev is not loaded"},
		{"loaded, no node", bus + "-- sys/class/i2c-dev (dir) --\n", Absent, "/dev/i2c-1 does not exist"},
		{"no permission", bus + "-- dev/i2c-1 (node none) --\n", Permission, "no permission on /dev/i2c-1"},
		{"read only", bus + "-- dev/i2c-1 (node r) --\n", Permission, "no permission on /dev/i2c-1"},
	} {
		got := read(t, test.tree).buses()
		if len(got) != 1 || kindOf(got[0].Problem) != test.kind || test.kind != "" && !strings.HasPrefix(got[0].Problem.What, test.what) {
			t.Errorf("%s: got %+v", test.name, got)
		}
	}
	got := read(t, bus+"-- sys/bus/i2c/devices/i2c-11/name --\nother\n-- sys/bus/i2c/devices/1-0048/name --\nlm75\n-- sys/bus/i2c/devices/1-0048/driver -> ../x/lm75 --\n"+
		"-- sys/bus/i2c/devices/11-0020/name --\nx\n-- sys/bus/i2c/devices/1-zz/name --\nx\n-- sys/bus/i2c/devices/1-a050/name --\nten bits\n").buses()
	want := []BusDevice{{0x48, "lm75", "lm75"}, {0x50, "ten bits", ""}}
	if len(got) != 2 || !slices.Equal(got[0].Devices, want) || len(got[1].Devices) != 1 {
		t.Errorf("devices: %+v, want %+v", got, want)
	}
}

func TestCameras(t *testing.T) {
	camera := func(name, index, node string) string {
		return "-- sys/class/video4linux/video0/name --\n" + name + "\n-- sys/class/video4linux/video0/index --\n" + index + "\n" + node
	}
	const usable = "-- dev/video0 (node rw) --\n"
	for _, test := range []struct {
		name, tree string
		capture    bool
		kind       Kind
	}{
		{"camera", camera("HD Webcam", "0", usable), true, ""},
		{"its metadata", camera("HD Webcam", "1", usable), false, ""},
		{"no index", "-- sys/class/video4linux/video0/name --\nCam\n" + usable, true, ""},
		{"decoder", camera("bcm2835-codec-decode", "0", usable), false, ""},
		{"scaler", camera("mtk-mdp:m2m", "0", usable), false, ""},
		{"no permission", camera("HD Webcam", "0", "-- dev/video0 (node none) --\n"), true, Permission},
		{"no node", camera("HD Webcam", "0", ""), true, Absent},
	} {
		got := read(t, test.tree).cameras()
		if len(got) != 1 || got[0].Capture != test.capture || kindOf(got[0].Problem) != test.kind {
			t.Errorf("%s: got %+v", test.name, got)
		}
	}
}

func TestMicrophones(t *testing.T) {
	const cards = "-- proc/asound/cards --\n 1 [Mic            ]: USB-Audio - Nice Mic\n                      Nice Mic at usb\n"
	for _, test := range []struct {
		name, tree string
		want       []string
		kind       Kind
	}{
		{"microphone", cards + "-- proc/asound/pcm --\n01-02: USB Audio : USB Audio : capture 1\n-- dev/snd/pcmC1D2c (node r) --\n", []string{"Mic,2 Nice Mic: USB Audio"}, ""},
		{"speaker", cards + "-- proc/asound/pcm --\n01-00: USB Audio : USB Audio : playback 1\n", nil, ""},
		{"both", "-- proc/asound/pcm --\n00-00: A : B : playback 1 : capture 1\n-- dev/snd/pcmC0D0c (node r) --\n", []string{",0 B"}, ""},
		{"no permission", cards + "-- proc/asound/pcm --\n01-00: A : B : capture 1\n-- dev/snd/pcmC1D0c (node none) --\n", []string{"Mic,0 Nice Mic: B"}, Permission},
		{"no node", cards + "-- proc/asound/pcm --\n01-00: A : : capture 1\n", []string{"Mic,0 Nice Mic"}, Absent},
		{"garbage", "-- proc/asound/pcm --\n:::\nxx-yy: capture 1\n-1-0: a : capture 1\n00-00\n", nil, ""},
		{"many", "-- proc/asound/pcm --\n" + strings.Repeat("00-00: A : B : capture 1\n", 100), slices.Repeat([]string{",0 B"}, maxMicrophones), Absent},
	} {
		var got []string
		var kind Kind
		for _, m := range read(t, test.tree).microphones() {
			got = append(got, strings.Join([]string{m.CardID, string(rune('0' + m.Device))}, ",")+" "+m.Name)
			kind = kindOf(m.Problem)
		}
		if !slices.Equal(got, test.want) || kind != test.kind {
			t.Errorf("%s: got %q, %q, want %q, %q", test.name, got, kind, test.want, test.kind)
		}
	}
}

func TestWatchdogs(t *testing.T) {
	const dir = "-- sys/class/watchdog/watchdog0/"
	for _, test := range []struct {
		name, tree string
		timeout    time.Duration
		kind       Kind
	}{
		{"usable", dir + "timeout --\n60\n" + dir + "state --\ninactive\n-- dev/watchdog0 (node rw) --\n", time.Minute, ""},
		{"active", dir + "state --\nactive\n-- dev/watchdog0 (node rw) --\n", 0, Busy},
		{"no permission", dir + "state --\nactive\n-- dev/watchdog0 (node none) --\n", 0, Permission},
		{"no node", dir + "timeout --\n5\n", 5 * time.Second, Absent},
		{"a kernel that tells nothing", dir[:len(dir)-1] + " (dir) --\n-- dev/watchdog0 (node rw) --\n", 0, ""},
		{"nonsense", dir + "timeout --\n9223372036854775807\n-- dev/watchdog0 (node rw) --\n", 0, ""},
	} {
		got := read(t, test.tree).watchdogs()
		if len(got) != 1 || got[0].Timeout != test.timeout || kindOf(got[0].Problem) != test.kind {
			t.Errorf("%s: got %+v", test.name, got)
		}
	}
}

func TestCgroup(t *testing.T) {
	const root = "-- sys/fs/cgroup/cgroup.controllers --\ncpu memory pids\n"
	const own = "-- proc/self/cgroup --\n0::/a\n"
	const files = "-- sys/fs/cgroup/a/cgroup.controllers --\ncpu memory\n-- sys/fs/cgroup/a/cgroup.procs --\n-- sys/fs/cgroup/a/cgroup.subtree_control --\n"
	for _, test := range []struct {
		name, tree string
		delegated  []string
		kind       Kind
	}{
		{"delegated", root + own + files, []string{"cpu", "memory"}, ""},
		{"read only", root + own + strings.Replace(files, "procs --", "procs (read-only) --", 1), []string{}, Permission},
		{"in part", root + own + strings.Replace(files, "cpu memory", "cpu", 1), []string{"cpu"}, Permission},
		{"v1 only", "-- proc/self/cgroup --\n1:memory:/a\n", []string{}, Absent},
		{"memory is off", strings.Replace(root, "memory ", "", 1) + own + files, []string{"cpu", "memory"}, Absent},
		{"hybrid", "-- sys/fs/cgroup/unified/cgroup.controllers --\n\n" + own, []string{}, Absent},
		{"a path that leads out", root + "-- proc/self/cgroup --\n0::/../../../etc\n", []string{}, Permission},
		{"no path", root + "-- proc/self/cgroup (error EIO) --\n", []string{}, Permission},
	} {
		got := read(t, test.tree).cgroup()
		if !slices.Equal(got.Delegated, test.delegated) || kindOf(got.Problem) != test.kind {
			t.Errorf("%s: got %+v", test.name, got)
		}
	}
	if got := Detect(tree(t, imaginary)).Cgroup; got.MemoryLimit != 512<<20 || got.Problem != nil {
		t.Errorf("got %+v", got)
	}
}
