package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"atoll/internal/goldentest"
	"atoll/trace"
	"atoll/trace/publish"
)

const us = time.Microsecond

// aRun is what a run on a small board may have seen in an hour.
func aRun() trace.Snapshot {
	began := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	s := trace.Snapshot{
		Source: trace.EBPF, Began: began, For: time.Hour + 2*time.Minute + 3*time.Second, Lost: 2,
		Models: []trace.Model{
			{
				Modality: "audio", Variant: "f32", Jobs: 116279, P50: 611 * us, P99: 940 * us, Max: 51_300 * us, Wall: 73_000 * 1000 * us,
				Parts:   trace.Parts{64e9, 3.2e9, 2.1e9, 1.5e9, 0.06e9, 0.4e9, 0.2e9, 1.54e9},
				Counts:  trace.Counts{MinorFaults: 211, Preemptions: 4021, Migrations: 312, HardIRQs: 51233, SoftIRQs: 20111},
				MeanKHz: 1_500_000, Helpers: trace.Helpers{OnCPU: 1e9, Waiting: 1e8},
				Histogram: []trace.Bucket{{From: 1 << 18, Jobs: 211}, {From: 1 << 19, Jobs: 114001}, {From: 1 << 20, Jobs: 2012}, {From: 1 << 21, Jobs: 40}, {From: 1 << 22, Jobs: 14}, {From: 1 << 25, Jobs: 1}},
			},
			{
				Modality: "text", Variant: "mood", Jobs: 3, P50: 98 * us, P99: 120 * us, Max: 120 * us, Wall: 311 * us,
				Parts:  trace.Parts{300e3, 5e3, 0, 0, 0, 2e3, 1e3, 3e3},
				Counts: trace.Counts{MinorFaults: 301, MajorFaults: 2}, MeanKHz: 1_500_000,
				Histogram: []trace.Bucket{{From: 1 << 16, Jobs: 3}},
			},
			{
				Modality: "vision", Variant: "full-sparse", Jobs: 18233, P50: 4870 * us, P99: 7912 * us, Max: 54_921 * us, Wall: 93 * 1000 * 1000 * us,
				Parts:   trace.Parts{82.1e9, 3.3e9, 4.2e9, 1.9e9, 0.05e9, 0.7e9, 0.3e9, 0.45e9},
				Counts:  trace.Counts{MinorFaults: 41021, MajorFaults: 12, Preemptions: 9021, Migrations: 2100, HardIRQs: 81233, SoftIRQs: 40111},
				MeanKHz: 1_433_000, Helpers: trace.Helpers{OnCPU: 70e9, Waiting: 2e9},
				Histogram: []trace.Bucket{{From: 1 << 21, Jobs: 31}, {From: 1 << 22, Jobs: 18001}, {From: 1 << 23, Jobs: 190}, {From: 1 << 24, Jobs: 9}, {From: 1 << 25, Jobs: 2}},
			},
		},
		Preemptors: []trace.Holder{
			{Task: "kworker/1:2", PID: 812, Time: 3_210 * 1000 * us, Jobs: 5120}, {Task: "python3", PID: 1203, Time: 1_022_300 * us, Jobs: 410},
			{Task: "evil\x1b[2J name", PID: 4194304, Time: 3100 * us, Jobs: 4}, {Task: "ksoftirqd/0", PID: 14, Time: 31 * us, Jobs: 1},
		},
	}
	j := func(m int, wall, since time.Duration, change func(*trace.Job)) {
		of := &s.Models[m]
		job := trace.Job{
			Modality: of.Modality, Variant: of.Variant, At: began.Add(since), Wall: wall, MinKHz: 1_500_000,
			Parts: trace.Parts{trace.OnCPU: 4600 * us, trace.RunQueue: 110 * us, trace.HardIRQ: 20 * us, trace.SoftIRQ: 3 * us, trace.Reply: 21 * us},
		}
		change(&job)
		job.Parts[trace.OnCPU] += job.Wall - job.Parts.Sum()
		job.Reason = trace.Explain(job, *of)
		s.Slowest = append(s.Slowest, job)
	}
	j(2, 54_921*us, 122345*1000*us, func(j *trace.Job) {
		j.Parts[trace.Stopped], j.MinorFaults, j.Migrations = 50_112*us, 3, 1
		j.Helpers = trace.Helpers{OnCPU: 4022 * us, Waiting: 70 * us}
	})
	j(0, 51_300*us, 130*time.Second, func(j *trace.Job) {
		j.Parts[trace.Preempted], j.Preemptions = 46_000*us, 7
		j.Holders = []trace.Holder{{Task: "python3", PID: 1203, Time: 40_100 * us}, {Task: "kworker/1:2", PID: 812, Time: 5100 * us}, {Task: "evil\x1b[2J name", PID: 4194304, Time: 300 * us}}
	})
	j(2, 31_004*us, 12*time.Minute, func(j *trace.Job) {
		j.Parts[trace.Blocked], j.MajorFaults, j.MinorFaults = 26_001*us, 12, 8
	})
	j(2, 9_140*us, 13*time.Minute, func(j *trace.Job) { j.MinorFaults = 2048 })
	j(2, 12_800*us, 61*time.Minute, func(j *trace.Job) { j.MinKHz, j.FreqChanges = 600_000, 1 })
	return s
}

// limited is the same as far as /proc tells.
func limited() trace.Snapshot {
	s := aRun()
	s.Source, s.Limited = trace.SchedStat, "eBPF needs CAP_BPF and CAP_PERFMON: run as root, or give the service AmbientCapabilities=CAP_BPF CAP_PERFMON"
	s.Preemptors, s.Lost = []trace.Holder{}, 0
	coarse := func(p *trace.Parts) {
		p[trace.RunQueue] += p[trace.Preempted]
		p[trace.Blocked] += p[trace.Stopped]
		p[trace.OnCPU] += p[trace.HardIRQ] + p[trace.SoftIRQ]
		p[trace.Preempted], p[trace.Stopped], p[trace.HardIRQ], p[trace.SoftIRQ] = 0, 0, 0, 0
	}
	for i := range s.Models {
		m := &s.Models[i]
		coarse(&m.Parts)
		m.Counts = trace.Counts{MinorFaults: m.MinorFaults, MajorFaults: m.MajorFaults}
		m.MeanKHz, m.Helpers = 0, trace.Helpers{}
	}
	for i := range s.Slowest {
		j := &s.Slowest[i]
		coarse(&j.Parts)
		j.Counts = trace.Counts{MinorFaults: j.MinorFaults, MajorFaults: j.MajorFaults}
		j.MinKHz, j.Helpers, j.Holders = 0, trace.Helpers{}, []trace.Holder{}
		for k := range s.Models {
			if s.Models[k].Modality == j.Modality {
				j.Reason = trace.Explain(*j, s.Models[k])
			}
		}
	}
	return s
}

// quiet is a run before its first inference.
func quiet() trace.Snapshot {
	return trace.Snapshot{Source: trace.EBPF, Began: aRun().Began, For: 1500 * time.Millisecond, Models: []trace.Model{}, Preemptors: []trace.Holder{}, Slowest: []trace.Job{}}
}

func TestTraceText(t *testing.T) {
	one, many := aRun(), aRun()
	one.Models = one.Models[2:]
	many.Models = slices.Concat(many.Models, many.Models[:2])
	for file, text := range map[string]string{
		"trace.txt":         traceText(aRun(), sinceBegin),
		"trace_limited.txt": traceText(limited(), sinceBegin),
		"trace_one.txt":     traceText(one, sinceAsked),
		"trace_many.txt":    traceText(many, sinceAsked),
		"trace_quiet.txt":   traceText(quiet(), sinceAsked),
		"last.txt":          slowestText(finished{aRun(), false}),
		"last_limited.txt":  slowestText(finished{limited(), true}),
		"last_quiet.txt":    slowestText(finished{quiet(), true}),
	} {
		checkShape(t, file, text)
		goldentest.Check(t, file, []byte(text))
	}
}

// checkShape holds text to what a terminal takes.
func checkShape(t interface{ Errorf(string, ...any) }, what, text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if n := utf8.RuneCountInString(line); n > 80 {
			t.Errorf("%s: a line of %d columns, want at most 80: %q", what, n, line)
		}
		if strings.TrimRight(line, " ") != line || strings.ContainsRune(line, '\x1b') || strings.Contains(line, "%!") {
			t.Errorf("%s: %q", what, line)
		}
	}
}

// Numbers from another process may be anything.
func TestTraceTextNeverPanics(t *testing.T) {
	anything := rapid.Make[trace.Snapshot]()
	rapid.Check(t, func(t *rapid.T) {
		s := anything.Draw(t, "snapshot")
		if traceText(s, sinceBegin) == "" || slowestText(finished{s, true}) == "" {
			t.Error("nothing is told")
		}
	})
}

func TestBar(t *testing.T) {
	for _, tt := range []struct {
		n, most uint64
		want    string
	}{
		{0, 0, "    "}, {0, 9, "    "}, {1, 1000, "▏   "}, {1, 32, "▏   "}, {7, 32, "▉   "}, {8, 32, "█   "}, {31, 32, "███▉"}, {9, 9, "████"},
	} {
		if got := bar(tt.n, tt.most, 4); got != tt.want {
			t.Errorf("bar(%d of %d) = %q, want %q", tt.n, tt.most, got, tt.want)
		}
	}
}

func TestDigits3(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", 0.0004: "0.000", 0.131: "0.131", 0.9994: "0.999", 0.9996: "1.00", 4.194: "4.19", 9.996: "10.0", 67.1: "67.1", 99.96: "100", 54921: "54921", 1e7: "1.0e+07",
	} {
		if got := digits3(x); got != want {
			t.Errorf("digits3(%v) = %s, want %s", x, got, want)
		}
	}
}

// A picture is drawn over the one before, never higher than the terminal.
func TestView(t *testing.T) {
	var b bytes.Buffer
	width, height, err := 5, 4, error(nil)
	v := view{w: &b, size: func() (int, int, error) { return width, height, err }}
	said := func(want string) {
		t.Helper()
		if got := b.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		b.Reset()
	}
	v.draw("a\nb\n")
	said("a\nb\n")
	v.draw("c\n▏234567\ne\nf\n")
	said("\x1b[2A\r\x1b[Jc\n▏2345\n… mor\n")
	err = errors.New("not a terminal")
	v.draw("g\n")
	said("\x1b[3A\r\x1b[Jg\n")
	v.finish("h\ni\nj\nk\nl\n")
	said("\x1b[1A\r\x1b[Jh\ni\nj\nk\nl\n")
}

// atoll runs a command line and returns what it said.
func atoll(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = Main(args, nil, &out, &errs)
	return status, out.String(), errs.String()
}

func TestTraceOfARun(t *testing.T) {
	state := t.TempDir()
	var seen atomic.Pointer[trace.Snapshot]
	first := aRun()
	seen.Store(&first)
	server, err := publish.Serve(state, func() (trace.Snapshot, error) { return *seen.Load(), nil }, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	if status, got, errs := atoll("trace", "--state", state); status != exitOK || got != traceText(aRun(), sinceBegin) {
		t.Errorf("status %d, %s, got\n%s", status, errs, got)
	}
	if status, got, errs := atoll("trace", "last", "--state", state); status != exitOK || got != slowestText(finished{aRun(), false}) {
		t.Errorf("status %d, %s, got\n%s", status, errs, got)
	}
	for _, args := range [][]string{{"trace"}, {"trace", "last"}} {
		status, text, errs := atoll(append(args, "--json", "--state", state)...)
		var got trace.Snapshot
		if err := json.Unmarshal([]byte(text), &got); status != exitOK || err != nil || strings.Count(text, "\n") != 1 || strings.Contains(text, "ended") {
			t.Errorf("%v: status %d, %s, %v: %s", args, status, errs, err, text)
		}
		if want := aRun(); !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got %+v, want %+v", args, got, want)
		}
	}

	// Nothing happens for a moment; then the run ends while it is watched.
	status, got, errs := atoll("trace", "--duration", "1ms", "--state", state)
	if want := "\nno inference yet\n"; status != exitOK || !strings.HasSuffix(got, want) {
		t.Errorf("status %d, %s, got %q, want %q at its end", status, errs, got, want)
	}
	end := aRun()
	end.For += time.Minute
	end.Models[1].Jobs += 7
	seen.Store(&end)
	if err := errors.Join(publish.Save(state, end), server.Close()); err != nil {
		t.Fatal(err)
	}
	f := traceFlags{globals: &globals{state: state}}
	if s, ended, err := f.latest(first); err != nil || !ended || s.Since(first).Models[0].Jobs != 7 {
		t.Errorf("got %+v, %v, %v", s.Since(first), ended, err)
	}
	other := first
	other.Began = other.Began.Add(-time.Hour)
	if _, _, err := f.latest(other); !errors.Is(err, publish.ErrNoRun) {
		t.Errorf("the file of another run: %v, want %v", err, publish.ErrNoRun)
	}

	// What it has seen stays.
	if status, got, errs := atoll("trace", "last", "--state", state); status != exitOK || !strings.Contains(got, "; it ended after 1h3m3s\n") {
		t.Errorf("status %d, %s, got\n%s", status, errs, got)
	}
	if status, got, errs := atoll("trace", "last", "--json", "--state", state); status != exitOK || !strings.HasSuffix(got, `,"ended":true}`+"\n") {
		t.Errorf("status %d, %s, got\n%s", status, errs, got)
	}
	status, got, errs = atoll("trace", "--state", state)
	if want := fmt.Sprintf("atoll: no run is serving traces in %s: start atoll run --state %s, or name its folder with --state; for the run of 2026-05-01 12:00:00, which has ended: atoll trace last --state %s\n", state, state, state); status != exitFailure || got != "" || errs != want {
		t.Errorf("status %d, %q, %q, want %q", status, got, errs, want)
	}
}

func TestTraceRefuses(t *testing.T) {
	empty, damaged := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "trace-last.json"), []byte("{"), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   string
		status int
		want   string
	}{
		{"trace extra", exitUsage, `atoll trace has no command "extra"`},
		{"trace last extra", exitUsage, "atoll trace last takes no arguments: \"extra\" is one\ntry: atoll trace last --help"},
		{"trace --duration 0", exitUsage, "must be more than 0"},
		{"trace --duration -1s", exitUsage, "must be more than 0"},
		{"trace --duration soon", exitUsage, "--duration soon: must be a time such as 90s or 5m"},
		{"trace last --duration 1s", exitUsage, "unknown flag"},
		{"trace --state=", exitUsage, "give --state DIR"},
		{"trace last --state=", exitUsage, "give --state DIR"},
		{"trace --state " + empty, exitFailure, "no run is serving traces in " + empty},
		{"trace --json --state " + empty, exitFailure, "no run is serving traces in " + empty},
		{"trace last --state " + empty, exitFailure, "no run is serving traces in " + empty},
		{"trace last --state " + damaged, exitFailure, "trace-last.json: unexpected EOF"},
		{"trace --state " + strings.Repeat("x", 100), exitFailure, "give a shorter --state"},
	} {
		status, stdout, stderr := atoll(strings.Fields(tt.args)...)
		if status != tt.status || !strings.Contains(stderr, tt.want) || stdout != "" {
			t.Errorf("atoll %s: status %d, %q, %q, want %d and %q", tt.args, status, stdout, stderr, tt.status, tt.want)
		}
	}
}
