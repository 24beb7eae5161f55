package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawTrace draws any trace that can be written, sorted and all.
func drawTrace(t *rapid.T) Trace {
	moment := func(name string, lo, hi time.Duration) time.Duration {
		return time.Duration(rapid.Int64Range(int64(lo), int64(hi)).Draw(t, name))
	}
	h := Header{
		Workers: rapid.IntRange(1, maxWorkers).Draw(t, "workers"),
		Work:    rapid.Float64Range(0.01, 1).Draw(t, "work"),
		For:     moment("for", time.Second, longest),
		Events:  []Event{},
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "sources") {
		h.Sources = append(h.Sources, Source{
			Name:   fmt.Sprintf("%s%d", rapid.StringMatching(`[a-z"äλ<]{0,5}`).Draw(t, "name"), i),
			Kind:   rapid.SampledFrom([]Kind{Picture, Sound, Text}).Draw(t, "kind"),
			Worker: rapid.IntRange(0, h.Workers-1).Draw(t, "worker"),
			Period: moment("period", 0, longest), Weight: rapid.Float64Range(0, maxWeight).Draw(t, "weight"),
			Deadline: moment("deadline", 1, longest), StaleAfter: moment("stale", leastStale, longest),
			Seen: rapid.Float64Range(1e-9, 1).Draw(t, "seen"), Service: []time.Duration{moment("service", 1, longest)},
		})
	}
	last := time.Duration(0)
	for range rapid.IntRange(0, 5).Draw(t, "events") {
		last = moment("start", last, h.For)
		h.Events = append(h.Events, Event{last, moment("end", last, h.For), []int{rapid.IntRange(0, len(h.Sources)-1).Draw(t, "of")}})
	}
	trace := Trace{Header: h}
	last = 0
	for range rapid.IntRange(1, 10).Draw(t, "arrivals") {
		last = moment("at", last, h.For-1)
		i := rapid.IntRange(0, len(h.Sources)-1).Draw(t, "source")
		n, _ := h.Sources[i].Kind.features()
		a := Arrival{At: last, Source: i}
		if n > 0 {
			a.Features = rapid.SliceOfN(rapid.Uint8(), n, n).Draw(t, "features")
		}
		trace.Arrivals = append(trace.Arrivals, a)
	}
	return trace
}

func TestTraceFilesKeepAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawTrace(t)
		var file bytes.Buffer
		if err := WriteTrace(&file, want); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadTrace(&file); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v\nwant %+v", got, err, want)
		}
	})
}

const (
	textHeader = `{"trace":1,"workers":1,"work":0.5,"for_ns":1000000000,"sources":[{"name":"chat","kind":"text","weight":1,"deadline_ns":1000,"stale_after_ns":1000000,"seen":1,"service_ns":[10,20]}],"events":[{"start_ns":5,"end_ns":9,"sources":[0]}]}`
	textLine   = `{"at_ns":7,"source":0}`
)

func TestReadTrace(t *testing.T) {
	for name, file := range map[string]string{
		"plain":                    textHeader + "\n" + textLine + "\n",
		"without the last newline": textHeader + "\n" + textLine,
		"with spaces":              textHeader + " \r\n  " + textLine + " \r\n",
	} {
		got, err := ReadTrace(strings.NewReader(file))
		if err != nil || got.For != time.Second || got.Work != 0.5 || len(got.Events) != 1 || len(got.Arrivals) != 1 || got.Arrivals[0].At != 7 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// A recording that was cut short ends with its last input.
func TestReadTraceWithoutLength(t *testing.T) {
	header := strings.NewReplacer(`"for_ns":1000000000`, `"for_ns":0`, `"work":0.5,`, "",
		`"events":[`, `"events":[{"start_ns":1,"end_ns":100,"sources":[0]},`, `"start_ns":5`, `"start_ns":8`).Replace(textHeader)
	got, err := ReadTrace(strings.NewReader(header + "\n" + textLine))
	if err != nil {
		t.Fatal(err)
	}
	if got.For != 8 || got.Work != 1 {
		t.Errorf("for %d, work %v; want 8, 1", got.For, got.Work)
	}
	if want := []Event{{1, 8, []int{0}}}; !reflect.DeepEqual(got.Events, want) {
		t.Errorf("events %v, want %v", got.Events, want)
	}
}

func TestReadTraceRefuses(t *testing.T) {
	header := func(old, new string) string {
		changed := strings.Replace(textHeader, old, new, 1)
		if changed == textHeader {
			t.Fatalf("%q is not there to be replaced", old)
		}
		return changed + "\n" + textLine
	}
	line := func(lines ...string) string { return textHeader + "\n" + strings.Join(lines, "\n") }
	for _, tt := range []struct{ file, want string }{
		{"", "nothing arrives"},
		{textHeader, "nothing arrives"},
		{"hello", "line 1: no line of a trace"},
		{"{}", `line 1: no trace of this version: the first line must begin with {"trace":1`},
		{header(`"trace":1`, `"trace":2`), "line 1: no trace of this version"},
		{header(`"workers":1`, `"workers":0`), "line 1: workers 0"},
		{header(`"workers":1`, `"workers":9`), "line 1: workers 9"},
		{header(`"workers":1`, `"workers":1,"colour":"red"`), `unknown field "colour"`},
		{header(`"work":0.5`, `"work":NaN`), "line 1: no line of a trace"},
		{header(`"work":0.5`, `"work":0`), "line 1: work 0"},
		{header(`"for_ns":1000000000`, `"for_ns":-1`), "line 1: for_ns -1"},
		{header(`"for_ns":1000000000`, `"for_ns":99000000000000`), "line 1: for_ns"},
		{header(`"name":"chat"`, `"name":""`), "source 0: name"},
		{header(`"name":"chat"`, `"name":"\u001b[2J"`), "source 0: name"},
		{header(`"name":"chat"`, `"name":"`+strings.Repeat("a", maxName+1)+`"`), "source 0: name"},
		{header(`"kind":"text"`, `"kind":"smell"`), `kind "smell": there are picture, sound, text`},
		{header(`"kind":"text"`, `"kind":"text","worker":1`), "worker 1 of 1"},
		{header(`"kind":"text"`, `"kind":"text","period_ns":-5`), "period_ns -5"},
		{header(`"weight":1`, `"weight":-1`), "weight -1"},
		{header(`"weight":1`, `"weight":1e400`), "line 1: no line of a trace"},
		{header(`"deadline_ns":1000`, `"deadline_ns":0`), "deadline_ns 0"},
		{header(`"stale_after_ns":1000000`, `"stale_after_ns":99000000000000`), "stale_after_ns 99000000000000"},
		{header(`"stale_after_ns":1000000`, `"stale_after_ns":999999`), "stale_after_ns 999999: from 1000000"},
		{header(`"seen":1`, `"seen":1.5`), "seen 1.5"},
		{header(`[10,20]`, `[]`), "0 of service_ns"},
		{header(`[10,20]`, `[20,10]`), "service_ns: above 0"},
		{header(`[10,20]`, `[0,10]`), "service_ns: above 0"},
		{header(`[10,20]`, `[1`+strings.Repeat(",1", maxQuantiles)+`]`), "1002 of service_ns"},
		{header(`"sources":[{`, `"sources":[{"name":"chat","kind":"text","weight":1,"deadline_ns":1,"stale_after_ns":1000000,"seen":1,"service_ns":[1]},{`), "source 1: another is named chat"},
		{header(`"end_ns":9`, `"end_ns":4`), "event 0: from 5 to 4"},
		{header(`"end_ns":9`, `"end_ns":1000000001`), "event 0: from 5 to 1000000001"},
		{header(`"sources":[0]}`, `"sources":[1]}`), "event 0: source 1 of 1"},
		{header(`"sources":[0]}`, `"sources":[]}`), "event 0: no sources"},
		{header(`"sources":[0]}`, `"sources":[0,0]}`), "event 0: source 0 twice"},
		{header(`"sources":[0]}`, `"sources":[0]},{"start_ns":4,"end_ns":9,"sources":[0]}`), "event 1: starts before"},
		{header(`"events":[`, `"events":[`+strings.Repeat(`{"start_ns":5,"end_ns":9,"sources":[0]},`, maxEvents)), "10001 events"},
		{line("", textLine), "line 2: no line of a trace"},
		{line(textLine, textLine+textLine), "line 3: no line of a trace"},
		{line(textLine, `{"at_ns":6,"source":0}`), "line 3: at_ns 6: the one before came at 7"},
		{line(`{"at_ns":-1,"source":0}`), "line 2: at_ns -1"},
		{line(`{"at_ns":1000000000,"source":0}`), "line 2: at_ns 1000000000: the trace ends"},
		{line(`{"at_ns":1,"source":1}`), "line 2: source 1 of 1"},
		{line(`{"at_ns":1,"source":-1}`), "line 2: source -1 of 1"},
		{line(`{"at_ns":1,"source":0.5}`), "line 2: no line of a trace"},
		{line(`{"at_ns":1,"source":0,"features":"AAAA"}`), "line 2: 3 features of chat, a text: it has 0"},
		{line(`{"at_ns":1,"source":0,"features":"!"}`), "line 2: no line of a trace"},
		{line(`{"at_ns":1,"sou`), "line 2: no line of a trace"},
		{line(textLine, strings.Repeat(" ", maxLine+1)), "line 3: longer than 1048576 bytes"},
	} {
		if _, err := ReadTrace(strings.NewReader(tt.file)); err == nil || !strings.HasPrefix(err.Error(), "trace") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.300q: %v, want %q in it", tt.file, err, tt.want)
		}
	}
	gone := errors.New("gone")
	if _, err := ReadTrace(io.MultiReader(strings.NewReader(textHeader+"\n"), failing{gone})); !errors.Is(err, gone) || !strings.Contains(err.Error(), "after line 1") {
		t.Errorf("of a reader that fails: %v", err)
	}
}

// failing fails every read and write.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestTraceWriterRefuses(t *testing.T) {
	trace, err := ReadTrace(strings.NewReader(textHeader + "\n" + textLine))
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("gone")
	if err := WriteTrace(failing{gone}, trace); !errors.Is(err, gone) {
		t.Errorf("to a writer that fails: %v", err)
	}
	wrong := trace.Header
	wrong.Work = math.NaN()
	if _, err := NewTraceWriter(io.Discard, wrong); err == nil || !strings.Contains(err.Error(), "work NaN") {
		t.Errorf("of a wrong header: %v", err)
	}
	var file bytes.Buffer
	w, err := NewTraceWriter(&file, trace.Header)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []Arrival{{At: 3, Source: 1}, {At: 3, Features: []uint8{1}}, {At: -1}, {At: time.Second}} {
		if err := w.Arrival(a); err == nil {
			t.Errorf("%+v: no error", a)
		}
	}
	if err := errors.Join(w.Arrival(Arrival{At: 7}), w.Flush()); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadTrace(&file); err != nil || !reflect.DeepEqual(got, trace) {
		t.Errorf("after what was refused: %+v, %v; want %+v", got, err, trace)
	}
}

func TestArrivalAllocatesNothing(t *testing.T) {
	trace := Generate(smallScenario(t), 1)
	w, err := NewTraceWriter(io.Discard, trace.Header)
	if err != nil {
		t.Fatal(err)
	}
	k := 0
	if got := testing.AllocsPerRun(1000, func() {
		if err := w.Arrival(trace.Arrivals[k]); err != nil {
			t.Fatal(err)
		}
		k++
	}); got != 0 {
		t.Errorf("%v allocations an arrival", got)
	}
}

func FuzzReadTrace(f *testing.F) {
	f.Add([]byte(textHeader + "\n" + textLine + "\n"))
	f.Add([]byte(textHeader + "\n" + textLine + "\n{}"))
	f.Add([]byte(strings.Replace(textHeader, `"kind":"text"`, `"kind":"sound"`, 1) + "\n" + `{"at_ns":1,"source":0,"features":"AAECAwQFBgc="}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := ReadTrace(bytes.NewReader(data))
		if err != nil {
			return
		}
		var file bytes.Buffer
		if err := WriteTrace(&file, first); err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
		if again, err := ReadTrace(&file); err != nil || len(again.Arrivals) != len(first.Arrivals) {
			t.Fatalf("what was written can't be read: %v", err)
		}
	})
}
