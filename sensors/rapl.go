package sensors

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

func init() {
	register(Part{
		Kind:    "rapl",
		Summary: "energy counters of Intel and AMD packages, and of the platform where there is one; root only",
		Where:   "/sys/class/powercap/intel-rapl:*/energy_uj",
		Find:    findRAPL,
	})
}

// findRAPL finds the domains of whole packages and of the platform. Their parts
// (intel-rapl:0:0) are in them, and intel-rapl-mmio counts a package once more.
func findRAPL(env Env) (found []Sensor, errs []error) {
	base := env.path("sys/class/powercap")
	for _, n := range numbered(base, "intel-rapl:", "") {
		s, err := openRAPL(env, fmt.Sprintf("%s/intel-rapl:%d", base, n))
		switch {
		case errors.Is(err, fs.ErrPermission):
			errs = append(errs, fmt.Errorf("%w: only root may read it, because it gives secrets of other programs away", err))
		case err != nil:
			errs = append(errs, err)
		default:
			found = append(found, s)
		}
	}
	return found, errs
}

// openRAPL opens the domain in a folder.
func openRAPL(env Env, dir string) (Sensor, error) {
	limit, err := newAttribute(dir+"/max_energy_range_uj", numberSize)
	if err != nil {
		return nil, err
	}
	defer limit.close()
	r := &rapl{clock: env.Clock}
	if r.limit, err = limit.number(); err != nil {
		return nil, err
	}
	if r.limit <= 0 {
		return nil, limit.fail(errRange)
	}
	if r.file, err = newAttribute(dir+"/energy_uj", numberSize); err != nil {
		return nil, err
	}
	name := text(dir + "/name")
	r.info = Info{Name: env.unique("rapl/" + name), Part: "rapl", Quantity: Power, Place: PlaceOther}
	switch {
	case strings.HasPrefix(name, "package"):
		r.info.Place = PlaceCPU
	case name == "psys":
		r.info.Place = PlaceTotal
	}
	return r, nil
}

// rapl is the mean power since the reading before, from a counter of energy
// (Documentation/power/powercap/powercap.rst).
type rapl struct {
	info  Info
	file  *attribute
	clock Clock
	limit int64 // the counter begins again at 0 after this many µJ

	last int64     // µJ
	at   time.Time // of last; zero: never
}

var errFirst = fmt.Errorf("%w: a power takes two readings of the energy, and this is the first", ErrIdle)

// raplGap is how old the reading before may be. The counter of a busy server wraps
// in a few minutes, and twice can't be told from once.
const raplGap = time.Minute

func (r *rapl) Info() Info   { return r.info }
func (r *rapl) Close() error { return r.file.close() }

func (r *rapl) Read() (int64, error) {
	energy, err := r.file.number()
	if err != nil {
		return 0, err
	}
	if energy < 0 || energy > r.limit {
		return 0, r.file.fail(errRange)
	}
	now := r.clock.Now()
	used, took := energy-r.last, now.Sub(r.at)
	first := r.at.IsZero() || took > raplGap || took <= 0
	r.last, r.at = energy, now
	if first {
		return 0, r.file.fail(errFirst)
	}
	if used < 0 {
		used += r.limit
	}
	// µJ/s are µW.
	return fromMicroWatt(int64(float64(used) / took.Seconds()))
}
