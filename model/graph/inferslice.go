package graph

// slice cuts a box out of a tensor; a size of -1 reaches to the end.
func slice(c *call) []int64 {
	x, begin, size := c.in(0), c.ints(1), c.ints(2)
	if c.err == nil && (len(begin) != len(x) || len(size) != len(x)) {
		c.failf("begin %v and size %v for shape %v", begin, size, x)
	}
	if c.err != nil {
		return nil
	}
	for d, n := range x {
		from, part := begin[d], size[d]
		if part == -1 {
			part = n - from
		}
		if from < 0 || part < 0 || from > n || part > n-from {
			c.failf("begin %v and size %v reach beyond shape %v", begin, size, x)
			return nil
		}
		x[d] = part
	}
	return x
}

// stridedSlice follows Python's slices. Masks drop a bound or, for shrinking, the
// dimension.
func stridedSlice(c *call) []int64 {
	x, begin, end, strides := c.in(0), c.ints(1), c.ints(2), c.ints(3)
	if c.option("ellipsis_mask") != 0 || c.option("new_axis_mask") != 0 {
		c.fail(&UnknownShapeError{Name: "STRIDED_SLICE", Reason: "it has an ellipsis or a new axis"})
	}
	if n := len(begin); c.err == nil && (n > len(x) || n != len(end) || n != len(strides)) {
		c.failf("begin %v, end %v and strides %v for shape %v", begin, end, strides, x)
	}
	if c.err != nil {
		return nil
	}
	set := func(mask string, d int) bool { return c.option(mask)>>d&1 != 0 }
	var out []int64
	for d, n := range x {
		if d >= len(begin) {
			out = append(out, n)
			continue
		}
		stride, from, to := strides[d], begin[d], end[d]
		if stride == 0 || stride > 1<<31 || stride < -1<<31 {
			c.failf("stride %d of dimension %d", stride, d)
			return nil
		}
		if set("shrink_axis_mask", d) {
			if from < -n || from >= n {
				c.failf("index %d of dimension %d in shape %v", from, d, x)
			}
			continue
		}
		if c.option("offset") != 0 {
			to = min(max(to, -1<<31), 1<<31) + min(max(from, -1<<31), 1<<31)
		}
		out = append(out, sliceLength(n, from, to, stride, set("begin_mask", d), set("end_mask", d)))
	}
	return out
}

// sliceLength counts the elements of [from:to:stride] of n.
func sliceLength(n, from, to, stride int64, fromOpen, toOpen bool) int64 {
	low, high := int64(0), n // where a bound may lie
	if stride < 0 {
		low, high = -1, n-1
	}
	bound := func(at int64) int64 {
		if at < 0 {
			at += n
		}
		return min(max(at, low), high)
	}
	from, to = bound(from), bound(to)
	if stride < 0 {
		from, to = ifOpen(fromOpen, high, from), ifOpen(toOpen, low, to)
		return max((from-to-stride-1)/-stride, 0)
	}
	from, to = ifOpen(fromOpen, low, from), ifOpen(toOpen, high, to)
	return max((to-from+stride-1)/stride, 0)
}

func ifOpen(open bool, edge, at int64) int64 {
	if open {
		return edge
	}
	return at
}
