package figures

import (
	"math"
	"slices"
)

// Seeds are the errors of the same layers and ways, seed by seed.
type Seeds [][][]LayerError

// Worst takes for each layer and way the largest error of any seed.
func (s Seeds) Worst() [][]LayerError {
	list := make([][]LayerError, len(s[0]))
	for i := range list {
		list[i] = slices.Clone(s[0][i])
		for _, errs := range s[1:] {
			for way, e := range errs[i] {
				list[i][way].Seen = max(list[i][way].Seen, e.Seen)
				list[i][way].Unseen = max(list[i][way].Unseen, e.Unseen)
			}
		}
	}
	return list
}

// student is the 97.5th percentile of Student's t by degrees of freedom.
var student = []float64{math.NaN(), 12.71, 4.303, 3.182, 2.776}

// Mean is the mean error that the last way gives over all layers by seen inputs, and half
// of its interval of 95 % over the seeds, of which there may be 2 to 5.
func (s Seeds) Mean() (mean, half float64) {
	means := make([]float64, len(s))
	for k, errs := range s {
		for _, list := range errs {
			means[k] += list[len(list)-1].Seen / float64(len(errs))
		}
		mean += means[k] / float64(len(s))
	}
	squares := 0.0
	for _, m := range means {
		squares += (m - mean) * (m - mean)
	}
	n := float64(len(s))
	return mean, student[len(s)-1] * math.Sqrt(squares/(n-1)/n)
}
