package sim

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// Temperatures that every chart shows beside the set point, in °C.
const (
	chartAlert    = 75
	chartShutdown = 85
)

// Where things are in a chart, in user units.
const (
	chartWidth  = 960
	chartLeft   = 64
	chartRight  = chartWidth - 124 // right of it are the names of lines
	allTop      = 84
	allHeight   = 150
	nearTop     = allTop + allHeight + 34
	nearHeight  = 210
	sharesTop   = nearTop + nearHeight + 40
	shareHeight = 46
	shareStep   = shareHeight + 14
	lineSpace   = 13 // between lines of text
)

// maxChartPoints bounds the points of one line. There are fewer units to draw on.
const maxChartPoints = 1500

// lineColours is how many colours the style sheet has for policies.
const lineColours = 6

// chartStyle draws in the light and in the dark, with whatever font is there.
const chartStyle = `<style>
text{font:12px system-ui,"Segoe UI","DejaVu Sans",sans-serif;fill:#24292f}
.title{font-size:17px;font-weight:600}.quiet{fill:#57606a}.end{text-anchor:end}.mid{text-anchor:middle}
.back{fill:#ffffff}.frame{fill:none;stroke:#afb8c1}.grid{stroke:#eaeef2}.fault{fill:#fbe3b5}
polyline{fill:none;stroke-width:1.3;stroke-linejoin:round}
.limit{stroke-width:1.1;stroke-dasharray:6 4}.set{stroke:#57606a}.alert{stroke:#bf8700}.shutdown{stroke:#cf222e}
.ambient{stroke:#a8b1ba}.possible{stroke:#24292f;stroke-dasharray:3 3}
.p0{stroke:#0a58ca}.p1{stroke:#c4570a}.p2{stroke:#0f7b5f}.p3{stroke:#b0307a}.p4{stroke:#6f42c1}.p5{stroke:#7a6a00}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.quiet{fill:#9ea7b3}
.back{fill:#0d1117}.frame{stroke:#57606a}.grid{stroke:#21262d}.fault{fill:#47360f}
.set{stroke:#9ea7b3}.alert{stroke:#e3b341}.shutdown{stroke:#ff7b72}
.ambient{stroke:#4d5661}.possible{stroke:#ffffff}
.p0{stroke:#6cb0ff}.p1{stroke:#ffa557}.p2{stroke:#4fd6a9}.p3{stroke:#ff8ac6}.p4{stroke:#bfa1ff}.p5{stroke:#e0cf55}
}
</style>
`

// Chart writes an SVG picture of one plant under several policies: temperature over
// time, all of it and close to the set point, and below that for each policy the
// share of power it allowed beside what was possible. Times in which the sensor was
// tampered with are shaded. The traces are of one plant, the first one lies on top;
// ambient, faults and what was possible are taken from it.
//
// Lines are thinned to what can be seen, keeping every extreme. The picture needs no
// script, font or other file. It fails before it writes anything if there is nothing
// to draw or a trace holds what is no number, else when w fails.
func Chart(w io.Writer, title string, traces []Trace) error {
	if err := checkTraces(traces); err != nil {
		return fmt.Errorf("chart: %w", err)
	}
	c := newChart(w, traces)
	c.head(title)
	c.temperatures()
	c.shares()
	fmt.Fprintln(c.w, "</svg>")
	if err := c.w.Flush(); err != nil {
		return fmt.Errorf("chart: %w", err)
	}
	return nil
}

func checkTraces(traces []Trace) error {
	if len(traces) == 0 {
		return errors.New("no trace to draw")
	}
	for _, t := range traces {
		if len(t.Points) < 2 {
			return fmt.Errorf("the trace of %s has %d points, it takes two", t.Policy, len(t.Points))
		}
		for i, p := range t.Points {
			for _, v := range [...]float64{t.SetPoint, p.Die, p.Ambient, p.Share, p.Possible} {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					return fmt.Errorf("the trace of %s has %v at %v", t.Policy, v, p.At)
				}
			}
			if i > 0 && p.At <= t.Points[i-1].At {
				return fmt.Errorf("the trace of %s goes back in time at %v", t.Policy, p.At)
			}
		}
	}
	return nil
}

// chart is a picture being written. Errors of w show when it is flushed.
type chart struct {
	w         *bufio.Writer
	traces    []Trace
	from, end time.Duration
	scratch   []byte
}

func newChart(w io.Writer, traces []Trace) *chart {
	c := &chart{w: bufio.NewWriter(w), traces: traces, from: traces[0].Points[0].At}
	for _, t := range traces {
		c.from = min(c.from, t.Points[0].At)
		c.end = max(c.end, t.Points[len(t.Points)-1].At)
	}
	return c
}

func (c *chart) x(at time.Duration) float64 {
	return chartLeft + (chartRight-chartLeft)*float64(at-c.from)/float64(c.end-c.from)
}

// panel is a part of the picture with a scale of its own.
type panel struct {
	top, height float64
	lo, hi      float64 // values at its lower and upper edge
}

func (p panel) y(v float64) float64 { return p.top + p.height*(p.hi-v)/(p.hi-p.lo) }

func (c *chart) head(title string) {
	first := c.traces[0]
	height := sharesTop + shareStep*len(c.traces) + 22
	fmt.Fprintf(c.w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-labelledby="title desc">`+"\n", chartWidth, height)
	fmt.Fprintf(c.w, "<title id=\"title\">%s</title>\n<desc id=\"desc\">", escaped(title))
	fmt.Fprintf(c.w, "Simulated temperature of one board over %v with a set point of %s °C, and the share of power allowed.", (c.end - c.from).Round(time.Second), number(first.SetPoint))
	for _, t := range c.traces {
		hottest := slices.MaxFunc(t.Points, func(a, b Point) int { return cmp.Compare(a.Die, b.Die) })
		fmt.Fprintf(c.w, " %s: hottest %s °C.", escaped(t.Policy), number(hottest.Die))
	}
	fmt.Fprint(c.w, "</desc>\n", chartStyle)
	fmt.Fprintf(c.w, `<rect class="back" width="%d" height="%d"/>`+"\n", chartWidth, height)
	c.text(chartLeft, 28, "title", title)
	c.legend()
}

// legend names the lines, one row below the title.
func (c *chart) legend() {
	const y = 52.0
	x := float64(chartLeft)
	item := func(class, name string) {
		fmt.Fprintf(c.w, `<polyline class="%s" points="%s,%s %s,%[3]s" style="stroke-width:2.5"/>`+"\n", class, number(x), number(y-4), number(x+18))
		c.text(x+23, y, "", name)
		x += 23 + 7.2*float64(len([]rune(name))) + 16
	}
	for i, t := range c.traces {
		item(colour(i), t.Policy)
	}
	item("ambient", "ambient")
	item("possible", "possible")
	if len(c.faults()) > 0 {
		fmt.Fprintf(c.w, `<rect class="fault" x="%s" y="%s" width="18" height="11"/>`+"\n", number(x), number(y-10))
		c.text(x+23, y, "", "sensor fault")
	}
}

// temperatures draws all of them and, larger, those close to the set point.
func (c *chart) temperatures() {
	set := c.traces[0].SetPoint
	all := panel{top: allTop, height: allHeight, lo: set, hi: chartShutdown + 3}
	for _, t := range c.traces {
		for _, p := range t.Points {
			all.lo, all.hi = min(all.lo, p.Die-2, p.Ambient-2), max(all.hi, p.Die+2)
		}
	}
	near := panel{top: nearTop, height: nearHeight, lo: set - 6, hi: set + 8}
	c.text(chartLeft, allTop-8, "quiet", "Temperature of the hottest node, °C")
	c.text(chartLeft, nearTop-8, "quiet", "The same close to the set point, °C")
	for i, p := range [...]panel{all, near} {
		c.frame(p, 7)
		fmt.Fprintf(c.w, `<clipPath id="clip%d"><rect x="%d" y="%s" width="%d" height="%s"/></clipPath>`+"\n<g clip-path=\"url(#clip%[1]d)\">\n",
			i, chartLeft, number(p.top), chartRight-chartLeft, number(p.height))
		c.line(p, c.traces[0], "ambient", func(q Point) float64 { return q.Ambient })
		for j := range slices.Backward(c.traces) {
			c.line(p, c.traces[j], colour(j), func(q Point) float64 { return q.Die })
		}
		fmt.Fprintln(c.w, "</g>")
		c.limits(p, set)
	}
}

// limits draws lines across a panel for the temperatures that should be kept or not
// be passed. A name that would cover another is left out.
func (c *chart) limits(p panel, set float64) {
	var named []float64
	for _, l := range [...]struct {
		at          float64
		class, name string
	}{{set, "set", "set point"}, {chartShutdown, "shutdown", "shutdown"}, {chartAlert, "alert", "alert"}} {
		if l.at < p.lo || l.at > p.hi {
			continue
		}
		y := p.y(l.at)
		fmt.Fprintf(c.w, `<polyline class="limit %s" points="%d,%s %d,%[3]s"/>`+"\n", l.class, chartLeft, number(y), chartRight)
		if !slices.ContainsFunc(named, func(other float64) bool { return math.Abs(y-other) < lineSpace }) {
			c.text(chartRight+6, y+4, "quiet", l.name+" "+number(l.at))
			named = append(named, y)
		}
	}
}

// shares draws a strip for each policy and the time below the last one.
func (c *chart) shares() {
	c.text(chartLeft, sharesTop-8, "quiet", "Share of power allowed, and what was possible")
	for i, t := range c.traces {
		p := panel{top: float64(sharesTop + i*shareStep), height: shareHeight, lo: -0.03, hi: 1.03}
		c.frame(p, 2)
		c.line(p, t, colour(i), func(q Point) float64 { return q.Share })
		c.line(p, c.traces[0], "possible", func(q Point) float64 { return q.Possible })
		c.text(chartRight+6, p.top+p.height/2+4, "", t.Policy)
	}
	y := float64(sharesTop + shareStep*len(c.traces))
	length := (c.end - c.from).Seconds()
	for at := range ticks(0, length, timeStep(length, 8)) {
		c.text(c.x(c.from+time.Duration(at*float64(time.Second))), y+2, "quiet mid", timeLabel(at))
	}
	c.text(chartRight+6, y+2, "quiet", "time")
}

// frame draws what lies behind the lines of a panel: faults, grid and scale with at
// most so many steps.
func (c *chart) frame(p panel, steps int) {
	for _, f := range c.faults() {
		fmt.Fprintf(c.w, `<rect class="fault" x="%s" y="%s" width="%s" height="%s"/>`+"\n", number(c.x(f.from)), number(p.top), number(max(c.x(f.to)-c.x(f.from), 1)), number(p.height))
	}
	for v := range ticks(p.lo, p.hi, scaleStep(p.hi-p.lo, steps)) {
		fmt.Fprintf(c.w, `<polyline class="grid" points="%d,%s %d,%[2]s"/>`+"\n", chartLeft, number(p.y(v)), chartRight)
		c.text(chartLeft-7, p.y(v)+4, "quiet end", number(v))
	}
	fmt.Fprintf(c.w, `<rect class="frame" x="%d" y="%s" width="%d" height="%s"/>`+"\n", chartLeft, number(p.top), chartRight-chartLeft, number(p.height))
}

// span is a time in which the sensor was tampered with.
type span struct{ from, to time.Duration }

func (c *chart) faults() []span {
	var spans []span
	was := false
	for _, p := range c.traces[0].Points {
		switch {
		case p.Fault && !was:
			spans = append(spans, span{p.At, p.At})
		case p.Fault || was:
			spans[len(spans)-1].to = p.At
		}
		was = p.Fault
	}
	return spans
}

// line draws one value of a trace.
func (c *chart) line(p panel, t Trace, class string, value func(Point) float64) {
	c.scratch = c.scratch[:0]
	points := thin(t.Points, value)
	for i, q := range points {
		if i > 0 && i < len(points)-1 && value(points[i-1]) == value(q) && value(points[i+1]) == value(q) {
			continue // flat
		}
		if len(c.scratch) > 0 {
			c.scratch = append(c.scratch, ' ')
		}
		c.scratch = appendNumber(c.scratch, c.x(q.At))
		c.scratch = append(c.scratch, ',')
		c.scratch = appendNumber(c.scratch, p.y(value(q)))
	}
	fmt.Fprintf(c.w, "<polyline class=\"%s\" points=\"%s\"/>\n", class, c.scratch)
}

func (c *chart) text(x, y float64, class, s string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	fmt.Fprintf(c.w, "<text x=\"%s\" y=\"%s\"%s>%s</text>\n", number(x), number(y), class, escaped(s))
}

func colour(i int) string { return fmt.Sprintf("p%d", i%lineColours) }

// escaped makes a string safe for XML; what XML can't hold becomes U+FFFD.
func escaped(s string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(s)) // a Buffer never fails
	return b.String()
}
