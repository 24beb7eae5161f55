package sim

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// heated is a trace of n points that warms up to its set point and stays there,
// under a sensor fault in its last tenth.
func heated(policy string, n int) Trace {
	t := Trace{Policy: policy, SetPoint: 70}
	for i := range n {
		warm := 1 - math.Exp(-8*float64(i)/float64(n))
		t.Points = append(t.Points, Point{
			At: time.Duration(i) * Interval, Die: 20 + 50*warm, Ambient: 20 + 3*math.Sin(float64(i)/500),
			Share: 1 - 0.6*warm, Possible: 1 - 0.58*warm, Fault: i > n*9/10,
		})
	}
	return t
}

func TestChartIsWellFormed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		title  string
		traces []Trace
	}{
		{"long", "Plant 7", []Trace{heated("predictive", 21000), heated("step_wise", 21000)}},
		{"short", "Plant 7", []Trace{heated("predictive", 2)}},
		{"hostile names", "a <b> & \"c\" \x00 \xff", []Trace{heated("</svg><script>", 50)}},
		{"more policies than colours", "many", slices.Repeat([]Trace{heated("x", 20)}, 9)},
		{"different lengths", "ends", []Trace{heated("predictive", 30), heated("step_wise", 300)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Chart(&b, tt.title, tt.traces); err != nil {
				t.Fatal(err)
			}
			counts := parse(t, b.String())
			if got, want := counts["svg"], 1; got != want {
				t.Errorf("%d elements svg, want %d", got, want)
			}
			if counts["title"] != 1 || counts["desc"] != 1 {
				t.Errorf("%d titles and %d descriptions, want 1 of each", counts["title"], counts["desc"])
			}
			if counts["script"]+counts["image"]+counts["use"] > 0 || strings.Contains(b.String(), "url(http") {
				t.Error("the picture needs more than itself")
			}
		})
	}
}

// parse reads a whole document and counts its elements. It fails on a number that
// is none and on a line of too many points.
func parse(t *testing.T, svg string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return counts
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		counts[e.Name.Local]++
		for _, a := range e.Attr {
			if a.Name.Local != "points" {
				continue
			}
			points := strings.Fields(a.Value)
			if len(points) > maxChartPoints {
				t.Errorf("a line of %d points, want at most %d", len(points), maxChartPoints)
			}
			for _, p := range points {
				x, y, _ := strings.Cut(p, ",")
				if _, err := strconv.ParseFloat(x, 64); err != nil {
					t.Errorf("point %q: %v", p, err)
				}
				if _, err := strconv.ParseFloat(y, 64); err != nil || strings.Contains(y, "NaN") {
					t.Errorf("point %q is no number", p)
				}
			}
		}
	}
}

func TestChartShows(t *testing.T) {
	var b bytes.Buffer
	if err := Chart(&b, "Plant 7 of seed 1", []Trace{heated("predictive", 600), heated("bang_bang", 600)}); err != nil {
		t.Fatal(err)
	}
	svg := b.String()
	for _, want := range []string{
		">Plant 7 of seed 1</title>", "predictive: hottest 70 °C.", ">bang_bang</text>", ">set point 70</text>", ">alert 75</text>",
		">shutdown 85</text>", ">sensor fault</text>", `class="ambient"`, `class="possible"`, `class="p1"`, ">10 s</text>", "prefers-color-scheme:dark",
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
	calm := heated("predictive", 600)
	for i := range calm.Points {
		calm.Points[i].Fault = false
	}
	b.Reset()
	if err := Chart(&b, "calm", []Trace{calm}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "sensor fault") {
		t.Error("a run without faults shows some")
	}
}

func TestChartRefuses(t *testing.T) {
	odd := func(change func(*Trace)) []Trace {
		traces := []Trace{heated("predictive", 50), heated("step_wise", 50)}
		change(&traces[1])
		return traces
	}
	for _, tt := range []struct {
		name   string
		traces []Trace
		want   string
	}{
		{"nothing", nil, "no trace"},
		{"no points", odd(func(t *Trace) { t.Points = nil }), "step_wise has 0 points"},
		{"one point", odd(func(t *Trace) { t.Points = t.Points[:1] }), "step_wise has 1 points"},
		{"no number", odd(func(t *Trace) { t.Points[30].Die = math.NaN() }), "step_wise has NaN at 3s"},
		{"infinite", odd(func(t *Trace) { t.Points[30].Possible = math.Inf(-1) }), "step_wise has -Inf at 3s"},
		{"no set point", odd(func(t *Trace) { t.SetPoint = math.NaN() }), "NaN"},
		{"back in time", odd(func(t *Trace) { t.Points[30].At = t.Points[29].At }), "back in time at 2.9s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			err := Chart(&b, "x", tt.traces)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if b.Len() > 0 {
				t.Errorf("%d bytes were written", b.Len())
			}
		})
	}
}

// full fails as a disk does after so many bytes.
type full int

var errFull = errors.New("no space left")

func (f *full) Write(b []byte) (int, error) {
	if *f -= full(len(b)); *f < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestChartReportsFailedWrites(t *testing.T) {
	for _, room := range []full{0, 5000} {
		if err := Chart(&room, "x", []Trace{heated("predictive", 2000)}); !errors.Is(err, errFull) {
			t.Errorf("error %v, want %v", err, errFull)
		}
	}
}

func TestThinKeepsSpikes(t *testing.T) {
	points := make([]Point, 50000)
	for i := range points {
		points[i] = Point{At: time.Duration(i), Die: 70}
	}
	points[12345].Die, points[12346].Die, points[40000].Die = 90, 50, 99
	points[0].Die, points[len(points)-1].Die = 1, 2
	got := thin(points, func(p Point) float64 { return p.Die })
	if len(got) > maxChartPoints {
		t.Errorf("%d points, want at most %d", len(got), maxChartPoints)
	}
	for _, i := range []int{0, 12345, 12346, 40000, len(points) - 1} {
		if !slices.Contains(got, points[i]) {
			t.Errorf("point %d with %v is lost", i, points[i].Die)
		}
	}
	if !slices.IsSortedFunc(got, func(a, b Point) int { return int(a.At - b.At) }) {
		t.Error("the points are out of order")
	}
	short := points[:maxChartPoints]
	if got := thin(short, func(p Point) float64 { return p.Die }); len(got) != len(short) {
		t.Errorf("%d of %d points are left where all fit", len(got), len(short))
	}
}

func TestTicks(t *testing.T) {
	for _, tt := range []struct {
		lo, hi float64
		step   float64
		want   string
	}{
		{-21.5, 88, scaleStep(109.5, 7), "[-20 0 20 40 60 80]"},
		{64, 78, scaleStep(14, 7), "[64 66 68 70 72 74 76 78]"},
		{-0.03, 1.03, scaleStep(1.06, 1), "[0]"},
		{-0.03, 1.03, scaleStep(1.06, 2), "[0 1]"},
		{0, 2100, timeStep(2100, 8), "[0 300 600 900 1200 1500 1800 2100]"},
		{0, 3, timeStep(3, 8), "[0 1 2 3]"},
		{0, 0.3, timeStep(0.3, 8), "[0]"},
		{0, 30 * 86400, timeStep(30*86400, 8), "[0 432000 864000 1296000 1728000 2160000 2592000]"},
	} {
		if got := fmt.Sprint(collect(tt.lo, tt.hi, tt.step)); got != tt.want {
			t.Errorf("ticks from %v to %v: %s, want %s", tt.lo, tt.hi, got, tt.want)
		}
	}
}

func collect(lo, hi, step float64) (list []int) {
	for v := range ticks(lo, hi, step) {
		list = append(list, int(v))
	}
	return list
}

func TestLabels(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0", 10: "10 s", 90: "90 s", 300: "5 min", 3600: "1 h", 0.5: "0.5 s"} {
		if got := timeLabel(seconds); got != want {
			t.Errorf("%v s: %q, want %q", seconds, got, want)
		}
	}
	for v, want := range map[float64]string{-0.01: "0", 70: "70", 69.96: "70", 12.34: "12.3", -20: "-20"} {
		if got := number(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}
