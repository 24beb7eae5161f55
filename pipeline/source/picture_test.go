package source

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func encodeJPEG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func encodePNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// scene is a picture of smooth colours, all pixels different.
func scene(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, color.RGBA{uint8(x * 255 / w), uint8(y * 255 / h), uint8((x + y) * 255 / (w + h)), 255})
		}
	}
	return img
}

// at is the pixel of m at x, y.
func (m *Image) at(x, y int) [3]int {
	p := m.Pix[3*(y*m.Width+x):]
	return [3]int{int(p[0]), int(p[1]), int(p[2])}
}

// compare reports pixels of got that differ from want by more than within.
func compare(t testing.TB, got *Image, want image.Image, within int) {
	t.Helper()
	b := want.Bounds()
	if got.Width != b.Dx() || got.Height != b.Dy() || len(got.Pix) != 3*b.Dx()*b.Dy() {
		t.Fatalf("picture of %dx%d, %d bytes; want %dx%d", got.Width, got.Height, len(got.Pix), b.Dx(), b.Dy())
	}
	for y := range got.Height {
		for x := range got.Width {
			p := got.at(x, y)
			r, g, b, _ := want.At(b.Min.X+x, b.Min.Y+y).RGBA()
			for i, v := range [3]uint32{r, g, b} {
				if d := p[i] - int(v>>8); d < -within || d > within {
					t.Fatalf("pixel %d,%d = %v, want %v", x, y, p, want.At(x, y))
				}
			}
		}
	}
}

// TestDrawEveryKind compares with the standard library's own conversion.
func TestDrawEveryKind(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	fill := func(b []byte) {
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
	}
	for _, size := range []image.Point{{1, 1}, {7, 5}, {16, 9}} {
		all := image.Rectangle{Max: size}
		var pictures []image.Image
		for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422,
			image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410} {
			m := image.NewYCbCr(all, ratio)
			fill(m.Y)
			fill(m.Cb)
			fill(m.Cr)
			pictures = append(pictures, m)
		}
		gray, gray16, cmyk := image.NewGray(all), image.NewGray16(all), image.NewCMYK(all)
		nrgba, nrgba64 := image.NewNRGBA(all), image.NewNRGBA64(all)
		for _, pix := range [][]byte{gray.Pix, gray16.Pix, cmyk.Pix, nrgba.Pix, nrgba64.Pix} {
			fill(pix)
		}
		paletted := image.NewPaletted(all, color.Palette{color.White, color.Black, color.NRGBA{255, 0, 0, 128}})
		paletted.Pix[0] = 2
		pictures = append(pictures, gray, gray16, cmyk, nrgba, nrgba64, paletted, scene(size.X, size.Y), struct{ image.Image }{gray})
		for _, m := range pictures {
			want := image.NewRGBA(all)
			draw.Draw(want, all, image.Black, image.Point{}, draw.Src)
			draw.Draw(want, all, m, image.Point{}, draw.Over)
			var got Image
			drawPicture(&got, m, 1)
			t.Run(fmt.Sprintf("%T %v", m, size), func(t *testing.T) { compare(t, &got, want, 1) })
		}
	}
}

func TestDecodePicture(t *testing.T) {
	want := scene(40, 24)
	var got Image
	if err := DecodePicture(bytes.NewReader(encodePNG(t, want)), &got); err != nil {
		t.Fatal(err)
	}
	compare(t, &got, want, 0)
	if err := DecodePicture(bytes.NewReader(encodeJPEG(t, want)), &got); err != nil {
		t.Fatal(err)
	}
	compare(t, &got, want, 12)
}

func TestDecodePictureRefuses(t *testing.T) {
	whole := encodeJPEG(t, scene(40, 24))
	small := encodePNG(t, scene(4, 4))
	// A PNG header with the size changed, and its checksum with it, claims any number of pixels.
	huge := slices.Clone(small)
	binary.BigEndian.PutUint32(huge[16:], 1<<30)
	copy(huge[29:], crcOf(huge[12:29]))
	deep := slices.Clone(small) // one row more than 64 MiB of 16 bits a channel
	binary.BigEndian.PutUint32(deep[16:], 4096)
	binary.BigEndian.PutUint32(deep[20:], 2049)
	deep[24] = 16
	copy(deep[29:], crcOf(deep[12:29]))
	broken := errors.New("disk on fire")
	for _, c := range []struct {
		name string
		in   io.Reader
		want string
	}{
		{"empty", strings.NewReader(""), "neither a JPEG nor a PNG"},
		{"text", strings.NewReader("hello"), "neither a JPEG nor a PNG"},
		{"JPEG header cut", bytes.NewReader(whole[:20]), "read picture header: unexpected EOF"},
		{"JPEG cut", bytes.NewReader(whole[:len(whole)-9]), "decode picture: "},
		{"PNG cut", bytes.NewReader(small[:len(small)-20]), "png: invalid format: unexpected EOF"},
		{"too many pixels", bytes.NewReader(huge), "picture of 1073741824x4 pixels"},
		{"too many deep pixels", bytes.NewReader(deep), "PNG of 4096x2049 pixels at 16 bits takes 64 MiB"},
		{"too many bytes", io.LimitReader(zeros{}, MaxPictureBytes+2), "larger than 32 MiB"},
		{"unreadable", iotest.ErrReader(broken), "disk on fire"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := DecodePicture(c.in, &Image{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestPixelsAreLimited(t *testing.T) {
	if err := checkSize(4096, 4096, MaxPixels); err != nil {
		t.Errorf("16 Mi pixels: %v", err)
	}
	for _, size := range [][2]int{{4096, 4097}, {16<<20 + 1, 1}, {1, 16<<20 + 1}, {0, 1}, {1, -1}, {1 << 62, 4}} {
		if err := checkSize(size[0], size[1], MaxPixels); err == nil || !strings.Contains(err.Error(), "1 to 16 million") {
			t.Errorf("%v pixels: error = %v, want one with the limit", size, err)
		}
	}
}

// TestPNGPixelBytes compares with what image/png makes of pictures of every kind, with a transparent colour too.
func TestPNGPixelBytes(t *testing.T) {
	for depth, kinds := range map[byte][]byte{8: {0, 2, 4, 6}, 16: {0, 2, 4, 6}} {
		for _, kind := range kinds {
			for _, transparent := range []bool{false, true} {
				if transparent && kind >= 4 { // has alpha already
					continue
				}
				data := tinyPNG(depth, kind, transparent)
				cfg, err := png.DecodeConfig(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				img, err := png.Decode(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				taken := reflect.ValueOf(img).Elem().FieldByName("Pix").Len()
				if got := pngPixelBytes(cfg.ColorModel); got < taken || got != int(depth)/2 {
					t.Errorf("depth %d, colour type %d, transparent %v: pngPixelBytes = %d, taken %d", depth, kind, transparent, got, taken)
				}
			}
		}
	}
}

// tinyPNG is a black pixel.
func tinyPNG(depth, kind byte, transparent bool) []byte {
	channels := map[byte]int{0: 1, 2: 3, 4: 2, 6: 4}[kind]
	chunk := func(b []byte, name string, content ...byte) []byte {
		b = binary.BigEndian.AppendUint32(b, uint32(len(content)))
		b = append(append(b, name...), content...)
		return append(b, crcOf(b[len(b)-len(content)-4:])...)
	}
	b := chunk([]byte(magicPNG), "IHDR", 0, 0, 0, 1, 0, 0, 0, 1, depth, kind, 0, 0, 0)
	if transparent {
		b = chunk(b, "tRNS", make([]byte, 2*channels)...)
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	z.Write(make([]byte, 1+channels*int(depth)/8))
	z.Close()
	return chunk(chunk(b, "IDAT", packed.Bytes()...), "IEND")
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// withEXIF puts an APP1 segment with the orientation into a JPEG.
func withEXIF(picture []byte, order binary.AppendByteOrder, o uint16) []byte {
	tiff := []byte("II*\x00")
	if order.AppendUint16(nil, 1)[0] == 0 {
		tiff = []byte("MM\x00*")
	}
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 2)
	for _, entry := range [][2]uint16{{0x010F, 7}, {tagOrientation, o}} {
		tiff = order.AppendUint16(tiff, entry[0])
		tiff = order.AppendUint16(tiff, typeShort)
		tiff = order.AppendUint32(tiff, 1)
		tiff = order.AppendUint16(tiff, entry[1])
		tiff = order.AppendUint16(tiff, 0)
	}
	segment := append([]byte("Exif\x00\x00"), tiff...)
	b := slices.Clone(picture[:2])
	b = append(b, 0xFF, 0xE0, 0, 4, 1, 2) // another segment first
	b = append(b, 0xFF, 0xFF, markerAPP1) // with a fill byte
	b = binary.BigEndian.AppendUint16(b, uint16(len(segment)+2))
	b = append(b, segment...)
	return append(b, picture[2:]...)
}

func TestOrientation(t *testing.T) {
	stored := encodeJPEG(t, scene(40, 24))
	var plain Image
	if err := decodePicture(stored, &plain); err != nil {
		t.Fatal(err)
	}
	w, h := plain.Width-1, plain.Height-1
	// Where the stored pixel x, y is to be seen, by the table of the EXIF standard.
	seen := map[uint16]func(x, y int) (int, int){
		1: func(x, y int) (int, int) { return x, y },
		2: func(x, y int) (int, int) { return w - x, y },
		3: func(x, y int) (int, int) { return w - x, h - y },
		4: func(x, y int) (int, int) { return x, h - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return h - y, x },
		7: func(x, y int) (int, int) { return h - y, w - x },
		8: func(x, y int) (int, int) { return y, w - x },
		9: func(x, y int) (int, int) { return x, y }, // nonsense: as stored
		0: func(x, y int) (int, int) { return x, y },
	}
	for o, where := range seen {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			var got Image
			if err := decodePicture(withEXIF(stored, order, o), &got); err != nil {
				t.Fatal(err)
			}
			for y := range plain.Height {
				for x := range plain.Width {
					if gx, gy := where(x, y); got.at(gx, gy) != plain.at(x, y) {
						t.Fatalf("orientation %d: pixel %d,%d is not at %d,%d", o, x, y, gx, gy)
					}
				}
			}
		}
	}
}

func TestLayoutIsOneToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := orientation(rapid.IntRange(1, 8).Draw(t, "orientation"))
		w, h := rapid.IntRange(1, 9).Draw(t, "w"), rapid.IntRange(1, 9).Draw(t, "h")
		seen := map[int]bool{}
		to := o.layout(w, h)
		for y := range h {
			for x := range w {
				at := to.base + x*to.dx + y*to.dy
				if at < 0 || at%3 != 0 || at >= 3*w*h || seen[at] {
					t.Fatalf("orientation %d of %dx%d: pixel %d,%d goes to byte %d", o, w, h, x, y, at)
				}
				seen[at] = true
			}
		}
	})
}

func FuzzPicture(f *testing.F) {
	picture := encodeJPEG(f, scene(16, 8))
	for o := range uint16(10) {
		f.Add(withEXIF(picture, binary.BigEndian, o))
		f.Add(withEXIF(picture, binary.LittleEndian, o))
	}
	f.Add(encodePNG(f, scene(3, 3)))
	f.Add(tinyPNG(16, 0, true))
	f.Add(progressive(16, 3, 7))
	f.Add(sequential(16, 2))
	var into Image
	f.Fuzz(func(t *testing.T, b []byte) {
		if o := exifOrientation(b); o < 1 || o > 8 {
			t.Fatalf("orientation %d", o)
		}
		if len(b) >= 24 { // keep the decoder's work small: its size limit has its own test
			if c, err := jpeg.DecodeConfig(bytes.NewReader(b)); err == nil && c.Width*c.Height > 1<<16 {
				return
			}
			if c, err := png.DecodeConfig(bytes.NewReader(b)); err == nil && c.Width*c.Height > 1<<16 {
				return
			}
		}
		if err := decodePicture(b, &into); err == nil && len(into.Pix) != 3*into.Width*into.Height {
			t.Fatalf("%dx%d pixels in %d bytes", into.Width, into.Height, len(into.Pix))
		}
	})
}

func BenchmarkDecodePicture(b *testing.B) {
	for _, size := range []image.Point{{640, 480}, {1920, 1080}} {
		data := encodeJPEG(b, scene(size.X, size.Y))
		b.Run(fmt.Sprintf("%dx%d", size.X, size.Y), func(b *testing.B) {
			var into Image
			b.SetBytes(int64(3 * size.X * size.Y))
			b.ReportAllocs()
			for b.Loop() {
				if err := decodePicture(data, &into); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDraw is the part of decoding that is not the standard library's.
func BenchmarkDraw(b *testing.B) {
	for _, size := range []image.Point{{640, 480}, {1920, 1080}} {
		img := image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio420)
		b.Run(fmt.Sprintf("%dx%d", size.X, size.Y), func(b *testing.B) {
			var into Image
			b.SetBytes(int64(3 * size.X * size.Y))
			b.ReportAllocs()
			for b.Loop() {
				drawPicture(&into, img, 1)
			}
		})
	}
}

func crcOf(chunk []byte) []byte { return binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(chunk)) }
