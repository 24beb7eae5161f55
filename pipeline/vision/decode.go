package vision

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// DefaultThreshold is the least score of a face, the one MediaPipe uses.
const DefaultThreshold = 0.5

// MaxFaces is the largest number of faces of one picture; the weakest beyond it are left out.
const MaxFaces = 100

// maxOverlap is the intersection over union above which the weaker of two boxes is the same face.
const maxOverlap = 0.3

// ErrBadOutput says that a model answered with something that is not a number. Such rows are never faces.
var ErrBadOutput = errors.New("model output is not finite")

// Face is one detected face. Positions are pixels of the original picture, (0,0) its upper left corner; those of a face
// that is cut off may lie outside of it.
type Face struct {
	Score float32    // 0 to 1
	Box   [4]float32 // x0, y0, x1, y1
	// Keypoints are x, y of the right eye, left eye, nose, mouth, right ear and left ear; right and left are the person's own.
	Keypoints [6][2]float32
}

// Decoder turns the outputs of one model into faces. It is not safe for concurrent use.
type Decoder struct {
	centres    []point
	threshold  float32 // as a logit
	candidates []Face  // of the current picture, best first; room for every anchor
}

// NewDecoder makes a Decoder for a model that [Check] accepted. Faces score at least threshold, which lies between 0 and
// 1, both excluded.
func NewDecoder(spec Spec, threshold float32) (*Decoder, error) {
	if !(threshold > 0 && threshold < 1) {
		return nil, fmt.Errorf("face threshold %v: must be between 0 and 1", threshold)
	}
	i := slices.IndexFunc(grids, func(g grid) bool { return g.size == spec.Size && g.anchors() == spec.Anchors })
	if i < 0 {
		return nil, fmt.Errorf("face model of %d pixels and %d anchors: want 128 and 896 (short range) or 192 and 2304 (full range)",
			spec.Size, spec.Anchors)
	}
	t := float64(threshold)
	return &Decoder{
		centres:    grids[i].centres(),
		threshold:  float32(math.Log(t / (1 - t))),
		candidates: make([]Face, 0, spec.Anchors),
	}, nil
}

// Decode appends the faces of one picture to faces, best first, at most [MaxFaces], and returns the longer slice.
// boxes is [Anchors,16], scores is [Anchors,1] (logits), g is what [Letterbox.Prepare] said of the picture.
// Overlapping boxes are reduced to the best one by plain non-maximum suppression at an intersection over union of 0.3.
//
// A score that is not finite, or a box or key point of a would-be face that is not, makes an error that wraps
// [ErrBadOutput] and says how many rows were bad; the faces of the other rows are appended all the same.
func (d *Decoder) Decode(faces []Face, g Geometry, boxes, scores []float32) ([]Face, error) {
	if n := len(d.centres); len(boxes) != n*boxColumns || len(scores) != n*scoreColumns {
		return faces, fmt.Errorf("face model outputs have %d and %d values, want %d and %d",
			len(boxes), len(scores), n*boxColumns, n*scoreColumns)
	}
	bad := d.collect(g, boxes, scores)
	slices.SortStableFunc(d.candidates, func(a, b Face) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
	faces = suppress(faces, d.candidates)
	if bad > 0 {
		return faces, fmt.Errorf("face model: %d of %d rows: %w", bad, len(d.centres), ErrBadOutput)
	}
	return faces, nil
}

// collect fills the candidates with every row over the threshold and counts the rows that are not finite.
func (d *Decoder) collect(g Geometry, boxes, scores []float32) (bad int) {
	d.candidates = d.candidates[:0]
	for i, logit := range scores {
		if !finite(logit) {
			bad++
			continue
		}
		if logit < d.threshold {
			continue
		}
		face, ok := decodeRow(g, d.centres[i], boxes[i*boxColumns:][:boxColumns])
		if !ok {
			bad++
			continue
		}
		// A network may well answer with a negative width or height: no face, but no failure either.
		if face.Box[0] >= face.Box[2] || face.Box[1] >= face.Box[3] {
			continue
		}
		face.Score = float32(1 / (1 + math.Exp(-float64(logit))))
		d.candidates = append(d.candidates, face)
	}
	return bad
}

// decodeRow turns the offsets of one anchor into positions in the picture. ok is false if one is not finite.
func decodeRow(g Geometry, anchor point, row []float32) (face Face, ok bool) {
	cx, cy, halfW, halfH := anchor.x+row[0], anchor.y+row[1], row[2]/2, row[3]/2
	face.Box[0], face.Box[1] = g.ToPicture(cx-halfW, cy-halfH)
	face.Box[2], face.Box[3] = g.ToPicture(cx+halfW, cy+halfH)
	ok = finite(face.Box[0]) && finite(face.Box[1]) && finite(face.Box[2]) && finite(face.Box[3])
	for k := range face.Keypoints {
		x, y := g.ToPicture(anchor.x+row[4+2*k], anchor.y+row[5+2*k])
		face.Keypoints[k] = [2]float32{x, y}
		ok = ok && finite(x) && finite(y)
	}
	return face, ok
}

// suppress appends the candidates, which are sorted best first, that overlap no better one.
func suppress(faces, candidates []Face) []Face {
	first := len(faces)
next:
	for i := range candidates {
		if len(faces)-first == MaxFaces {
			break
		}
		for k := first; k < len(faces); k++ {
			if Overlap(&faces[k].Box, &candidates[i].Box) > maxOverlap {
				continue next
			}
		}
		faces = append(faces, candidates[i])
	}
	return faces
}

// Overlap is the intersection over union, 0 to 1, of two boxes that are not empty, in float64 since areas of wild boxes leave the range of float32.
func Overlap(a, b *[4]float32) float64 {
	w := float64(min(a[2], b[2])) - float64(max(a[0], b[0]))
	h := float64(min(a[3], b[3])) - float64(max(a[1], b[1]))
	if w <= 0 || h <= 0 {
		return 0
	}
	common := w * h
	return common / (area(a) + area(b) - common)
}

func area(box *[4]float32) float64 {
	return (float64(box[2]) - float64(box[0])) * (float64(box[3]) - float64(box[1]))
}

func finite(v float32) bool {
	return v-v == 0
}
