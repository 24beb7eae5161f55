package graph

// Paddings of the schema.
const (
	paddingSame  = 0
	paddingValid = 1
)

// window returns how many positions a window has along one dimension: of n elements,
// with size taps that are dilation apart, moved by stride.
func (c *call) window(n, size, stride, dilation int64) int64 {
	taps := (size-1)*dilation + 1
	switch padding := c.option("padding"); {
	case size <= 0 || n <= 0:
		c.failf("a window of %d elements over %d", size, n)
	case padding == paddingSame:
		return (n + stride - 1) / stride
	case padding != paddingValid:
		c.failf("unknown padding %d", padding)
	case taps > n:
		c.failf("a window of %d elements is wider than %d without padding", taps, n)
	default:
		return (n - taps + stride) / stride
	}
	return 0
}

// bias checks that input i, if there is one, has n elements.
func (c *call) bias(i int, n int64) {
	if !c.has(i) {
		return
	}
	shape := c.in(i)
	if c.err == nil && product(shape) != n {
		c.failf("bias of shape %v for %d channels", shape, n)
	}
}

// product multiplies the dimensions of a tensor's shape. Check has bounded those.
func product(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return n
}

// conv allows groups: kernels that see a part of the channels.
func conv(c *call) []int64 {
	x, kernel := c.in4(0), c.in4(1)
	out, seen := kernel[0], kernel[3]
	if c.err == nil && (seen <= 0 || x[3]%seen != 0 || x[3] == 0 || out%(x[3]/seen) != 0) {
		c.failf("a kernel of shape %v for %d channels", kernel, x[3])
	}
	c.bias(2, out)
	h := c.window(x[1], kernel[1], c.positive("stride_h"), c.positive("dilation_h_factor"))
	w := c.window(x[2], kernel[2], c.positive("stride_w"), c.positive("dilation_w_factor"))
	return []int64{x[0], h, w, out}
}

func depthwise(c *call) []int64 {
	x, kernel := c.in4(0), c.in4(1)
	out := kernel[3]
	// The multiplier is redundant, and old files leave it out.
	multiplier := c.option("depth_multiplier")
	if c.err == nil && (kernel[0] != 1 || x[3] == 0 || out%x[3] != 0 || multiplier != 0 && out != x[3]*multiplier) {
		c.failf("a kernel of shape %v and depth multiplier %d for %d channels", kernel, multiplier, x[3])
	}
	c.bias(2, out)
	h := c.window(x[1], kernel[1], c.positive("stride_h"), c.positive("dilation_h_factor"))
	w := c.window(x[2], kernel[2], c.positive("stride_w"), c.positive("dilation_w_factor"))
	return []int64{x[0], h, w, out}
}

// transposeConv is told its result's shape; a convolution of that must give the input.
func transposeConv(c *call) []int64 {
	shape, kernel, x := c.ints(0), c.in4(1), c.in4(2)
	if c.err == nil && len(shape) != 4 {
		c.failf("output shape %v, want 4 dimensions", shape)
	}
	if c.err != nil {
		return nil
	}
	h := c.window(shape[1], kernel[1], c.positive("stride_h"), 1)
	w := c.window(shape[2], kernel[2], c.positive("stride_w"), 1)
	c.bias(3, kernel[0])
	if c.err == nil && (shape[0] != x[0] || h != x[1] || w != x[2] || kernel[3] != x[3] || kernel[0] != shape[3]) {
		c.failf("output shape %v with a kernel of shape %v can't come of shape %v", shape, kernel, x)
	}
	return shape
}

func pool(c *call) []int64 {
	x := c.in4(0)
	h := c.window(x[1], c.option("filter_height"), c.positive("stride_h"), 1)
	w := c.window(x[2], c.option("filter_width"), c.positive("stride_w"), 1)
	return []int64{x[0], h, w, x[3]}
}

// fullyConnected takes its input for rows as long as the kernel's.
func fullyConnected(c *call) []int64 {
	x, kernel := c.in(0), c.in(1)
	if c.err == nil && len(kernel) != 2 {
		c.failf("a kernel of shape %v, want 2 dimensions", kernel)
	}
	if c.err != nil {
		return nil
	}
	out, in := kernel[0], kernel[1]
	c.bias(2, out)
	if c.option("keep_num_dims") != 0 {
		if len(x) == 0 || x[len(x)-1] != in {
			c.failf("a kernel of shape %v for an input of shape %v", kernel, x)
			return nil
		}
		return append(x[:len(x)-1], out)
	}
	n := product(x)
	if in <= 0 || n%in != 0 {
		c.failf("a kernel of shape %v for an input of shape %v", kernel, x)
		return nil
	}
	return []int64{n / in, out}
}

func resize(c *call) []int64 {
	x := c.in4(0)
	size := []int64{c.option("new_height"), c.option("new_width")} // of old files
	if c.has(1) {
		size = c.ints(1)
	}
	if c.err == nil && (len(size) != 2 || size[0] <= 0 || size[1] <= 0) {
		c.failf("size %v, want a height and a width", size)
	}
	if c.err != nil {
		return nil
	}
	return []int64{x[0], size[0], size[1], x[3]}
}

func depthToSpace(c *call) []int64 {
	x, block := c.in4(0), c.block()
	if c.err == nil && x[3]%(block*block) != 0 {
		c.failf("%d channels can't be cut into blocks of %dx%d", x[3], block, block)
	}
	return []int64{x[0], x[1] * block, x[2] * block, x[3] / (block * block)}
}

func spaceToDepth(c *call) []int64 {
	x, block := c.in4(0), c.block()
	if c.err == nil && (x[1]%block != 0 || x[2]%block != 0) {
		c.failf("%dx%d can't be cut into blocks of %dx%d", x[1], x[2], block, block)
	}
	return []int64{x[0], x[1] / block, x[2] / block, x[3] * block * block}
}

// block returns the side of a block, small enough to be squared.
func (c *call) block() int64 {
	n := c.positive("block_size")
	if n > 1<<15 {
		c.failf("blocks of %dx%d", n, n)
		return 1
	}
	return n
}
