package source

import (
	"bytes"
	"encoding/binary"
)

// orientation is EXIF's: how the camera was held, 1 (upright) to 8 (JEITA CP-3451, section 4.6.4 A).
type orientation uint8

// size returns the size of a picture of w x h stored pixels once it is turned upright.
func (o orientation) size(w, h int) (int, int) {
	if o >= 5 {
		return h, w
	}
	return w, h
}

// layout says where in an RGB picture a stored pixel goes: x, y to base + x*dx + y*dy.
type layout struct{ base, dx, dy int }

// layout returns that of a picture of w x h stored pixels.
func (o orientation) layout(w, h int) layout {
	right, down := 3, 3*w // in the upright picture
	if o >= 5 {
		down = 3 * h
	}
	switch o {
	case 2: // mirrored left to right
		return layout{right * (w - 1), -right, down}
	case 3: // upside down
		return layout{right*(w-1) + down*(h-1), -right, -down}
	case 4: // mirrored top to bottom
		return layout{down * (h - 1), right, -down}
	case 5: // rows are columns
		return layout{0, down, right}
	case 6: // to be turned clockwise
		return layout{right * (h - 1), down, -right}
	case 7: // rows are columns, from the far corner
		return layout{right*(h-1) + down*(w-1), -down, -right}
	case 8: // to be turned counter-clockwise
		return layout{down * (w - 1), -down, right}
	}
	return layout{0, right, down}
}

const (
	tagOrientation = 0x0112
	typeShort      = 3
)

// exifOrientation returns what a JPEG says of its orientation, 1 if nothing, or nothing that makes sense.
func exifOrientation(b []byte) orientation {
	for marker, segment := range segments(b) {
		if marker == markerSOS {
			break
		}
		if tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok && marker == markerAPP1 {
			return tiffOrientation(tiff)
		}
	}
	return 1
}

// tiffOrientation looks through the first directory of a TIFF structure (TIFF 6.0, section 2).
func tiffOrientation(b []byte) orientation {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(b, []byte("MM\x00*")):
		order = binary.BigEndian
	case !bytes.HasPrefix(b, []byte("II*\x00")):
		return 1
	}
	if len(b) < 8 {
		return 1
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 1
	}
	entries := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == tagOrientation {
			v := order.Uint16(entries[8:])
			if order.Uint16(entries[2:]) == typeShort && v >= 1 && v <= 8 {
				return orientation(v)
			}
			break
		}
		entries = entries[12:]
	}
	return 1
}
