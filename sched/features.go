package sched

import "math"

// GridSide is that of the grid of luminances by which pictures are compared.
const GridSide = 32

// GridFloor is the least noise of a luminance, of 255: what a camera's automatic
// exposure and a codec do to a still scene.
const GridFloor = 6

// Grid writes the luminance of a picture into dst, GridSide x GridSide bytes from top
// to bottom, and reports whether there is a picture: 8-bit RGB rows without padding.
// Each cell is the mean of up to 16 pixels in it, so that the time does not grow with
// the picture.
func Grid(dst []uint8, pix []byte, width, height int) bool {
	if width <= 0 || height <= 0 || height > len(pix)/3/width || len(dst) != GridSide*GridSide {
		return false
	}
	const each = 4 // pixels of a cell across and down
	var columns [GridSide * each]int
	for i := range columns {
		columns[i] = 3 * ((2*i + 1) * width / (2 * len(columns)))
	}
	for y := range GridSide {
		var sums [GridSide]int
		for k := range each {
			row := pix[3*width*((2*(each*y+k)+1)*height/(2*GridSide*each)):]
			for i, at := range columns {
				p := row[at : at+3 : at+3]
				// The weights of ITU-R BT.601, of 256.
				sums[i/each] += 77*int(p[0]) + 150*int(p[1]) + 29*int(p[2])
			}
		}
		for x, sum := range sums {
			dst[y*GridSide+x] = uint8(sum / (256 * each * each))
		}
	}
	return true
}

// Bands is the number of bands that sounds are compared by, BandsFloor the least
// noise of a band in half decibels: what the energy of steady noise does from one
// frame of 32 ms to the next.
const (
	Bands      = 8
	BandsFloor = 12
)

// silence is the mean square below which a band counts as silent: -80 dB of full
// scale.
const silence = 1e-8

// BandEnergies writes the energy of each octave of a sound into dst, Bands bytes in
// half decibels above silence, highest octave first. It is a Haar wavelet transform:
// each step splits what is left into its sums and differences. The sound's length is
// used up to a multiple of 128; it reports whether there is that much.
func BandEnergies(dst []uint8, samples []float32, scratch *[BandSamples]float32) bool {
	n := min(len(samples), BandSamples) &^ (1<<(Bands-1) - 1)
	if n == 0 || len(dst) != Bands {
		return false
	}
	left := scratch[:n]
	copy(left, samples)
	for band := range Bands - 1 {
		half, energy := len(left)/2, 0.0
		for i := range half {
			a, b := left[2*i], left[2*i+1]
			d := float64(a - b)
			energy += d * d / 2
			left[i] = (a + b) * math.Sqrt2 / 2
		}
		dst[band] = halfDecibels(energy / float64(n))
		left = left[:half]
	}
	energy := 0.0
	for _, v := range left {
		energy += float64(v) * float64(v)
	}
	dst[Bands-1] = halfDecibels(energy / float64(n))
	return true
}

// BandSamples is the most samples that BandEnergies looks at.
const BandSamples = 512

func halfDecibels(meanSquare float64) uint8 {
	if !(meanSquare > silence) {
		return 0
	}
	return uint8(min(255, 20*math.Log10(meanSquare/silence)))
}
