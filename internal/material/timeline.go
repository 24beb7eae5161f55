package material

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"atoll/model"
	"atoll/pipeline/audio"
	"atoll/pipeline/fusion/score"
	"atoll/pipeline/source"
)

// TimelineLength is how long a generated timeline is.
const TimelineLength = 3 * time.Minute

// How often inputs come in a timeline.
const (
	pictureEvery  = 200 * time.Millisecond
	sentenceEvery = time.Second // on average
)

// Timeline is a labelled stretch of real inputs: pictures with and without faces,
// speech and noise, good and bad sentences, each at its time.
type Timeline struct {
	Truth []score.Interval
	Items []source.Item // in order of time
}

// Collars are how far an event may be from the truth. Speech and faces are noticed
// within seconds. Mood takes several sentences, since every fifth is judged wrong;
// at one a second, half a minute is the usual stretch's first half.
var Collars = map[string]score.Collar{
	"presence":   {Late: 1500 * time.Millisecond},
	"speech":     {Late: 1500 * time.Millisecond},
	"engagement": {Late: 2 * time.Second},
	"mood":       {Late: 30 * time.Second},
}

// Material is what timelines are made of.
type Material struct {
	crops     Crops
	astronaut source.Image
	faceless  []source.Image
	speech    []Recording
	sentences [2][]Sentence // negative, positive
}

// LoadMaterial reads it. Of the sentences it takes every second one of the sets
// given: the rules' constants for mood were chosen on the others.
func LoadMaterial(d Data, sets ...string) (*Material, error) {
	var m Material
	var err error
	if m.crops, err = d.Crops(); err != nil {
		return nil, err
	}
	if m.astronaut, err = d.Picture("pictures", "astronaut.png"); err != nil {
		return nil, err
	}
	names, err := d.FacelessPictures()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		img, err := d.Picture("pictures", name)
		if err != nil {
			return nil, err
		}
		m.faceless = append(m.faceless, img)
	}
	for _, folder := range []string{"librivox", "cards"} {
		list, err := d.Recordings(folder)
		if err != nil {
			return nil, err
		}
		m.speech = append(m.speech, list...)
	}
	for _, set := range sets {
		list, err := d.Sentences(set)
		if err != nil {
			return nil, err
		}
		for i, x := range list {
			switch {
			case i%2 == 0:
			case x.Positive:
				m.sentences[1] = append(m.sentences[1], x)
			default:
				m.sentences[0] = append(m.sentences[0], x)
			}
		}
	}
	for i, class := range [2]string{"negative", "positive"} {
		if len(m.sentences[i]) == 0 {
			return nil, fmt.Errorf("no %s sentences in %s", class, strings.Join(sets, ", "))
		}
	}
	return &m, nil
}

// Timeline generates a timeline. The same seed gives the same.
func (m *Material) Timeline(seed uint64) Timeline {
	r := rand.New(rand.NewPCG(seed, 0x61746f6c6c))
	faces := stretches(r, TimelineLength, "presence", "", "on", 6, 20)
	voices := stretches(r, TimelineLength, "speech", "", "on", 4, 12)
	keepApart(voices, faces)
	moods := stretches(r, TimelineLength, "mood", "negative", "positive", 40, 60)

	var t Timeline
	for _, list := range [][]score.Interval{faces, voices, moods, overlaps(faces, voices)} {
		for _, in := range list {
			if in.Label != "" {
				t.Truth = append(t.Truth, in)
			}
		}
	}
	t.Items = slices.Concat(m.pictures(r, faces), m.sound(r, TimelineLength, voices), m.texts(r, moods))
	slices.SortStableFunc(t.Items, func(a, b source.Item) int { return cmp.Compare(a.At, b.At) })
	return t
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func uniform(r *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

// stretches cuts a length of time into stretches of lo to hi seconds which have the
// two labels in turn.
func stretches(r *rand.Rand, length time.Duration, kind, one, other string, lo, hi float64) []score.Interval {
	labels := [2]string{one, other}
	var list []score.Interval
	for t, i := time.Duration(0), r.IntN(2); t < length; i++ {
		end := t + seconds(uniform(r, lo, hi))
		if length-end < seconds(lo) {
			end = length
		}
		list = append(list, score.Interval{Kind: kind, Label: labels[i%2], Start: t, End: end})
		t = end
	}
	return list
}

// keepApart moves the bounds of voices that lie within two seconds of one of faces
// onto it: what is shorter is no engagement that anybody would ask for.
func keepApart(voices, faces []score.Interval) {
	for i := range voices[:len(voices)-1] {
		for _, f := range faces {
			if (voices[i].End - f.End).Abs() < 2*time.Second {
				voices[i].End, voices[i+1].Start = f.End, f.End
			}
		}
	}
}

// overlaps is when somebody is there and speaks.
func overlaps(faces, voices []score.Interval) []score.Interval {
	var list []score.Interval
	for _, f := range faces {
		for _, v := range voices {
			start, end := max(f.Start, v.Start), min(f.End, v.End)
			if f.Label == "on" && v.Label == "on" && start < end {
				list = append(list, score.Interval{Kind: "engagement", Label: "on", Start: start, End: end})
			}
		}
	}
	return list
}

// pictures draws another picture every time: crops of faces and of none at 30 to
// 100 % of the frame, and whole pictures.
func (m *Material) pictures(r *rand.Rand, faces []score.Interval) []source.Item {
	var list []source.Item
	half := len(m.crops.Pix) / 2
	for _, in := range faces {
		for at := in.Start; at < in.End; at += pictureEvery {
			var img source.Image
			share := uniform(r, 0.3, 1)
			switch face, whole := in.Label == "on", r.IntN(10) == 0; {
			case face && whole:
				img = m.astronaut
			case face:
				img = m.crops.Picture(r.IntN(half), share)
			case whole:
				img = m.faceless[r.IntN(len(m.faceless))]
			default:
				img = m.crops.Picture(half+r.IntN(half), share)
			}
			list = append(list, source.Item{Modality: model.Vision, Source: "camera", At: at, Image: img})
		}
	}
	return list
}

// sound plays recordings one after the other where there is speech, and noise where
// there is none: white, brown, tones or near silence, at any loudness.
func (m *Material) sound(r *rand.Rand, length time.Duration, voices []score.Interval) []source.Item {
	samples := make([]float32, 0, int(length.Seconds())*audio.SampleRate)
	for _, in := range voices {
		end := int(in.End.Seconds() * audio.SampleRate)
		for len(samples) < end {
			n := end - len(samples)
			if in.Label == "on" {
				sound := m.speech[r.IntN(len(m.speech))].Samples
				samples = append(samples, sound[:min(n, len(sound))]...)
			} else {
				samples = appendNoise(samples, r, n)
			}
		}
	}
	var list []source.Item
	for i := 0; i+audio.FrameSize <= len(samples); i += audio.FrameSize {
		at := time.Duration(i+audio.FrameSize) * time.Second / audio.SampleRate
		list = append(list, source.Item{Modality: model.Audio, Source: "microphone", At: at, Audio: samples[i : i+audio.FrameSize]})
	}
	return list
}

func appendNoise(dst []float32, r *rand.Rand, n int) []float32 {
	kind := r.IntN(4)
	loud := math.Pow(10, uniform(r, -3, -0.7))
	frequency := uniform(r, 100, 3000)
	brown := 0.0
	for i := range n {
		var v float64
		switch white := r.NormFloat64(); kind {
		case 0:
			v = white / 3
		case 1:
			brown = 0.98*brown + 0.1*white
			v = brown
		case 2:
			v = math.Sin(2 * math.Pi * frequency * float64(i) / audio.SampleRate)
		default:
			v = 1e-3 * white
		}
		dst = append(dst, float32(max(-1, min(1, loud*v))))
	}
	return dst
}

func (m *Material) texts(r *rand.Rand, moods []score.Interval) []source.Item {
	var list []source.Item
	for _, in := range moods {
		class := m.sentences[0]
		if in.Label == "positive" {
			class = m.sentences[1]
		}
		for at := in.Start; at < in.End; at += time.Duration(uniform(r, 0.7, 1.3) * float64(sentenceEvery)) {
			list = append(list, source.Item{Modality: model.Text, Source: "chat", At: at, Text: class[r.IntN(len(class))].Text})
		}
	}
	return list
}
