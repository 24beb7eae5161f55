package board

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// trees are all that there are to test with, by name.
func trees(t testing.TB) map[string]Tree {
	t.Helper()
	all := map[string]Tree{"imaginary": tree(t, imaginary), "imaginary_broken": tree(t, broken)}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		tree, err := OpenTree(file)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".txtar")] = tree
	}
	return all
}

func toJSON(t testing.TB, b *Board) string {
	t.Helper()
	data, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data) + "\n"
}

// difference is the first line in which two texts differ.
func difference(got, want string) string {
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range gotLines {
		if i >= len(wantLines) || gotLines[i] != wantLines[i] {
			return fmt.Sprintf("line %d:\n%s\nwant\n%s", i+1, gotLines[i], append(wantLines, "(end)")[min(i, len(wantLines))])
		}
	}
	return fmt.Sprintf("it ends after line %d of %d", len(gotLines), len(wantLines))
}

// What was captured gives the same detection, and is captured the same again.
func TestCaptureRepeats(t *testing.T) {
	for name, tree := range trees(t) {
		first := Capture(tree)
		want := toJSON(t, Detect(first))
		captured, err := parseArchive(first.Archive())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		second := Capture(captured)
		if got := toJSON(t, Detect(second)); got != want {
			t.Errorf("%s: detection of the captured tree differs: %s", name, difference(got, want))
		}
		if got, want := string(second.Archive()), string(first.Archive()); got != want {
			t.Errorf("%s: captured again differs: %s", name, difference(got, want))
		}
	}
}

func TestCaptureLive(t *testing.T) {
	live := Capture(Live())
	want := Detect(live)
	captured, err := parseArchive(live.Archive())
	if err != nil {
		t.Fatal(err)
	}
	got := Detect(captured)
	want.EBPF, want.Cgroup.Path, got.Cgroup.Path = got.EBPF, "", "" // probed there only; identifiers are blanked
	if got, want := toJSON(t, got), toJSON(t, want); got != want {
		t.Error(difference(got, want))
	}
}

func TestCaptureForgets(t *testing.T) {
	const id = "0123456789abcdef0123456789ABCDEF"
	r := Capture(tree(t, imaginary+`
-- proc/device-tree/serial-number --
secret-1
-- sys/class/dmi/id/product_serial --
secret-2
-- sys/class/power_supply/hid-a0:b1:c2:d3:e4:f5-battery/type --
Battery
-- sys/class/power_supply/hid-a0:b1:c2:d3:e4:f5-battery/power_now --
1000
-- proc/asound/card0/id --
secret-3
`))
	reader := &reader{tree: r}
	Detect(r)
	reader.file("proc/cpuinfo")
	r.entry("proc/self/cgroup").data = []byte("0::/docker/" + id + "\n1:x:/" + "12345678-1234-1234-1234-123456789abc\n")
	got := string(r.Archive())
	for _, secret := range []string{"secret", "deadbeef", id, "a0:b1", "123456789abc", "Serial"} {
		if strings.Contains(got, secret) {
			t.Errorf("captured %q", secret)
		}
	}
	if !strings.Contains(got, "hid-00:00:00:00:00:00-battery") {
		t.Error("a name with a hardware address was lost")
	}
	if !strings.Contains(got, "CPU part") {
		t.Error("more than the serial number was cut from /proc/cpuinfo")
	}
}

func TestCaptureErrors(t *testing.T) {
	source := tree(t, "-- sys/a (error EIO) --\n-- sys/b (error EAGAIN) --\n-- sys/c (read-only) --\n1\n-- dev/d (node r) --\n-- sys/l -> c --\n-- sys/e (dir) --\n")
	r := Capture(source)
	reader := &reader{tree: r}
	reader.file("sys/a")
	reader.file("sys/b")
	reader.file("sys/c")
	reader.file("sys/none")
	reader.list("sys/e", "")
	reader.link("sys/l")
	r.Access("sys/c", Write)
	r.Access("dev/d", Read)
	r.Access("dev/none", Read)
	const want = `A tree captured with atoll detect --capture.
-- dev/d (node r) --
-- sys/a (error EIO) --
-- sys/b (error EAGAIN) --
-- sys/c (read-only) --
1
-- sys/e (dir) --
-- sys/l -> c --
`
	if got := string(r.Archive()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Whatever is in a file survives the archive.
func TestCaptureBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 0, 64),
			rapid.Map(rapid.StringMatching(`(-- [ab ]{0,3} --\n|x|\n|\r){0,6}`), func(s string) []byte { return []byte(s) }),
		).Draw(t, "data")
		if redact(string(data)) != string(data) {
			t.Skip("holds what is blanked")
		}
		r := Capture(Live())
		r.entry("sys/file").data = data
		a, err := parseArchive(r.Archive())
		if err != nil {
			t.Fatal(err)
		}
		got, err := (&reader{tree: a}).file("sys/file")
		if err != nil || got != string(data) {
			t.Fatalf("got %q, %v, want %q", got, err, data)
		}
	})
}

// FuzzDetect: no tree makes a detection fail, and what it finds can be printed.
func FuzzDetect(f *testing.F) {
	f.Add([]byte(imaginary))
	f.Add([]byte(broken))
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := parseArchive(data)
		if err != nil {
			return
		}
		r := Capture(a)
		b := Detect(r)
		toJSON(t, b)
		if err := b.WriteText(&bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
		if _, err := parseArchive(r.Archive()); err != nil {
			t.Fatalf("what was captured cannot be opened: %v\n%s", err, r.Archive())
		}
	})
}
