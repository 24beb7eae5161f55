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
	Changed bool // the budget, its mode or the alarm is another one than at the last step
}

// Small changes wait: less than band is none, and after a change the budget
// is not raised again for dwell.
const (
	band  = 0.003
	dwell = 500 * time.Millisecond
)

// budget is the one in force.
type budget struct {
	watts, share float64
	mode         Mode
	reason       string
	alarm        Alarm
	at           time.Duration // of the last change
	changed      bool
}

// set changes the budget to want, unless the change is too small or too soon.
func (b *budget) set(now time.Duration, want float64, mode Mode, reason string) {
	same := mode == b.mode && reason == b.reason
	if change := want/b.watts - 1; same && (math.Abs(change) < band || change > 0 && now-b.at < dwell) {
		return
	}
	b.cut(now, want, mode, reason)
}

// cut changes the budget at once.
func (b *budget) cut(now time.Duration, want float64, mode Mode, reason string) {
	if b.watts != want || b.mode != mode || b.reason != reason {
		b.watts, b.mode, b.reason, b.at, b.changed = want, mode, reason, now, true
	}
}

// decision is the budget as a Decision, with the share that draws it.
func (b *budget) decision(supply rls, span, cooling float64, alarm Alarm) Decision {
	b.share = bound((b.watts-max(0, supply.theta[0]))/bound(supply.theta[1], 0.3*span, 3*span), 0, 1)
	changed := b.changed || alarm != b.alarm
	b.changed, b.alarm = false, alarm
	return Decision{
		Power: physic.Power(b.watts * float64(physic.Watt)), Share: b.share, Cooling: cooling,
		Mode: b.mode, Alarm: alarm, Reason: b.reason, Changed: changed,
	}
}
