package trace

import (
	"errors"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// What a ledger says of jobs is what they add up to, in whatever order and however they
// are spread over ledgers.
func TestLedgerAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, two := newLedger(), newLedger()
		for _, l := range []*ledger{one, two} {
			l.slot(0, "vision/short")
			l.slot(1, "vision/short")
			l.slot(0, "audio/f32")
		}
		walls := rapid.SliceOfN(rapid.Uint64Range(1, 1<<40), 1, 60).Draw(t, "walls")
		var sum, most uint64
		for i, wall := range walls {
			j := bpfJob{Asked: 1000, Marked: 1000, Replied: 1000 + wall, Slot: uint32(i % 2), MinKhz: 1000}
			j.Parts[OnCPU] = wall
			[]*ledger{one, two}[i%2].count(j, 1000+wall)
			sum += wall
			most = max(most, wall)
		}
		one.merge(two)
		var s Snapshot
		one.snapshot(&s, clock{base: time.Now()})
		if len(s.Models) != 1 || len(s.Slowest) != min(MaxSlowest, len(walls)) {
			t.Fatalf("%d models, %d of %d jobs", len(s.Models), len(s.Slowest), len(walls))
		}
		m := s.Models[0]
		if m.Jobs != uint64(len(walls)) || m.Wall != time.Duration(sum) || m.Parts.Sum() != m.Wall || m.Max != time.Duration(most) || m.MeanKHz != 1000 {
			t.Errorf("got %+v; want %d jobs, %d ns, at most %d", m, len(walls), sum, most)
		}
		if got := s.Slowest[0].Wall; got != m.Max {
			t.Errorf("slowest %v, want %v", got, m.Max)
		}
		var jobs uint64
		for _, b := range m.Histogram {
			jobs += b.Jobs
			if bits.OnesCount64(uint64(b.From)) != 1 {
				t.Errorf("column from %d", b.From)
			}
		}
		if jobs != m.Jobs || m.P50 > m.P99 || m.P99 > m.Max {
			t.Errorf("histogram of %d jobs; p50 %v, p99 %v, max %v", jobs, m.P50, m.P99, m.Max)
		}
	})
}

// A job whose parts are further from its wall time than 2 % is lost, and so is one that
// is known to be incomplete.
func TestIncompleteJobsAreLost(t *testing.T) {
	for _, test := range []struct {
		name      string
		onCPU     uint64
		bad, lost uint64
	}{
		{"exact", 1000, 0, 0}, {"2 % less", 980, 0, 0}, {"2 % more", 1020, 0, 0},
		{"less", 979, 0, 1}, {"more", 1021, 0, 1}, {"an event is missing", 1000, 1, 1},
	} {
		l := newLedger()
		l.slot(0, "vision/short")
		j := bpfJob{Asked: 500, Marked: 500, Replied: 1500, Bad: test.bad}
		j.Parts[OnCPU] = test.onCPU
		l.count(j, 1500)
		if l.lost != test.lost || l.totals[0].Jobs != 1-test.lost {
			t.Errorf("%s: %d lost, %d counted; want %d lost", test.name, l.lost, l.totals[0].Jobs, test.lost)
		}
	}
}

func TestSlots(t *testing.T) {
	l := newLedger()
	for i := range maxSlots {
		if n, ok := l.slot(0, "vision/"+strings.Repeat("x", i)); !ok || n != i {
			t.Errorf("slot %d: %d, %v", i, n, ok)
		}
	}
	if _, ok := l.slot(0, "one too many"); ok {
		t.Error("one slot too many")
	}
	if n, ok := l.slot(0, "vision/x"); !ok || n != 1 {
		t.Errorf("known name has slot %d, %v, want 1", n, ok)
	}
	if got := l.slots[0]; got.modality != "vision" || got.variant != "" {
		t.Errorf("slot of vision/ is %+v", got)
	}
}

func TestProbe(t *testing.T) {
	const format = `name: sched_waking
ID: 317
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;

	field:char comm[16];	offset:8;	size:16;	signed:0;
	field:pid_t pid;	offset:24;	size:4;	signed:1;
	field:int target_cpu;	offset:32;	size:4;	signed:1;
`
	tp := tracepoint{name: "sched/sched_waking", fields: map[string]field{"pid": {24, 4}}}
	for _, test := range []struct {
		name, text string
		missing    string // "": none
	}{
		{"as known", format, ""},
		{"moved", strings.Replace(format, "offset:24", "offset:28", 1), "known layout"},
		{"wider", strings.Replace(format, "offset:24;	size:4", "offset:24;	size:8", 1), "known layout"},
		{"without the field", strings.Replace(format, "pid_t pid", "pid_t tid", 1), "known layout"},
		{"without a number", strings.Replace(format, "ID: 317", "", 1), "tracepoint"},
		{"number is none", strings.Replace(format, "317", "x", 1), "tracepoint"},
		{"cut", format[:strings.Index(format, "offset:24")], "tracepoint"},
		{"offset is none", strings.Replace(format, "offset:24", "offset:x", 1), "tracepoint"},
		{"empty", "", "tracepoint"},
	} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, tp.name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, tp.name, "format"), []byte(test.text), 0o640); err != nil {
			t.Fatal(err)
		}
		id, fields, err := tp.probe(dir)
		if test.missing == "" {
			if err != nil || id != 317 || fields["comm"] != (field{8, 16}) || fields["target_cpu"].offset != 32 {
				t.Errorf("%s: %d, %v, %v", test.name, id, fields, err)
			}
			continue
		}
		got, ok := errors.AsType[*UnsupportedError](err)
		if !ok || !strings.Contains(got.Missing, test.missing) {
			t.Errorf("%s: %v, want an UnsupportedError of a missing %s", test.name, err, test.missing)
		}
	}
	if _, _, err := tp.probe(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the tracepoint: %v, want ErrNotExist", err)
	}
}

func TestNoTracefs(t *testing.T) {
	_, err := events([]string{t.TempDir(), t.TempDir()})
	got, ok := errors.AsType[*UnsupportedError](err)
	if !ok || !strings.Contains(got.Missing, "tracefs") || !strings.Contains(got.Takes, "mount") {
		t.Errorf("got %v, want an UnsupportedError that says to mount tracefs", err)
	}
}

func FuzzParseFormat(f *testing.F) {
	f.Add("ID: 1\n\tfield:pid_t pid;\toffset:24;\tsize:4;\tsigned:1;\n")
	f.Add("field:;;")
	f.Fuzz(func(t *testing.T, text string) {
		fields, id, err := parseFormat(text)
		if err == nil && (id <= 0 || fields == nil) {
			t.Errorf("ID %d, fields %v", id, fields)
		}
	})
}

func TestClock(t *testing.T) {
	c, err := newClock()
	if err != nil {
		t.Fatal(err)
	}
	var ts unix.Timespec
	before := time.Now()
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		t.Fatal(err)
	}
	after := time.Now()
	// The clock's own error, which is less than a microsecond on a quiet machine.
	const slack = uint64(time.Millisecond)
	if got := uint64(ts.Nano()); got+slack < c.mono(before) || got > c.mono(after)+slack {
		t.Errorf("%d is not from %d to %d", got, c.mono(before), c.mono(after))
	}
	if got := c.time(c.mono(before)); got.Sub(before).Abs() > 0 {
		t.Errorf("there and back: %v", got.Sub(before))
	}
}

// What can be read of a job while the kernel writes it is no job.
func TestAddsUp(t *testing.T) {
	ok := bpfJob{Asked: 1000, Ended: 2000, Parts: [NumParts]uint64{OnCPU: 900, Reply: 100}}
	for name, test := range map[string]struct {
		change func(*bpfJob)
		want   bool
	}{
		"whole":              {func(*bpfJob) {}, true},
		"2 % off":            {func(j *bpfJob) { j.Parts[OnCPU] += 20 }, true},
		"more than 2 % off":  {func(j *bpfJob) { j.Parts[OnCPU] += 21 }, false},
		"a part is missing":  {func(j *bpfJob) { j.Parts[Reply] = 0 }, false},
		"ends before it":     {func(j *bpfJob) { j.Ended = 999 }, false},
		"of negative length": {func(j *bpfJob) { j.Parts[Reply] = ^uint64(0) }, false},
		"sum wraps":          {func(j *bpfJob) { j.Parts[Reply] += 1 << 63; j.Parts[OnCPU] += 1 << 63 }, false},
		"an event missing":   {func(j *bpfJob) { j.Bad = 1 }, false},
	} {
		j := ok
		test.change(&j)
		if got := addsUp(&j); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// Whatever keeps eBPF away, callers find an UnsupportedError that says what to do.
func TestUnsupported(t *testing.T) {
	for want, err := range map[string]error{
		"CAP_BPF":             os.NewSyscallError("bpf", unix.EPERM),
		"raise RLIMIT_NOFILE": os.NewSyscallError("bpf", unix.EMFILE),
		"file-max":            os.NewSyscallError("bpf", unix.ENFILE),
		"a kernel with":       errors.New("anything"),
		"as it says":          &UnsupportedError{Missing: "it", Takes: "as it says"},
	} {
		got := typedError(err)
		if u, ok := errors.AsType[*UnsupportedError](got); !ok || !strings.Contains(u.Takes, want) || !errors.Is(got, err) {
			t.Errorf("%v: %v, want %q", err, got, want)
		}
		tr := open(Options{Logger: zerolog.Nop()}, func() (*kernel, error) { return nil, err })
		if _, ok := errors.AsType[*UnsupportedError](tr.Limited()); !ok {
			t.Errorf("%v: limited by %v", err, tr.Limited())
		}
		tr.Close()
	}
}
