package task

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"atoll/pipeline/audio"
	"atoll/pipeline/source"
	"atoll/pipeline/source/wav"
)

// Bounds of what is heard of a half: 5 minutes of sound, at least 6 seconds of each
// recording if it has them.
const (
	maxFrames     = 10_000
	maxRecordings = 50
)

// openRecordings takes every recording from its beginning, as far as all together are
// not too long.
func openRecordings(f *folder, reference Model) (data, error) {
	if _, err := newVoiceDetector(reference); err != nil {
		return nil, err
	}
	v := &voice{parts: []string{"recordings"}}
	used, cut := 0, 0
	for _, h := range []half{calibrating, heldOut} {
		most := maxFrames / min(maxRecordings, h.len(len(f.paths)))
		for i := range h.choose(maxRecordings, len(f.paths)) {
			t, all, err := openTake(f.paths[i], most)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", filepath.Base(f.paths[i]), err)
			}
			v.halves[h] = append(v.halves[h], t)
			used++
			if !all {
				cut++
			}
		}
	}
	if len(f.paths) == 1 {
		f.noteSingle()
	} else if n := len(f.paths); used < n {
		f.note("%d of %d recordings are used, evenly chosen.", used, n)
	}
	if cut > 0 {
		f.note("Of long recordings only the beginning is used, %v of sound for each half in all.", maxFrames*audio.FrameDuration)
	}
	return v, nil
}

// openTake reads a recording to count its frames, at most so many. all reports whether
// it ends before.
func openTake(path string, most int) (t take, all bool, err error) {
	t = take{name: filepath.Base(path)}
	t.play = func(visit func([]float32) error) error { return playFile(path, most, visit) }
	if err := t.play(func([]float32) error { t.frames++; return nil }); err != nil {
		return t, false, err
	}
	if t.frames == 0 {
		return t, false, fmt.Errorf("shorter than one frame of %v", audio.FrameDuration)
	}
	return t, t.frames < most, nil
}

// playFile calls visit with the first whole frames of a recording, at most so many.
func playFile(path string, most int, visit func([]float32) error) error {
	file, _, err := source.OpenFile(path)
	if err != nil {
		return err
	}
	defer file.Close()
	reader, err := wav.NewReader(file)
	if err != nil {
		return err
	}
	stream, err := wav.NewStream(reader)
	if err != nil {
		return err
	}
	frame := make([]float32, audio.FrameSize)
	for range most {
		_, err := stream.Read(frame)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = visit(frame)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
