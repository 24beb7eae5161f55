package graph

import (
	"crypto/sha256"

	"atoll/model"
)

// ShareBuffers lets constants of equal bytes use one buffer, whatever their types
// and subgraphs. It returns how many bytes of constants nobody uses any longer; they
// are emptied at once, and their buffers go with Clean. Buffers with metadata are
// left alone.
func ShareBuffers(m *model.Model) (saved int64) {
	described := make(map[uint32]bool)
	for _, meta := range m.Metadata {
		described[meta.Buffer] = true
	}
	for _, b := range m.MetadataBuffers {
		described[uint32(b)] = true
	}
	first := make(map[[sha256.Size]byte]uint32)
	into := make([]uint32, len(m.Buffers)) // what to use instead of each buffer
	for i, data := range m.Buffers {
		b := uint32(i)
		into[b] = b
		if b == 0 || len(data) == 0 || described[b] {
			continue
		}
		sum := sha256.Sum256(data)
		if same, ok := first[sum]; ok {
			into[b] = same
			m.Buffers[b] = nil
			saved += int64(len(data))
		} else {
			first[sum] = b
		}
	}
	for i := range m.Subgraphs {
		for t := range m.Subgraphs[i].Tensors {
			tensor := &m.Subgraphs[i].Tensors[t]
			tensor.Buffer = into[tensor.Buffer]
		}
	}
	return saved
}
