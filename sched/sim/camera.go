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
		g.pictures(r, c, i, faces)
	}
}

// company adds faces that come soon after voices, where there is no face yet.
func (g *generator) company(r *rand.Rand, faces []Event, source int) []Event {
	for _, v := range g.voices {
		if r.Float64() >= g.scenario.Together {
			continue
		}
		start := v.Start + time.Duration((0.1+0.9*r.Float64())*float64(time.Second))
		e := Event{Start: start, End: min(start+time.Duration((3+7*r.Float64())*float64(time.Second)), g.trace.For), Sources: []int{source}}
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

// blob is something round in a picture.
type blob struct {
	x, y, vx, vy, radius, contrast float64
}

func newBlob(r *rand.Rand, speed float64, contrast float64) blob {
	angle := 2 * math.Pi * r.Float64()
	if r.IntN(2) == 0 {
		contrast = -contrast
	}
	return blob{
		x: 5 + float64(side-10)*r.Float64(), y: 5 + float64(side-10)*r.Float64(),
		vx: speed * math.Cos(angle), vy: speed * math.Sin(angle),
		radius: 1.5 + 3*r.Float64(), contrast: 255 * contrast,
	}
}

// move goes on for dt seconds, and turns round at the edges.
func (b *blob) move(dt float64) {
	b.x += b.vx * dt
	b.y += b.vy * dt
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

// pictures draws all frames of a camera.
func (g *generator) pictures(r *rand.Rand, c Camera, source int, faces []Event) {
	var background, picture [side * side]float64
	for i := range background {
		x, y := float64(i%side), float64(i/side)
		background[i] = 110 + 40*math.Sin(x/5+y/9) + 20*math.Cos(y/3)
	}
	noise := make([]float64, 1<<14)
	for i := range noise {
		noise[i] = c.Noise * r.NormFloat64()
	}
	dt := picturePeriod.Seconds()
	busy, until := false, after(r, c.Still)
	var movers []blob
	face, in := blob{}, -1
	light := 0.0
	for at := picturePeriod; at < g.trace.For; at += picturePeriod {
		if at > until {
			busy = !busy
			movers = movers[:0]
			until = at + after(r, c.Still)
			if busy {
				until = at + after(r, c.Busy)
				for range 1 + r.IntN(3) {
					movers = append(movers, newBlob(r, 2+6*r.Float64(), 0.1+0.3*r.Float64()))
				}
			}
		}
		light += 0.05*r.NormFloat64() - 0.001*light
		for i, v := range background {
			picture[i] = v + light
		}
		for i := range movers {
			movers[i].move(dt)
			movers[i].draw(&picture)
		}
		if k := current(faces, at); k >= 0 {
			if k != in {
				in, face = k, newBlob(r, 3*r.Float64()*float64(r.IntN(2)), within(r, c.Contrast))
			}
			face.move(dt)
			face.draw(&picture)
		}
		frame := make([]uint8, side*side)
		shift := r.IntN(len(noise))
		for i, v := range picture {
			frame[i] = clip(v + noise[(i+shift)&(len(noise)-1)])
		}
		g.trace.Arrivals = append(g.trace.Arrivals, Arrival{At: at, Source: source, Features: frame})
	}
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
