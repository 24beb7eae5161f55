package vision

// Compare returns how far two lists of faces of the same picture, found at a threshold,
// are apart, 0 to 1: the mean over all faces, where one that both have (boxes overlap by
// half, intersection over union) counts 0, and one that is missed or extra as far as its
// score lies above the threshold, from 0 to 1, as one at the threshold is nobody's fault.
// It changes no list.
func Compare(a, b []Face, threshold float32) float64 {
	faces, apart := 0, 0.0
	for i := range a {
		faces++
		if !has(b, &a[i]) {
			apart += above(a[i].Score, threshold)
		}
	}
	for i := range b {
		if !has(a, &b[i]) {
			faces++
			apart += above(b[i].Score, threshold)
		}
	}
	if faces == 0 {
		return 0
	}
	return apart / float64(faces)
}

// sameFace is the least intersection over union of two boxes of the same face.
const sameFace = 0.5

func has(list []Face, f *Face) bool {
	for i := range list {
		if Overlap(&list[i].Box, &f.Box) >= sameFace {
			return true
		}
	}
	return false
}

func above(score, threshold float32) float64 {
	return max(0, float64(score-threshold)/float64(1-threshold))
}
