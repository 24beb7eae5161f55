package sensors_test

import (
	"testing"

	"atoll/sensors"
)

func TestPace(t *testing.T) {
	for _, tt := range []struct {
		name string
		ages func(i int) int
		want int
	}{
		{"one conversion a reading", func(int) int { return 1 }, 1},
		{"one in ten", func(int) int { return 10 }, 10},
		{"one in ten, some read late", func(i int) int { return 10 + i%2 }, 10},
		{"one in five, the same value now and then", func(i int) int { return 5 * (1 + i%3) }, 5},
		{"the ends of a fault between two of ten", func(i int) int {
			if i%40 == 5 {
				return 3
			}
			return 10
		}, 10},
		{"seldom", func(int) int { return 500 }, sensors.SlowestConversion},
		{"no sense", func(int) int { return -1 }, sensors.SlowestConversion},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p sensors.Pace
			if got := p.Interval(); got != sensors.SlowestConversion {
				t.Errorf("unknown: %d, want the slowest, %d", got, sensors.SlowestConversion)
			}
			for i := range 200 {
				p.Changed(tt.ages(i))
			}
			if got := p.Interval(); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}
