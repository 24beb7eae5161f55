package sensors

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Periods of reading. Each is rounded up to a multiple of the shortest in use.
const (
	// periodTemperature, of die, TPU and board, is what the thermal controller's step needs.
	periodTemperature = 100 * time.Millisecond
	// periodPower is longer than any of our power parts takes to average (at
	// most 136 ms, see their files), so that every reading is a new one.
	periodPower = 200 * time.Millisecond
	// periodSlow is for what nothing is controlled by: fans and temperatures elsewhere.
	// Some of it has a price: each reading of an NVMe's temperature is a command to
	// the drive. It is well below the age at which a Filter finds a reading stale, 1 s.
	periodSlow = 500 * time.Millisecond
)

const (
	// stallAfter is longer than a healthy read can take: a 1-wire thermometer
	// converts for 0.75 s.
	stallAfter = time.Second
	// closeWait is how long Close waits for reads to come back, and once more
	// after it has closed the sensors whose reads did not.
	closeWait = 500 * time.Millisecond
)

// HubOptions is what a Hub works by.
type HubOptions struct {
	Clock Clock // nil: the real one
}

// Estimator is a Sensor that computes its value instead of measuring it. A Hub
// marks its readings Estimated.
type Estimator interface {
	Sensor
	Estimated() bool
}

// Hub reads sensors, each in a goroutine of its own, and keeps the newest
// reading of each. A read that blocks holds up no other sensor and nobody who
// asks, and the sensor is not read again before it has come back.
//
// One ticker serves all, so that the machine wakes once for all sensors that are due.
type Hub struct {
	clock   Clock
	stop    chan struct{}
	done    chan struct{} // closed when the ticker's goroutine has ended
	closing sync.Once
	err     error // of closing

	mu    sync.Mutex // guards what is marked in slots; never held while a sensor is read
	slots []*slot
}

// slot is one sensor and what it last said.
type slot struct {
	sensor  Sensor
	info    Info
	quality Quality       // of what it measures
	every   int           // how many ticks from one read to the next
	due     chan struct{} // has room for one: a read that is late is not made up for
	done    chan struct{} // closed when its goroutine has ended

	closing  sync.Once
	closeErr error

	latest Reading   // guarded by Hub.mu
	began  time.Time // of the read under way, else zero; guarded by Hub.mu
	stall  string    // what to say of that read once it takes too long; guarded by Hub.mu
}

// NewHub starts to read the sensors of the list, which it owns from now on.
func NewHub(list []Sensor, o HubOptions) *Hub {
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	h := &Hub{clock: o.Clock, stop: make(chan struct{}), done: make(chan struct{})}
	tick := shortest(list)
	for _, sensor := range list {
		s := &slot{sensor: sensor, info: sensor.Info(), due: make(chan struct{}, 1), done: make(chan struct{})}
		if e, ok := sensor.(Estimator); ok && e.Estimated() {
			s.quality = Estimated
		}
		s.every = int((s.info.period() + tick - 1) / tick)
		s.latest = Reading{Info: &s.info, Quality: Missing, Reason: "not read yet"}
		h.slots = append(h.slots, s)
	}
	for _, s := range h.slots {
		go h.run(s)
	}
	go h.dispatch(tick)
	return h
}

// shortest returns the shortest period of any sensor of the list.
func shortest(list []Sensor) time.Duration {
	tick := periodSlow
	for _, s := range list {
		tick = min(tick, s.Info().period())
	}
	return tick
}

// dispatch tells the sensors' goroutines when to read.
func (h *Hub) dispatch(tick time.Duration) {
	defer close(h.done)
	ticks, end := h.clock.Tick(tick)
	defer end()
	for n := 0; ; n++ {
		for _, s := range h.slots {
			if n%s.every != 0 {
				continue
			}
			select {
			case s.due <- struct{}{}:
			default: // its last read has not come back
			}
		}
		select {
		case <-h.stop:
			return
		case <-ticks:
		}
	}
}

// period returns the time from one reading of a sensor to the next.
func (i Info) period() time.Duration {
	switch {
	case i.Quantity == Power:
		return periodPower
	case i.Quantity == Temperature && i.Place != PlaceOther:
		return periodTemperature
	}
	return periodSlow
}

// run reads one sensor until the hub stops, and closes it.
func (h *Hub) run(s *slot) {
	defer close(s.done)
	defer s.close()
	for {
		select {
		case <-h.stop:
			return
		case <-s.due:
			h.read(s)
		}
	}
}

func (h *Hub) read(s *slot) {
	began := h.clock.Now()
	h.mu.Lock()
	s.began, s.stall = began, ""
	h.mu.Unlock()

	value, err := s.sensor.Read()

	r := Reading{Info: &s.info, Value: value, At: h.clock.Now(), Quality: s.quality}
	if err != nil {
		r.Value, r.Quality, r.Reason, r.Idle = 0, Missing, err.Error(), errors.Is(err, ErrIdle)
	}
	h.mu.Lock()
	s.latest, s.began = r, time.Time{}
	h.mu.Unlock()
}

// Latest overwrites dst with the newest reading of every sensor, in the order of
// the list, and returns it; nothing is allocated when dst has room for all. It
// never waits for a sensor: one that has not answered yet, whose last answer was
// an error, or whose read has been under way for more than 1 s is Missing and
// has a Reason.
func (h *Hub) Latest(dst []Reading) []Reading {
	now := h.clock.Now()
	dst = dst[:0]
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.slots {
		r := s.latest
		if !s.began.IsZero() && now.Sub(s.began) > stallAfter {
			if s.stall == "" {
				s.stall = "does not answer since " + s.began.Format(time.TimeOnly)
			}
			r.Value, r.Quality, r.Reason, r.Idle = 0, Missing, s.stall, false
		}
		dst = append(dst, r)
	}
	return dst
}

// Close stops reading and closes the sensors. It waits 0.5 s for reads under way,
// then closes the sensors whose reads did not come back, which ends some, and
// waits 0.5 s more. What still blocks then is left behind, and the error names it.
func (h *Hub) Close() error {
	h.closing.Do(func() {
		close(h.stop)
		h.wait()
		for _, s := range h.slots {
			if !s.ended() {
				go s.close() // may block as the read does
			}
		}
		h.wait()
		h.err = h.closeErrors()
	})
	return h.err
}

// wait returns once all goroutines have ended, or after closeWait.
func (h *Hub) wait() {
	expired, end := h.clock.Tick(closeWait)
	defer end()
	<-h.done
	for _, s := range h.slots {
		select {
		case <-s.done:
		case <-expired:
			return
		}
	}
}

func (h *Hub) closeErrors() error {
	var all []error
	for _, s := range h.slots {
		if s.ended() {
			all = append(all, s.closeErr)
			continue
		}
		h.mu.Lock()
		since := s.began
		h.mu.Unlock()
		all = append(all, fmt.Errorf("sensor %s: left behind: it does not answer since %s", s.info.Name, since.Format(time.TimeOnly)))
	}
	return errors.Join(all...)
}

func (s *slot) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// close closes the sensor once, whoever comes first.
func (s *slot) close() {
	s.closing.Do(func() {
		if err := s.sensor.Close(); err != nil {
			s.closeErr = fmt.Errorf("sensor %s: %w", s.info.Name, err)
		}
	})
}
