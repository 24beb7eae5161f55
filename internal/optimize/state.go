package optimize

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"

	"atoll/internal/durable"
	"atoll/sparsity/prune"
)

// ErrState says that a file isn't the state of the work that is to go on.
var ErrState = errors.New("not the state of this work: remove the file, or name another")

// The file has a line that says what it is, the hash of the rest, and that as JSON.
const (
	stateMagic = "atoll sparsity 1\n"
	maxState   = 256 << 20
)

// state is what was found so far. The shares of all layers come first.
type state struct {
	file   string
	Work   [sha256.Size]byte // hash of the model, options and data
	Shares []float64
	Fits   []prune.Fit
}

// openState reads the state of work that was stopped, or starts one.
func (z *zeroing) openState() (*state, error) {
	work, err := z.identity()
	if err != nil {
		return nil, err
	}
	s := &state{file: z.o.State, Work: work}
	if s.file == "" {
		return s, nil
	}
	data, err := durable.Read(s.file, maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	if err := s.decode(data); err != nil {
		return nil, fmt.Errorf("state in %s: %w", s.file, err)
	}
	if s.Work != work {
		return nil, fmt.Errorf("state in %s: it is of another model, or other options or data: %w", s.file, ErrState)
	}
	if err := z.check(s); err != nil {
		return nil, fmt.Errorf("state in %s: %w: %w", s.file, err, ErrState)
	}
	return s, nil
}

// identity is the hash of all that the result depends on.
func (z *zeroing) identity() (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	data, err := z.model.Write()
	if err != nil {
		return sum, err
	}
	h.Write(data)
	fmt.Fprintln(h, z.o.Sparsity, z.pattern, z.method, z.o.Seed)
	for _, s := range z.samples {
		for _, values := range s {
			if err := binary.Write(h, binary.LittleEndian, values); err != nil {
				return sum, err
			}
		}
	}
	return sha256.Sum256(h.Sum(nil)), nil
}

func (s *state) decode(data []byte) error {
	rest, ok := bytes.CutPrefix(data, []byte(stateMagic))
	if !ok || len(rest) < sha256.Size {
		return fmt.Errorf("it is no state file: %w", ErrState)
	}
	if sum := sha256.Sum256(rest[sha256.Size:]); !bytes.Equal(sum[:], rest[:sha256.Size]) {
		return fmt.Errorf("it is damaged: %w", ErrState)
	}
	if err := json.Unmarshal(rest[sha256.Size:], s); err != nil {
		return fmt.Errorf("%w: %w", err, ErrState)
	}
	return nil
}

// check refuses what doesn't fit the layers.
func (z *zeroing) check(s *state) error {
	if s.Shares == nil && len(s.Fits) == 0 {
		return nil
	}
	if len(s.Shares) != len(z.layers) {
		return fmt.Errorf("%d shares for %d layers", len(s.Shares), len(z.layers))
	}
	if len(s.Fits) > len(z.layers) {
		return fmt.Errorf("%d layers are done of %d", len(s.Fits), len(z.layers))
	}
	for i, share := range s.Shares {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("share %v of layer %d", share, i)
		}
	}
	for i, f := range s.Fits {
		l := &z.layers[i]
		if len(f.Weights) != l.Rows*l.Cols || f.Bias != nil && len(f.Bias) != l.Rows {
			return fmt.Errorf("%s has %d weights and a bias of %d", l.Name, len(f.Weights), len(f.Bias))
		}
		for _, v := range f.Weights {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return fmt.Errorf("%s has the weight %v", l.Name, v)
			}
		}
	}
	return nil
}

// save replaces the file.
func (s *state) save() error {
	if s.file == "" {
		return nil
	}
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	err = durable.Create(s.file, func(w io.Writer) error {
		_, err := w.Write(append(append([]byte(stateMagic), sum[:]...), data...))
		return err
	})
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}
