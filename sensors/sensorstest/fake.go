// Package sensorstest holds what tests need in place of sensors: one that says what it
// is told, a system tree whose files change, and a clock that is put forward.
package sensorstest

import (
	"sync"

	"atoll/sensors"
)

// Answer is what one read of a Fake gives.
type Answer struct {
	Value int64
	Err   error
	Block <-chan struct{} // not nil: the read waits until this is closed
}

// Fake is a sensors.Sensor that gives scripted answers.
type Fake struct {
	info sensors.Info

	mu      sync.Mutex
	answers []Answer
	reads   int
	closed  bool
}

// NewFake returns a sensor whose reads give the answers in turn, and then the last one
// again and again. Without answers it gives 0.
func NewFake(info sensors.Info, answers ...Answer) *Fake {
	return &Fake{info: info, answers: answers}
}

// Info returns what the sensor was made with.
func (f *Fake) Info() sensors.Info { return f.info }

// Set replaces the answers to come.
func (f *Fake) Set(answers ...Answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers = answers
}

// Read gives the next answer.
func (f *Fake) Read() (int64, error) {
	a := f.next()
	if a.Block != nil {
		<-a.Block
	}
	return a.Value, a.Err
}

func (f *Fake) next() Answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	if len(f.answers) == 0 {
		return Answer{}
	}
	a := f.answers[0]
	if len(f.answers) > 1 {
		f.answers = f.answers[1:]
	}
	return a
}

// Close marks the sensor closed. A read that blocks goes on to, as most of the kernel's do.
func (f *Fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

// Reads returns how many reads have begun.
func (f *Fake) Reads() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

// Closed reports whether Close was called.
func (f *Fake) Closed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}
