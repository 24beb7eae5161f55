package task

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"atoll/engine"
	"atoll/engine/probe"
	"atoll/internal/npy"
	"atoll/pipeline/source"
	"atoll/pipeline/vision"
)

// inputs are pictures or arrays of the user's: each item is what one inference is fed.
// Those that are used are kept once they were read.
type inputs struct {
	reference Model
	n         int // items
	most      int // kept of a half
	read      func(i int) (probe.Sample, error)
	kept      [2][]probe.Sample
}

// newInputs bounds what is kept: the items and what a model answers to them.
func newInputs(f *folder, n int, reference Model, read func(i int) (probe.Sample, error)) *inputs {
	size := 0
	for _, t := range slices.Concat(reference.Inputs(), reference.Outputs()) {
		size += t.Bytes
	}
	in := &inputs{reference: reference, n: n, most: max(1, min(maxItems, maxKeptHalf/size)), read: read}
	if n == 1 {
		f.noteSingle()
	}
	if used := 2 * in.most; n > used {
		f.note("%d of %d items are used, evenly chosen.", used, n)
	}
	return in
}

func (in *inputs) load(h half) ([]probe.Sample, error) {
	if in.kept[h] == nil {
		var list []probe.Sample
		for i := range h.choose(in.most, in.n) {
			s, err := in.read(i)
			if err != nil {
				return nil, err
			}
			list = append(list, s)
		}
		in.kept[h] = list
	}
	return in.kept[h], nil
}

func (in *inputs) samples(_ Model, h half, n int) ([]probe.Sample, error) {
	all, err := in.load(h)
	var list []probe.Sample
	for i := range spread(n, len(all)) {
		list = append(list, all[i])
	}
	return list, err
}

func (in *inputs) ask(m Model, h half) (transcript, error) {
	if err := in.checkShapes(m); err != nil {
		return nil, err
	}
	list, err := in.load(h)
	if err != nil {
		return nil, err
	}
	told, err := newListener(m)
	if err != nil {
		return nil, err
	}
	to := m.Inputs()[0].Float32s()
	for _, s := range list {
		copy(to, s[0])
		if _, err := m.Run(deadline); err != nil {
			return nil, err
		}
		if err := told.hear(m); err != nil {
			return nil, fmt.Errorf("model %s: %w", m.Name(), err)
		}
	}
	return told, nil
}

// checkShapes refuses models whose answers can't be held against the reference's.
func (in *inputs) checkShapes(m Model) error {
	if err := checkFloats(m); err != nil {
		return err
	}
	for _, x := range []struct {
		what      string
		got, want []engine.Tensor
	}{{"inputs", m.Inputs(), in.reference.Inputs()}, {"outputs", m.Outputs(), in.reference.Outputs()}} {
		got, want := shapes(x.got), shapes(x.want)
		if !slices.EqualFunc(got, want, slices.Equal) {
			return fmt.Errorf("model %s has %s of shape %v, the original model %v", m.Name(), x.what, got, want)
		}
	}
	return nil
}

// openPictures is for models with one square input of three colours.
func openPictures(f *folder, reference Model) (data, error) {
	in := reference.Inputs()
	if len(in) != 1 || len(in[0].Shape) != 4 || in[0].Shape[0] != 1 || in[0].Shape[1] != in[0].Shape[2] || in[0].Shape[3] != 3 {
		return nil, fmt.Errorf("model %s has inputs of shape %v, want one of [1 N N 3]: give arrays (.npy) instead", reference.Name(), shapes(in))
	}
	lens, err := newLens(reference)
	if err != nil {
		return nil, err
	}
	if !isFaceDetector(reference) {
		f.note("The model is fed pixels of -1 to 1, letterboxed; if it wants others, give arrays (.npy) instead.")
	}
	var img source.Image
	return newInputs(f, len(f.paths), reference, func(i int) (probe.Sample, error) {
		s, err := lens.open(f.paths[i], &img)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(f.paths[i]), err)
		}
		return s, nil
	}), nil
}

func (l *lens) open(path string, img *source.Image) (probe.Sample, error) {
	file, _, err := source.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := source.DecodePicture(file, img); err != nil {
		return nil, err
	}
	return l.sample(*img)
}

func isFaceDetector(m Model) bool {
	_, err := faceSpec(m)
	return err == nil
}

func faceSpec(m Model) (vision.Spec, error) {
	return vision.Check(shapes(m.Inputs()), shapes(m.Outputs()))
}

// openArrays is for any model with one input. The items are the first dimension's.
func openArrays(f *folder, reference Model) (data, error) {
	in := reference.Inputs()
	if len(in) != 1 {
		return nil, fmt.Errorf("model %s has %d inputs, arrays are for models with one", reference.Name(), len(in))
	}
	ends := make([]int, len(f.paths)) // of each file's items, counted over all
	n := 0
	for i, path := range f.paths {
		err := withArray(path, func(a *npy.Array) error {
			items, err := batch(a.Shape, in[0].Shape)
			n += items
			return err
		})
		if err != nil {
			return nil, err
		}
		ends[i] = n
	}
	return newInputs(f, n, reference, func(i int) (probe.Sample, error) {
		k, within := slices.BinarySearch(ends, i)
		if within {
			k++
		}
		values := make([]float64, len(in[0].Float32s()))
		err := withArray(f.paths[k], func(a *npy.Array) error {
			first := (i-ends[k])*len(values) + a.Len()
			return a.Read(values, first)
		})
		if err != nil {
			return nil, err
		}
		return toSample(f.paths[k], values)
	}), nil
}

// withArray opens a file for as long as use runs.
func withArray(path string, use func(*npy.Array) error) error {
	file, info, err := source.OpenFile(path)
	if err != nil {
		return err
	}
	defer file.Close()
	a, err := npy.New(file, info.Size())
	if err == nil {
		err = use(a)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}

// batch is how many inputs of the shape wanted an array holds: one, or several along a
// first dimension, which stands for that of an input of shape [1,...].
func batch(got, want []int) (int, error) {
	if slices.Equal(got, want) {
		return 1, nil
	}
	one := want
	if len(want) > 0 && want[0] == 1 {
		one = want[1:]
	}
	if len(got) == len(one)+1 && slices.Equal(got[1:], one) {
		return got[0], nil
	}
	return 0, fmt.Errorf("shape %v, the model wants %v, or several of %v along a first dimension", got, want, one)
}

func toSample(path string, values []float64) (probe.Sample, error) {
	list := make([]float32, len(values))
	for i, v := range values {
		if list[i] = float32(v); math.IsNaN(v) || math.IsInf(float64(list[i]), 0) {
			return nil, fmt.Errorf("%s: value %v is no finite float32", filepath.Base(path), v)
		}
	}
	return probe.Sample{list}, nil
}
