package main

import (
	"bytes"
	"context"
	_ "embed" // Silero's licence text
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"atoll/build/internal/command"
	"atoll/build/internal/notices"
	"atoll/build/internal/pins"
)

// cxxParts are the C and C++ libraries: where the licence is in the tarball, and the holder where the text names none.
var cxxParts = []struct{ pin, name, licence, member, holder string }{
	{"tensorflow", "TensorFlow Lite", "Apache-2.0", "*/LICENSE", "Copyright The TensorFlow Authors"},
	{"xnnpack", "XNNPACK", "BSD-3-Clause", "LICENSE", ""},
	{"pthreadpool", "pthreadpool", "BSD-2-Clause", "*/LICENSE", ""},
	{"cpuinfo", "cpuinfo", "BSD-2-Clause", "*/LICENSE", ""},
	{"abseil", "Abseil", "Apache-2.0", "*/LICENSE", "Copyright The Abseil Authors"},
	{"eigen3", "Eigen", "MPL-2.0", "*/COPYING.MPL2", "Copyright the authors of Eigen"},
	{"flatbuffers", "FlatBuffers (C++)", "Apache-2.0", "*/LICENSE", "Copyright Google Inc."},
	{"gemmlowp", "gemmlowp", "Apache-2.0", "*/LICENSE", "Copyright The Gemmlowp Authors"},
	{"farmhash", "FarmHash", "MIT", "*/COPYING", ""},
	{"fp16", "FP16", "MIT", "*/LICENSE", ""},
	{"fxdiv", "FXdiv", "MIT", "*/LICENSE", ""},
	{"psimd", "psimd", "MIT", "*/LICENSE", ""},
	{"neon-2-sse", "ARM_NEON_2_x86_SSE (amd64)", "BSD-3-Clause", "*/LICENSE", ""},
	{"oourafft", "OouraFFT", "LicenseRef-Ooura", "*/readme2d.txt", ""},
}

// moduleLicences are the licences of the Go modules that may be linked in.
var moduleLicences = map[string]string{
	"github.com/cilium/ebpf":          "MIT",
	"github.com/google/flatbuffers":   "Apache-2.0",
	"github.com/mattn/go-colorable":   "MIT",
	"github.com/mattn/go-isatty":      "MIT",
	"github.com/mattn/go-pointer":     "MIT",
	"github.com/mattn/go-tflite":      "MIT",
	"github.com/pelletier/go-toml/v2": "MIT",
	"github.com/rs/zerolog":           "MIT",
	"github.com/spf13/cobra":          "Apache-2.0",
	"github.com/spf13/pflag":          "BSD-3-Clause",
	"golang.org/x/image":              "BSD-3-Clause",
	"golang.org/x/sync":               "BSD-3-Clause",
	"golang.org/x/sys":                "BSD-3-Clause",
	"golang.org/x/term":               "BSD-3-Clause",
	"google.golang.org/protobuf":      "BSD-3-Clause",
	"periph.io/x/conn/v3":             "Apache-2.0",
}

// apacheHolders are the holders of modules under the Apache licence, whose text names none.
var apacheHolders = map[string]string{
	"github.com/google/flatbuffers": "Copyright Google Inc.",
	"github.com/spf13/cobra":        "Copyright The Cobra Authors",
}

//go:embed silero-licence.txt
var sileroLicence string

// licences is the command of this name; see verbs.
func licences(ctx context.Context, b *builder, args []string) error {
	var only bool
	if err := flags("licences", args, func(f *flag.FlagSet) { f.BoolVar(&only, "check", false, "") }); err != nil {
		return err
	}
	return b.licences(ctx, only)
}

// licences writes the two lists of third-party parts, or with only set returns an error if they are not current.
func (b *builder) licences(ctx context.Context, only bool) error {
	all, err := b.components(ctx)
	if err != nil {
		return err
	}
	files := []file{
		{"THIRD_PARTY", notices.File(all)},
		{"build/components/components.txt", notices.Table(all)},
	}
	if !only {
		return b.write(b.root, files)
	}
	for _, f := range files {
		if old, err := os.ReadFile(filepath.Join(b.root, f.name)); err != nil || !bytes.Equal(old, f.data) {
			return fmt.Errorf("%s is not current: go run ./build licences writes it", f.name)
		}
	}
	return nil
}

func (b *builder) components(ctx context.Context) ([]notices.Component, error) {
	var all []notices.Component
	for _, collect := range []func(context.Context) ([]notices.Component, error){b.cxxComponents, b.goComponents, b.runtimeComponents, b.modelComponents} {
		some, err := collect(ctx)
		if err != nil {
			return nil, fmt.Errorf("licences: %w", err)
		}
		all = append(all, some...)
	}
	notices.Sort(all)
	return all, nil
}

func (b *builder) cxxComponents(ctx context.Context) ([]notices.Component, error) {
	var all []notices.Component
	for _, part := range cxxParts {
		pin, err := b.pins.Find(pins.Source, part.pin, "")
		if err != nil {
			return nil, err
		}
		path, err := b.fetch.Get(ctx, pin)
		if err != nil {
			return nil, err
		}
		text, err := command.Output(ctx, b.run, "tar", "--extract", "--to-stdout", "--occurrence=1", "--wildcards", "--no-wildcards-match-slash", "--file", path, part.member)
		if err != nil {
			return nil, err
		}
		all = append(all, component(part.name, pin.Version, part.licence, notices.CXX, part.holder, text))
	}
	ruy, err := b.pins.Find(pins.Deb, "libruy-dev", runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	apache, err := b.apache()
	return append(all, component("ruy", ruy.Version, "Apache-2.0", notices.CXX, "Copyright Google LLC, The TensorFlow Authors", apache)), err
}

// component takes the holder from the text unless one is given.
func component(name, version, licence string, kind notices.Kind, holder, text string) notices.Component {
	if holder == "" {
		holder = notices.Holder(text)
	}
	return notices.Component{Name: name, Version: version, Licence: licence, Kind: kind, Holder: holder, Text: text}
}

// apache is the text of the licence, which is also this project's.
func (b *builder) apache() (string, error) {
	text, err := os.ReadFile(filepath.Join(b.root, "LICENSE"))
	return string(text), err
}

// goComponents are the modules of the packages that the binary is linked from.
func (b *builder) goComponents(ctx context.Context) ([]notices.Component, error) {
	var out bytes.Buffer
	err := b.run.Run(ctx, command.Cmd{
		Argv: []string{"go", "list", "-deps", "-json=Module", "-tags", "netgo osusergo", "."},
		Dir:  b.root, Env: []string{"CGO_ENABLED=1"}, Stdout: &out,
	})
	if err != nil {
		return nil, err
	}
	var all []notices.Component
	seen := map[string]bool{}
	for in := json.NewDecoder(&out); ; {
		var p struct {
			Module *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		if p.Module == nil || p.Module.Main || seen[p.Module.Path] {
			continue
		}
		seen[p.Module.Path] = true
		licence, ok := moduleLicences[p.Module.Path]
		if !ok {
			return nil, fmt.Errorf("the licence of module %s is not known: add it to moduleLicences", p.Module.Path)
		}
		text, err := licenceFile(p.Module.Dir)
		if err != nil {
			return nil, err
		}
		all = append(all, component(p.Module.Path, p.Module.Version, licence, notices.Go, apacheHolders[p.Module.Path], text))
	}
}

func licenceFile(dir string) (string, error) {
	for _, name := range []string{"LICENSE", "LICENSE.txt"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return string(text), nil
		}
	}
	return "", fmt.Errorf("no licence file in %s", dir)
}

// runtimeComponents are the libraries of the toolchain. Their versions are put in when the binary is built.
func (b *builder) runtimeComponents(ctx context.Context) ([]notices.Component, error) {
	root, err := command.Output(ctx, b.run, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	golang, err := licenceFile(root)
	if err != nil {
		return nil, err
	}
	lgpl, err := os.ReadFile("/usr/share/common-licenses/LGPL-2.1")
	if err != nil {
		return nil, err
	}
	return []notices.Component{
		component("Go standard library and runtime", "$GO", "BSD-3-Clause", notices.Runtime, "", golang),
		component("GNU C library", "$GLIBC", "LGPL-2.1-or-later", notices.Runtime, "Copyright (C) Free Software Foundation, Inc. and others", string(lgpl)),
		component("libstdc++ and libgcc", "$GCC", "GPL-3.0-or-later WITH GCC-exception-3.1", notices.Runtime, "Copyright (C) Free Software Foundation, Inc.", ""),
	}, nil
}

func (b *builder) modelComponents(ctx context.Context) ([]notices.Component, error) {
	apache, err := b.apache()
	if err != nil {
		return nil, err
	}
	mit, err := b.content(ctx, pins.Module, goTFLite, "LICENSE")
	if err != nil {
		return nil, err
	}
	all := []notices.Component{
		component("BlazeFace face detection models", mediapipe, "Apache-2.0", notices.Model, "Copyright The MediaPipe Authors", apache),
		component("Silero voice activity detector", vadWeb, "MIT", notices.Model, "", sileroLicence),
		component("Text classification model and vocabulary", goTFLite, "MIT", notices.Model, "", string(mit)),
	}
	for i, kind := range []pins.Kind{pins.NPM, pins.NPM, pins.Module} {
		pin, err := b.pins.Find(kind, all[i].Version, "")
		if err != nil {
			return nil, err
		}
		all[i].Version = strings.ReplaceAll(pin.String(), " ", "@")
	}
	return all, nil
}

// modelLicences are the licence texts that lie beside the models.
func (b *builder) modelLicences(ctx context.Context) ([]file, error) {
	all, err := b.modelComponents(ctx)
	if err != nil {
		return nil, err
	}
	var files []file
	for i, name := range []string{"face_detection.txt", "silero_vad.txt", "text_classification.txt"} {
		c := all[i]
		text := fmt.Sprintf("%s (%s)\n%s\nLicence: %s\n\n%s", c.Name, c.Version, c.Holder, c.Licence, c.Text)
		files = append(files, file{"LICENSES/" + name, []byte(text)})
	}
	return files, nil
}
