package board

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCPUList(t *testing.T) {
	for text, want := range map[string][]int{
		"0-3,6": {0, 1, 2, 3, 6}, "0 1 2": {0, 1, 2}, "5": {5}, "": {}, "x-y,2": {2}, "-1": {},
		"3-1": {}, "0-99999999999": {}, "1-2-3": {}, "1023": {1023}, "1024": {},
	} {
		if got := cpuList(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
	if got := len(cpuList(strings.Repeat("0-1023,", 1000))); got > maxCPUs {
		t.Errorf("%d CPUs from a hostile list", got)
	}
}

// ranges writes what cpuList reads.
func TestCPUListRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cpus := rapid.SliceOfDistinct(rapid.IntRange(0, maxCPUs-1), rapid.ID[int]).Draw(t, "cpus")
		slices.Sort(cpus)
		if got := cpuList(ranges(cpus)); !slices.Equal(got, cpus) {
			t.Fatalf("%s: got %v, want %v", ranges(cpus), got, cpus)
		}
	})
}

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"value\n": "value", "value": "value", "": "", "\n": "", "a\x00b": "a", " a\tb \nnext": "a b",
		"\xff": "\uFFFD", "\x1b[0m": "\uFFFD[0m", "\u202e": "\uFFFD",
	} {
		if got := line(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := len(line(strings.Repeat("x", 1<<20))); got != maxText {
		t.Errorf("a long line has %d bytes", got)
	}
}

func TestNumber(t *testing.T) {
	for _, test := range []struct {
		text string
		want int64
		kind Kind
	}{
		{"-- f --\n-5\n", -5, ""},
		{"-- f (quoted) --\n\"7\"\n", 7, ""},
		{"-- f --\n", 0, Invalid},
		{"-- f --\n0x10\n", 0, Invalid},
		{"-- f --\n99999999999999999999\n", 0, Invalid},
		{"-- f (error EAGAIN) --\n", 0, Driver},
		{"-- f (error EIO) --\n", 0, Driver},
		{"-- f (error EACCES) --\n", 0, Permission},
		{"-- f (error EPERM) --\n", 0, Permission},
		{"-- f (dir) --\n", 0, Driver},
		{"-- f (node rw) --\n", 0, Driver},
		{"-- f -> f --\n", 0, Driver},
		{"-- g --\n", 0, Absent},
	} {
		got, err := read(t, test.text).number("f")
		if kind := kindOf(readProblem("f", err)); got != test.want || kind != test.kind {
			t.Errorf("%q: got %d, %q (%v), want %d, %q", test.text, got, kind, err, test.want, test.kind)
		}
	}
}

func TestNatural(t *testing.T) {
	want := []string{"", "a", "hwmon1", "hwmon2", "hwmon10", "in1_input", "in1_label", "in10_input"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, natural)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	word := rapid.StringMatching(`[a0-9]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		if natural(a, b) != -natural(b, a) || natural(a, a) != 0 {
			t.Fatalf("%q and %q have no order", a, b)
		}
	})
}

// However large a tree is, what is read of it has a bound.
func TestBounds(t *testing.T) {
	var b strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&b, "-- sys/class/hwmon/hwmon%d/name --\nchip\n", i)
	}
	fmt.Fprintf(&b, "-- proc/cpuinfo --\n%s\n", strings.Repeat("processor : 0\n", 100000))
	r := read(t, b.String())
	if got := len(r.list("sys/class/hwmon", "hwmon")); got != maxList {
		t.Errorf("a list of %d, want %d", got, maxList)
	}
	if got, err := r.file("proc/cpuinfo"); len(got) != maxFile || err != nil {
		t.Errorf("a file of %d bytes, %v, want %d", len(got), err, maxFile)
	}
	if got := len(r.cpuInfo().processors); got > maxCPUs {
		t.Errorf("%d processors", got)
	}
	r.reads = maxReads
	if _, err := r.file("proc/cpuinfo"); err == nil || kindOf(readProblem("x", err)) != Invalid {
		t.Errorf("read beyond the bound: %v", err)
	}
	if r.list("sys/class/hwmon", "") != nil || r.exists("proc/cpuinfo") || r.link("x") != "" {
		t.Error("read beyond the bound")
	}
}
