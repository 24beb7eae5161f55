package board

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"periph.io/x/conn/v3/physic"
)

// Columns of the text output.
const (
	textWidth  = 80
	labelWidth = 14
)

// WriteText tells people about the board: most important first, 80 columns at most,
// and under everything that can't be used a line with "!" that says why, and what to
// do.
func (b *Board) WriteText(w io.Writer) error {
	t := &textWriter{w: bufio.NewWriter(w), fixes: map[string]bool{}}
	b.writeIdentity(t)
	b.writeCPU(t)
	t.blank()
	b.writeDevices(t)
	t.blank()
	b.writeThermal(t)
	b.writePower(t)
	t.blank()
	b.writeSystem(t)
	t.blank()
	if len(t.none) > 0 {
		t.item("Not found", strings.Join(t.none, ", "))
	}
	if t.problems > 0 {
		t.item("Problems", strconv.Itoa(t.problems)+", marked with ! above")
	}
	return t.w.Flush()
}

// textWriter prints items: a label at the left, what there is to say at its right.
type textWriter struct {
	w        *bufio.Writer
	label    string // of the item before
	gap      bool   // an empty line is due
	none     []string
	problems int
	fixes    map[string]bool // that were said
}

func (t *textWriter) blank() { t.gap = true }

// item prints a label, unless it is that of the item before, and a wrapped text.
func (t *textWriter) item(label, text string) {
	if t.gap && t.label != "" {
		fmt.Fprintln(t.w)
		t.label = ""
	}
	t.gap = false
	shown := label
	if label == t.label {
		shown = ""
	}
	t.label = label
	for i, row := range wrap(text, textWidth-labelWidth) {
		if i > 0 {
			shown, row = "", "  "+row
		}
		fmt.Fprintln(t.w, strings.TrimRight(fmt.Sprintf("%-*s%s", labelWidth, shown, row), " "))
	}
}

// problem prints what is wrong with the item before, and what to do: that once only.
func (t *textWriter) problem(p *Problem) {
	if p == nil {
		return
	}
	t.problems++
	t.below("! ", p.What)
	if p.Fix != "" && !t.fixes[p.Fix] {
		t.fixes[p.Fix] = true
		t.below("→ ", p.Fix)
	}
}

func (t *textWriter) below(mark, text string) {
	for _, row := range wrap(text, textWidth-labelWidth-2) {
		fmt.Fprintf(t.w, "%*s%s%s\n", labelWidth, "", mark, row)
		mark = "  "
	}
}

// glue is a blank at which no row ends: between a number and its unit.
const glue = "\u00a0"

// wrap breaks a text between words. Rows after the first leave two columns for an
// indent; a word that is too long gets a row of its own.
func wrap(text string, width int) []string {
	var rows []string
	row := ""
	words := strings.FieldsFunc(text, func(c rune) bool { return c == ' ' })
	for _, word := range words {
		word = strings.ReplaceAll(word, glue, " ")
		limit := width
		if len(rows) > 0 {
			limit -= 2
		}
		if row != "" && utf8.RuneCountInString(row)+1+utf8.RuneCountInString(word) > limit {
			rows, row = append(rows, row), ""
		}
		row = strings.TrimPrefix(row+" "+word, " ")
	}
	return append(rows, row)
}

// textEntry is an item of several that may be alike but for their names.
type textEntry struct {
	name, text string
	problem    *Problem
}

// entries prints a kind of things, those that are alike together, or notes that
// there are none.
func (t *textWriter) entries(label, none string, all []textEntry) {
	if len(all) == 0 {
		t.none = append(t.none, none)
		return
	}
	for len(all) > 0 {
		first := all[0]
		names := []string{}
		rest := all[:0:0]
		for _, e := range all {
			if e.text == first.text && sameKind(e.problem, first.problem) {
				names = append(names, e.name)
			} else {
				rest = append(rest, e)
			}
		}
		all = rest
		name := strings.Join(names, ", ")
		switch {
		case len(names) > 1 && len(slices.Compact(slices.Clone(names))) == 1:
			name = fmt.Sprintf("%d × %s", len(names), names[0])
		case len(names) > 4:
			name = fmt.Sprintf("%s to %s (%d)", names[0], names[len(names)-1], len(names))
		}
		t.item(label, strings.TrimSuffix(name+": "+first.text, ": "))
		t.problem(first.problem)
	}
}

func sameKind(a, b *Problem) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Kind == b.Kind && a.Fix == b.Fix
}

func (b *Board) writeIdentity(t *textWriter) {
	name := b.Model
	if name == "" {
		name = "unknown: neither device tree nor DMI names it"
	}
	t.item("Board", name)
	if b.Profile != nil && b.Profile.Generic {
		t.item("Profile", fmt.Sprintf("Unknown board: using the %s profile", b.Profile.Name))
	} else if b.Profile != nil {
		t.item("Profile", b.Profile.Name)
	}
	t.item("System", orWord(joined(b.SoC, b.Architecture, prefixed("Linux ", b.Kernel)), "unknown"))
	t.blank()
}

func (b *Board) writeCPU(t *textWriter) {
	for _, c := range b.CPU.Clusters {
		text := fmt.Sprintf("%d × %s", len(c.CPUs), orWord(c.Core, "core of unknown type"))
		if len(b.CPU.Clusters) > 1 {
			text += ", " + cpusText(c.CPUs)
		}
		if b.CPU.Cores < b.CPU.Threads && len(b.CPU.Clusters) == 1 {
			text += fmt.Sprintf(" (threads of %d cores)", b.CPU.Cores)
		}
		if c.Max > 0 {
			text += ", up to " + megahertz(c.Max)
		}
		t.item("CPU", text)
	}
	if len(b.CPU.Clusters) == 0 {
		t.item("CPU", "unknown")
	}
	t.problem(b.CPU.Problem)
	if len(b.CPU.Features)+len(b.CPU.Lacks) > 0 {
		text := orWord(strings.Join(b.CPU.Features, ", "), "none that inference gains from")
		if len(b.CPU.Lacks) > 0 {
			text += "; lacks " + strings.Join(b.CPU.Lacks, ", ")
		}
		t.item("Features", text)
	}
	caches := []string{}
	for _, c := range b.CPU.Caches {
		if c.Size == 0 {
			continue
		}
		text := fmt.Sprintf("L%d %s", c.Level, strings.ToLower(c.Type))
		if c.Type == "Unified" {
			text = fmt.Sprintf("L%d", c.Level)
		}
		if c.Count > 1 {
			text += fmt.Sprintf(" %d"+glue+"×", c.Count)
		}
		caches = append(caches, text+glue+bytesText(c.Size))
	}
	if len(caches) > 0 {
		t.item("Caches", strings.Join(caches, ", "))
	}
	if m := b.Memory; m.Total > 0 {
		swap := "no swap"
		if m.SwapTotal > 0 {
			swap = "swap " + bytesText(m.SwapTotal)
		}
		t.item("Memory", fmt.Sprintf("%s, of which %s available; %s", bytesText(m.Total), bytesText(m.Available), swap))
	} else {
		t.item("Memory", "unknown")
	}
	t.problem(b.Memory.Problem)
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func orWord(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// joined joins what is not empty.
func joined(parts ...string) string {
	return joinedBy(", ", parts...)
}

func cpusText(cpus []int) string {
	if len(cpus) == 1 {
		return "CPU " + strconv.Itoa(cpus[0])
	}
	return "CPUs " + ranges(cpus)
}

// ranges is a list of CPUs as the kernel writes it: 0-3,6.
func ranges(cpus []int) string {
	var parts []string
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		part := strconv.Itoa(cpus[i])
		if j > i {
			part += "-" + strconv.Itoa(cpus[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, ",")
}

func megahertz(f physic.Frequency) string {
	return strconv.FormatFloat(float64(f/physic.KiloHertz)/1000, 'f', -1, 64) + glue + "MHz"
}

// celsiusText is a temperature to a tenth of a degree: no sensor here is better.
func celsiusText(t physic.Temperature) string {
	text := strconv.FormatFloat(float64((t-physic.ZeroCelsius)/physic.MilliKelvin)/1000, 'f', 1, 64)
	return strings.TrimSuffix(text, ".0") + glue + "°C"
}

// spaced puts a blank between the number and the unit of periph's texts.
func spaced(v fmt.Stringer) string {
	text := v.String()
	if at := strings.IndexFunc(text, unicode.IsLetter); at > 0 && !strings.Contains(text, " ") {
		return text[:at] + glue + text[at:]
	}
	return strings.ReplaceAll(text, " ", glue)
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return strconv.FormatFloat(float64(n*10>>30)/10, 'f', -1, 64) + glue + "GiB"
	case n >= 1<<20:
		return strconv.FormatFloat(float64(n*10>>20)/10, 'f', -1, 64) + glue + "MiB"
	}
	return strconv.FormatInt(n>>10, 10) + glue + "KiB"
}
