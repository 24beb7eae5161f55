package source

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestRawFormats(t *testing.T) {
	type rgb = [3]int
	red, green, gray := rgb{255, 0, 0}, rgb{0, 255, 0}, rgb{128, 128, 128}
	// BT.601, 8 bits: red is Y 81, U 90, V 240; green Y 145, U 54, V 34; 128 grey Y 126.
	for _, c := range []struct {
		format        string
		width, height int
		frame         []byte
		want          []rgb
	}{
		{"rgb24", 2, 1, []byte{255, 0, 0, 0, 255, 0}, []rgb{red, green}},
		{"", 1, 2, []byte{255, 0, 0, 0, 255, 0}, []rgb{red, green}},
		{"bgr24", 2, 1, []byte{0, 0, 255, 0, 255, 0}, []rgb{red, green}},
		{"gray8", 3, 1, []byte{0, 128, 255}, []rgb{{}, gray, {255, 255, 255}}},
		{"yuyv", 2, 2, []byte{81, 90, 81, 240, 126, 128, 16, 128}, []rgb{red, red, gray, {}}},
		{"nv12", 4, 2, []byte{81, 81, 145, 145, 81, 81, 145, 145, 90, 240, 54, 34}, []rgb{red, red, green, green, red, red, green, green}},
		{"i420", 4, 2, []byte{81, 81, 145, 145, 81, 81, 145, 145, 90, 54, 240, 34}, []rgb{red, red, green, green, red, red, green, green}},
		{"nv12", 2, 4, []byte{81, 81, 81, 81, 235, 16, 126, 235, 90, 240, 128, 128},
			[]rgb{red, red, red, red, {255, 255, 255}, {}, gray, {255, 255, 255}}},
	} {
		t.Run(c.format, func(t *testing.T) {
			in := bytes.NewReader(append(append(bytes.Clone(c.frame), c.frame...), 1)) // and a short one
			r := start(t, Config{Kind: "raw", Format: c.format, Width: c.width, Height: c.height}, Env{Stdin: in}, Block)
			items, err := r.rest()
			if err != nil || len(items) != 2 {
				t.Fatalf("%d frames, %v", len(items), err)
			}
			m := items[1].Image
			for i, want := range c.want {
				got := m.at(i%m.Width, i/m.Width)
				for k := range got {
					if d := got[k] - want[k]; d < -3 || d > 3 {
						t.Errorf("pixel %d = %v, want %v", i, got, want)
					}
				}
			}
			if !strings.Contains(r.log.String(), "is short") || r.env.Counters.Broken.Load() != 1 {
				t.Errorf("the short last frame was not told: %s", r.log)
			}
		})
	}
}

func TestRawReadError(t *testing.T) {
	broken := errors.New("unplugged")
	in := io.MultiReader(bytes.NewReader(make([]byte, 12)), errReader{broken})
	r := start(t, Config{Kind: "raw", Width: 2, Height: 2}, Env{Stdin: in}, Block)
	if items, err := r.rest(); !errors.Is(err, broken) || len(items) != 1 {
		t.Errorf("%d frames, %v; want the one before the error", len(items), err)
	}
}

func TestRawDoesNotAllocate(t *testing.T) {
	for format := range rawFormats {
		r := start(t, Config{Kind: "raw", Format: format, Width: 64, Height: 48}, Env{Stdin: zeros{}}, Block)
		n := testing.AllocsPerRun(200, func() { r.out.Recycle(r.next()) })
		r.stop()
		if n != 0 {
			t.Errorf("a frame of %s allocates %v times, want 0", format, n)
		}
	}
}

func BenchmarkRaw(b *testing.B) {
	const w, h = 640, 480
	for format, f := range rawFormats {
		if f.convert == nil {
			continue
		}
		b.Run(format, func(b *testing.B) {
			src, dst := make([]byte, w*h*f.half/2), make([]byte, 3*w*h)
			b.SetBytes(3 * w * h)
			for b.Loop() {
				f.convert(dst, src, w, h)
			}
		})
	}
}
