package fusion

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"atoll/model"
)

// source is one camera, microphone or text input.
type source struct {
	modality     model.Modality
	name         string
	reliability  float64
	observations uint64
	failures     uint64
}

// How reliability moves. Three failures in a row cost about two thirds of the trust and ten all but 3 %; ten
// successes win nine tenths of it back. With every second job failing it settles at 0.4.
const (
	keepOnFailure   = 0.7
	gainOnSuccess   = 0.2
	fullReliability = 1
)

func (s *source) succeed() {
	s.observations++
	s.reliability += gainOnSuccess * (fullReliability - s.reliability)
}

func (s *source) fail() {
	s.failures++
	s.reliability *= keepOnFailure
}

// track is the estimate that one source has of one cue.
type track struct {
	source  int           // index into Fuser.sources
	at      time.Duration // of the last observation
	p       float64       // the model's probability in it
	logOdds float64       // estimate as of at
}

// cue is a CueRule made ready, with the tracks of its sources.
type cue struct {
	name     string
	modality model.Modality
	scale    float64
	offset   float64
	limit    float64
	combine  Combine
	window   time.Duration
	total    float64
	decay    time.Duration
	stale    time.Duration
	tracks   []track
}

func newCue(r CueRule, m model.Modality) cue {
	return cue{
		name: r.Name, modality: m,
		scale: r.Scale, offset: r.Offset, limit: r.Limit,
		combine: r.Combine, window: r.Window.Duration, total: r.Total,
		decay: r.Decay.Duration, stale: r.Stale.Duration,
	}
}

// minProbability keeps logit finite; models round to 0 and 1.
const minProbability = 1e-6

// calibrate returns the bounded log-odds of a probability.
func (c *cue) calibrate(p float64) float64 {
	p = clamp(p, minProbability, 1-minProbability)
	return clamp(c.scale*math.Log(p/(1-p))+c.offset, -c.limit, c.limit)
}

// How much of the old estimate an average keeps: at least a half of one that is there, and two thirds of "don't know", so
// that a source begins with two witnesses rather than one.
const (
	minCarry   = 0.5
	firstCarry = 2.0 / 3
)

// trackOf returns the index of a source's track, or -1 before its first observation.
func (c *cue) trackOf(source int) int {
	return slices.IndexFunc(c.tracks, func(tr track) bool { return tr.source == source })
}

// observe combines an observation, not older than the last, with track t of a source; -1 begins a track.
func (c *cue) observe(t, source int, p float64, at time.Duration) {
	l := c.calibrate(p)
	old, carry := 0.0, firstCarry
	if t < 0 {
		c.tracks = append(c.tracks, track{source: source})
		t = len(c.tracks) - 1
	} else if tr := c.tracks[t]; c.present(tr, at) {
		old = c.at(tr, at)
		if c.combine == Average {
			carry = max(math.Exp(-ratio(at-tr.at, c.window)), minCarry)
		}
	}
	next := carry*old + (1-carry)*l
	if c.combine == Sum {
		next = clamp(old+l, -c.total, c.total)
	}
	c.tracks[t] = track{source: source, at: at, p: p, logOdds: next}
}

// at returns the faded estimate at time t, which is not before the last observation.
func (c *cue) at(tr track, t time.Duration) float64 {
	return tr.logOdds * math.Exp(-ratio(t-tr.at, c.decay))
}

// expiry is the instant from which a track is absent.
func (c *cue) expiry(tr track) time.Duration { return tr.at + c.stale }

func (c *cue) present(tr track, t time.Duration) bool { return t < c.expiry(tr) }

// strongest returns the present track with the largest reliability·|log-odds| at t and its log-odds; of two equal ones the
// positive one, of two the same the first by name. It returns nil when all are absent.
func (c *cue) strongest(sources []source, t time.Duration) (best *track, logOdds float64) {
	var most float64
	for i := range c.tracks {
		tr := c.tracks[i]
		if !c.present(tr, t) {
			continue
		}
		l := c.at(tr, t)
		size := sources[tr.source].reliability * math.Abs(l)
		if best == nil || cmp.Or(cmp.Compare(size, most), cmp.Compare(l, logOdds),
			strings.Compare(sources[best.source].name, sources[tr.source].name)) > 0 {
			best, logOdds, most = &c.tracks[i], l, size
		}
	}
	return best, logOdds
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func clamp(x, lo, hi float64) float64 { return min(max(x, lo), hi) }

func logit(p float64) float64 { return math.Log(p / (1 - p)) }

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
