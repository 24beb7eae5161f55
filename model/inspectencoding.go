package model

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Reduction is what could be left out of a model without a change of its results.
type Reduction struct {
	Foldable      []OpCount `json:"foldable"` // operators that make constants of constants
	DeadOperators int       `json:"dead_operators"`
	DeadTensors   int       `json:"dead_tensors"`
	DeadBuffers   int       `json:"dead_buffers"` // that nothing uses, or without data
	DeadBytes     int64     `json:"dead_bytes"`
	EqualBuffers  int       `json:"equal_buffers"` // that repeat another one
	EqualBytes    int64     `json:"equal_bytes"`
}

// QuantizationReport says what the integers of a tensor stand for: one scale and zero
// point, or one for each index of the dimension.
type QuantizationReport struct {
	Scales     []Float `json:"scales"`
	ZeroPoints []int64 `json:"zero_points"`
	Dimension  int32   `json:"dimension"`
}

// Float is a number from a file: in JSON null if it isn't finite.
type Float float32

// MarshalJSON implements json.Marshaler.
func (f Float) MarshalJSON() ([]byte, error) {
	if v := float64(f); math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(f), 'g', -1, 32), nil
}

// SparsityReport is the encoding of a sparse tensor, level by level as it is walked.
// Dimensions from the tensor's rank on are those within blocks, in the order of the
// block map.
type SparsityReport struct {
	TraversalOrder []int32       `json:"traversal_order"`
	BlockMap       []int32       `json:"block_map"`
	Levels         []LevelReport `json:"levels"`
}

// LevelReport is one level: "dense" with a size, or "csr" with that many indices.
type LevelReport struct {
	Format     string `json:"format"`
	Size       int32  `json:"size,omitempty"`
	Indices    int    `json:"indices,omitempty"`
	IndexBytes uint8  `json:"index_bytes,omitempty"`
}

// report is nil if there are no scales.
func (q *Quantization) report() *QuantizationReport {
	if q == nil || len(q.Scale) == 0 {
		return nil
	}
	r := &QuantizationReport{Scales: make([]Float, len(q.Scale)), ZeroPoints: append([]int64{}, q.ZeroPoint...), Dimension: q.Dimension}
	for i, scale := range q.Scale {
		r.Scales[i] = Float(scale)
	}
	return r
}

func (s *Sparsity) report() *SparsityReport {
	if s == nil {
		return nil
	}
	r := &SparsityReport{TraversalOrder: orEmpty(s.TraversalOrder), BlockMap: orEmpty(s.BlockMap), Levels: make([]LevelReport, len(s.Dimensions))}
	for i, d := range s.Dimensions {
		if d.Compressed {
			r.Levels[i] = LevelReport{Format: "csr", Indices: len(d.Indices.Values), IndexBytes: d.Indices.Width}
		} else {
			r.Levels[i] = LevelReport{Format: "dense", Size: d.DenseSize}
		}
	}
	return r
}

// lines are those of the text report, a title and what to say, where there is
// something to say.
func (r Reduction) lines() (lines [][2]string) {
	var folds []string
	for _, op := range r.Foldable {
		folds = append(folds, fmt.Sprintf("%d %s", op.Count, op.Name))
	}
	if len(folds) > 0 {
		lines = append(lines, [2]string{"foldable", strings.Join(folds, ", ") + " of constants"})
	}
	if r.DeadOperators+r.DeadTensors+r.DeadBuffers > 0 {
		lines = append(lines, [2]string{"dead", fmt.Sprintf("operators %d, tensors %d, buffers %d (%s bytes)",
			r.DeadOperators, r.DeadTensors, r.DeadBuffers, thousands(r.DeadBytes))})
	}
	if r.EqualBuffers > 0 {
		lines = append(lines, [2]string{"equal", fmt.Sprintf("buffers %d (%s bytes)", r.EqualBuffers, thousands(r.EqualBytes))})
	}
	return lines
}

// writeEncodings lists how tensors are quantized and which are sparse.
func (r Report) writeEncodings(w io.Writer) {
	title := "\n%6s  %8s  %-24s %-12s  %s\n"
	for i, t := range r.Tensors {
		if t.Quantization == nil {
			continue
		}
		if title != "" {
			fmt.Fprintf(w, title, "tensor", "channels", "scale", "zero point", "name")
			title = ""
		}
		q := t.Quantization
		line := fmt.Sprintf("%6d  %8d  %-24s %-12s  %s", i, len(q.Scales), span(q.Scales), span(q.ZeroPoints), t.Name)
		fmt.Fprintln(w, clip(line, textWidth))
	}
	title = "\n%6s  %-46s  %s\n"
	for i, t := range r.Tensors {
		if t.Sparsity == nil {
			continue
		}
		if title != "" {
			fmt.Fprintf(w, title, "tensor", "sparse levels", "name")
			title = ""
		}
		line := fmt.Sprintf("%6d  %-46s  %s", i, clip(t.Sparsity.text(len(t.Shape)), 46), t.Name)
		fmt.Fprintln(w, clip(line, textWidth))
	}
}

// span is the smallest and the largest of a list.
func span[T Float | int64](list []T) string {
	switch {
	case len(list) == 0:
		return "0"
	case slices.Min(list) == slices.Max(list):
		return fmt.Sprintf("%.4g", float64(list[0]))
	}
	return fmt.Sprintf("%.4g to %.4g", float64(slices.Min(list)), float64(slices.Max(list)))
}

// text names each level by its dimension, with b for the elements within a block of
// it: "d0 8, d1 csr 12, b1 4".
func (s *SparsityReport) text(rank int) string {
	var levels []string
	for i, l := range s.Levels {
		if i > textWidth {
			break // no line shows more
		}
		d, letter := s.TraversalOrder[i], "d"
		if int(d) >= rank {
			d, letter = s.BlockMap[int(d)-rank], "b"
		}
		if l.Format == "dense" {
			levels = append(levels, fmt.Sprintf("%s%d %d", letter, d, l.Size))
		} else {
			levels = append(levels, fmt.Sprintf("%s%d %s %d", letter, d, l.Format, l.Indices))
		}
	}
	return strings.Join(levels, ", ")
}
