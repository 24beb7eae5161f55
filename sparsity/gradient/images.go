package gradient

import (
	"fmt"
)

// window is how a kernel goes over a picture of one inference.
type window struct {
	in, out, kernel, stride, dilation, pad [2]int // height, width
	from, to                               int    // channels
}

func (s *step) window(height, width int) (window, error) {
	in, out := s.shape(s.op.Inputs[0]), s.shape(s.op.Outputs[0])
	w := window{kernel: [2]int{height, width}}
	if len(in) != 4 || len(out) != 4 || in[0] != 1 {
		return w, fmt.Errorf("%w: not one picture", ErrOperator)
	}
	w.from, w.to = int(in[3]), int(out[3])
	o := s.op.Options
	w.stride = [2]int{int(o.Int("stride_h")), int(o.Int("stride_w"))}
	w.dilation = [2]int{max(1, int(o.Int("dilation_h_factor"))), max(1, int(o.Int("dilation_w_factor")))}
	const same = 0
	for d := range 2 {
		w.in[d], w.out[d] = int(in[1+d]), int(out[1+d])
		if o.Int("padding") == same {
			w.pad[d] = max((w.out[d]-1)*w.stride[d]+(w.kernel[d]-1)*w.dilation[d]+1-w.in[d], 0) / 2
		}
	}
	return w, nil
}

// each visits the pixels under the kernel at each position.
func (w *window) each(visit func(out, tap, in int)) {
	for y := range w.out[0] {
		for x := range w.out[1] {
			for ky := range w.kernel[0] {
				row := y*w.stride[0] + ky*w.dilation[0] - w.pad[0]
				if row < 0 || row >= w.in[0] {
					continue
				}
				for kx := range w.kernel[1] {
					column := x*w.stride[1] + kx*w.dilation[1] - w.pad[1]
					if column >= 0 && column < w.in[1] {
						visit(y*w.out[1]+x, ky*w.kernel[1]+kx, row*w.in[1]+column)
					}
				}
			}
		}
	}
}

// kernel is what a convolution multiplies with, and how it goes over the picture.
func (s *step) kernel() (values []float32, shape []int32, w window, err error) {
	t := s.op.Inputs[1]
	values, shape = s.constants[t], s.shape(t)
	if values == nil || len(shape) != 4 {
		return nil, nil, w, fmt.Errorf("%w: weights that aren't constant", ErrOperator)
	}
	w, err = s.window(int(shape[1]), int(shape[2]))
	return values, shape, w, err
}

func (s *step) convolution() error {
	kernel, shape, w, err := s.kernel()
	if err != nil {
		return err
	}
	if int(shape[3]) != w.from {
		return fmt.Errorf("%w: in groups", ErrOperator)
	}
	to := s.into(0)
	if to == nil {
		return nil
	}
	length := len(kernel) / w.to
	w.each(func(out, tap, in int) {
		pixel := to[in*w.from:][:w.from]
		for r, d := range s.d[out*w.to:][:w.to] {
			if d == 0 {
				continue
			}
			for c, v := range kernel[r*length+tap*w.from:][:len(pixel)] {
				pixel[c] += d * v
			}
		}
	})
	return nil
}

func (s *step) depthwise() error {
	kernel, _, w, err := s.kernel()
	if err != nil {
		return err
	}
	if w.from != w.to {
		return fmt.Errorf("%w: with a multiplier", ErrOperator)
	}
	to := s.into(0)
	if to == nil {
		return nil
	}
	w.each(func(out, tap, in int) {
		pixel, k := to[in*w.from:][:w.from], kernel[tap*w.from:][:w.from]
		for c, d := range s.d[out*w.to:][:w.to] {
			pixel[c] += d * k[c]
		}
	})
	return nil
}

// maxPool gives all to the largest pixel.
func (s *step) maxPool() error {
	w, err := s.window(int(s.op.Options.Int("filter_height")), int(s.op.Options.Int("filter_width")))
	if err != nil {
		return err
	}
	x, y, to := s.values[s.op.Inputs[0]], s.values[s.op.Outputs[0]], s.into(0)
	if to == nil {
		return nil
	}
	given := make([]bool, len(s.d))
	w.each(func(out, _, in int) {
		for c := range w.from {
			if k := out*w.to + c; !given[k] && x[in*w.from+c] == y[k] {
				given[k] = true
				to[in*w.from+c] += s.d[k]
			}
		}
	})
	return nil
}

func (s *step) pad() error {
	in, out := s.shape(s.op.Inputs[0]), s.shape(s.op.Outputs[0])
	p := s.edit.Int32s(s.op, 1)
	if len(in) != 4 || len(out) != 4 || len(p) != 8 {
		return fmt.Errorf("%w: not a picture", ErrOperator)
	}
	before := func(d int) int { return int(p[2*d]) }
	to := s.into(0)
	if to == nil {
		return nil
	}
	n := int(in[3])
	for y := range int(in[1]) {
		for x := range int(in[2]) {
			at := ((y+before(1))*int(out[2])+x+before(2))*int(out[3]) + before(3)
			for c, d := range s.d[at:][:n] {
				to[(y*int(in[2])+x)*n+c] += d
			}
		}
	}
	return nil
}

// resize gives each pixel's derivatives to the four that it was mixed of.
func (s *step) resize() error {
	in, out := s.shape(s.op.Inputs[0]), s.shape(s.op.Outputs[0])
	if len(in) != 4 || len(out) != 4 || in[0] != 1 {
		return fmt.Errorf("%w: not one picture", ErrOperator)
	}
	to, n := s.into(0), int(in[3])
	if to == nil {
		return nil
	}
	rows, columns := s.mixture(in[1], out[1]), s.mixture(in[2], out[2])
	for y, ry := range rows {
		for x, cx := range columns {
			d := s.d[(y*len(columns)+x)*n:][:n]
			for _, a := range ry {
				for _, b := range cx {
					f := a.share * b.share
					if f == 0 {
						continue
					}
					pixel := to[(a.at*int(in[2])+b.at)*n:][:n]
					for c, v := range d {
						pixel[c] += f * v
					}
				}
			}
		}
	}
	return nil
}

type part struct {
	at    int
	share float32
}

// mixture says of which two places each place of a longer line is mixed.
func (s *step) mixture(in, out int32) [][2]part {
	o := s.op.Options
	scale, shift := float64(in)/float64(out), 0.0
	if o.Int("align_corners") != 0 && out > 1 {
		scale = float64(in-1) / float64(out-1)
	}
	if o.Int("half_pixel_centers") != 0 {
		shift = 0.5
	}
	list := make([][2]part, out)
	for i := range list {
		x := max((float64(i)+shift)*scale-shift, 0)
		low := min(int(x), int(in)-1)
		high := min(low+1, int(in)-1)
		f := float32(x - float64(low))
		list[i] = [2]part{{low, 1 - f}, {high, f}}
	}
	return list
}
