package source

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
)

// Markers of a JPEG (ITU-T T.81, table B.1).
const (
	markerSOF2 = 0xC2 // a progressive frame follows
	markerRST0 = 0xD0
	markerRST7 = 0xD7
	markerEOI  = 0xD9
	markerSOS  = 0xDA
	markerAPP1 = 0xE1
)

// Limits on how often a JPEG goes over one of its components. A sequential one codes each of at most four once (T.81, section 4.10).
// A progressive one may come back to each as often as it likes, for a few bytes and all the work of a picture every time: encoders do
// so up to 24 times.
const (
	maxSequentialPasses  = 4
	maxProgressivePasses = 32
)

// checkScans reports a JPEG whose scans are so many that decoding it, which nothing can interrupt, would take long.
func checkScans(b []byte) error {
	passes, limit := 0, maxSequentialPasses
	for marker, segment := range segments(b) {
		switch {
		case marker == markerSOF2:
			limit = maxProgressivePasses
		case marker == markerSOS && len(segment) > 0:
			passes += int(segment[0]) // the scan's components
		}
		if passes > limit {
			return fmt.Errorf("JPEG with too many scans: more than %d of single components; save it anew, as a baseline JPEG", limit)
		}
	}
	return nil
}

// segments yields the marker and the content of each of a JPEG's segments, up to the end of the picture or to what makes no sense. It
// passes over just what image/jpeg does, so that none which that decodes is missed: coded data, restart markers, fill bytes and
// strays. In anything but a JPEG it may find anything.
func segments(b []byte) iter.Seq2[byte, []byte] {
	return func(yield func(marker byte, segment []byte) bool) {
		for b := b[min(2, len(b)):]; ; {
			at := bytes.IndexByte(b, 0xFF)
			if at < 0 {
				return
			}
			for b = b[at:]; len(b) > 0 && b[0] == 0xFF; b = b[1:] { // the first begins the marker, the rest may lie between
			}
			if len(b) == 0 || b[0] == markerEOI {
				return
			}
			if b[0] == 0 || markerRST0 <= b[0] && b[0] <= markerRST7 { // coded data goes on
				continue
			}
			if len(b) < 3 {
				return
			}
			marker, size := b[0], int(binary.BigEndian.Uint16(b[1:])) // counts its own two bytes
			if size < 2 || 1+size > len(b) || !yield(marker, b[3:1+size]) {
				return
			}
			b = b[1+size:]
		}
	}
}
