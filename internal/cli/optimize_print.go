package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"atoll/internal/optimize"
	"atoll/internal/task"
)

// worstLayers is how many layers are marked.
const worstLayers = 5

// report writes the card, for people or for programs.
func (f *optimizeFlags) report(w io.Writer, c *optimize.Card) error {
	if !f.json {
		f.print(w, c)
		return nil
	}
	filled := *c
	filled.Layers = append([]optimize.Layer{}, c.Layers...) // a list, if there are none
	filled.Notes = append([]string{}, c.Notes...)
	return printJSON(w, &filled)
}

// print writes what changed, at most 80 columns wide.
func (f *optimizeFlags) print(w io.Writer, c *optimize.Card) {
	var b strings.Builder
	to := f.out
	if to == "" {
		to = "not written"
	}
	for _, line := range wrap(printable(f.in)+" → "+printable(to), helpWidth) {
		fmt.Fprintln(&b, line)
	}
	printCard(&b, c)
	if f.evaluate {
		printParts(&b, c.Before.Score, c.After.Score)
		printLayers(&b, c.Layers)
	}
	if len(c.Notes) > 0 {
		fmt.Fprintln(&b)
	}
	for _, note := range c.Notes {
		fmt.Fprintln(&b, "- "+strings.Join(wrap(printable(note), helpWidth-2), "\n  "))
	}
	io.WriteString(w, b.String()) // Main sees when that fails
}

// printCard is the table of before and after.
func printCard(b *strings.Builder, c *optimize.Card) {
	before, after := &c.Before, &c.After
	fmt.Fprintf(b, "\n%-24s%14s%14s\n", "", "before", "after")
	row := func(name, was, is, change string) {
		fmt.Fprintln(b, strings.TrimRight(fmt.Sprintf("%-24s%14s%14s  %s", name, was, is, change), " "))
	}
	row("size, bytes", fmt.Sprint(before.Bytes), fmt.Sprint(after.Bytes),
		times(float64(before.Bytes), float64(after.Bytes), "smaller", "larger"))
	row("operators", fmt.Sprint(before.Ops), fmt.Sprint(after.Ops), "")
	row("latency here, ms", digits3(before.LatencyMS), digits3(after.LatencyMS),
		times(before.LatencyMS, after.LatencyMS, "faster", "slower"))
	name, change := "accuracy", ""
	if before.Accuracy != nil && after.Accuracy != nil {
		change = fmt.Sprintf("%+.4f", *after.Accuracy-*before.Accuracy)
	}
	if s := after.Score; s != nil && !s.Labelled {
		name = "decisions as before"
	}
	row(name, share(before.Accuracy), share(after.Accuracy), change)
	row("zeros, % of weights", fmt.Sprintf("%.1f", 100*before.Sparsity), fmt.Sprintf("%.1f", 100*after.Sparsity), "")
}

// times says how much less, or more, there is of what is better small.
func times(before, after float64, less, more string) string {
	switch {
	case before <= 0 || after <= 0:
		return ""
	case before/after >= 1.005:
		return fmt.Sprintf("%.2f times %s", before/after, less)
	case after/before >= 1.005:
		return fmt.Sprintf("%.2f times %s", after/before, more)
	}
	return "the same"
}

func share(accuracy *float64) string {
	if accuracy == nil {
		return "-"
	}
	return fmt.Sprintf("%.4f", *accuracy)
}

// printParts says how the model did on the parts of the data.
func printParts(b *strings.Builder, before, after *task.Score) {
	if before == nil || after == nil {
		return
	}
	fmt.Fprintf(b, "\n%-24s%14s%14s%14s\n", "accuracy of", "before", "after", "decisions")
	for i, p := range after.Parts {
		if i < len(before.Parts) && p.N > 0 && before.Parts[i].N > 0 {
			fmt.Fprintf(b, "%-24.24s%14.4f%14.4f%14d\n", printable(p.Name), before.Parts[i].Accuracy(), p.Accuracy(), p.N)
		}
	}
	fmt.Fprintf(b, "%-24s%14.4f%14.4f%14d\n", "all", before.Accuracy, after.Accuracy, after.N)
	fmt.Fprintf(b, "%s changed; an answer differs by %.3g at most\n", plural(after.Changed, "decision"), after.Largest)
}

// printLayers says how far the layers' results are from the original's.
func printLayers(b *strings.Builder, layers []optimize.Layer) {
	if len(layers) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%-37s%-12s%9s%12s%9s\n", "layer", "format", "SNR dB", "rel. error", "zeros %")
	worst := rises(layers)
	for i, l := range layers {
		snr, mark := fmt.Sprintf("%.1f", l.SNR), ""
		if l.Relative == 0 {
			snr = "exact"
		}
		if slices.Contains(worst, i) {
			mark = "!"
		}
		fmt.Fprintf(b, "%-36s %-12.12s%9s%#12.2g%9.1f%s\n", shorten(printable(l.Name), 36), printable(l.Format), snr, l.Relative, 100*l.Sparsity, mark)
	}
	if len(worst) > 0 {
		fmt.Fprintln(b, "\n! the error rises most here, over that of the layer before")
	}
}

// rises are the layers at which the relative error grows most over that of the layer
// before, the most growing first. The errors themselves only tell where it has got to:
// each has in it those of all layers before.
func rises(layers []optimize.Layer) (worst []int) {
	rise := make([]float64, len(layers))
	before := 0.0
	for i, l := range layers {
		if rise[i] = l.Relative - before; rise[i] > 0 {
			worst = append(worst, i)
		}
		before = l.Relative
	}
	slices.SortStableFunc(worst, func(i, j int) int { return cmp.Compare(rise[j], rise[i]) })
	return worst[:min(len(worst), worstLayers)]
}

// shorten leaves out the middle of a text that is too long: the ends of tensors' names
// tell more than their beginnings.
func shorten(text string, width int) string {
	r := []rune(text)
	if len(r) <= width {
		return text
	}
	head := width / 3
	return string(r[:head]) + "…" + string(r[len(r)-(width-head-1):])
}
