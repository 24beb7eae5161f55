package main

import (
	"fmt"

	"atoll/internal/figures"
)

// fullRangeSparse is what Google made of the full-range model by training it to be sparse.
const fullRangeSparse = "models/face_full_range_sparse.tflite"

// zeros holds the full-range model with zeros against the dense one, beside Google's.
func (b *bench) zeros() error {
	plain, err := b.convert(fullRange, "f32")
	if err != nil {
		return err
	}
	ours, err := b.convert(fullRange, "sparse 0.7")
	if err != nil {
		return err
	}
	share, err := figures.PointwiseZeros(ours.File)
	if err != nil {
		return err
	}
	b.AtLeast("full range, sparse 0.7: zeros of 1x1 convolutions", 2.0/3, share)
	if err := b.faces("  faces of the dense model found", ours.File, 0.97, mostDrop); err != nil {
		return err
	}
	if err := b.fewerInstructions("  instructions", 1.25, plain.File, ours.File); err != nil {
		return err
	}
	if share, err = figures.PointwiseZeros(fullRangeSparse); err != nil {
		return err
	}
	b.Row("full range, Google's sparse file: zeros", "-", fmt.Sprintf("%.3f", share), true)
	if err := b.faces("  faces of the dense model found", fullRangeSparse, 0, 1); err != nil {
		return err
	}
	return b.fewerInstructions("  instructions", 0, plain.File, fullRangeSparse)
}

// faces prints how a model does beside the dense one.
func (b *bench) faces(measure, file string, must, drop float64) error {
	f, err := figures.CompareFaces(fullRange.file, file)
	if err != nil {
		return err
	}
	bound, most := "-", "-"
	if must > 0 {
		bound, most = fmt.Sprintf(">= %.3f", must), fmt.Sprintf(">= %.3f", f.Before-drop)
	}
	b.Row(measure, bound, fmt.Sprintf("%.3f of %d, %d others", f.Found, f.Of, f.Alone), f.Found >= must)
	b.Row("  accuracy", most, fmt.Sprintf("%.3f, dense %.3f", f.After, f.Before), f.Before-f.After <= drop+1e-9)
	return nil
}
