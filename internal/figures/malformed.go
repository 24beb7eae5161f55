package figures

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"github.com/rs/zerolog"

	"atoll/engine"
	"atoll/model"
	"atoll/models"
)

// Outcomes of giving malformed models to an engine, in numbers of models.
type Outcomes struct {
	Models  int
	Refused int // TensorFlow Lite said no
	Died    int // the worker died or hung and was replaced
	Sound   int // still a model: a flipped bit of a weight makes another, not a broken one
	// SoundByHash counts those that the manifest's SHA-256 would have let pass.
	SoundByHash int
	// Unexpected has errors of any other kind; there must be none.
	Unexpected []error
	// What the parent holds more of after all but the first tenth of the models.
	GrewKB    int // resident, in KiB
	GrewFiles int // descriptors
}

// Malformed gives n malformed models to TensorFlow Lite without any check of ours
// before: truncations, bit flips, random bytes. Afterwards a sound model that was
// loaded before must answer as it did.
func Malformed(n int, seed uint64) (Outcomes, error) {
	o := Outcomes{Models: n}
	r := rand.New(rand.NewPCG(seed, 0))
	clock := time.Unix(0, 0)
	w, err := engine.Start(engine.Options{
		LoadTimeout: 2 * time.Second, Logger: zerolog.Nop(),
		Now: func() time.Time { clock = clock.Add(time.Hour); return clock }, // no limit on restarts
	})
	if err != nil {
		return o, err
	}
	defer w.Close()
	originals, err := baselines()
	if err != nil {
		return o, err
	}
	witness, err := w.Load("witness", originals[model.Text])
	if err != nil {
		return o, err
	}
	want, err := answer(witness)
	if err != nil {
		return o, err
	}
	var before usage
	for i := range n {
		if i == n/10 {
			if before, err = usageOf(os.Getpid()); err != nil {
				return o, err
			}
		}
		original := originals[r.IntN(len(originals))]
		data := malform(r, original)
		o.count(try(w, data), bytes.Equal(data, original))
	}
	after, err := usageOf(os.Getpid())
	if err != nil {
		return o, err
	}
	o.GrewKB, o.GrewFiles = after.residentKB-before.residentKB, after.files-before.files
	got, err := answer(witness)
	if err == nil && !bytes.Equal(got, want) {
		err = errors.New("the sound model beside them answers otherwise now")
	}
	return o, err
}

// baselines reads the three baseline models.
func baselines() ([][]byte, error) {
	manifest, err := models.Manifest()
	if err != nil {
		return nil, err
	}
	list := make([][]byte, model.NumModalities)
	for m := range model.Modality(model.NumModalities) {
		if list[m], err = models.Open(manifest.Baseline(m)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// answer is what a model's first output holds for an input of ones.
func answer(m *engine.Model) ([]byte, error) {
	in := m.Inputs()[0].Float32s()
	for i := range in {
		in[i] = 1
	}
	_, err := m.Run(10 * time.Second)
	return bytes.Clone(m.Outputs()[0].Data()), err
}

func try(w *engine.Worker, data []byte) error {
	m, err := w.Load("malformed", data)
	if err != nil {
		return err
	}
	_, err = m.Run(2 * time.Second)
	m.Close()
	return err
}

func (o *Outcomes) count(err error, same bool) {
	if err == nil {
		o.Sound++
		if same {
			o.SoundByHash++
		}
	} else if _, ok := errors.AsType[*engine.ModelError](err); ok {
		o.Refused++
	} else if _, ok := errors.AsType[*engine.WorkerError](err); ok {
		o.Died++
	} else {
		o.Unexpected = append(o.Unexpected, err)
	}
}

// malform makes a broken model of a sound one.
func malform(r *rand.Rand, sound []byte) []byte {
	data := bytes.Clone(sound)
	switch r.IntN(4) {
	case 0: // truncated
		return data[:r.IntN(len(data))]
	case 1: // bits flipped anywhere, mostly in weights
		for range 1 + r.IntN(16) {
			data[r.IntN(len(data))] ^= 1 << r.IntN(8)
		}
		return data
	case 2: // bits flipped at the ends, where the tables are
		for range 1 + r.IntN(8) {
			data[len(data)-1-r.IntN(min(len(data), 8<<10))] ^= 1 << r.IntN(8)
			data[r.IntN(64)] ^= byte(r.IntN(2)) << r.IntN(8)
		}
		return data
	}
	data = make([]byte, r.IntN(4096))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	if len(data) > 8 && r.IntN(2) == 0 {
		copy(data[4:], "TFL3") // the identifier of the format
	}
	return data
}
