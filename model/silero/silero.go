// Package silero converts the Silero voice activity detector from ONNX to
// TensorFlow Lite, without either library.
//
// The network (MIT licence, © Silero Team) is published as ONNX with one branch for
// 8 kHz and one for 16 kHz and much shape arithmetic around a small core. [Convert]
// finds the weights of the 16 kHz branch by following the graph, not by the names
// of its values, so that another release of the same architecture works, and writes
// the core as 30 builtin operators.
//
// The result works on one frame at a time and has, in this order,
//
//	inputs   "input" [1,576]  the last 64 samples of the frame before, then 512 new ones
//	         "h"     [1,128]  state, zero at the start
//	         "c"     [1,128]  state, zero at the start
//	outputs  "prob"  [1,1]    probability of speech
//	         "h_out" [1,128]  the next frame's h
//	         "c_out" [1,128]  the next frame's c
//
// all float32; samples lie between -1 and 1 at 16 kHz, so a frame lasts 32 ms.
package silero

import (
	"crypto/sha256"
	"fmt"

	"atoll/model/onnx"
)

// Precision is how the weights are stored. Its zero value is F32.
type Precision uint8

// The precisions. F16 halves the file; TensorFlow Lite widens the weights once,
// when it loads the model.
const (
	F32 Precision = iota
	F16
)

var precisionNames = [...]string{F32: "f32", F16: "f16"}

// String returns "f32" or "f16".
func (p Precision) String() string {
	if int(p) >= len(precisionNames) {
		return fmt.Sprintf("precision(%d)", uint8(p))
	}
	return precisionNames[p]
}

// ParsePrecision is the inverse of String.
func ParsePrecision(s string) (Precision, error) {
	for p, name := range precisionNames {
		if name == s {
			return Precision(p), nil
		}
	}
	return 0, fmt.Errorf("unknown precision %q: use f32 or f16", s)
}

// Convert reads an ONNX file of Silero VAD and returns the .tflite file of its
// 16 kHz branch. The same input gives the same bytes.
func Convert(data []byte, p Precision) ([]byte, error) {
	if int(p) >= len(precisionNames) {
		return nil, fmt.Errorf("convert silero: unknown %v", p)
	}
	source, err := onnx.Read(data)
	if err != nil {
		return nil, fmt.Errorf("convert silero: %w", err)
	}
	w, err := findWeights(source.Graph)
	if err != nil {
		return nil, fmt.Errorf("convert silero: not a Silero VAD of the known architecture: %w", err)
	}
	description := fmt.Sprintf("Silero VAD (MIT, (c) Silero Team), 16 kHz branch, %v weights, from ONNX sha256 %x", p, sha256.Sum256(data))
	out, err := build(w, p, description).Write()
	if err != nil {
		return nil, fmt.Errorf("convert silero: %w", err)
	}
	return out, nil
}
