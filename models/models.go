// Package models holds the models, vocabulary and labels that are built into the
// binary, so that it runs with no file on disk.
//
// The data files are not part of the source tree. If the compiler says that a
// pattern matches no files, run "make models": it fetches or converts what
// manifest.toml lists.
package models

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"sync"

	"atoll/model"
)

var (
	//go:embed *.tflite
	files embed.FS
	//go:embed manifest.toml
	manifest []byte
	//go:embed vocab.txt
	vocab string
	//go:embed labels.txt
	labels string
)

var parse = sync.OnceValues(func() (*model.Manifest, error) { return model.ParseManifest(manifest) })

// Manifest returns the manifest of the built-in models. It is shared: callers must
// not change it.
func Manifest() (*model.Manifest, error) { return parse() }

// verified has the names of the files whose sum has been checked.
var verified sync.Map

// Open returns a copy of a built-in variant's file. The first time it checks the
// file against the variant's SHA-256 sum.
func Open(v *model.Variant) ([]byte, error) {
	data, err := files.ReadFile(v.File)
	if err != nil {
		return nil, fmt.Errorf("%v model %q is not built in: %w", v.Modality, v.Name, err)
	}
	if sum, ok := verified.Load(v.File); ok && sum == v.SHA256 {
		return data, nil
	}
	if sum := model.Hash(sha256.Sum256(data)); sum != v.SHA256 {
		return nil, fmt.Errorf("%v model %q: built-in file %s has SHA-256 %v, the manifest says %v: run \"make models\" and build again",
			v.Modality, v.Name, v.File, sum, v.SHA256)
	}
	verified.Store(v.File, v.SHA256)
	return data, nil
}

// Vocab returns the text model's vocabulary: a word, a space and its id on every
// line.
func Vocab() []byte { return []byte(vocab) }

// Labels returns the text model's labels in the order of its outputs, one a line.
func Labels() []byte { return []byte(labels) }
