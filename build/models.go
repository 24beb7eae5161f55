package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // the licence text
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"atoll/build/internal/hosttools"
	"atoll/build/internal/pins"
	"atoll/build/internal/recipe"
	"atoll/build/internal/unpack"
	"atoll/model"
	"atoll/model/silero"
)

// The packages that hold the models.
const (
	mediapipe = "@mediapipe/face_detection"
	vadWeb    = "@ricky0123/vad-web"
	goTFLite  = "github.com/mattn/go-tflite"
	textDir   = "_example/text_classification/"
)

// fetchedModels are the files that come ready, by their name in models/.
var fetchedModels = []struct {
	name    string
	kind    pins.Kind
	pack    string
	content string
}{
	{"face_short_range.tflite", pins.NPM, mediapipe, "face_detection_short_range.tflite"},
	{"face_full_range.tflite", pins.NPM, mediapipe, "face_detection_full_range.tflite"},
	{"face_full_range_sparse.tflite", pins.NPM, mediapipe, "face_detection_full_range_sparse.tflite"},
	{"text_classification.tflite", pins.Module, goTFLite, textDir + "text_classification.tflite"},
	{"vocab.txt", pins.Module, goTFLite, textDir + "vocab.txt"},
	{"labels.txt", pins.Module, goTFLite, textDir + "labels.txt"},
}

// file is one file to write.
type file struct {
	name string
	data []byte
}

// makeModels is the command models; see verbs.
func makeModels(ctx context.Context, b *builder, args []string) error {
	if err := flags("models", args); err != nil {
		return err
	}
	return b.models(ctx)
}

// models makes every file of models/ anew, which takes well under a second once the packages are there, and writes those that
// differ. Nothing else can tell as surely that they are current.
func (b *builder) models(ctx context.Context) error {
	if err := b.host.Ensure(ctx, hosttools.Fetch); err != nil {
		return err
	}
	var files []file
	for _, m := range fetchedModels {
		data, err := b.content(ctx, m.kind, m.pack, m.content)
		if err != nil {
			return err
		}
		files = append(files, file{m.name, data})
	}
	onnx, err := b.content(ctx, pins.NPM, vadWeb, "dist/silero_vad_v5.onnx")
	if err != nil {
		return err
	}
	for _, p := range []silero.Precision{silero.F32, silero.F16} {
		data, err := silero.Convert(onnx, p)
		if err != nil {
			return err
		}
		files = append(files, file{fmt.Sprintf("silero_vad_%s.tflite", p), data})
	}
	manifest, err := os.ReadFile(filepath.Join(b.root, "models", "manifest.toml"))
	if err != nil {
		return err
	}
	if err := checkSums(manifest, files); err != nil {
		return fmt.Errorf("models/manifest.toml: %w", err)
	}
	notices, err := b.modelLicences(ctx)
	if err != nil {
		return err
	}
	return b.write(filepath.Join(b.root, "models"), append(files, notices...))
}

// content returns a file of a pinned package.
func (b *builder) content(ctx context.Context, kind pins.Kind, pack, path string) ([]byte, error) {
	packPin, err := b.pins.Find(kind, pack, "")
	if err != nil {
		return nil, err
	}
	contentPin, err := b.pins.Content(pack, path)
	if err != nil {
		return nil, err
	}
	archive, err := b.fetch.Get(ctx, packPin)
	if err != nil {
		return nil, err
	}
	return unpack.Pinned(archive, packPin, contentPin)
}

// checkSums holds the files against the sums of the manifest, which a change of the converter must change with it.
func checkSums(manifest []byte, files []file) error {
	m, err := model.ParseManifest(manifest)
	if err != nil {
		return err
	}
	for _, v := range m.Variants {
		i := slices.IndexFunc(files, func(f file) bool { return f.name == v.File })
		if i < 0 {
			return fmt.Errorf("variant %q: nothing makes its file %s", v.Name, v.File)
		}
		if sum := model.Hash(sha256.Sum256(files[i].data)); sum != v.SHA256 {
			return fmt.Errorf("variant %q: %s has SHA-256 %v, not %v: if the converter was meant to change it, write the new sum", v.Name, v.File, sum, v.SHA256)
		}
	}
	return nil
}

// write writes the files whose content differs from what is there, each whole or not at all.
func (b *builder) write(dir string, files []file) error {
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		old, err := os.ReadFile(path)
		if err == nil && bytes.Equal(old, f.data) {
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		temporary := path + ".new"
		if err := os.WriteFile(temporary, f.data, 0o644); err != nil {
			return err
		}
		if err := os.Rename(temporary, path); err != nil {
			return err
		}
		if rel, err := filepath.Rel(b.root, path); err == nil {
			path = rel
		}
		b.report.Note("wrote " + path)
	}
	return nil
}

// makeData is the command data; see verbs.
func makeData(ctx context.Context, b *builder, args []string) error {
	if err := flags("data", args); err != nil {
		return err
	}
	path, err := b.data(ctx)
	if err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}

// data returns the folder of demo and test data, made if need be.
func (b *builder) data(ctx context.Context) (string, error) {
	if err := b.host.Ensure(ctx, hosttools.Fetch); err != nil {
		return "", err
	}
	r, err := recipe.Data(b.pins)
	if err != nil {
		return "", err
	}
	return b.kitchen().Make(ctx, r)
}
