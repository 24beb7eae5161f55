package sim

import (
	"math"
	"math/rand/v2"
	"time"

	"atoll/sched"
)

const side = sched.GridSide

func (g *generator) cameras() {
	for _, c := range g.scenario.Camera {
		r, i := g.stream(), g.add(c.Common, Picture, picturePeriod)
		faces := g.company(r, g.events(r, c.EventEvery, i, 3, 15), i)
		g.faces = append(g.faces, faces...)
		g.trace.Events = append(g.trace.Events, faces...)
		scene := newScene(r, c)
		for at := picturePeriod; at < g.trace.For; at += picturePeriod {
			g.trace.Arrivals = append(g.trace.Arrivals, Arrival{At: at, Source: i, Features: scene.frame(at, faces)})
		}
	}
}

// company adds faces that come soon after voices, where there is no face yet.
func (g *generator) company(r *rand.Rand, faces []Event, source int) []Event {
	for _, v := range g.voices {
		if r.Float64() >= g.scenario.Together {
			continue
		}
		start := v.Start + seconds(within(r, 0.1, 1))
		e := Event{Start: start, End: min(start+seconds(within(r, 3, 10)), g.trace.For), Sources: []int{source}}
		if e.End-e.Start > 2*time.Second && free(faces, e) {
			faces = append(faces, e)
		}
	}
	return faces
}

// free reports whether e is a second away from all others.
func free(list []Event, e Event) bool {
	for _, x := range list {
		if e.Start < x.End+time.Second && x.Start < e.End+time.Second {
			return false
		}
	}
	return true
}

// current is the event that a time lies in, or -1.
func current(list []Event, at time.Duration) int {
	for k, e := range list {
		if at >= e.Start && at < e.End {
			return k
		}
	}
	return -1
}

// noises is how many values of noise are drawn.
const noises = 1 << 14

// scene is what a camera looks at.
type scene struct {
	random     *rand.Rand
	camera     Camera
	background [side * side]float64
	noise      []float64 // drawn once; each frame takes another part of it
	light      float64   // how much lighter all of it is than at the begin
	busy       bool
	until      time.Duration // the end of this still or busy stretch
	movers     []blob
	face       blob
	in         int // the event whose face that is
}

func newScene(r *rand.Rand, c Camera) *scene {
	s := &scene{random: r, camera: c, noise: make([]float64, noises), until: after(r, c.Still), in: -1}
	for i := range s.background {
		x, y := float64(i%side), float64(i/side)
		s.background[i] = 110 + 40*math.Sin(x/5+y/9) + 20*math.Cos(y/3)
	}
	for i := range s.noise {
		s.noise[i] = c.Noise * r.NormFloat64()
	}
	return s
}

// frame is the picture at a time, one period after the last.
func (s *scene) frame(at time.Duration, faces []Event) []uint8 {
	if at > s.until {
		s.turn(at)
	}
	s.light += 0.05*s.random.NormFloat64() - 0.001*s.light
	picture := s.background
	for i := range s.movers {
		s.movers[i].move()
		s.movers[i].draw(&picture)
	}
	if k := current(faces, at); k >= 0 {
		if k != s.in {
			speed := 3 * s.random.Float64() * float64(s.random.IntN(2)) // every second one stands still
			s.in, s.face = k, newBlob(s.random, speed, within(s.random, s.camera.Contrast[0], s.camera.Contrast[1]))
		}
		s.face.move()
		s.face.draw(&picture)
	}
	frame := make([]uint8, len(picture))
	shift := s.random.IntN(noises)
	for i, v := range picture {
		frame[i] = clip(v + s.light + s.noise[(i+shift)%noises])
	}
	return frame
}

// turn ends a still stretch, or a busy one.
func (s *scene) turn(at time.Duration) {
	s.busy = !s.busy
	s.movers = s.movers[:0]
	if !s.busy {
		s.until = at + after(s.random, s.camera.Still)
		return
	}
	s.until = at + after(s.random, s.camera.Busy)
	for range 1 + s.random.IntN(3) {
		s.movers = append(s.movers, newBlob(s.random, within(s.random, 2, 8), within(s.random, 0.1, 0.4)))
	}
}

// blob is something round in a picture; it moves by so many cells a second.
type blob struct {
	x, y, vx, vy, radius, contrast float64
}

func newBlob(r *rand.Rand, speed, contrast float64) blob {
	angle := 2 * math.Pi * r.Float64()
	if r.IntN(2) == 0 {
		contrast = -contrast
	}
	return blob{
		x: within(r, 5, side-5), y: within(r, 5, side-5),
		vx: speed * math.Cos(angle), vy: speed * math.Sin(angle),
		radius: within(r, 1.5, 4.5), contrast: 255 * contrast,
	}
}

// move goes on for the time of a picture, and turns round at the edges.
func (b *blob) move() {
	b.x += b.vx * picturePeriod.Seconds()
	b.y += b.vy * picturePeriod.Seconds()
	if b.x < 2 || b.x > side-2 {
		b.vx = -b.vx
	}
	if b.y < 2 || b.y > side-2 {
		b.vy = -b.vy
	}
}

func (b *blob) draw(picture *[side * side]float64) {
	for y := max(0, int(b.y-b.radius)); y <= min(side-1, int(b.y+b.radius)+1); y++ {
		for x := max(0, int(b.x-b.radius)); x <= min(side-1, int(b.x+b.radius)+1); x++ {
			d := math.Hypot(float64(x)-b.x, float64(y)-b.y)
			picture[y*side+x] += b.contrast * max(0, min(1, b.radius-d+0.5))
		}
	}
}
