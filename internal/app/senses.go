// Package app wires the rooms together: it opens the models that a configuration
// names and runs the pipeline on them.
package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/rs/zerolog"

	"atoll/board"
	"atoll/engine"
	"atoll/internal/config"
	"atoll/model"
	"atoll/models"
	"atoll/pipeline"
	"atoll/pipeline/vision"
)

// maxModelFile bounds a model file given by a user, in bytes.
const maxModelFile = 256 << 20

// Senses opens models in one worker and makes of them what answers questions
// about inputs.
type Senses struct {
	cfg    config.Config
	worker *engine.Worker
	log    zerolog.Logger
}

// OpenSenses starts a worker with as many threads as cfg says, or as suits the board.
// Close ends it.
func OpenSenses(cfg config.Config, o engine.Options) (*Senses, error) {
	if cfg.Engine.Threads == 0 {
		profile, _ := board.ProfileOf(board.Live())
		cfg.Engine.Threads = profile.Threads
	}
	o.Threads = cfg.Engine.Threads
	w, err := engine.Start(o)
	if err != nil {
		return nil, err
	}
	return &Senses{cfg, w, o.Logger}, nil
}

// Close ends the worker; nothing made of it may be used any more.
func (s *Senses) Close() { s.worker.Close() }

// EngineStats returns the worker's counters.
func (s *Senses) EngineStats() engine.Stats { return s.worker.Stats() }

// Choice is which model a sense uses: a file if that is set, else a variant of the
// built-in manifest, else the one configured. One that is to be picked job by job is the
// baseline here.
type Choice struct{ File, Variant string }

// Faces opens the face detector.
func (s *Senses) Faces(c Choice) (*pipeline.FaceDetector, error) {
	m, err := s.load(model.Vision, c, s.cfg.Vision.Variant)
	if err != nil {
		return nil, err
	}
	return pipeline.NewFaceDetector(m, vision.DefaultThreshold, s.deadline())
}

// Voice opens the voice detector.
func (s *Senses) Voice(c Choice) (*pipeline.VoiceDetector, error) {
	m, err := s.load(model.Audio, c, s.cfg.Audio.Variant)
	if err != nil {
		return nil, err
	}
	return pipeline.NewVoiceDetector(m, s.deadline())
}

// Mood opens the text classifier.
func (s *Senses) Mood(c Choice) (*pipeline.MoodClassifier, error) {
	m, err := s.load(model.Text, c, s.cfg.Text.Variant)
	if err != nil {
		return nil, err
	}
	return pipeline.NewMoodClassifier(m, models.Vocab(), models.Labels(), s.deadline())
}

func (s *Senses) deadline() time.Duration { return s.cfg.Engine.Deadline.Duration }

func (s *Senses) load(m model.Modality, c Choice, configured string) (*engine.Model, error) {
	if c.File != "" {
		data, err := ReadModel(c.File)
		if err != nil {
			return nil, err
		}
		return s.worker.Load(c.File, data)
	}
	if c.Variant == "" {
		c.Variant = configured
	}
	manifest, err := models.Manifest()
	if err != nil {
		return nil, fmt.Errorf("built-in models: %w", err)
	}
	v := manifest.Baseline(m)
	if c.Variant != model.Auto { // which here is one model, the same for every job
		if v, err = manifest.Variant(m, c.Variant); err != nil {
			return nil, err
		}
	}
	data, err := models.Open(v)
	if err != nil {
		return nil, err
	}
	return s.worker.Load(fmt.Sprintf("%v/%s", m, v.Name), data)
}

// ReadModel reads a .tflite file and makes sure that it is one, so that what is
// wrong with it is said in words and not by a worker that dies.
func ReadModel(path string) ([]byte, error) {
	data, err := ReadFile(path, maxModelFile)
	if err != nil {
		return nil, err
	}
	if _, err := model.Read(data); err != nil {
		return nil, fmt.Errorf("%s: not a usable model: %w", path, err)
	}
	return data, nil
}

// ReadFile reads a file or a pipe of at most limit bytes.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("is a folder: name a file")}
	case info.Mode()&fs.ModeDevice != 0:
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("is a device: name a file")}
	case info.Size() > limit:
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%d bytes: at most %d", info.Size(), limit)}
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("more than %d bytes", limit)}
	}
	return data, err
}
