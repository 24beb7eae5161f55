package audio

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const ms = time.Millisecond

func newSegmenter(t testing.TB, h Hysteresis) *Segmenter {
	t.Helper()
	s, err := NewSegmenter(h)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// segments pushes a whole recording.
func segments(s *Segmenter, probabilities []float32) []Segment {
	var got []Segment
	for _, p := range probabilities {
		if segment, ok := s.Push(p); ok {
			got = append(got, segment)
		}
	}
	if segment, ok := s.Finish(); ok {
		got = append(got, segment)
	}
	return got
}

// track draws probabilities: a letter is a frame, S speech (0.9), t right at the upper threshold (0.5), m between the
// thresholds (0.4), l right at the lower one (0.35), "." silence (0.1), x no number.
func track(letters string) []float32 {
	probabilities := make([]float32, len(letters))
	for i, letter := range letters {
		probabilities[i] = map[rune]float32{'S': 0.9, 't': 0.5, 'm': 0.4, 'l': 0.35, '.': 0.1, 'x': nan}[letter]
	}
	return probabilities
}

func TestSegments(t *testing.T) {
	tests := []struct {
		name, track string
		want        []Segment
	}{
		{"nothing", "", nil},
		{"silence", "..........", nil},
		{"between the thresholds speech does not begin", "mmmmmmmmmmmm", nil},
		{"speech from start to end", "SSSSSSSS", []Segment{{0, 256 * ms}}},
		{"at the upper threshold speech begins", "tttttttt", []Segment{{0, 256 * ms}}},
		{"224 ms are too short", "..SSSSSSS.....", nil},
		{"256 ms suffice", "..SSSSSSSS.....", []Segment{{34 * ms, 350 * ms}}},
		{"pad stops at the start", "SSSSSSSS.....", []Segment{{0, 286 * ms}}},
		{"pause of 96 ms goes on", "SSSSSSSS...SSSSSSSS", []Segment{{0, 608 * ms}}},
		{"pause of 128 ms goes on, its end is never heard", "SSSSSSSS....SSSSSSSS", []Segment{{0, 640 * ms}}},
		{"pause of 160 ms separates", "SSSSSSSS.....SSSSSSSS", []Segment{{0, 286 * ms}, {386 * ms, 672 * ms}}},
		{"between the thresholds speech goes on", "SSSSSSSSmmmmmmmmmm", []Segment{{0, 576 * ms}}},
		{"at the lower threshold speech goes on", "SSSSSSSSllllllllll", []Segment{{0, 576 * ms}}},
		{"a pause keeps its beginning between the thresholds", "SSSSSSSS.mmmm.", []Segment{{0, 286 * ms}}},
		{"speech forgets the pause", "SSSSSSSS..S..S....", []Segment{{0, 576 * ms}}},
		{"a pause at the end is part of it", "SSSSSSSS..", []Segment{{0, 320 * ms}}},
		{"a short word at the end is left out", "SSSSSSSS.....SS", []Segment{{0, 286 * ms}}},
		{"lost frames take time and no decision", "SSSSxxxxSSSSx....x..", []Segment{{0, 446 * ms}}},
		{"only lost frames", "xxxxxxxxxxx", nil},
	}
	s := newSegmenter(t, DefaultHysteresis)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s.Reset()
			if got := segments(s, track(tt.track)); !slices.Equal(got, tt.want) {
				t.Errorf("%s: got %v, want %v", tt.track, got, tt.want)
			}
			if got, want := s.elapsed, time.Duration(len(tt.track))*32*ms; got != want {
				t.Errorf("elapsed %v, want %v", got, want)
			}
		})
	}
}

// TestSegmentsOfRecording has the network's answers to test/data/cards/001.wav of pocketsphinx-testdata; Silero's
// get_speech_timestamps makes samples 544 to 17408 of them.
func TestSegmentsOfRecording(t *testing.T) {
	got := segments(newSegmenter(t, DefaultHysteresis), []float32{
		0.0317138, 0.050228, 0.5069774, 0.1212127, 0.0748964, 0.0419261, 0.3265578, 0.9942501, 0.9972163, 0.9986681, 0.9991183,
		0.998518, 0.999734, 0.9993852, 0.9873879, 0.9596819, 0.9622855, 0.9995192, 0.9997238, 0.9998542, 0.99978, 0.9995085,
		0.9985011, 0.999789, 0.9998809, 0.9999323, 0.9999115, 0.9997861, 0.9995304, 0.9969875, 0.9115549, 0.1361538, 0.0074363,
		0.0024372})
	if want := []Segment{{34 * ms, 1088 * ms}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSpeaking(t *testing.T) {
	s := newSegmenter(t, DefaultHysteresis)
	letters, want := "..SS..mS....S.....S", "..+++++++++++++++.+"
	var got strings.Builder
	for _, p := range track(letters) {
		s.Push(p)
		got.WriteByte(map[bool]byte{false: '.', true: '+'}[s.speaking])
	}
	// The pause from frame 13 on ends speech in frame 17, the first that lies 100 ms behind its beginning.
	if got.String() != want {
		t.Errorf("speaking\n%s\nin\n%s, want\n%s", got.String(), letters, want)
	}
	s.Finish()
	if s.speaking {
		t.Error("speaking after Finish")
	}
}

func TestNewSegmenterRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(h *Hysteresis)
		says   string
	}{
		{"off over on", func(h *Hysteresis) { h.Off = 0.6 }, "want 0 < off <= on <= 1"},
		{"on over 1", func(h *Hysteresis) { h.On = 1.5 }, "want 0 < off <= on <= 1"},
		{"off of 0", func(h *Hysteresis) { h.Off = 0 }, "want 0 < off <= on <= 1"},
		{"on of NaN", func(h *Hysteresis) { h.On = nan }, "want 0 < off <= on <= 1"},
		{"off of NaN", func(h *Hysteresis) { h.Off = nan }, "want 0 < off <= on <= 1"},
		{"negative speech", func(h *Hysteresis) { h.MinSpeech = -1 }, "none may be negative"},
		{"negative silence", func(h *Hysteresis) { h.MinSilence = -1 }, "none may be negative"},
		{"negative pad", func(h *Hysteresis) { h.Pad = -1 }, "none may be negative"},
		{"pads would meet", func(h *Hysteresis) { h.Pad = 51 * ms }, "at most half the least silence of 100ms"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := DefaultHysteresis
			tt.change(&h)
			if _, err := NewSegmenter(h); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("NewSegmenter(%+v): %v; want an error with %q", h, err, tt.says)
			}
		})
	}
}

// drawHysteresis draws any that NewSegmenter accepts.
func drawHysteresis(t *rapid.T) Hysteresis {
	h := Hysteresis{
		Off:        rapid.Float32Range(0.1, 0.6).Draw(t, "off"),
		MinSpeech:  time.Duration(rapid.IntRange(0, 400).Draw(t, "speech")) * ms,
		MinSilence: time.Duration(rapid.IntRange(0, 300).Draw(t, "silence")) * ms,
	}
	h.On = rapid.Float32Range(h.Off, 0.95).Draw(t, "on")
	h.Pad = time.Duration(rapid.IntRange(0, int(h.MinSilence/ms)/2).Draw(t, "pad")) * ms
	return h
}

func drawProbabilities(t *rapid.T) []float32 {
	run := rapid.Custom(func(t *rapid.T) []float32 {
		p := rapid.OneOf(rapid.Float32Range(0, 1), rapid.SampledFrom([]float32{0, 0.35, 0.5, 1, nan})).Draw(t, "p")
		return slices.Repeat([]float32{p}, rapid.IntRange(1, 15).Draw(t, "frames"))
	})
	return slices.Concat(rapid.SliceOfN(run, 0, 20).Draw(t, "runs")...)
}

// TestSegmentsKeepPromises wants segments in order, apart, inside the recording, long enough, with speech at the start.
func TestSegmentsKeepPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, probabilities := drawHysteresis(t), drawProbabilities(t)
		s, err := NewSegmenter(h)
		if err != nil {
			t.Fatal(err)
		}
		got := segments(s, probabilities)
		var last time.Duration = -1
		for i, g := range got {
			if g.Start <= last || g.End <= g.Start || g.End > s.elapsed {
				t.Fatalf("segment %d of %v: out of order or out of %v", i, got, s.elapsed)
			}
			if g.End-g.Start <= h.MinSpeech {
				t.Fatalf("segment %d of %v: not over %v", i, got, h.MinSpeech)
			}
			first := int((g.Start + h.Pad) / FrameDuration)
			if g.Start == 0 {
				first = slices.IndexFunc(probabilities, func(p float32) bool { return p >= h.On })
			}
			if probabilities[first] < h.On {
				t.Fatalf("segment %d of %v begins with a probability of %v", i, got, probabilities[first])
			}
			last = g.End
		}
	})
}

// TestSegmentsHoldAllLongSpeech wants every unbroken run over the upper threshold that is long enough inside one segment.
func TestSegmentsHoldAllLongSpeech(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, probabilities := drawHysteresis(t), drawProbabilities(t)
		s, err := NewSegmenter(h)
		if err != nil {
			t.Fatal(err)
		}
		got := segments(s, probabilities)
		for from := 0; from < len(probabilities); {
			to := from
			for to < len(probabilities) && probabilities[to] >= h.On {
				to++
			}
			start, end := time.Duration(from)*FrameDuration, time.Duration(to)*FrameDuration
			if end-start > h.MinSpeech && !slices.ContainsFunc(got, func(g Segment) bool { return g.Start <= start && g.End >= end }) {
				t.Fatalf("speech from %v to %v is in none of %v", start, end, got)
			}
			from = to + 1
		}
	})
}
