package source

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
)

// Limits on a picture. A JPEG or PNG of few bytes can claim any number of pixels, so both count. A board has 1 GiB, and a
// progressive JPEG takes 4 bytes a pixel of each component before it becomes a picture: with the two copies after that, 300 MiB at
// this limit, and 450 MiB with four components.
const (
	MaxPictureBytes = 32 << 20
	MaxPixels       = 16 << 20
	largePixels     = 4 << 20  // from here on a picture waits until the one before has been freed
	maxPNGPixBytes  = 64 << 20 // of a PNG once decoded: all of MaxPixels with 8 bits a channel, half with 16
)

const (
	magicJPEG = "\xff\xd8\xff"
	magicPNG  = "\x89PNG\r\n\x1a\n"
)

// DecodePicture reads a JPEG or PNG picture into into, turned upright where the JPEG's EXIF data says so. Transparent pixels are
// laid over black. After an error into's pixels are undefined.
func DecodePicture(r io.Reader, into *Image) error {
	data, err := io.ReadAll(io.LimitReader(r, MaxPictureBytes+1))
	if err != nil {
		return fmt.Errorf("read picture: %w", err)
	}
	return decodePicture(data, into)
}

// decodePicture is DecodePicture of a picture in memory. All it allocates is what the standard library's decoders do.
func decodePicture(data []byte, into *Image) error {
	switch {
	case len(data) > MaxPictureBytes:
		return fmt.Errorf("picture is larger than %d MiB", MaxPictureBytes>>20)
	case bytes.HasPrefix(data, []byte(magicJPEG)):
		return decodeJPEG(data, into, MaxPixels)
	case bytes.HasPrefix(data, []byte(magicPNG)):
		return decodePNG(data, into)
	}
	return errors.New("neither a JPEG nor a PNG picture")
}

// decodeJPEG decodes a JPEG of at most maxPixels pixels, upright.
func decodeJPEG(data []byte, into *Image, maxPixels int) error {
	if !bytes.HasPrefix(data, []byte(magicJPEG)) {
		return errors.New("not a JPEG picture")
	}
	cfg, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("read picture header: %w", unexpected(err))
	}
	if err := checkSize(cfg.Width, cfg.Height, maxPixels); err != nil {
		return err
	}
	if err := checkScans(data); err != nil {
		return err
	}
	makeRoom(cfg)
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("decode picture: %w", unexpected(err))
	}
	drawPicture(into, img, exifOrientation(data))
	return nil
}

func decodePNG(data []byte, into *Image) error {
	cfg, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("read picture header: %w", unexpected(err))
	}
	if err := checkSize(cfg.Width, cfg.Height, MaxPixels); err != nil {
		return err
	}
	if size := cfg.Width * cfg.Height * pngPixelBytes(cfg.ColorModel); size > maxPNGPixBytes {
		return fmt.Errorf("PNG of %dx%d pixels at 16 bits takes %d MiB: at most %d can be read; save it with 8 bits a channel",
			cfg.Width, cfg.Height, size>>20, maxPNGPixBytes>>20)
	}
	makeRoom(cfg)
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("decode picture: %w", unexpected(err))
	}
	drawPicture(into, img, 1)
	return nil
}

// makeRoom frees what decoding the picture before left behind, if the next is large: the collector lets the heap grow to twice what is
// in use first, which is more than a board has. It takes far less time than decoding.
func makeRoom(cfg image.Config) {
	if cfg.Width*cfg.Height >= largePixels {
		runtime.GC()
	}
}

// pngPixelBytes is the most that image/png takes for a pixel: red, green, blue and alpha, even of a grey picture, since a chunk behind
// the header may make one grey transparent.
func pngPixelBytes(m color.Model) int {
	switch m {
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	return 4
}

// checkSize reports a picture without pixels or with more than most.
func checkSize(width, height, most int) error {
	if width < 1 || height < 1 || width > most || height > most || width*height > most {
		return fmt.Errorf("picture of %dx%d pixels: 1 to %d million can be read", width, height, most/1000000)
	}
	return nil
}

// unexpected names an end where more must follow.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// drawPicture writes img to dst as RGB, turned. Pictures the decoders yield often have their own loop; the rest goes pixel by pixel.
func drawPicture(dst *Image, img image.Image, turned orientation) {
	size := img.Bounds().Size()
	w, h := turned.size(size.X, size.Y)
	dst.Resize(w, h)
	to := turned.layout(size.X, size.Y)
	switch img := img.(type) {
	case *image.YCbCr:
		drawYCbCr(dst.Pix, img, to)
	case *image.Gray:
		drawGray(dst.Pix, img, to)
	case *image.RGBA: // premultiplied: as if laid over black
		drawRGBA(dst.Pix, img, to)
	default:
		drawAny(dst.Pix, img, to)
	}
}

func drawYCbCr(pix []byte, img *image.YCbCr, to layout) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	shift := 0 // of x for its chroma sample
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420:
		shift = 1
	case image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410:
		shift = 2
	}
	for y := range h {
		row := img.Y[y*img.YStride:][:w]
		c := img.COffset(img.Rect.Min.X, img.Rect.Min.Y+y)
		n := (w-1)>>shift + 1
		cb, cr := img.Cb[c:][:n], img.Cr[c:][:n]
		at := to.base + y*to.dy
		for x, luma := range row {
			i := x >> shift
			fullRange(pix[at:at+3:at+3], int32(luma), int32(cb[i])-128, int32(cr[i])-128)
			at += to.dx
		}
	}
}

func drawGray(pix []byte, img *image.Gray, to layout) {
	for y := range img.Rect.Dy() {
		at := to.base + y*to.dy
		for _, v := range img.Pix[y*img.Stride:][:img.Rect.Dx()] {
			p := pix[at : at+3 : at+3]
			p[0], p[1], p[2] = v, v, v
			at += to.dx
		}
	}
}

func drawRGBA(pix []byte, img *image.RGBA, to layout) {
	for y := range img.Rect.Dy() {
		at := to.base + y*to.dy
		row := img.Pix[y*img.Stride:][:4*img.Rect.Dx()]
		for ; len(row) >= 4; row = row[4:] {
			p := pix[at : at+3 : at+3]
			p[0], p[1], p[2] = row[0], row[1], row[2]
			at += to.dx
		}
	}
}

// drawAny serves the rarer kinds: palettes, transparency, 16 bits a channel, CMYK.
func drawAny(pix []byte, img image.Image, to layout) {
	from, size := img.Bounds().Min, img.Bounds().Size()
	deep, _ := img.(image.RGBA64Image) // as all of the standard library are: no allocation per pixel
	for y := range size.Y {
		at := to.base + y*to.dy
		for x := range size.X {
			var r, g, b uint32
			if deep != nil {
				c := deep.RGBA64At(from.X+x, from.Y+y)
				r, g, b = uint32(c.R), uint32(c.G), uint32(c.B)
			} else {
				r, g, b, _ = img.At(from.X+x, from.Y+y).RGBA()
			}
			pix[at], pix[at+1], pix[at+2] = byte(r>>8), byte(g>>8), byte(b>>8)
			at += to.dx
		}
	}
}

// fullRange writes one pixel of JFIF's Y'CbCr (ITU-T T.871, section 7), all of 0 to 255 used, in fixed point of 16 bits.
func fullRange(p []byte, y, cb, cr int32) {
	y = y<<16 + 1<<15
	p[0] = toByte(y + 91881*cr)            // 1.402
	p[1] = toByte(y - 22554*cb - 46802*cr) // 0.344136, 0.714136
	p[2] = toByte(y + 116130*cb)           // 1.772
}

// videoRange writes one pixel of ITU-R BT.601 video, luma 16 to 235, as cameras deliver it.
func videoRange(p []byte, y, u, v int32) {
	y = (y-16)*76309 + 1<<15 // 255/219
	u, v = u-128, v-128
	p[0] = toByte(y + 104597*v)          // 1.596027
	p[1] = toByte(y - 25675*u - 53279*v) // 0.391762, 0.812968
	p[2] = toByte(y + 132201*u)          // 2.017232
}

// toByte limits a fixed-point value to a byte.
func toByte(v int32) byte { return byte(max(0, min(255, v>>16))) }
