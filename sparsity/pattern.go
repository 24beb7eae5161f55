package sparsity

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Pattern is the form in which zeros come: one of the constants, or "N:M" such as "2:4",
// where of every M weights in a row N are kept.
type Pattern string

// Patterns.
const (
	Unstructured   Pattern = "unstructured"    // any weights; rows share the layer's budget
	Block1x4       Pattern = "1x4"             // 1 row by 4 columns
	Block4x1       Pattern = "4x1"             // 4 rows by 1 column
	TwoOfFour      Pattern = "2:4"             // 2 of every 4 weights of a row
	InputChannels  Pattern = "input-channels"  // whole columns, of all taps of a kernel
	OutputChannels Pattern = "output-channels" // whole rows
)

// ErrPattern says that a pattern is not known, or does not fit a layer's shape.
var ErrPattern = errors.New("pattern does not fit")

// ratio parses "N:M".
func (p Pattern) ratio() (n, m int, ok bool) {
	a, b, found := strings.Cut(string(p), ":")
	n, errN := strconv.Atoi(a)
	m, errM := strconv.Atoi(b)
	return n, m, found && errN == nil && errM == nil && 0 < n && n < m
}

// Check reports why a pattern can't be had in a layer of that size.
func (p Pattern) Check(rows, cols int) error {
	_, err := p.geometry(&Layer{Rows: rows, Cols: cols})
	return err
}

// geometry is what a pattern means for a layer. Rows fall into strips that share a mask;
// columns fall into units that are kept or pruned as one, the same ones in every strip.
type geometry struct {
	strips, height int     // a strip is height rows
	units          [][]int // columns
	m, keep        int     // of every m units in turn keep stay; m = 0: any, layer-wide
}

func (p Pattern) geometry(l *Layer) (geometry, error) {
	g := geometry{strips: l.Rows, height: 1}
	width := 1
	switch p {
	case Unstructured:
	case Block1x4:
		width = 4
	case Block4x1:
		g.strips, g.height = l.Rows/4, 4
	case InputChannels:
		g.strips, g.height = 1, l.Rows
		g.units = channels(l.Cols, max(l.Taps, 1))
		return g, nil
	case OutputChannels:
		return g, nil // see outputs
	default:
		n, m, ok := p.ratio()
		if !ok {
			return g, fmt.Errorf("%w: %q is not known; write unstructured, 1x4, 4x1, input-channels, output-channels, or N:M such as 2:4", ErrPattern, string(p))
		}
		g.keep, g.m = n, m
	}
	if l.Cols%max(width, g.m) != 0 || l.Rows%g.height != 0 {
		return g, fmt.Errorf("%w: %s needs %s; this layer is %d by %d", ErrPattern, p, g.need(width), l.Rows, l.Cols)
	}
	for c := 0; c < l.Cols; c += width {
		unit := make([]int, width)
		for i := range unit {
			unit[i] = c + i
		}
		g.units = append(g.units, unit)
	}
	return g, nil
}

func (g geometry) need(width int) string {
	if g.height > 1 {
		return fmt.Sprintf("rows in multiples of %d", g.height)
	}
	return fmt.Sprintf("columns in multiples of %d", max(width, g.m))
}

// channels are the columns of each input channel: TensorFlow Lite stores a kernel's taps
// one after the other, each with all channels.
func channels(cols, taps int) [][]int {
	units := make([][]int, cols/taps)
	for c := range units {
		for t := range taps {
			units[c] = append(units[c], t*len(units)+c)
		}
	}
	return units
}

// class is the range of units among which unit u may be exchanged.
func (g *geometry) class(u int) (from, to int) {
	if g.m == 0 {
		return 0, len(g.units)
	}
	from = u / g.m * g.m
	return from, from + g.m
}
