package task

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"atoll/engine"
	"atoll/engine/enginetest"
	"atoll/internal/material"
)

// files writes a folder.
func files(t testing.TB, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// array is a .npy file of float32.
func array(shape string, values ...float32) string {
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }\n", shape)
	b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	b = append(b, header...)
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return string(b)
}

// recording is a .wav file of silence.
func recording(samples int) string {
	b := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data")
	b = binary.LittleEndian.AppendUint32(b, uint32(2*samples))
	binary.LittleEndian.PutUint32(b[4:], uint32(36+2*samples))
	return string(b) + strings.Repeat("\x00", 2*samples)
}

// picture is a .png file of one grey.
func picture(t testing.TB, grey byte) string {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 8, 6))
	for i := range img.Pix {
		img.Pix[i] = grey
	}
	img.SetGray(0, 0, color.Gray{})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// fake is a model whose inputs and outputs have these shapes.
func fake(in, out [][]int) *enginetest.Model {
	m := &enginetest.Model{}
	for _, shape := range in {
		m.In = append(m.In, engine.NewTensor("in", shape...))
	}
	for _, shape := range out {
		m.Out = append(m.Out, engine.NewTensor("out", shape...))
	}
	return m
}

func fakeVoice() *enginetest.Model {
	return fake([][]int{{1, 576}, {1, 128}, {1, 128}}, [][]int{{1, 1}, {1, 128}, {1, 128}})
}

func fakeText() *enginetest.Model { return fake([][]int{{1, 256}}, [][]int{{1, 2}}) }

// fakeImage answers with the sums of the three colours.
func fakeImage() *enginetest.Model {
	m := fake([][]int{{1, 4, 4, 3}}, [][]int{{1, 3}})
	m.Infer = func(m *enginetest.Model) error {
		out := m.Out[0].Float32s()
		clear(out)
		for i, v := range m.In[0].Float32s() {
			out[i%3] += v
		}
		return nil
	}
	return m
}

// use opens a folder and makes all use of it.
func use(dir string, m Model) (*Task, error) {
	task, err := Open(dir, m)
	if err != nil {
		return nil, err
	}
	if _, err := task.Samples(10); err != nil {
		return task, err
	}
	if _, err := task.JudgeCalibration(m); err != nil {
		return task, err
	}
	_, err = task.Judge(m)
	return task, err
}

func TestFolderRefused(t *testing.T) {
	four := fake([][]int{{1, 4}}, [][]int{{1, 2}})
	whole := fakeImage()
	whole.In[0].Type = engine.Int8
	pipe := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(pipe, "a.npy"), 0o640); err != nil {
		t.Fatal(err)
	}
	sub := t.TempDir()
	if err := os.Mkdir(filepath.Join(sub, "a.png"), 0o750); err != nil {
		t.Fatal(err)
	}
	gone := t.TempDir()
	if err := os.Symlink("nowhere", filepath.Join(gone, "a.txt")); err != nil {
		t.Fatal(err)
	}
	wav := recording(600)
	for _, tt := range []struct {
		name, dir string
		m         Model
		want      string
	}{
		{"no folder", "/no/such/folder", four, "no such file"},
		{"a file", filepath.Join(files(t, map[string]string{"a.npy": ""}), "a.npy"), four, "want a folder"},
		{"empty", t.TempDir(), four, "no files to use"},
		{"others", files(t, map[string]string{"a.gif": "GIF", ".hidden.npy": ""}), four, "want one of .png"},
		{"a folder like a picture", sub, fakeImage(), "no files to use"},
		{"mixed", files(t, map[string]string{"a.npy": "", "b.TXT": ""}), four, "both texts (such as b.TXT) and arrays (such as a.npy)"},
		{"integers", t.TempDir(), whole, "is int8"},
		{"a pipe", pipe, four, "not a regular file"},
		{"a link to nowhere", gone, fakeText(), "no such file"},

		{"pictures for another model", files(t, map[string]string{"a.png": ""}), four, "want one of [1 N N 3]"},
		{"pictures for oblongs", files(t, map[string]string{"a.png": ""}), fake([][]int{{1, 4, 5, 3}}, [][]int{{1, 2}}), "want one of [1 N N 3]"},
		{"no picture", files(t, map[string]string{"a.png": "hello"}), fakeImage(), "a.png: neither a JPEG nor a PNG"},
		{"half a picture", files(t, map[string]string{"a.png": picture(t, 9)[:60]}), fakeImage(), "a.png: "},

		{"recordings for another model", files(t, map[string]string{"a.wav": wav}), four, "voice model"},
		{"no recording", files(t, map[string]string{"a.wav": "hello"}), fakeVoice(), "a.wav: "},
		{"cut recording", files(t, map[string]string{"a.wav": wav[:1000]}), fakeVoice(), "cut short"},
		{"short recording", files(t, map[string]string{"a.wav": recording(511)}), fakeVoice(), "shorter than one frame"},

		{"texts for another model", files(t, map[string]string{"a.txt": "good"}), four, "text model"},
		{"no words", files(t, map[string]string{"a.txt": "\n\n ... \n"}), fakeText(), "no words"},
		{"no text", files(t, map[string]string{"a.txt": "good\n\xff\xfe\n"}), fakeText(), "line 2 is no text"},
		{"zeros", files(t, map[string]string{"a.txt": "go\x00od\n"}), fakeText(), "line 1 is no text"},
		{"one long line", files(t, map[string]string{"a.txt": strings.Repeat("good ", 20_000)}), fakeText(), "want one text a line"},

		{"arrays for several inputs", files(t, map[string]string{"a.npy": array("1, 4", 1, 2, 3, 4)}), fakeVoice(), "has 3 inputs"},
		{"no array", files(t, map[string]string{"a.npy": "hello, world, how are you"}), four, "a.npy: not a NumPy file"},
		{"other shape", files(t, map[string]string{"a.npy": array("2, 2", 1, 2, 3, 4)}), four, "a.npy: shape [2 2], the model wants [1 4], or several of [4]"},
		{"other rank", files(t, map[string]string{"a.npy": array("4", 1, 2, 3, 4)}), four, "shape [4]"},
		{"second array", files(t, map[string]string{"a.npy": array("1, 4", 1, 2, 3, 4), "b.npy": array("1, 3", 1, 2, 3)}), four, "b.npy: shape [1 3]"},
		{"not a number", files(t, map[string]string{"a.npy": array("1, 4", 1, 2, 3, float32(math.NaN()))}), four, "value NaN"},
	} {
		if _, err := use(tt.dir, tt.m); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", tt.name, err, tt.want)
		}
	}
}

func TestOwnDataRefused(t *testing.T) {
	for where, want := range map[string]string{Vision: "face model", Audio: "voice model", Text: "text model"} {
		if _, err := Open(where, fakeImage()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", where, err, want)
		}
	}
	t.Setenv(material.DataVariable, "")
	if _, err := Open(Vision, fakeImage()); err == nil || !strings.Contains(err.Error(), "name a folder of your own") {
		t.Errorf("%v, want what to do", err)
	}
}

func TestNotes(t *testing.T) {
	many := map[string]string{}
	for i := range 2 * maxItems {
		many[fmt.Sprintf("%04d.npy", i)] = array("2, 4", 1, 2, 3, 4, 5, 6, 7, 8)
	}
	pictures := map[string]string{"a.png": picture(t, 1), "b.png": picture(t, 2), "README": ""}
	for _, tt := range []struct {
		name  string
		files map[string]string
		m     Model
		want  []string
	}{
		{"two", map[string]string{"a.npy": array("2, 4", 1, 2, 3, 4, 5, 6, 7, 8)}, fake([][]int{{1, 4}}, [][]int{{1, 2}}), nil},
		{"one array", map[string]string{"a.npy": array("1, 4", 1, 2, 3, 4)}, fake([][]int{{1, 4}}, [][]int{{1, 2}}), []string{"one item only"}},
		{"one text", map[string]string{"a.txt": "good\n...\n"}, fakeTextYes(), []string{"one item only"}},
		{"one recording", map[string]string{"a.WAV": recording(1024)}, fakeVoice(), []string{"one item only"}},
		{"many arrays", many, fake([][]int{{1, 4}}, [][]int{{1, 2}}), []string{"1000 of 2000 items"}},
		{"many texts", map[string]string{"a.txt": strings.Repeat("good\n", 1200)}, fakeTextYes(), []string{"1000 of 1200 texts"}},
		{"long recording", map[string]string{"a.wav": recording((maxFrames + 5) * 512)}, fakeVoice(), []string{"one item only", "5m20s of sound"}},
		{"pictures", pictures, fakeImage(), []string{"1 other files", "pixels of -1 to 1"}},
	} {
		task, err := use(files(t, tt.files), tt.m)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := task.Notes(); len(got) != len(tt.want) {
			t.Errorf("%s: notes %q, want %q", tt.name, got, tt.want)
			continue
		}
		for i, want := range tt.want {
			if !strings.Contains(task.Notes()[i], want) {
				t.Errorf("%s: note %q, want %q in it", tt.name, task.Notes()[i], want)
			}
		}
	}
}

// fakeTextYes finds every text positive.
func fakeTextYes() *enginetest.Model {
	m := fakeText()
	copy(m.Out[0].Float32s(), []float32{0.25, 0.75})
	return m
}

// Neither good folders nor bad ones leave a file open.
func TestNothingStaysOpen(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	four := fake([][]int{{1, 4}}, [][]int{{1, 2}})
	before := count()
	for _, tt := range []struct {
		files map[string]string
		m     Model
	}{
		{map[string]string{"a.npy": array("1, 4", 1, 2, 3, 4)}, four},
		{map[string]string{"a.npy": array("1, 3", 1, 2, 3)}, four},
		{map[string]string{"a.png": picture(t, 1)}, fakeImage()},
		{map[string]string{"a.png": "x"}, fakeImage()},
		{map[string]string{"a.wav": recording(1024)}, fakeVoice()},
		{map[string]string{"a.wav": "x"}, fakeVoice()},
		{map[string]string{"a.txt": "good"}, fakeTextYes()},
		{map[string]string{"a.txt": "\xff"}, fakeTextYes()},
	} {
		use(files(t, tt.files), tt.m)
	}
	if after := count(); after != before {
		t.Errorf("%d files open, %d before", after, before)
	}
}

// What is kept of a large folder is bounded, whatever a model's inputs take.
func TestKeptIsBounded(t *testing.T) {
	const side = 1 << 10 // 12 MiB an input
	dir := t.TempDir()
	for i := range 20 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.png", i)), []byte(picture(t, byte(i))), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	m := fake([][]int{{1, side, side, 3}}, [][]int{{1, 2}})
	task, err := use(dir, m)
	if err != nil {
		t.Fatal(err)
	}
	bytes := 0
	for _, kept := range task.data.(*inputs).kept {
		for _, s := range kept {
			bytes += 4 * len(s[0])
		}
	}
	if bytes == 0 || bytes > 2*maxKeptHalf {
		t.Errorf("%d bytes kept", bytes)
	}
	if got := task.Notes(); len(got) != 2 || !strings.Contains(got[1], "6 of 20 items") {
		t.Errorf("notes %q", got)
	}
}
