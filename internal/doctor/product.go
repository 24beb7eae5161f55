package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"atoll/engine"
	"atoll/internal/config"
	"atoll/model"
	"atoll/models"
	"atoll/pipeline/source"
)

func checkConfig(_ context.Context, x *examination) Item {
	switch {
	case x.Config == nil:
		return skipped("none was named, and this is a captured tree: give --config")
	case x.wrong != nil:
		return failed(x.wrong.Error(), "mend it, and look again: atoll config check FILE")
	case x.Config.File == "":
		return warning("no file: all is by default", "begin one: atoll config default > atoll.toml")
	}
	return ok("%s: %s, %s", x.Config.File, plural(len(x.config.Sources), "source"), plural(len(x.config.Sensors), "sensor"))
}

func checkSources(_ context.Context, x *examination) Item {
	if len(x.config.Sources) == 0 {
		return failed("none: atoll run has nothing to watch and ends at once", "add a [[source]] to the configuration: atoll config default shows how")
	}
	if err := x.Live.CheckSources(x.config); err != nil {
		fix := "mend the source, or what it names"
		if wrong, located := errors.AsType[*config.Error](err); located && wrong.Line > 0 {
			fix = fmt.Sprintf("mend line %d and what follows it, or what it names", wrong.Line)
		}
		return failed(err.Error(), fix)
	}
	return ok("%s can be opened", plural(len(x.config.Sources), "source"))
}

// checkModels verifies the sum of every file that is built in.
func checkModels(context.Context, *examination) Item {
	manifest, err := models.Manifest()
	if err != nil {
		return failed(fmt.Sprintf("built-in models: %v", err), "this binary is damaged: install it again")
	}
	size := int64(0)
	for i := range manifest.Variants {
		data, err := models.Open(&manifest.Variants[i])
		if err != nil {
			return failed(err.Error(), "this binary is damaged: install it again")
		}
		size += int64(len(data))
	}
	return ok("%s built in, %s, all sums right", plural(len(manifest.Variants), "variant"), mebibytes(size))
}

// Senses answer questions about inputs with the configured models.
type Senses interface {
	// Face is the probability that there is a face in img, Speech that 512 samples are
	// of speech, Positive that a line is.
	Face(img source.Image) (p float64, took engine.Timing, err error)
	Speech(samples []float32) (p float64, took engine.Timing, err error)
	Positive(line string) (p float64, took engine.Timing, err error)
	Close()
}

// Examples have answers that nobody doubts.
const (
	greySide = 128 // pixels
	frame    = 512 // samples
	praise   = "This is a wonderful and delightful film, I loved every minute of it."
)

func grey() source.Image {
	img := source.Image{Pix: make([]byte, 3*greySide*greySide), Width: greySide, Height: greySide}
	for i := range img.Pix {
		img.Pix[i] = 128
	}
	return img
}

// examples are a plain one for each modality, and whether the answer to it is yes.
var examples = [model.NumModalities]struct {
	what string
	yes  bool
	ask  func(Senses) (float64, engine.Timing, error)
}{
	model.Vision: {"a face in a grey picture", false, func(s Senses) (float64, engine.Timing, error) { return s.Face(grey()) }},
	model.Audio:  {"speech in silence", false, func(s Senses) (float64, engine.Timing, error) { return s.Speech(make([]float32, frame)) }},
	model.Text:   {"praise to be positive", true, func(s Senses) (float64, engine.Timing, error) { return s.Positive(praise) }},
}

func checkInference(_ context.Context, x *examination) Item {
	const fix = "run it alone and see its messages: atoll infer --log-level debug; a CPU that lacks what the binary needs ends it with SIGILL"
	senses, err := x.Live.Start(x.config)
	if err != nil {
		return failed(fmt.Sprintf("no worker: %v", err), fix)
	}
	defer senses.Close()
	found, slow := "", ""
	for m, e := range examples {
		modality := model.Modality(m)
		p, took, err := e.ask(senses)
		if err != nil {
			return failed(fmt.Sprintf("%v: %v", modality, err), fix)
		}
		if right := e.yes && p >= 0.5 || !e.yes && p < 0.5; !right { // so what is no number is wrong
			return failed(fmt.Sprintf("%v: the answer is wrong: %s has probability %.2f", modality, e.what, p),
				"this CPU or its memory computes wrongly, or the variant is unfit: try another variant, and memtester")
		}
		found = joined(found, fmt.Sprintf("%v %.1f\u00a0ms", modality, float64(took.Total)/float64(time.Millisecond)))
		if limit := x.config.Engine.Deadline.Duration; took.Total > limit {
			slow = joined(slow, fmt.Sprintf("%v takes longer than engine.deadline (%v)", modality, limit))
		}
	}
	if slow != "" {
		return warning(found+": "+slow, "choose a smaller variant or a longer deadline; see that nothing else loads the board")
	}
	return ok("%s", found)
}
