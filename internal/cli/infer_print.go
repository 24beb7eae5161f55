package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"atoll/engine"
	"atoll/pipeline"
	"atoll/pipeline/audio"
	"atoll/pipeline/source"
	"atoll/pipeline/source/wav"
	"atoll/pipeline/vision"
)

// emit prints one result: as JSON, or by human.
func (i *inferrer) emit(result any, human func(w io.Writer)) error {
	if i.json {
		if err := json.NewEncoder(i.out).Encode(result); err != nil {
			return fmt.Errorf("%w: %v", errOutput, err)
		}
		return nil
	}
	w := bufio.NewWriter(i.out)
	human(w)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("%w: %v", errOutput, err)
	}
	return nil
}

type faceJSON struct {
	Score     float32       `json:"score"`
	Box       [4]float32    `json:"box"`
	Keypoints [6][2]float32 `json:"keypoints"`
}

type visionJSON struct {
	File  string     `json:"file"`
	Faces []faceJSON `json:"faces"`
	MS    float64    `json:"ms"`
}

func inferVision(i *inferrer) error {
	detector, err := i.senses.Faces(i.choice)
	if err != nil {
		return err
	}
	var img source.Image
	var faces []vision.Face
	return i.each(func(file string, r io.Reader) error {
		if err := source.DecodePicture(r, &img); err != nil {
			return err
		}
		var took engine.Timing
		if faces, took, err = detector.Detect(faces[:0], img); err != nil {
			return err
		}
		result := visionJSON{File: file, Faces: []faceJSON{}, MS: milliseconds(took)}
		for _, f := range faces {
			result.Faces = append(result.Faces, faceJSON(f))
		}
		return i.emit(result, func(w io.Writer) {
			fmt.Fprintf(w, "%s: %s, %.1f ms\n", printable(file), plural(len(faces), "face"), result.MS)
			for _, f := range faces {
				fmt.Fprintf(w, "  score %.3f  box (%.0f,%.0f)-(%.0f,%.0f)\n", f.Score, f.Box[0], f.Box[1], f.Box[2], f.Box[3])
			}
		})
	})
}

type segmentJSON struct {
	Start float64 `json:"start"`
	End   float64 `json:"end"`
}

type audioJSON struct {
	File          string        `json:"file"`
	Probabilities []float64     `json:"probabilities"`
	Speech        []segmentJSON `json:"speech"`
	MS            float64       `json:"ms"`
}

func inferAudio(i *inferrer) error {
	detector, err := i.senses.Voice(i.choice)
	if err != nil {
		return err
	}
	return i.each(func(file string, r io.Reader) error {
		result, cut := listen(detector, r)
		if cut != nil && !errors.Is(cut, wav.ErrTruncated) {
			return cut
		}
		result.File = file
		err := i.emit(result, func(w io.Writer) {
			seconds := float64(len(result.Probabilities)) * audio.FrameDuration.Seconds()
			fmt.Fprintf(w, "%s: %s of speech in %.2f s, %.2f ms a frame\n", printable(file), plural(len(result.Speech), "segment"), seconds, result.MS)
			for _, s := range result.Speech {
				fmt.Fprintf(w, "  %7.2f s to %7.2f s\n", s.Start, s.End)
			}
		})
		return errors.Join(err, cut)
	})
}

// listen runs the detector over a whole recording. Of one that is cut short it
// returns what there is, with wav.ErrTruncated.
func listen(detector *pipeline.VoiceDetector, r io.Reader) (audioJSON, error) {
	result := audioJSON{Probabilities: []float64{}, Speech: []segmentJSON{}}
	reader, err := wav.NewReader(bufio.NewReader(r))
	if err != nil {
		return result, err
	}
	sound, err := wav.NewStream(reader)
	if err != nil {
		return result, err
	}
	segmenter, err := audio.NewSegmenter(audio.DefaultHysteresis)
	if err != nil {
		return result, err
	}
	add := func(s audio.Segment, complete bool) {
		if complete {
			result.Speech = append(result.Speech, segmentJSON{s.Start.Seconds(), s.End.Seconds()})
		}
	}
	var stream pipeline.VoiceStream
	var sum time.Duration
	var cut error
	chunk := make([]float32, audio.FrameSize)
	for {
		_, end := sound.Read(chunk)
		if end == io.EOF || errors.Is(end, wav.ErrTruncated) {
			cut = end
			break
		}
		if end != nil {
			return result, end
		}
		p, took, err := detector.Probability(&stream, chunk)
		if err != nil {
			return result, err
		}
		sum += took.Total
		result.Probabilities = append(result.Probabilities, p)
		add(segmenter.Push(float32(p)))
	}
	add(segmenter.Finish())
	if n := len(result.Probabilities); n > 0 {
		result.MS = float64((sum / time.Duration(n)).Microseconds()) / 1000
	}
	if cut != io.EOF {
		return result, cut
	}
	return result, nil
}

type textJSON struct {
	Text     string  `json:"text"`
	Positive float64 `json:"positive"`
	Label    string  `json:"label"`
	MS       float64 `json:"ms"`
}

func inferText(i *inferrer) error {
	classifier, err := i.senses.Mood(i.choice)
	if err != nil {
		return err
	}
	return i.each(func(file string, r io.Reader) error {
		file = printable(file)
		lines := bufio.NewReaderSize(r, source.MaxTextBytes)
		bad := 0
		for number := 1; ; number++ {
			line, cut, err := readLine(lines)
			if err == io.EOF {
				break
			}
			if err != nil {
				return fmt.Errorf("line %d: %w", number, err)
			}
			if cut {
				fmt.Fprintf(i.errs, "atoll: %s: line %d: longer than %d bytes, cut\n", file, number, source.MaxTextBytes)
			}
			if strings.TrimSpace(line) == "" {
				continue
			}
			positive, label, took, err := classifier.Classify(line)
			if err != nil {
				fmt.Fprintf(i.errs, "atoll: %s: line %d: %v\n", file, number, err)
				bad++
				continue
			}
			result := textJSON{line, positive, label, milliseconds(took)}
			if err := i.emit(result, func(w io.Writer) { fmt.Fprintf(w, "%-8s %.3f  %s\n", label, positive, printable(line)) }); err != nil {
				return err
			}
		}
		if bad > 0 {
			return fmt.Errorf("%s not judged", plural(bad, "line"))
		}
		return nil
	})
}

// readLine returns the next line as valid UTF-8 without its end; of one that is
// longer than r's buffer only what fits in that.
func readLine(r *bufio.Reader) (line string, cut bool, err error) {
	head, more, err := r.ReadLine()
	if err != nil {
		return "", false, err
	}
	line = strings.ToValidUTF8(string(head), "\uFFFD")
	for cut = more; more && err == nil; {
		_, more, err = r.ReadLine()
	}
	return line, cut, nil
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
