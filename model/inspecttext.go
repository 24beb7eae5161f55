package model

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// textWidth is the width of a terminal that WriteText keeps to.
const textWidth = 80

// WriteText writes the report for people. Characters that a terminal might act on
// are replaced.
func (r Report) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	line := func(format string, args ...any) { fmt.Fprintln(b, clip(fmt.Sprintf(format, args...), textWidth)) }
	line("%-12s %s bytes", "size", thousands(r.Bytes))
	line("%-12s %s", "description", r.Description)
	line("%-12s %s", "precision", r.Precision)
	line("%-12s %s, %.1f %% of them zero", "parameters", thousands(r.Parameters), 100*r.Sparsity)
	line("%-12s %s multiply-accumulates", "work", thousands(r.MACs))
	for _, reducible := range r.Reducible.lines() {
		line("%-12s %s", reducible[0], reducible[1])
	}
	for _, list := range []struct {
		title string
		specs []TensorSpec
	}{{"input", r.Inputs}, {"output", r.Outputs}} {
		for _, s := range list.specs {
			line("%-12s %s  %v %s", list.title, s.Name, s.Type, shapeText(s.Shape))
		}
	}
	line("\n%-40s %5s", "operator", "count")
	for _, op := range r.Ops {
		line("%-40s %5d", clip(op.Name, 40), op.Count)
	}
	line("\n%5s  %-28s %-24s %s", "node", "operator", "inputs", "outputs")
	for i, n := range r.Nodes {
		line("%5d  %-28s %-24s %s", i, clip(n.Op, 28), clip(indexText(n.Inputs), 24), indexText(n.Outputs))
	}
	line("\n%6s  %-8s %-18s %11s %7s  %s", "tensor", "type", "shape", "bytes", "zero", "name")
	for i, t := range r.Tensors {
		line("%6d  %-8v %-18s %11s %7s  %s", i, t.Type, clip(shapeText(t.Shape), 18), thousands(t.Bytes), t.zeroText(), t.Name)
	}
	r.writeEncodings(b)
	return b.Flush()
}

// zeroText is the share of zeros of a constant; a star marks sparse encoding.
func (t *TensorReport) zeroText() string {
	if !t.Constant {
		return ""
	}
	star := ""
	if t.Sparsity != nil {
		star = "*"
	}
	return fmt.Sprintf("%.1f%%%s", 100*t.Zeros, star)
}

// clip shortens text to a width in characters and replaces those that don't print;
// newlines at its start stay.
func clip(s string, width int) string {
	text := strings.TrimLeft(s, "\n")
	lead := s[:len(s)-len(text)]
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > width {
			out := []rune(b.String())
			return lead + string(out[:width-1]) + "…"
		}
		if !unicode.IsPrint(r) {
			r = '?'
		}
		b.WriteRune(r)
	}
	return lead + strings.TrimRight(b.String(), " ")
}

func shapeText(shape []int32) string {
	return "[" + indexText(shape) + "]"
}

// indexText joins numbers; more than a line can hold are left out.
func indexText(list []int32) string {
	var b strings.Builder
	for i, n := range list {
		if b.Len() > textWidth {
			break
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, n)
	}
	return b.String()
}

// thousands writes a number with commas.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
