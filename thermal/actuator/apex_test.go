package actuator

import (
	"testing"
	"time"
)

func trip(i int) string { return apex0 + "/trip_point" + string(rune('0'+i)) + "_temp" }

func onlyApex() files { return coralFiles().without("sys/devices", "sys/class/hwmon") }

func share(s float64) Setting { return Setting{Share: s} }

func TestApexClock(t *testing.T) {
	r := newRig(t, onlyApex())
	s, _ := r.find(coral)
	s.Precision.economy.Store(true)
	clock := func(v float64, want ...string) {
		t.Helper()
		s.Budget.Apply(share(v))
		r.apply(s, share(v), len(want) > 0, want...)
	}
	clock(1)
	clock(0.51)
	clock(0.5, trip(0)+" 550")
	clock(0.13, trip(1)+" 550")
	clock(0.3) // faster after a dwell
	r.pass(apexDwell)
	clock(0.255) // and with something to spare
	clock(0.3, trip(1)+" 89800")
	clock(0, trip(1)+" 550", trip(2)+" 550")
	r.pass(apexDwell)
	clock(0.6, trip(2)+" 94800", trip(1)+" 89800", trip(0)+" 84800")

	clock(0.4, trip(0)+" 550")
	r.put(trip(0), "70050") // someone undoes it
	clock(0.4, trip(0)+" 550")
	r.put(trip(1), "91050") // not ours to put back
	clock(0.4)
	s.Close()
	r.want("closed", files{trip(0): "84800", trip(1): "91050", trip(2): "94800"})
}

// A write that fails between two leaves a state from which it goes on.
func TestApexHalfway(t *testing.T) {
	r := newRig(t, onlyApex())
	s, _ := r.find(coral)
	r.apply(s, Setting{}, true, trip(0)+" 550", trip(1)+" 550", trip(2)+" 550")
	r.pass(time.Minute)
	r.fail = func(path, _ string) error {
		if path == trip(1) {
			return errBusy
		}
		return nil
	}
	if _, err := s.Apply(share(1)); err == nil {
		t.Error("no error, want busy")
	}
	r.want("halfway", files{trip(0): "550", trip(1): "550", trip(2): "94800"})
	r.fail = nil
	r.apply(s, share(1), true, trip(1)+" 89800", trip(0)+" 84800")
}

func TestBadApex(t *testing.T) {
	for name, c := range map[string]struct {
		files files
		want  string
	}{
		"no polling":     {onlyApex().with(files{apex0 + "/temp_poll_interval": "0"}), "never looks at the temperature"},
		"old driver":     {onlyApex().without(apex0 + "/t").with(files{apex0 + "/status": "ALIVE"}), "temp_poll_interval"},
		"a trip missing": {onlyApex().without(trip(2)), "trip_point2_temp"},
		"out of order":   {onlyApex().with(files{trip(1): "60050"}), "can't be"},
		"too cold":       {onlyApex().with(files{trip(0): "-40000"}), "can't be"},
		"too hot":        {onlyApex().with(files{trip(2): "99999999"}), "can't be"},
		"no number":      {onlyApex().with(files{trip(0): "warm"}), "not a whole number"},
	} {
		r := newRig(t, c.files)
		s, problems := r.find(coral)
		if len(s.kept) > 0 || !told(problems, "apex clock apex_0", c.want) {
			t.Errorf("%s: found %v, problems %v; want %q", name, s.Names(), problems, c.want)
		}
	}
}
