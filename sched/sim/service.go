package sim

import "time"

// jobTimes are 21 evenly spaced quantiles (0, 5, … 100 %) of what a job of a kind takes,
// in microseconds. They are assumed, not measured: mostly alike, and one in twenty
// longer. Only how they stand to each other counts: Trace.Scale multiplies them all.
var jobTimes = map[Kind][]float64{
	Picture: {
		1500, 1540, 1580, 1620, 1660, 1700, 1730, 1760, 1790, 1820, 1850,
		1900, 1950, 2000, 2050, 2100, 2270, 2430, 2600, 3540, 8000,
	},
	Sound: {
		140, 146, 152, 158, 164, 170, 174, 178, 182, 186, 190,
		196, 202, 208, 214, 220, 240, 260, 280, 457, 1500,
	},
	Text: {
		60, 63, 66, 69, 72, 75, 78, 81, 84, 87, 90,
		94, 98, 102, 106, 110, 123, 136, 150, 233, 900,
	},
}

// service is jobTimes as times.
func service(k Kind) []time.Duration {
	list := make([]time.Duration, len(jobTimes[k]))
	for i, us := range jobTimes[k] {
		list[i] = time.Duration(us * float64(time.Microsecond))
	}
	return list
}
