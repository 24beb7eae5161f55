package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// needs is what a check can't do without.
type needs uint8

const (
	needsBoard  needs = 1 << iota // a detection
	needsLive                     // the live machine
	needsConfig                   // a sound configuration
)

// check makes one item.
type check struct {
	name  string
	group string
	needs needs
	limit time.Duration // 0: usualLimit
	run   func(ctx context.Context, x *examination) Item
}

const (
	usualLimit = 5 * time.Second
	// workerLimit has room for a slow board that reads the models for the first time.
	workerLimit = 45 * time.Second
)

// checks are the checklist, in the order in which it is printed. The table of
// docs/doctor.md has the same items.
var checks = []check{
	{"board", "board", needsBoard, 0, checkBoard},
	{"kernel", "board", needsBoard, 0, checkKernel},
	{"cpu", "board", needsBoard, 0, checkCPU},
	{"memory", "board", needsBoard, 0, checkMemory},
	{"edge-tpu", "board", needsBoard, 0, checkEdgeTPU},
	{"camera", "board", needsBoard, 0, checkCamera},
	{"microphone", "board", needsBoard, 0, checkMicrophone},

	{"temperature", "heat", needsBoard, 0, checkTemperature},
	{"sensors", "heat", needsBoard | needsLive | needsConfig, 0, checkSensors},
	{"power", "heat", needsBoard, 0, checkPower},
	{"actuators", "heat", needsBoard, 0, checkActuators},
	{"throttle", "heat", needsBoard, 0, checkThrottle},

	{"watchdog", "system", needsBoard, 0, checkWatchdog},
	{"cgroup", "system", needsBoard, 0, checkCgroup},
	{"ebpf", "system", needsBoard, 0, checkEBPF},
	{"swap", "system", needsBoard | needsLive, 0, checkSwap},
	{"clock", "system", needsLive, 0, checkClock},
	{"user", "system", needsLive, 0, checkUser},

	{"config", "product", 0, 0, checkConfig},
	{"sources", "product", needsLive | needsConfig, 0, checkSources},
	{"state", "product", needsLive, 0, checkState},
	{"models", "product", 0, 0, checkModels},
	{"inference", "product", needsLive, workerLimit, checkInference},
}

// nameWidth is that of the longest name.
var nameWidth = func() int {
	width := 0
	for _, c := range checks {
		width = max(width, len(c.name))
	}
	return width
}()

// do runs the check, if there is what it needs.
func (c check) do(ctx context.Context, x *examination) Item {
	switch {
	case ctx.Err() != nil:
		return skipped(errInterrupted.Error())
	case c.needs&needsLive != 0 && x.Live == nil:
		return skipped("needs the live machine")
	case c.needs&needsBoard != 0 && x.board == nil && c.name == "board":
		return failed("detection "+x.stuck.Error(), "a driver blocks whoever reads /sys: see dmesg; find the file with: atoll detect")
	case c.needs&needsBoard != 0 && x.board == nil:
		return skipped("the board could not be detected")
	case c.needs&needsConfig != 0 && x.Config != nil && x.wrong != nil:
		return skipped("needs a sound configuration")
	}
	limit := c.limit
	if limit == 0 {
		limit = usualLimit
	}
	item, err := within(ctx, limit, func(ctx context.Context) Item { return c.run(ctx, x) })
	if errors.Is(err, errInterrupted) {
		return failed(err.Error(), "run it again")
	}
	if err != nil {
		return failed(err.Error(), "see dmesg for what blocks or fails; if nothing does, report this with the output of: atoll detect --capture board.txtar")
	}
	return item
}

var errInterrupted = errors.New("interrupted")

// within returns what f does, or an error when that takes longer than limit or
// panics. An f that blocks is left behind, with nobody who hears of it.
func within[T any](ctx context.Context, limit time.Duration, f func(context.Context) T) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	inner, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if r := recover(); r != nil {
				o.err = fmt.Errorf("the check itself crashed: %v", r)
			}
			done <- o
		}()
		o.value = f(inner)
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-inner.Done():
		var none T
		if ctx.Err() != nil {
			return none, errInterrupted
		}
		return none, fmt.Errorf("does not answer within %v", limit)
	}
}

func ok(format string, args ...any) Item { return Item{State: OK, Found: fmt.Sprintf(format, args...)} }

func warning(found, fix string) Item { return Item{State: Warning, Found: found, Fix: fix} }

func failed(found, fix string) Item { return Item{State: Failed, Found: found, Fix: fix} }

func skipped(found string) Item { return Item{State: Skipped, Found: found} }

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
