package cli

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"atoll/trace"
)

// Columns of the histograms.
const (
	labelWidth  = 9
	countWidth  = 8
	mostBeside  = 3 // histograms in a row
	betweenBars = 2
)

// writeHistograms draws the wall times of each model as bars, some models beside each
// other with their rows in common.
func writeHistograms(b *strings.Builder, models []trace.Model) {
	for group := range slices.Chunk(models, mostBeside) {
		writeRow(b, group)
	}
}

func writeRow(b *strings.Builder, models []trace.Model) {
	column := (helpWidth - labelWidth) / len(models)
	width := column - betweenBars - countWidth
	head := fmt.Sprintf("%*s", labelWidth, "from ms")
	for i := range models {
		head += fmt.Sprintf("%*s%-*.*s", betweenBars, "", column-betweenBars, column-betweenBars, modelName(models[i].Modality, models[i].Variant))
	}
	fmt.Fprintf(b, "\n%s\n", strings.TrimRight(head, " "))
	for _, from := range edges(models) {
		row := fmt.Sprintf("%*s", labelWidth, millis(from))
		for i := range models {
			jobs, most := at(models[i].Histogram, from)
			count := ""
			if jobs > 0 {
				count = fmt.Sprint(jobs)
			}
			row += fmt.Sprintf("%*s%s%*s", betweenBars, "", bar(jobs, most, width), countWidth, count)
		}
		fmt.Fprintln(b, strings.TrimRight(row, " "))
	}
}

// edges are the beginnings of all buckets from the first to the last that has any jobs.
func edges(models []trace.Model) []time.Duration {
	first, last := time.Duration(math.MaxInt64), time.Duration(0)
	for i := range models {
		for _, b := range models[i].Histogram {
			first, last = min(first, b.From), max(last, b.From)
		}
	}
	var list []time.Duration
	for from := max(1, first); from <= last && from > 0; from *= 2 {
		list = append(list, from)
	}
	return list
}

// at is how many jobs the bucket that begins at from has, and how many the fullest.
func at(h []trace.Bucket, from time.Duration) (jobs, most uint64) {
	for _, b := range h {
		if b.From == from {
			jobs = b.Jobs
		}
		most = max(most, b.Jobs)
	}
	return jobs, most
}

// bar is a bar of blocks, with spaces up to width. What is there is seen, if little.
func bar(n, most uint64, width int) string {
	eighths := 0
	if n > 0 {
		eighths = max(1, int(float64(8*width)*float64(n)/float64(most)))
	}
	filled := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		filled += string('█' + rune(8-rest)) // ▉ to ▏ follow it
	}
	return filled + strings.Repeat(" ", max(0, width-(eighths+7)/8))
}
