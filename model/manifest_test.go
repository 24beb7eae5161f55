package model

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// variantText is one variant as TOML.
func variantText(modality, name string, baseline bool) string {
	return fmt.Sprintf(`
[[variant]]
modality = %q
name = %q
file = "%s_%s.tflite"
sha256 = "%s"
precision = "f32"
baseline = %v
licence = "MIT"
source = "here"

[[variant.input]]
name = "x"
type = "float32"
shape = [1, 2]

[[variant.output]]
name = "y"
type = "int8"
shape = []
`, modality, name, modality, name, strings.Repeat("0a", 32), baseline)
}

func TestParseManifest(t *testing.T) {
	text := "version = 1\n" + variantText("audio", "a", true) + variantText("audio", "b", false) + variantText("text", "a", true)
	m, err := ParseManifest([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Baseline(Audio); got == nil || got.Name != "a" || got.SHA256.String() != strings.Repeat("0a", 32) {
		t.Errorf("audio baseline %+v", got)
	}
	if got := m.Baseline(Vision); got != nil {
		t.Errorf("vision baseline %+v, want none", got)
	}
	v, err := m.Variant(Audio, "b")
	if err != nil || v.File != "audio_b.tflite" || v.Inputs[0].Type != TypeFloat32 || v.Outputs[0].Type != TypeInt8 {
		t.Errorf("variant %+v, error %v", v, err)
	}
	if _, err := m.Variant(Audio, "c"); err == nil || !strings.Contains(err.Error(), `["a" "b"]`) {
		t.Errorf("error %v, want one that lists the names", err)
	}
}

func TestParseManifestRefuses(t *testing.T) {
	good := "version = 1\n" + variantText("audio", "a", true)
	second := variantText("audio", "b", false)
	for _, test := range []struct {
		name, text string
		line       int
		want       string
	}{
		{"empty", "", 0, "version 0, want 1"},
		{"version", "version = 2\n", 0, "version 2, want 1"},
		{"syntax", "version = 1\n[[variant]\n", 2, "]]"},
		{"unknown key", good + "colour = 1\n", 22, "variant.output.colour"},
		{"unknown table", "version = 1\n[server]\n", 2, "server"},
		{"type", "version = \"1\"\n", 1, "version: "},
		{"modality", strings.Replace(good, `"audio"`, `"smell"`, 1), 4, "unknown modality"},
		{"tensor type", strings.Replace(good, `"int8"`, `"int9"`, 1), 20, "unknown tensor type"},
		{"short hash", strings.Replace(good, "0a", "", 1), 7, "62 characters"},
		{"bad hash", strings.Replace(good, "0a", "0x", 1), 7, "invalid byte"},
		{"no hash", strings.Replace(good, "sha256", "#", 1), 3, "sha256 is missing"},
		{"folder", strings.Replace(good, "audio_a.tflite", "../a.tflite", 1), 3, "plain file name"},
		{"hidden file", strings.Replace(good, "audio_a.tflite", ".a", 1), 3, "plain file name"},
		{"name", strings.Replace(good, `name = "a"`, `name = "a b"`, 1), 3, "name must be"},
		{"name that is taken", strings.Replace(good, `name = "a"`, `name = "auto"`, 1), 3, `name must not be "auto"`},
		{"accuracy above 1", strings.Replace(good, "baseline", "accuracy = 1.01\nbaseline", 1), 3, "accuracy 1.01"},
		{"accuracy below 0", strings.Replace(good, "baseline", "accuracy = -0.1\nbaseline", 1), 3, "accuracy -0.1"},
		{"accuracy that is none", strings.Replace(good, "baseline", "accuracy = nan\nbaseline", 1), 3, "accuracy NaN"},
		{"precision", strings.Replace(good, `"f32"`, `"f8"`, 1), 3, `precision "f8"`},
		{"licence", strings.Replace(good, `"MIT"`, `""`, 1), 3, "licence and source"},
		{"long source", strings.Replace(good, "here", strings.Repeat("x", 513), 1), 3, "longer than"},
		{"no input", strings.Replace(good, "variant.input", "variant.output", 1), 3, "0 inputs"},
		{"tensor name", strings.Replace(good, `"x"`, `""`, 1), 3, "name of 0 bytes"},
		{"shape", strings.Replace(good, "[1, 2]", "[1, -2]", 1), 3, "impossible shape"},
		{"empty tensor", strings.Replace(good, "[1, 2]", "[0]", 1), 3, "impossible shape"},
		{"rank", strings.Replace(good, "[1, 2]", "[1,1,1,1,1,1,1,1,1]", 1), 3, "9 dimensions"},
		{"shape range", strings.Replace(good, "[1, 2]", "[5000000000]", 1), 16, "5000000000"},
		{"no baseline", strings.Replace(good, "true", "false", 1), 0, "0 baselines"},
		{"two baselines", good + strings.Replace(second, "false", "true", 1), 0, "2 baselines"},
		{"same name", good + strings.Replace(second, `name = "b"`, `name = "a"`, 1), 23, "two variants"},
		{"too many", good + strings.Repeat(second, maxVariants), 0, "257 variants"},
		{"too long", strings.Repeat("#", maxManifest+1), 0, "limit"},
	} {
		_, err := ParseManifest([]byte(test.text))
		var fault *ManifestError
		if !errors.As(err, &fault) {
			t.Errorf("%s: error %v, want a *ManifestError", test.name, err)
			continue
		}
		if fault.Line != test.line || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v; want line %d and %q", test.name, err, test.line, test.want)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte("version = 1\n" + variantText("audio", "a", true) + variantText("vision", "b", true)))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil {
			var fault *ManifestError
			if !errors.As(err, &fault) {
				t.Errorf("error %v is no *ManifestError", err)
			}
			return
		}
		for _, v := range m.Variants {
			if got, err := m.Variant(v.Modality, v.Name); err != nil || got.File != v.File {
				t.Errorf("variant %+v is not found again: %+v, %v", v, got, err)
			}
		}
	})
}
