package figures

import (
	"errors"
	"os"
	"strings"

	"atoll/model"
	"atoll/model/graph"
	"atoll/sparsity/observe"
)

// PointwiseZeros is the share of zeros in the weights of a file's 1x1 convolutions. Those
// that only arrange channels for XNNPACK's sparse kernels, nearly all zeros, don't count.
func PointwiseZeros(file string) (float64, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	m, err := model.Read(data)
	if err != nil {
		return 0, err
	}
	if _, err := graph.FoldConstants(m); err != nil {
		return 0, err
	}
	layers, err := observe.Layers(m)
	if err != nil {
		return 0, err
	}
	zeros, weights := 0, 0
	for _, l := range layers {
		if l.Taps > 1 || strings.HasSuffix(l.Name, "_ones") || strings.HasSuffix(l.Name, "_diagonal") {
			continue
		}
		none, all, err := graph.Zeros(m, &m.Subgraphs[0].Tensors[l.Weights])
		if err != nil {
			return 0, err
		}
		zeros, weights = zeros+none, weights+all
	}
	if weights == 0 {
		return 0, errors.New("it has no 1x1 convolution")
	}
	return float64(zeros) / float64(weights), nil
}
