package model

import "fmt"

// Modality is one of the three senses of the pipeline. Its zero value is Vision.
type Modality uint8

// The modalities, in the order in which tables and arrays list them.
const (
	Vision Modality = iota
	Audio
	Text
	NumModalities = iota
)

var modalityNames = [NumModalities]string{"vision", "audio", "text"}

// String returns "vision", "audio" or "text".
func (m Modality) String() string {
	if int(m) >= len(modalityNames) {
		return fmt.Sprintf("modality(%d)", uint8(m))
	}
	return modalityNames[m]
}

// ParseModality is the inverse of String.
func ParseModality(s string) (Modality, error) {
	for m, name := range modalityNames {
		if name == s {
			return Modality(m), nil
		}
	}
	return 0, fmt.Errorf("unknown modality %q: use vision, audio or text", s)
}

// MarshalText implements encoding.TextMarshaler.
func (m Modality) MarshalText() ([]byte, error) {
	if int(m) >= len(modalityNames) {
		return nil, fmt.Errorf("cannot write unknown %v", m)
	}
	return []byte(m.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Modality) UnmarshalText(text []byte) error {
	v, err := ParseModality(string(text))
	if err != nil {
		return err
	}
	*m = v
	return nil
}
