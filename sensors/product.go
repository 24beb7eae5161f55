package sensors

import "errors"

// product is a power that the kernel gives as a voltage and a current.
type product struct {
	info           Info
	volts, amperes *attribute
	convert        func(volts, amperes int64) (int64, error)
}

// openProduct returns the sensor that multiplies what two files hold.
func openProduct(info Info, volts, amperes string, convert func(v, a int64) (int64, error)) (*product, error) {
	v, err := newAttribute(volts, numberSize)
	if err != nil {
		return nil, err
	}
	a, err := newAttribute(amperes, numberSize)
	if err != nil {
		v.close()
		return nil, err
	}
	return &product{info, v, a, convert}, nil
}

func (p *product) Info() Info   { return p.info }
func (p *product) Close() error { return errors.Join(p.volts.close(), p.amperes.close()) }

func (p *product) Read() (int64, error) {
	v, err := p.volts.number()
	if err != nil {
		return 0, err
	}
	a, err := p.amperes.number()
	switch {
	case err != nil:
		return 0, err
	case !inRange(v):
		return 0, p.volts.fail(errRange)
	case !inRange(a):
		return 0, p.amperes.fail(errRange)
	}
	return p.convert(v, a)
}

// fromMilliVoltMilliAmpere converts from the units of hwmon: mV·mA = µW.
func fromMilliVoltMilliAmpere(v, a int64) (int64, error) { return fromMicroWatt(v * a) }

// fromMicroVoltMicroAmpere converts from the units of power supplies: µV·µA = pW.
func fromMicroVoltMicroAmpere(v, a int64) (int64, error) { return v * a / 1000, nil }
