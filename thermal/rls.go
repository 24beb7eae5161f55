package thermal

import "math"

// rls is recursive least squares with exponential forgetting for n parameters
// (Ljung, System Identification, 2nd ed., section 11.2). An update that carries no
// information is the caller's to leave out, for forgetting without learning makes
// the covariance grow without bound.
type rls struct {
	n       int
	theta   [3]float64
	cov     [3][3]float64
	forget  float64
	maximum float64 // bound of the covariance's trace
}

// newRLS begins at theta with the given variances.
func newRLS(forget float64, theta, variance []float64) rls {
	r := rls{n: len(theta), forget: forget}
	copy(r.theta[:], theta)
	for i, v := range variance {
		r.cov[i][i] = v
		r.maximum += 4 * v
	}
	return r
}

// update learns that phi gave y, where noise is the variance of y.
func (r *rls) update(phi [3]float64, y, noise float64) {
	var k [3]float64
	denominator := r.forget * noise
	predicted := 0.0
	for i := range r.n {
		for j := range r.n {
			k[i] += r.cov[i][j] * phi[j]
		}
		denominator += phi[i] * k[i]
		predicted += phi[i] * r.theta[i]
	}
	if !(denominator > 0) || math.IsInf(denominator, 0) {
		return
	}
	trace := 0.0
	for i := range r.n {
		r.theta[i] += k[i] / denominator * (y - predicted)
	}
	forget := r.forget
	for i := range r.n {
		trace += r.cov[i][i]
	}
	if trace > r.maximum {
		forget = 1 // no more forgetting until something was learned
	}
	for i := range r.n {
		for j := range r.n {
			r.cov[i][j] = (r.cov[i][j] - k[i]*k[j]/denominator) / forget
		}
	}
}
