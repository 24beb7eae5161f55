package thermal

import (
	"math"
	"time"

	"periph.io/x/conn/v3/physic"
)

// Mode is the law by which a budget was chosen.
type Mode uint8

// Modes, from the best to the safest.
const (
	Predictive   Mode = iota // by the identified model
	Proportional             // by a PI law, as the model errs
	Safest                   // least work: nothing is known for sure
)

func (m Mode) String() string { return [...]string{"predictive", "proportional", "safest"}[m] }

// Alarm says that a trusted reading crossed a threshold that control should have kept it from.
type Alarm uint8

// Alarms.
const (
	None Alarm = iota
	Alert
	Shutdown
)

func (a Alarm) String() string { return [...]string{"none", "alert", "shutdown"}[a] }

// Reasons of a budget.
const (
	reasonRoom    = "room below the set point"
	reasonLimit   = "the set point is the limit"
	reasonModel   = "the model errs"
	reasonBlind   = "no trusted temperature"
	reasonSuspect = "the temperature is not plausible"
	reasonAlarm   = "too hot"
)

// Decision is a budget and why it is that.
type Decision struct {
	Power   physic.Power // for the whole board
	Share   float64      // of what can be saved: 0 least work … 1 all
	Cooling float64      // of fans: 0 as they were … 1 full
	Mode    Mode
	Alarm   Alarm
	Reason  string
	Changed bool // it is worth telling: other law, other alarm, or a share that moved by a tenth
}

// Small changes wait: less than band is none, and after a change the budget
// is not raised again for dwell.
const (
	band  = 0.004
	dwell = 500 * time.Millisecond
)

// What is told of a budget: moves of the share by a tenth, but not more often than now
// and then, so that a log of a bounded size still reaches back for weeks.
const (
	tellMove  = 0.1
	tellEvery = 10 * time.Second
	tellOther = 5 * time.Second // another law or alarm
)

// budget is the one in force.
type budget struct {
	watts, share float64
	mode         Mode
	reason       string
	at           time.Duration // of the last change
	told         Decision      // the last that Changed
	toldAt       time.Duration
}

// set changes the budget to want, unless the change is too small or too soon.
func (b *budget) set(now time.Duration, want float64, mode Mode, reason string) {
	change := want - b.watts
	if mode == b.mode && b.reason != "" && (math.Abs(change) < band*b.watts || change > 0 && now-b.at < dwell) {
		return
	}
	b.cut(now, want, mode, reason)
}

// cut changes the budget at once.
func (b *budget) cut(now time.Duration, want float64, mode Mode, reason string) {
	if b.watts != want || b.mode != mode {
		b.at = now
	}
	b.watts, b.mode, b.reason = want, mode, reason
}

// decision is the budget as a Decision, with the share that draws it.
func (b *budget) decision(now time.Duration, s supply, cooling float64, alarm Alarm) Decision {
	b.share = bound((b.watts-s.idle)/s.dynamic, 0, 1)
	d := Decision{
		Power: physic.Power(b.watts * float64(physic.Watt)), Share: b.share, Cooling: cooling,
		Mode: b.mode, Alarm: alarm, Reason: b.reason,
	}
	other := d.Mode != b.told.Mode || d.Alarm != b.told.Alarm
	moved := math.Abs(d.Share-b.told.Share) >= tellMove
	since := now - b.toldAt
	if b.told.Reason == "" || other && since >= tellOther || moved && since >= tellEvery {
		d.Changed = true
		b.told, b.toldAt = d, now
	}
	return d
}
