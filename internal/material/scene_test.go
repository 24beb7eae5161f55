package material

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"atoll/pipeline/source"
	"atoll/sched"
)

const spoken = 0.25 // every sample of made-up speech

// madeUp is material that can be told apart: faces are light, other things dim, speech is
// one value, and noise never is.
func madeUp() *Material {
	var m Material
	m.crops.Side = 5
	for _, v := range []float64{1, 0.9, 0.4, 0.3} {
		m.crops.Pix = append(m.crops.Pix, slices.Repeat([]float64{v}, 25))
	}
	m.speech = []Recording{{"a", slices.Repeat([]float32{spoken}, 1000)}, {"b", slices.Repeat([]float32{spoken}, 70_000)}}
	m.sentences = [2][]Sentence{{{"bad", false}}, {{"good", true}}}
	return &m
}

func TestSceneDependsOnNothingButTheSeed(t *testing.T) {
	m := madeUp()
	a, b, other := m.Scene(7, time.Minute), m.Scene(7, time.Minute), m.Scene(8, time.Minute)
	if !reflect.DeepEqual(a, b) {
		t.Error("one seed, two scenes")
	}
	if reflect.DeepEqual(a.Truth, other.Truth) || reflect.DeepEqual(a.Texts, other.Texts) {
		t.Error("two seeds, one scene")
	}
	var x, y source.Image
	for _, at := range []time.Duration{0, 10 * FramePeriod, 59 * time.Second, 3 * time.Second} {
		a.Draw(at, &x)
		b.Draw(at, &y)
		if !reflect.DeepEqual(x, y) {
			t.Errorf("at %v: two pictures", at)
		}
	}
}

// true reports whether something of a kind holds at a time.
func (s *Scene) true(kind string, at time.Duration) bool {
	for _, in := range s.Truth {
		if in.Kind == kind && at >= in.Start && at < in.End {
			return true
		}
	}
	return false
}

func TestSceneIsAsLabelled(t *testing.T) {
	for seed := range uint64(4) {
		s := madeUp().Scene(seed, time.Minute)
		var img source.Image
		for at := time.Duration(0); at < s.For; at += 250 * time.Millisecond {
			s.Draw(at, &img)
			light := img.Pix[3*(sceneSide/2*sceneSide+sceneSide/2)]
			if got, want := light > 200, s.true("presence", at); got != want {
				t.Errorf("seed %d, %v: face %v, labelled %v", seed, at, got, want)
			}
			if got, want := s.true("engagement", at), s.true("presence", at) && s.true("speech", at); got != want {
				t.Errorf("seed %d, %v: engagement %v, want %v", seed, at, got, want)
			}
		}
		last := time.Duration(0)
		for _, it := range s.Sound {
			if it.At <= last || it.At > s.For {
				t.Fatalf("seed %d: sound at %v after %v", seed, it.At, last)
			}
			// A chunk with a bound of speech in it has both.
			from, to := s.true("speech", last), s.true("speech", it.At)
			if got := it.Audio[len(it.Audio)/2] == spoken; from == to && got != to {
				t.Fatalf("seed %d, %v: voice %v, labelled %v", seed, it.At, got, to)
			}
			last = it.At
		}
		if last < s.For-50*time.Millisecond || len(s.Texts) < 30 {
			t.Errorf("seed %d: sound until %v, %d texts", seed, last, len(s.Texts))
		}
		if !slices.IsSortedFunc(s.Texts, func(a, b source.Item) int { return int(a.At - b.At) }) {
			t.Errorf("seed %d: texts are not in order of time", seed)
		}
		for _, in := range s.Truth {
			if in.Start < 0 || in.Start >= in.End || in.End > s.For {
				t.Errorf("seed %d: %+v", seed, in)
			}
		}
	}
}

// scene has one thing in front of its camera.
func scene(restless float64) *Scene {
	s := madeUp().Scene(1, 10*time.Second)
	s.camera = []appearance{{start: time.Second, end: 2 * time.Second, share: 0.5, restless: restless}}
	return s
}

func TestDrawChangesOnlyWhatMoves(t *testing.T) {
	const most = 20 // of the noise
	for _, restless := range []float64{0, 0.05} {
		s := scene(restless)
		margin := int(restless * sceneSide)
		from, to := sceneSide/4-margin, sceneSide*3/4+margin
		inner, outer := from+2*margin, to-2*margin
		var before, img source.Image
		s.Draw(999*time.Millisecond, &before)
		moved := false
		for at := time.Second; at < 2100*time.Millisecond; at += FramePeriod {
			s.Draw(at, &img)
			there := at < 2*time.Second
			for y := range sceneSide {
				for x := range sceneSide {
					p := 3 * (y*sceneSide + x)
					v := img.Pix[p]
					if img.Pix[p+1] != v || img.Pix[p+2] != v {
						t.Fatalf("%v: a colour at %d, %d", at, x, y)
					}
					within := func(lo, hi int) bool { return x >= lo && x < hi && y >= lo && y < hi }
					switch {
					case !there || !within(from, to):
						if v > most {
							t.Fatalf("restless %v, %v: %d at %d, %d, want black", restless, at, v, x, y)
						}
					case within(inner, outer):
						if v < 255-most {
							t.Fatalf("restless %v, %v: %d at %d, %d, want white", restless, at, v, x, y)
						}
					}
				}
			}
			corner := img.Pix[3*(sceneSide/4*sceneSide+sceneSide/4)]
			moved = moved || there && corner < 128
		}
		if moved != (restless > 0) {
			t.Errorf("restless %v: moved %v", restless, moved)
		}
		if slices.Equal(before.Pix, img.Pix) {
			t.Error("the noise stands still")
		}
	}
}

// The scheduler takes the noise of a still picture for nothing new, and a face for much.
func TestNoiseIsBelowTheFloor(t *testing.T) {
	s := scene(0)
	var img source.Image
	grid := func(at time.Duration) []uint8 {
		g := make([]uint8, sched.GridSide*sched.GridSide)
		s.Draw(at, &img)
		if !sched.Grid(g, img.Pix, img.Width, img.Height) {
			t.Fatal("no picture")
		}
		return g
	}
	change := sched.NewChange(sched.GridSide*sched.GridSide, sched.GridFloor)
	change.See(grid(0))
	change.Inferred()
	const learned = 10 * FramePeriod // until the noise is known, all is new
	for at := FramePeriod; at < time.Second; at += FramePeriod {
		if got := change.See(grid(at)); at > learned && got > 0.2 {
			t.Errorf("%v: salience %.2f of a still picture", at, got)
		}
	}
	if got := change.See(grid(1100 * time.Millisecond)); got < 0.5 {
		t.Errorf("salience %.2f of a face", got)
	}
}

func TestDrawAllocatesNothing(t *testing.T) {
	s := scene(0.05)
	var img source.Image
	at := 1100 * time.Millisecond
	s.Draw(at, &img)
	if got := testing.AllocsPerRun(10, func() { at += FramePeriod; s.Draw(at, &img) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// A crop is pasted in the middle, neither shifted nor turned.
func TestPasteIsTrue(t *testing.T) {
	s := scene(0)
	clear(s.noise)
	s.crops = Crops{Side: 3, Pix: [][]float64{{0, 0.8, 0, 0.4, 1, 0.4, 0, 0.2, 0}}}
	var img source.Image
	s.Draw(1500*time.Millisecond, &img)
	at := func(x, y int) int { return int(img.Pix[3*(y*sceneSide+x)]) }
	for y := range sceneSide {
		for x := range sceneSide / 2 {
			if a, b := at(x, y), at(sceneSide-1-x, y); max(a, b)-min(a, b) > 1 {
				t.Fatalf("%d at %d, %d but %d at its mirror image", a, x, y, b)
			}
		}
	}
	const middle, step = sceneSide / 2, sceneSide / 6 // of the crop's pixels
	for _, p := range []struct{ x, y, want int }{{middle, middle, 255}, {middle - step, middle, 102}, {middle, middle - step, 204}, {middle, middle + step, 51}} {
		if got := at(p.x, p.y); got < p.want-8 || got > p.want+8 {
			t.Errorf("%d at %d, %d, want about %d", got, p.x, p.y, p.want)
		}
	}
}
