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

	o     Options
	turns turns

	drivers sync.Mutex // held while a driver may be waited for; guards what follows
	all     []*member  // those in sysfs, in the order in which they act
	kept    []kept     // the same
	clocks  clocks
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
	if o.after == nil {
		o.after = time.After
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
	s.turns.begin(s)
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
	s.kept = f.fans()
	s.clocks = f.cpufreq(energy)
	for _, c := range s.clocks.policies {
		s.kept = append(s.kept, c)
	}
	s.kept = append(s.kept, f.apex()...)
	list := s.entries(true)
	s.pending = slices.DeleteFunc(h.failed, func(e entry) bool {
		return slices.ContainsFunc(list, func(found entry) bool { return found.Path == e.Path })
	})
	list = append(list, s.pending...)
	if err := h.save(list); err != nil {
		for _, k := range s.kept {
			k.close()
		}
		s.kept, s.clocks = nil, clocks{}
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
			fan.kept = s.renew
		}
	}
	if err := s.guard.start(append(s.entries(false), s.pending...)); err != nil {
		f.problem("guard", fmt.Errorf("after a kill settings stay until the next start: %w", err))
	}
	return f.problems
}

// renew makes what is known by now what is put back, whoever does it.
func (s *Set) renew() {
	list := append(s.entries(false), s.pending...)
	if err := s.hold.save(list); err != nil {
		s.o.Logger.Warn().Err(err).Msg("record of actuators can't be renewed: after a kill of atoll and its guard older settings are put back")
	}
	s.guard.tell(list)
}

// entries are all that there is to put back; those of fans that the kernel has are
// only for the first record; it is written anew before such a fan is turned.
func (s *Set) entries(idle bool) []entry {
	var list []entry
	for _, k := range s.kept {
		if fan, ok := k.(*fan); ok && fan.idle && !idle {
			continue
		}
		list = append(list, k.entries()...)
	}
	return list
}

// Names are those of all actuators, in the order in which they act.
func (s *Set) Names() []string {
	names := []string{s.Budget.Name(), s.Precision.Name()}
	for _, m := range s.all {
		names = append(names, m.Name())
	}
	return names
}

// Problems are the actuators that are left out for now because they fail.
func (s *Set) Problems() []Problem {
	s.drivers.Lock()
	defer s.drivers.Unlock()
	var list []Problem
	for _, m := range s.all {
		if m.failures >= maxFailures {
			list = append(list, Problem{m.Name(), m.err})
		}
	}
	return list
}

// Apply turns all actuators to where v wants them and waits for their drivers. First
// comes what is in the process and can't fail. One that fails does not hold up the
// others; its errors are returned until it is left out, which is logged once, and it
// is tried again half a minute later.
func (s *Set) Apply(v Setting) (changed bool, err error) {
	v = v.bounded()
	if changed, err = s.steer(v); err != nil {
		return false, err
	}
	did, err := s.drive(v)
	return changed || did, err
}

// drive turns what is in sysfs, and has the budget follow the clocks.
func (s *Set) drive(v Setting) (changed bool, err error) {
	s.drivers.Lock()
	defer s.drivers.Unlock()
	for _, m := range s.all {
		if m.failures >= maxFailures && s.o.Now().Before(m.retryAt) {
			continue
		}
		if !s.turns.enter(m.Name(), s.o.Now()) {
			return changed, errors.Join(err, ErrClosed)
		}
		did, failed := m.Apply(v)
		s.turns.leave(s.o.Logger)
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
	return s.Budget.clocked(s.clocks.part()) || changed, err
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
	if s.turns.over() {
		return nil
	}
	s.drivers.Lock()
	defer s.drivers.Unlock()
	return s.restore()
}

func (s *Set) restore() error {
	var failed error
	for _, m := range s.all {
		s.turns.restores(m.Name())
		err := m.Restore()
		for try := 1; err != nil && try < maxFailures; try++ {
			err = m.Restore()
		}
		if err != nil {
			s.o.Logger.Error().Str("actuator", m.Name()).Err(err).Msg("actuator can't be put back")
			failed = errors.Join(failed, fmt.Errorf("%s can't be put back: %w", m.Name(), err))
		}
	}
	s.turns.restores("")
	s.turns.mu.Lock()
	defer s.turns.mu.Unlock()
	return errors.Join(failed, s.Precision.Restore(), s.Budget.Restore())
}

// Close puts back what was there before and ends the guard. What can't be put back
// is left to the guard, which tries for another while, and then to the next start. So
// is what a driver that does not answer holds up: the guard acts when this process
// has ended, and with it the write under way, which might else come last.
func (s *Set) Close() {
	if !s.turns.end() {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.turns.ended.Wait()
		s.finish()
	}()
	select {
	case <-done:
	case <-s.o.after(closeWait):
		s.o.Logger.Error().Str("actuator", s.turns.holdup()).Dur("waited_ms", closeWait).
			Msg("a driver does not answer: what is not put back yet is left to the guard, or to the next start")
	}
}

// finish puts everything back.
func (s *Set) finish() {
	s.drivers.Lock()
	defer s.drivers.Unlock()
	err := s.restore()
	if s.hold == nil {
		return
	}
	left := slices.Clone(s.pending)
	if err != nil {
		left = append(s.entries(false), left...)
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
