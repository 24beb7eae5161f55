package vision

// grid is the anchor layout of one detector: layers of square cells that cover the input, each cell with a number of
// anchors at its centre. All anchors have unit size, so that a model's offsets are plain input pixels.
//
// Source: options of SsdAnchorsCalculator in MediaPipe's face_detection_short_range and face_detection_full_range graphs;
// neighbouring layers of equal stride are one layer here.
type grid struct {
	size   int // side of the model's input, in pixels
	layers []layer
}

type layer struct {
	stride  int // side of a cell, in pixels
	perCell int
}

var grids = []grid{
	{size: 128, layers: []layer{{stride: 8, perCell: 2}, {stride: 16, perCell: 6}}},
	{size: 192, layers: []layer{{stride: 4, perCell: 1}}},
}

// anchors is the number of anchors of the grid.
func (g grid) anchors() int {
	n := 0
	for _, l := range g.layers {
		side := g.size / l.stride
		n += side * side * l.perCell
	}
	return n
}

// point is a position in input pixels.
type point struct{ x, y float32 }

// centres lists the anchors in the order of the model's output rows: layer by layer, row by row, all of a cell together.
func (g grid) centres() []point {
	points := make([]point, 0, g.anchors())
	for _, l := range g.layers {
		side := g.size / l.stride
		for cell := range side * side {
			centre := point{
				x: (float32(cell%side) + 0.5) * float32(l.stride),
				y: (float32(cell/side) + 0.5) * float32(l.stride),
			}
			for range l.perCell {
				points = append(points, centre)
			}
		}
	}
	return points
}
