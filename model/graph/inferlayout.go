package graph

import "slices"

// same is the rule of operators that work element by element.
func same(c *call) []int64 { return c.in(0) }

// broadcast aligns the last dimensions; one of size 1 repeats.
func broadcast(c *call) []int64 {
	a, b := c.in(0), c.in(1)
	out := slices.Clone(a)
	if len(b) > len(a) {
		out = slices.Clone(b)
	}
	for i := 1; i <= min(len(a), len(b)); i++ {
		x, y := a[len(a)-i], b[len(b)-i]
		switch {
		case x == 1:
			out[len(out)-i] = y
		case y == 1 || x == y:
			out[len(out)-i] = x
		default:
			c.failf("shapes %v and %v can't be combined element by element", a, b)
		}
	}
	return out
}

// reduce takes dimensions out, or makes them 1.
func reduce(c *call) []int64 {
	x, keep := c.in(0), c.option("keep_dims") != 0
	reduced := make([]bool, max(len(x), 1))
	for _, a := range c.ints(1) {
		reduced[c.axis(a, len(x))] = true
	}
	var out []int64
	for d, n := range x {
		switch {
		case !reduced[d]:
			out = append(out, n)
		case keep:
			out = append(out, 1)
		}
	}
	return out
}

// argument takes one dimension out.
func argument(c *call) []int64 {
	x := c.in(0)
	at := c.oneAxis(len(x))
	if c.err != nil {
		return nil
	}
	return slices.Delete(x, at, at+1)
}

// paddings returns what is added before and after each dimension.
func (c *call) paddings(x []int64) [][2]int64 {
	list := c.ints(1)
	if c.err == nil && len(list) != 2*len(x) {
		c.failf("%d paddings for shape %v", len(list), x)
	}
	out := make([][2]int64, len(x))
	if c.err != nil {
		return out
	}
	for d := range out {
		out[d] = [2]int64{list[2*d], list[2*d+1]}
		for _, n := range out[d] {
			if n < 0 || n > 1<<31 {
				c.failf("padding %d of dimension %d", n, d)
			}
		}
	}
	return out
}

func pad(c *call) []int64 {
	x := c.in(0)
	for d, p := range c.paddings(x) {
		x[d] += p[0] + p[1]
	}
	return x
}

// mirrorPad has only so many elements to mirror.
func mirrorPad(c *call) []int64 {
	x := c.in(0)
	edge := int64(1) // REFLECT leaves the edge out
	if c.option("mode") == 1 {
		edge = 0
	}
	for d, p := range c.paddings(x) {
		if max(p[0], p[1]) > max(x[d]-edge, 0) {
			c.failf("%d elements of dimension %d are too few to mirror %d", x[d], d, max(p[0], p[1]))
		}
		x[d] += p[0] + p[1]
	}
	return x
}

// reshape has its shape as a constant or, in old files, as an option; one dimension
// may be left open.
func reshape(c *call) []int64 {
	n, shape := product(c.in(0)), c.op.Options.Ints("new_shape")
	if c.has(1) {
		shape = slices.Clone(c.ints(1))
	}
	if len(shape) > maxRank {
		c.failf("%d dimensions, at most %d are possible", len(shape), maxRank)
		return nil
	}
	open, rest := -1, int64(1)
	for d, size := range shape {
		switch {
		case size == -1 && open < 0:
			open = d
		case size < 0 || size > 1<<31 || rest > 1<<31:
			c.failf("impossible shape %v", shape)
			return nil
		default:
			rest *= size
		}
	}
	if open >= 0 && rest > 0 {
		shape[open] = n / rest
		rest *= shape[open]
	}
	if rest != n || open >= 0 && shape[open] < 0 {
		c.failf("%d elements don't fill the shape %v", n, shape)
	}
	return shape
}

func concatenation(c *call) []int64 {
	out := c.in(0)
	at := c.axis(c.option("axis"), len(out))
	for i := 1; i < len(c.op.Inputs) && c.err == nil; i++ {
		x := c.in(i)
		if len(x) != len(out) || !slices.Equal(x[:at], out[:at]) || !slices.Equal(x[at+1:], out[at+1:]) {
			c.failf("input %d of shape %v can't be joined along dimension %d to shape %v", i, x, at, out)
			return nil
		}
		out[at] += x[at]
	}
	return out
}

func pack(c *call) []int64 {
	x := c.in(0)
	for i := 1; i < len(c.op.Inputs) && c.err == nil; i++ {
		if other := c.in(i); !slices.Equal(other, x) {
			c.failf("input %d has shape %v, the first %v", i, other, x)
		}
	}
	return slices.Insert(x, c.axis(c.option("axis"), len(x)+1), int64(len(c.op.Inputs)))
}

func unpack(c *call) [][]int64 {
	x := c.in(0)
	at := c.axis(c.option("axis"), len(x))
	if c.err == nil && x[at] != int64(len(c.op.Outputs)) {
		c.failf("%d outputs for dimension %d of shape %v", len(c.op.Outputs), at, x)
	}
	if c.err != nil {
		return nil
	}
	return slices.Repeat([][]int64{slices.Delete(x, at, at+1)}, len(c.op.Outputs))
}

// split cuts one dimension into equal parts.
func split(c *call) [][]int64 {
	axes, x, n := c.ints(0), c.in(1), c.positive("num_splits")
	if c.err == nil && len(axes) != 1 {
		c.failf("%d axes, want 1", len(axes))
	}
	if c.err != nil {
		return nil
	}
	at := c.axis(axes[0], len(x))
	if c.err == nil && (x[at]%n != 0 || n != int64(len(c.op.Outputs))) {
		c.failf("dimension %d of shape %v into %d parts for %d outputs", at, x, n, len(c.op.Outputs))
	}
	if c.err != nil {
		return nil
	}
	x[at] /= n
	return slices.Repeat([][]int64{x}, len(c.op.Outputs))
}

// splitV cuts one dimension into parts of given sizes, one of which may be open.
func splitV(c *call) [][]int64 {
	x, sizes, axes := c.in(0), slices.Clone(c.ints(1)), c.ints(2)
	if c.err == nil && len(axes) != 1 {
		c.failf("%d axes, want 1", len(axes))
	}
	if c.err != nil {
		return nil
	}
	at := c.axis(axes[0], len(x))
	if c.err != nil {
		return nil
	}
	rest := x[at]
	for _, n := range sizes {
		if n < -1 || n > 1<<31 {
			c.failf("a part of %d elements", n)
			return nil
		}
		rest -= max(n, 0)
	}
	if open := slices.Index(sizes, -1); open >= 0 {
		sizes[open], rest = rest, 0
	}
	if rest != 0 {
		c.failf("parts of %v elements for dimension %d of shape %v", sizes, at, x)
	}
	var out [][]int64
	for _, n := range sizes {
		part := slices.Clone(x)
		part[at] = n // below 0 is refused with the shape
		out = append(out, part)
	}
	return out
}

// gather replaces one dimension by those of the indices.
func gather(c *call) []int64 {
	x, indices := c.in(0), c.in(1)
	at, batch := c.axis(c.option("axis"), len(x)), c.option("batch_dims")
	if batch < 0 {
		batch += int64(len(indices))
	}
	if c.err == nil && (batch < 0 || batch > int64(len(indices)) || batch > int64(at) || !slices.Equal(x[:batch], indices[:batch])) {
		c.failf("%d batch dimensions of shapes %v and %v", batch, x, indices)
	}
	if c.err != nil {
		return nil
	}
	return slices.Concat(x[:at], indices[batch:], x[at+1:])
}

// squeeze takes out the dimensions that it lists, or all, of size 1.
func squeeze(c *call) []int64 {
	x := c.in(0)
	listed := c.op.Options.Ints("squeeze_dims")
	gone := make([]bool, max(len(x), 1))
	for _, a := range listed {
		at := c.axis(a, len(x))
		if c.err == nil && x[at] != 1 {
			c.failf("dimension %d of shape %v is not 1", at, x)
		}
		gone[at] = true
	}
	var out []int64
	for d, n := range x {
		if !gone[d] && (len(listed) > 0 || n != 1) {
			out = append(out, n)
		}
	}
	return out
}

func expandDims(c *call) []int64 {
	x := c.in(0)
	return slices.Insert(x, c.oneAxis(len(x)+1), 1)
}

func transpose(c *call) []int64 {
	x, order := c.in(0), c.ints(1)
	if c.err == nil && len(order) != len(x) {
		c.failf("%d dimensions in order %v of shape %v", len(order), order, x)
	}
	if c.err != nil {
		return nil
	}
	out, seen := make([]int64, len(x)), make([]bool, max(len(x), 1))
	for d, from := range order {
		at := c.axis(from, len(x))
		if seen[at] {
			c.failf("order %v names a dimension twice", order)
		}
		out[d], seen[at] = x[at], true
	}
	return out
}

func shapeOf(c *call) []int64 { return []int64{int64(len(c.in(0)))} }
