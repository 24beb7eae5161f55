package actuator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"atoll/board"
)

// An actuator that failed this often in a row is left out for a while.
const (
	maxFailures = 3
	retryAfter  = 30 * time.Second
)

// Set is all the actuators of a board. Its methods may be called by several
// goroutines.
type Set struct {
	// Budget and Precision are always there; the pipeline reads them.
	Budget    *Budget
	Precision *Precision

	o      Options
	mu     sync.Mutex
	all    []*member // in the order in which they act
	kept   []kept    // those of them in sysfs
	closed bool

	hold    *hold   // nil when nothing in sysfs is used
	guard   *guard  // nil likewise
	pending []entry // what could not be put back at the start
}

// member is an actuator and how it does.
type member struct {
	Actuator
	failures int
	retryAt  time.Time // while failures is maxFailures
	err      error     // of the last failure
}

// Find finds the actuators of the board below root and puts back what a killed
// instance left behind on this boot. What the board lacks or this process may not
// write is left out and told among the problems; Budget and Precision always work.
// The Set must be closed.
func Find(root string, energy board.Energy, o Options) (*Set, []Problem) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if len(o.Command) == 0 {
		o.Command = []string{"/proc/self/exe", "guard"}
	}
	o.access = o.access.orSystem()
	s := &Set{Budget: newBudget(), Precision: newPrecision(o.Now), o: o}
	problems := s.findKept(root, energy)
	for _, k := range s.kept {
		s.all = append(s.all, &member{Actuator: k})
	}
	s.all = append(s.all, &member{Actuator: s.Precision}, &member{Actuator: s.Budget})
	return s, problems
}

// kept is an actuator in sysfs, of which a record is kept.
type kept interface {
	Actuator
	// entries are what undoes it, in the order of writing.
	entries() []entry
	close()
}

// findKept finds the actuators in sysfs and sees to it that they are put back.
func (s *Set) findKept(root string, energy board.Energy) []Problem {
	h, err := takeHold(root, s.o)
	if err != nil {
		return []Problem{{"sysfs", fmt.Errorf("clocks and fans are left alone: %w", err)}}
	}
	f := finder{root: root, access: s.o.access, now: s.o.Now, originals: h.left.originals(), problems: h.problems}
	// Fans first: they cost no work.
	s.kept = append(f.fans(), f.cpufreq(energy)...)
	s.kept = append(s.kept, f.apex()...)
	list := s.entries()
	s.pending = slices.DeleteFunc(h.failed, func(e entry) bool {
		return slices.ContainsFunc(list, func(found entry) bool { return found.Path == e.Path })
	})
	list = append(list, s.pending...)
	if err := h.save(list); err != nil {
		for _, k := range s.kept {
			k.close()
		}
		s.kept = nil
		h.release()
		return append(f.problems, Problem{"sysfs", fmt.Errorf("clocks and fans are left alone, as nobody could put them back after a kill: %w", err)})
	}
	if len(s.kept) == 0 {
		h.release()
		return f.problems
	}
	s.hold = h
	s.guard = newGuard(root, h, s.o)
	for _, k := range s.kept {
		if fan, ok := k.(*fan); ok {
			fan.kept = func() { s.guard.tell(append(s.entries(), s.pending...)) }
		}
	}
	if err := s.guard.start(list); err != nil {
		f.problem("guard", fmt.Errorf("after a kill settings stay until the next start: %w", err))
	}
	return f.problems
}

// entries are all that there is to put back.
func (s *Set) entries() []entry {
	var list []entry
	for _, k := range s.kept {
		list = append(list, k.entries()...)
	}
	return list
}

// Names are those of all actuators, in the order in which they act.
func (s *Set) Names() []string {
	names := make([]string, len(s.all))
	for i, m := range s.all {
		names[i] = m.Name()
	}
	return names
}

// Problems are the actuators that are left out for now because they fail.
func (s *Set) Problems() []Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Problem
	for _, m := range s.all {
		if m.failures >= maxFailures {
			list = append(list, Problem{m.Name(), m.err})
		}
	}
	return list
}

// Apply turns all actuators to where v wants them. One that fails does not hold up
// the others; its errors are returned until it is left out, which is logged once,
// and it is tried again half a minute later.
func (s *Set) Apply(v Setting) (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false, ErrClosed
	}
	v = v.bounded()
	for _, m := range s.all {
		if m.failures >= maxFailures && s.o.Now().Before(m.retryAt) {
			continue
		}
		did, failed := m.Apply(v)
		changed = changed || did
		if failed == nil {
			if m.failures >= maxFailures {
				s.o.Logger.Info().Str("actuator", m.Name()).Msg("actuator works again")
			}
			m.failures = 0
			continue
		}
		if told := s.failed(m, failed); !told {
			err = errors.Join(err, fmt.Errorf("%s: %w", m.Name(), failed))
		}
	}
	return changed, err
}

// failed counts a failure of m and reports whether it is left out by now.
func (s *Set) failed(m *member, err error) (out bool) {
	m.err = err
	m.failures = min(m.failures+1, maxFailures+1)
	if m.failures < maxFailures {
		return false
	}
	m.retryAt = s.o.Now().Add(retryAfter)
	if m.failures == maxFailures {
		s.o.Logger.Warn().Str("actuator", m.Name()).Err(err).Dur("retry_ms", retryAfter).Msg("actuator fails and is left out for now")
	}
	return true
}

// Restore puts back what was there before, as far as that is still there. What
// fails is tried again at once, told as an error, and tried again by Close. The
// actuators can be used again after it.
func (s *Set) Restore() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	return s.restore()
}

func (s *Set) restore() error {
	var failed error
	for _, m := range s.all {
		err := m.Restore()
		for try := 1; err != nil && try < maxFailures; try++ {
			err = m.Restore()
		}
		if err != nil {
			s.o.Logger.Error().Str("actuator", m.Name()).Err(err).Msg("actuator can't be put back")
			failed = errors.Join(failed, fmt.Errorf("%s can't be put back: %w", m.Name(), err))
		}
	}
	return failed
}

// Close puts back what was there before and ends the guard. What can't be put back
// is left to the guard, which tries for another while, and then to the next start.
func (s *Set) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	err := s.restore()
	if s.hold == nil {
		return
	}
	left := slices.Clone(s.pending)
	if err != nil {
		left = append(s.entries(), left...)
	}
	s.guard.tell(left)
	s.guard.close()
	for _, k := range s.kept {
		k.close()
	}
	if len(left) == 0 {
		if err := s.hold.save(nil); err != nil {
			s.o.Logger.Error().Err(err).Msg("record of actuators can't be removed: the next start puts them back once more")
		}
	}
	s.hold.release()
}

// gone reports whether err says that a device is no longer there: then there is
// nothing to put back, as its attributes come back as new.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV)
}

// reason makes the most frequent causes of a failed write say what to do.
func reason(err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: run as root, or give the group of atoll the right to write it with a udev rule", err)
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%w: sysfs is mounted read-only, as in containers: mount it writable", err)
	}
	return err
}
