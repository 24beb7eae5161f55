package actuator

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"atoll/internal/durable"
)

func text(entries string) string {
	return fmt.Sprintf(`{"version":1,"boot":%q,"entries":[%s]}`, bootID, entries)
}

const cap0Entry = `{"path":"` + cap0 + `","value":1500000}`

func TestHostileRecords(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":            {"", "EOF"},
		"no object":        {"[]", "cannot unmarshal"},
		"torn":             {text(cap0Entry)[:60], "EOF"},
		"two":              {text("") + text(""), "goes on"},
		"unknown field":    {`{"version":1,"boot":"a","entries":[],"command":"reboot"}`, "unknown field"},
		"another version":  {`{"version":2,"boot":"a","entries":[]}`, "version 2"},
		"no boot":          {`{"version":1,"entries":[]}`, "boot id"},
		"boot with escape": {`{"version":1,"boot":"a\u001b[2J","entries":[]}`, "boot id"},
		"any file":         {text(`{"path":"etc/passwd","value":1}`), "no attribute"},
		"absolute":         {text(`{"path":"/` + cap0 + `","value":1}`), "no attribute"},
		"way out":          {text(`{"path":"sys/class/apex/../../../etc/trip_point0_temp","value":1}`), "no attribute"},
		"way out of a policy": {
			text(`{"path":"sys/devices/system/cpu/cpufreq/policy0/../x/scaling_max_freq","value":1}`), "no attribute"},
		"other attribute":  {text(`{"path":"` + policy0 + `/scaling_min_freq","value":1}`), "no attribute"},
		"line end in path": {text(`{"path":"` + cap0 + `\n","value":1}`), "no attribute"},
		"stopped CPUs":     {text(`{"path":"` + cap0 + `","value":0}`), "can't be 0"},
		"negative":         {text(`{"path":"` + cap0 + `","value":-1}`), "can't be -1"},
		"not whole":        {text(`{"path":"` + cap0 + `","value":1.5}`), "cannot unmarshal"},
		"too large":        {text(`{"path":"` + cap0 + `","value":100000001}`), "can't be"},
		"overflow":         {text(`{"path":"` + cap0 + `","value":99999999999999999999}`), "cannot unmarshal"},
		"too fast a fan":   {text(`{"path":"` + pwm1 + `","value":256,"part":"x"}`), "can't be 256"},
		"fan of no name":   {text(`{"path":"` + pwm1 + `","value":255}`), "part"},
		"policy with name": {text(`{"path":"` + cap0 + `","value":5,"part":"x"}`), "part"},
		"a long name":      {text(`{"path":"` + pwm1 + `","value":5,"part":"` + strings.Repeat("x", 300) + `"}`), "part"},
		"melting":          {text(`{"path":"` + trip(2) + `","value":999999}`), "can't be"},
		"twice":            {text(cap0Entry + "," + cap0Entry), "twice"},
		"too many":         {text(strings.TrimSuffix(strings.Repeat("{},", maxEntries+1), ",")), "entries"},
		"too long":         {text(cap0Entry) + strings.Repeat(" ", maxRecord), "longer"},
	} {
		_, err := decodeRecord([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 300 {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}

		r := newRig(t, coralFiles())
		if err := errors.Join(os.MkdirAll(r.state, 0o750), os.WriteFile(filepath.Join(r.state, recordName), []byte(c.text), 0o640)); err != nil {
			t.Fatal(err)
		}
		if name != "empty" && name != "twice" && name != "way out" {
			continue // what follows is the same for all
		}
		s, problems := r.find(coral)
		if !told(problems, "record", "is refused") || len(r.writes) > 0 {
			t.Errorf("%s: problems %v, wrote %q; want it refused", name, problems, r.writes)
		}
		if got, err := os.ReadFile(filepath.Join(r.state, recordName+".refused")); err != nil || string(got) != c.text {
			t.Errorf("%s: put aside %q, %v", name, got, err)
		}
		s.Close()
	}
}

func TestRecordFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, recordName)
	want := record{Version: 1, Boot: bootID, Entries: []entry{{Path: pwm1, Value: 3, Part: "a \"fan\"\n"}, {Path: cap0, Value: 7}}}
	for range 2 { // also over an old one, and what a crash left of a new one
		if err := errors.Join(os.WriteFile(name+".new", []byte("torn"), 0o600), durable.Replace(name, want.encode())); err != nil {
			t.Fatal(err)
		}
		got, err := readRecord(name)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm()&^0o640 != 0 {
		t.Errorf("mode %v, %v; want 0640 at most", info.Mode(), err)
	}
	if err := errors.Join(durable.Remove(name), durable.Remove(name)); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v; want nothing", left, err)
	}
}

func TestNotARecord(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(unix.Mkfifo(at("fifo"), 0o640), durable.Replace(at("target"), record{Boot: bootID}.encode()), os.Symlink(at("target"), at("link")), os.Mkdir(at("folder"), 0o750)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"fifo", "link", "folder", "missing"} {
		if _, err := readRecord(at(name)); err == nil {
			t.Errorf("%s: read, want an error", name)
		}
	}
	if err := durable.Replace(at("missing/x"), record{}.encode()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if err := os.Mkdir(at("full"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("full/file"), nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := durable.Replace(at("full"), record{}.encode()); err == nil {
		t.Error("a folder is in the way: written, want an error")
	}
	if _, err := os.Stat(at("full.new")); err == nil {
		t.Error("a failed write leaves its file behind")
	}
}

// Without a record nothing is touched.
func TestRecordCannotBeWritten(t *testing.T) {
	r := newRig(t, coralFiles())
	if err := os.MkdirAll(filepath.Join(r.state, recordName+".new", "in the way"), 0o750); err != nil {
		t.Fatal(err)
	}
	s, problems := r.find(coral)
	if !told(problems, "sysfs", "nobody could put them back") || len(s.kept) > 0 {
		t.Errorf("found %v, problems %v; want none", s.Names(), problems)
	}
	r.apply(s, Setting{Cooling: 1}, true)
	r.want("untouched", coralFiles())
}

// The record is there, whole, before anything is changed.
func TestRecordComesFirst(t *testing.T) {
	r := newRig(t, coralFiles())
	s, _ := r.find(coral)
	if len(r.writes) > 0 {
		t.Errorf("wrote %q before any Apply", r.writes)
	}
	got, err := readRecord(filepath.Join(r.state, recordName))
	if err != nil || !slices.Equal(got.Entries, s.entries(true)) || len(got.Entries) != 6 {
		t.Errorf("record %+v, %v; want %+v", got, err, s.entries(true))
	}
}

func TestPutBackChecksAgain(t *testing.T) {
	r := newRig(t, coralFiles())
	failed, err := putBack(r.root, []entry{{Path: "etc/passwd", Value: 1}, {Path: cap0, Value: 0}}, r.access().write)
	if err == nil || len(failed) > 0 || len(r.writes) > 0 {
		t.Errorf("%v, %v, wrote %q; want both refused", failed, err, r.writes)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(text(cap0Entry)))
	f.Add([]byte(text(`{"path":"` + pwm1 + `","value":5,"part":"pwmfan"}`)))
	f.Add([]byte(`{"version":1,"boot":"a","entries":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRecord(b)
		if err != nil {
			return
		}
		for _, e := range r.Entries {
			if !filepath.IsLocal(e.Path) || !strings.HasPrefix(e.Path, "sys/") || filepath.Clean(e.Path) != e.Path || strings.ContainsAny(e.Path, "\n\x00") {
				t.Errorf("path %q, want one below sys", e.Path)
			}
			if e.Value < 0 {
				t.Errorf("value %d", e.Value)
			}
		}
		again, err := decodeRecord(r.encode())
		if err != nil || again.Boot != r.Boot || !slices.Equal(again.Entries, r.Entries) {
			t.Errorf("%+v becomes %+v, %v", r, again, err)
		}
	})
}

// What the guard hears never makes it write anything but known attributes.
func FuzzGuarding(f *testing.F) {
	f.Add([]byte(text(cap0Entry) + "\n"))
	f.Add([]byte(text(cap0Entry) + "\n" + text("") + "\n"))
	f.Add([]byte(text(cap0Entry) + "\nxx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		g := guarding{root: "/nowhere", record: "/nowhere/x", stderr: discard{}, write: func(name string, b []byte) error {
			if path, err := filepath.Rel("/nowhere", name); err != nil || !strings.HasPrefix(path, "sys/") || len(b) > 20 {
				t.Errorf("writes %q to %s", b, name)
			}
			return nil
		}}
		_ = g.run(strings.NewReader(string(b)), discard{})
	})
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
