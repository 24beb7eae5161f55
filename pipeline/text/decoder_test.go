package text

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func newDecoder(t testing.TB, labels string) *Decoder {
	t.Helper()
	d, err := NewDecoder([]byte(labels))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecode(t *testing.T) {
	tests := []struct {
		labels             string
		negative, positive float32
		want               string
	}{
		{"Negative\nPositive\n", 0.233725, 0.766275, "Positive"},
		{"Negative\nPositive\n", 0.953519, 0.046481, "Negative"},
		{"Negative\nPositive", 0, 1, "Positive"},
		{"Negative\nPositive", 0.5, 0.5, "Negative"},
		{"bad\r\ngood\r\n", 0.01, 0.98, "good"},
		{"schlecht \n sehr gut", 0.4, 0.6, "sehr gut"},
	}
	for _, tt := range tests {
		got, label, err := newDecoder(t, tt.labels).Decode([]float32{tt.negative, tt.positive})
		if err != nil || got != tt.positive || label != tt.want {
			t.Errorf("%q: Decode(%v, %v) = %v, %q, %v; want %q", tt.labels, tt.negative, tt.positive, got, label, err, tt.want)
		}
	}
}

func TestDecodeFlagsBadOutput(t *testing.T) {
	d := newDecoder(t, "Negative\nPositive\n")
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, bad := range [][]float32{{nan, 0.5}, {0.5, nan}, {inf, 0}, {0, inf}, {-inf, inf}, {-0.1, 1}, {1.1, -0.1}, {0, 0}, {1, 1}, {0.5, 0.4}} {
		if positive, label, err := d.Decode(bad); !errors.Is(err, ErrBadOutput) || positive != 0 || label != "" {
			t.Errorf("Decode(%v) = %v, %q, %v; want ErrBadOutput", bad, positive, label, err)
		}
	}
	for _, bad := range [][]float32{nil, {1}, {0.5, 0.5, 0}} {
		if _, _, err := d.Decode(bad); err == nil || !strings.Contains(err.Error(), "want 2") {
			t.Errorf("Decode(%v): %v", bad, err)
		}
	}
}

func TestNewDecoderRefuses(t *testing.T) {
	tests := []struct{ name, labels, says string }{
		{"empty", "", "got 1 lines, want 2: the negative and the positive label"},
		{"one", "Negative\n", "got 1 lines, want 2"},
		{"three", "Negative\nNeutral\nPositive\n", "got 3 lines, want 2"},
		{"many", strings.Repeat("a\n", 1000), "got 1000 lines, want 2"},
		{"empty first", "\nPositive\n", "line 1 is empty"},
		{"blank second", "Negative\n \t\r\n", "line 2 is empty"},
		{"equal", "Good\nGood\n", `line 2: "Good" stands in line 1 already`},
		{"long", "Negative\n" + strings.Repeat("a", 65), "line 2 has 65 bytes, at most 64 are allowed"},
		{"not UTF-8", "Negative\n\xff\n", `line 2: "\xff" is not UTF-8`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := NewDecoder([]byte(tt.labels)); err == nil || !strings.Contains(err.Error(), "labels: "+tt.says) {
				t.Errorf("NewDecoder: %v; want an error with %q", err, tt.says)
			}
		})
	}
}

func FuzzLabels(f *testing.F) {
	f.Add([]byte("Negative\nPositive\n"), float32(0.25), float32(0.75))
	f.Add([]byte("a\r\nb"), float32(1), float32(0))
	f.Fuzz(func(t *testing.T, labels []byte, negative, positive float32) {
		d, err := NewDecoder(labels)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "labels: ") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %q", err)
			}
			return
		}
		p, label, err := d.Decode([]float32{negative, positive})
		if err == nil && (!(p >= 0 && p <= 1) || label == "") || err != nil && !errors.Is(err, ErrBadOutput) {
			t.Fatalf("Decode(%v, %v) = %v, %q, %v", negative, positive, p, label, err)
		}
	})
}

func TestDecodeAllocatesNothing(t *testing.T) {
	d, output := newDecoder(t, "Negative\nPositive\n"), []float32{0.25, 0.75}
	got := testing.AllocsPerRun(100, func() {
		if _, _, err := d.Decode(output); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}
