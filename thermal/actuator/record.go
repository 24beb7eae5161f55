package actuator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"atoll/internal/durable"
)

// record is what there is to put back. It is a file for the next start and a line
// for the guard.
type record struct {
	Version int     `json:"version"`
	Boot    string  `json:"boot"` // sysfs begins anew on another boot
	Entries []entry `json:"entries"`
}

// entry is one original value. Entries are written in their order.
type entry struct {
	Path  string `json:"path"` // below the root
	Value int64  `json:"value"`
	// Part is what the driver calls the device, where numbers are given anew when a
	// driver is loaded again.
	Part string `json:"part,omitempty"`
}

// Bounds of a record, which are far above what any board has.
const (
	recordVersion = 1
	maxRecord     = 256 << 10
	maxEntries    = 1024
)

// Bounds of values.
const (
	maxKilohertz   = 100e6
	maxMillidegree = 200e3
	maxState       = 1000
)

// known are the only attributes that are ever put back, with the range of their
// values and the file beside them that names the part.
var known = []struct {
	path        *regexp.Regexp
	least, most int64
	part        string
}{
	{regexp.MustCompile(`^` + cpufreqDir + `/policy[0-9]{1,5}/scaling_max_freq$`), 1, maxKilohertz, ""},
	{regexp.MustCompile(`^` + hwmonDir + `/hwmon[0-9]{1,5}/pwm[0-9]{1,3}$`), 0, maxPWM, "name"},
	{regexp.MustCompile(`^` + hwmonDir + `/hwmon[0-9]{1,5}/pwm[0-9]{1,3}_enable$`), 0, 255, "name"},
	{regexp.MustCompile(`^` + coolingDir + `/cooling_device[0-9]{1,5}/cur_state$`), 0, maxState, "type"},
	{regexp.MustCompile(`^` + apexDir + `/apex_[0-9]{1,5}/trip_point[012]_temp$`), forcedTrip, maxMillidegree, ""},
}

// check says whether e may be written, and which file beside it names its part.
func (e entry) check() (part string, err error) {
	for _, k := range known {
		switch {
		case !k.path.MatchString(e.Path):
			continue
		case e.Value < k.least || e.Value > k.most:
			return "", fmt.Errorf("%s can't be %d", e.Path, e.Value)
		case (e.Part == "") != (k.part == ""), len(e.Part) > 256:
			return "", fmt.Errorf("%s can't be of part %.40q", e.Path, e.Part)
		}
		return k.part, nil
	}
	return "", fmt.Errorf("%.80q is no attribute that atoll changes", e.Path)
}

// decodeRecord reads a record, which may come from anyone.
func decodeRecord(b []byte) (record, error) {
	if len(b) > maxRecord {
		return record{}, fmt.Errorf("it is longer than %d bytes", maxRecord)
	}
	var r record
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return record{}, err
	}
	if _, err := d.Token(); err != io.EOF {
		return record{}, errors.New("it goes on after its end")
	}
	if r.Version != recordVersion {
		return record{}, fmt.Errorf("it is of version %d, this program knows %d", r.Version, recordVersion)
	}
	if !bootName.MatchString(r.Boot) {
		return record{}, fmt.Errorf("%.40q is no boot id", r.Boot)
	}
	if len(r.Entries) > maxEntries {
		return record{}, fmt.Errorf("it has %d entries, more than %d", len(r.Entries), maxEntries)
	}
	seen := make(map[string]bool, len(r.Entries))
	for _, e := range r.Entries {
		if _, err := e.check(); err != nil {
			return record{}, err
		}
		if seen[e.Path] {
			return record{}, fmt.Errorf("%s is there twice", e.Path)
		}
		seen[e.Path] = true
	}
	return r, nil
}

// encode is the record as one line.
func (r record) encode() []byte {
	r.Version = recordVersion
	r.Entries = slices.Concat([]entry{}, r.Entries)
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // numbers and strings always can be
	}
	return append(b, '\n')
}

// originals are the values by path.
func (r record) originals() map[string]int64 {
	m := make(map[string]int64, len(r.Entries))
	for _, e := range r.Entries {
		m[e.Path] = e.Value
	}
	return m
}

// putBack writes entries in their order and returns those that could not be. A
// device that is gone, or another by now, has nothing to put back.
func putBack(root string, list []entry, write func(string, []byte) error) (failed []entry, err error) {
	for _, e := range list {
		part, bad := e.check()
		if bad != nil {
			err = errors.Join(err, bad)
			continue
		}
		if part != "" {
			if got, bad := readText(root, path.Join(path.Dir(e.Path), part)); bad != nil || got != e.Part {
				continue
			}
		}
		bad = write(filepath.Join(root, e.Path), fmt.Appendln(nil, e.Value))
		if bad != nil && !gone(bad) {
			failed, err = append(failed, e), errors.Join(err, reason(bad))
		}
	}
	return failed, err
}

// readRecord reads the file of a record.
func readRecord(name string) (record, error) {
	b, err := durable.Read(name, maxRecord)
	if err != nil {
		return record{}, err
	}
	return decodeRecord(b)
}
