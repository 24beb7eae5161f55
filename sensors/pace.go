package sensors

// SlowestConversion is the longest time that a sensor may take from one conversion to
// the next, in readings: what it shows may be the temperature of any moment since.
const SlowestConversion = 12

// The pace of a sensor is known after so many changes of value, as the age that so many of
// them did not exceed: a fault may end between two conversions now and then.
const (
	paceBatch = 32
	paceRank  = 2
)

// Pace learns how often a sensor converts, from how old its values become. The zero
// value knows nothing yet.
type Pace struct {
	ages    [SlowestConversion + 1]int // how many values of this batch became how old
	changes int                        // in this batch
	known   int
}

// Changed takes in that a value of so many readings was followed by another. What a
// fault or its end did does not count: it may fall between two conversions.
func (p *Pace) Changed(age int) {
	p.ages[min(max(age, 0), SlowestConversion)]++
	if p.changes++; p.changes < paceBatch {
		return
	}
	p.known = 0
	for young := p.ages[0]; young < paceRank; young += p.ages[p.known] {
		p.known++
	}
	p.ages, p.changes = [SlowestConversion + 1]int{}, 0
}

// Interval is the second least age of the last values, in readings: that of a conversion
// or two. It is SlowestConversion until enough was seen, and while the
// value seldom changes.
func (p *Pace) Interval() int {
	if p.known == 0 {
		return SlowestConversion
	}
	return p.known
}
