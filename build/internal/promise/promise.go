// Package promise prints what the project promises beside what was measured, and counts what was missed.
package promise

import (
	"fmt"
	"io"
)

// Table is a list of figures. Make it with New.
type Table struct {
	w      io.Writer
	missed int
}

// New prints the heads of the columns.
func New(w io.Writer) *Table {
	t := &Table{w: w}
	fmt.Fprintf(w, "%-50s %-10s %s\n", "measure", "must", "measured")
	return t
}

// Row prints one figure. One that has nothing to keep is always met.
func (t *Table) Row(measure, must, got string, met bool) {
	line := fmt.Sprintf("%-50s %-10s %s", measure, must, got)
	if !met {
		line = fmt.Sprintf("%-50s %-10s %-15s missed", measure, must, got)
		t.missed++
	}
	fmt.Fprintln(t.w, line)
}

// AtLeast prints a figure that must be at least so much.
func (t *Table) AtLeast(measure string, must, got float64) {
	t.Row(measure, fmt.Sprintf(">= %.3f", must), fmt.Sprintf("%.3f", got), got >= must)
}

// AtMost prints a figure that must be at most so much.
func (t *Table) AtMost(measure string, must, got float64) {
	t.Row(measure, fmt.Sprintf("<= %.3f", must), fmt.Sprintf("%.3f", got), got <= must)
}

// Err is an error if a figure was missed.
func (t *Table) Err() error {
	if t.missed > 0 {
		return fmt.Errorf("%d figures missed", t.missed)
	}
	return nil
}
