package model

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"atoll/internal/strictoml"
)

// Manifest lists model files and what each is good for. It is a TOML document:
//
//	version = 1
//
//	[[variant]]
//	modality = "audio"                      # vision, audio or text
//	name = "f32"                            # unique within the modality
//	file = "silero_vad_f32.tflite"          # beside the manifest, no folders
//	sha256 = "…"                            # of the file, 64 hexadecimal digits
//	precision = "f32"                       # of the weights: see Precisions
//	baseline = true                         # on exactly one variant of a modality
//	accuracy = 0.99                         # measured, 0 to 1; left out: unknown
//	licence = "MIT"
//	source = "where the file comes from"
//
//	[[variant.input]]                       # in the file's order; so are the outputs
//	name = "input"
//	type = "float32"
//	shape = [1, 576]
//
//	[[variant.output]]
//	…
type Manifest struct {
	Version  int       `toml:"version"`
	Variants []Variant `toml:"variant"`
}

// Variant is one model file of a modality.
type Variant struct {
	Modality  Modality `toml:"modality"`
	Name      string   `toml:"name"`
	File      string   `toml:"file"`
	SHA256    Hash     `toml:"sha256"`
	Precision string   `toml:"precision"`
	Baseline  bool     `toml:"baseline"`
	// Accuracy is the share of answers that are right, as measured on the test data of
	// the modality; those of one modality can be compared. 0 is unknown.
	Accuracy float64      `toml:"accuracy"`
	Licence  string       `toml:"licence"`
	Source   string       `toml:"source"`
	Inputs   []TensorSpec `toml:"input"`
	Outputs  []TensorSpec `toml:"output"`
}

// TensorSpec is the outside of a tensor: what a variant promises of an input or
// output, and what a report says of it.
type TensorSpec struct {
	Name  string     `toml:"name" json:"name"`
	Type  TensorType `toml:"type" json:"type"`
	Shape []int32    `toml:"shape" json:"shape"`
}

// Hash is a SHA-256 sum; as text it is 64 hexadecimal digits.
type Hash [32]byte

// String returns the hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return fmt.Errorf("SHA-256 sum of %d characters, want %d", len(text), hex.EncodedLen(len(h)))
	}
	if _, err := hex.Decode(h[:], text); err != nil {
		return fmt.Errorf("SHA-256 sum: %w", err)
	}
	return nil
}

// Auto is no variant's name: where one is asked for, it stands for a choice by job.
const Auto = "auto"

// Precisions are the values that Variant.Precision may have: how weights are
// stored, and for "int8" activations too.
var Precisions = []string{"f32", "f16", "int8-dynamic", "int8", "mixed"}

// Bounds of a manifest.
const (
	manifestVersion = 1
	maxManifest     = 1 << 20 // bytes
	maxVariants     = 256
	maxTensors      = 32 // inputs or outputs of a variant
	maxRank         = 8
	maxText         = 512
)

// plainName is what names of variants and files may look like: no separators, no
// hidden files.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$`)

// ManifestError is a fault in a manifest.
type ManifestError struct {
	Line int // 0 if the fault concerns the whole manifest
	Err  error
}

func (e *ManifestError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("manifest: %v", e.Err)
	}
	return fmt.Sprintf("manifest: line %d: %v", e.Line, e.Err)
}

// Unwrap returns the cause.
func (e *ManifestError) Unwrap() error { return e.Err }

// ParseManifest reads and checks a manifest. Every error is a *ManifestError.
func ParseManifest(data []byte) (*Manifest, error) {
	m := new(Manifest)
	if err := strictoml.Decode(data, maxManifest, m); err != nil {
		wrong, _ := errors.AsType[*strictoml.Error](err)
		return nil, &ManifestError{Line: wrong.Line, Err: errors.New(wrong.Reason)}
	}
	if m.Version != manifestVersion {
		return nil, &ManifestError{Err: fmt.Errorf("version %d, want %d", m.Version, manifestVersion)}
	}
	if len(m.Variants) > maxVariants {
		return nil, &ManifestError{Err: fmt.Errorf("%d variants, at most %d are possible", len(m.Variants), maxVariants)}
	}
	for i := range m.Variants {
		if err := m.checkVariant(i); err != nil {
			return nil, &ManifestError{Line: strictoml.Line(data, []string{"variant"}, i, ""), Err: fmt.Errorf("variant %q: %w", m.Variants[i].Name, err)}
		}
	}
	if err := m.checkBaselines(); err != nil {
		return nil, &ManifestError{Err: err}
	}
	return m, nil
}

func (m *Manifest) checkVariant(i int) error {
	v := &m.Variants[i]
	switch {
	case !plainName.MatchString(v.Name):
		return errors.New("name must be 1 to 64 letters, digits, '.', '-' or '_'")
	case v.Name == Auto:
		return fmt.Errorf("name must not be %q, which stands for a choice among all", Auto)
	case !(v.Accuracy >= 0 && v.Accuracy <= 1):
		return fmt.Errorf("accuracy %v: use 0 to 1", v.Accuracy)
	case !plainName.MatchString(v.File):
		return fmt.Errorf("file %.64q must be a plain file name, without folders", v.File)
	case v.SHA256 == Hash{}:
		return errors.New("sha256 is missing")
	case !slices.Contains(Precisions, v.Precision):
		return fmt.Errorf("precision %.64q is not one of %v", v.Precision, Precisions)
	case len(v.Licence) > maxText || len(v.Source) > maxText:
		return fmt.Errorf("licence or source is longer than %d bytes", maxText)
	case v.Licence == "" || v.Source == "":
		return errors.New("licence and source must be given")
	}
	if err := checkSpecs("input", v.Inputs); err != nil {
		return err
	}
	if err := checkSpecs("output", v.Outputs); err != nil {
		return err
	}
	for _, other := range m.Variants[:i] {
		if other.Modality == v.Modality && other.Name == v.Name {
			return fmt.Errorf("%v has two variants of that name", v.Modality)
		}
	}
	return nil
}

func checkSpecs(kind string, specs []TensorSpec) error {
	if len(specs) == 0 || len(specs) > maxTensors {
		return fmt.Errorf("%d %ss, want 1 to %d", len(specs), kind, maxTensors)
	}
	for i, s := range specs {
		if s.Name == "" || len(s.Name) > maxText {
			return fmt.Errorf("%s %d has a name of %d bytes, want 1 to %d", kind, i, len(s.Name), maxText)
		}
		if len(s.Shape) > maxRank {
			return fmt.Errorf("%s %q has %d dimensions, at most %d are possible", kind, s.Name, len(s.Shape), maxRank)
		}
		if n, err := Elements(s.Shape); err != nil || n == 0 {
			return fmt.Errorf("%s %q has the impossible shape %v", kind, s.Name, s.Shape)
		}
	}
	return nil
}

// checkBaselines wants exactly one baseline for each modality that has variants.
func (m *Manifest) checkBaselines() error {
	var variants, baselines [NumModalities]int
	for _, v := range m.Variants {
		variants[v.Modality]++
		if v.Baseline {
			baselines[v.Modality]++
		}
	}
	for modality := range Modality(NumModalities) {
		if variants[modality] > 0 && baselines[modality] != 1 {
			return fmt.Errorf("%v has %d baselines among %d variants, want exactly one", modality, baselines[modality], variants[modality])
		}
	}
	return nil
}

// Variant returns the variant of that modality and name.
func (m *Manifest) Variant(modality Modality, name string) (*Variant, error) {
	var names []string
	for i := range m.Variants {
		v := &m.Variants[i]
		if v.Modality != modality {
			continue
		}
		if v.Name == name {
			return v, nil
		}
		names = append(names, v.Name)
	}
	return nil, fmt.Errorf("no %v variant %q: use one of %q", modality, name, names)
}

// Baseline returns the modality's baseline, nil if it has no variants.
func (m *Manifest) Baseline(modality Modality) *Variant {
	for i := range m.Variants {
		if v := &m.Variants[i]; v.Modality == modality && v.Baseline {
			return v
		}
	}
	return nil
}
