package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"atoll/engine"
	"atoll/internal/app"
	"atoll/journal"
	"atoll/model"
	"atoll/models"
)

// inferDeadline bounds one inference here: nobody waits for the next input, so a
// slow machine may take its time, but a hang must end.
const inferDeadline = 30 * time.Second

type inferFlags struct {
	*globals
	model   string
	variant string
	json    bool
}

func newInfer(g *globals) *cobra.Command {
	return group("infer", "Run one model on files",
		`Infer runs one model on each file and prints what it finds; "-" is standard
input. With --json it prints one JSON line for each file. A file that can't be
read is reported and the others go on; the exit status is then 1.`,
		inferCommand(g, model.Vision, "vision FILE...", "Find faces in JPEG and PNG pictures",
			`One line for each file:

  {"file","faces":[{"score","box":[x0,y0,x1,y1],"keypoints":[[x,y]×6]}],"ms"}

Positions are pixels of the picture. Key points: right eye, left eye, nose,
mouth, right ear, left ear. ms is the time of the inference.`, inferVision),
		inferCommand(g, model.Audio, "audio FILE...", "Find speech in WAV recordings",
			`One line for each file:

  {"file","probabilities":[…],"speech":[{"start","end"}],"ms"}

There is a probability for every 32 ms; start and end are seconds. Any sample
rate and number of channels is converted to 16 kHz mono; a last part shorter
than 32 ms is left out. ms is the mean time of an inference.`, inferAudio),
		inferCommand(g, model.Text, "text FILE...", "Judge whether sentences are positive or negative",
			`Every line of a file is one text. One line for each:

  {"text","positive","label","ms"}

positive is the probability that it is. Empty lines are left out.`, inferText),
	)
}

func inferCommand(g *globals, m model.Modality, use, short, shape string, run func(*inferrer) error) *cobra.Command {
	f := inferFlags{globals: g}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: short + ".\n\n" + shape,
		Args: wrongUsage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := f.open(cmd, m, args)
			if err != nil {
				return err
			}
			defer i.senses.Close()
			return run(i)
		},
	}
	cmd.Flags().StringVar(&f.model, "model", "", "use this .tflite file")
	cmd.Flags().StringVar(&f.variant, "variant", "", "use this built-in variant: "+strings.Join(variants(m), ", "))
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON lines")
	cmd.MarkFlagFilename("model", "tflite")
	cmd.RegisterFlagCompletionFunc("variant", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return variants(m), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

// inferrer is one call of an infer command.
type inferrer struct {
	senses *app.Senses
	choice app.Choice
	files  []string
	json   bool
	in     io.Reader
	out    io.Writer
	errs   io.Writer
}

func (f *inferFlags) open(cmd *cobra.Command, m model.Modality, files []string) (*inferrer, error) {
	if cmd.Flags().Changed("model") && (f.model == "" || f.variant != "") {
		return nil, usagef("--model takes a file, and no --variant beside it")
	}
	if f.variant != "" {
		manifest, err := models.Manifest()
		if err != nil {
			return nil, err
		}
		if _, err := manifest.Variant(m, f.variant); err != nil {
			return nil, usageError{err}
		}
	}
	cfg, err := loadConfig("", f.state)
	if err != nil {
		return nil, err
	}
	name := f.logLevel
	if name == "" {
		name = "error" // what goes wrong is told per file
	}
	level, err := journal.ParseLevel(name)
	if err != nil {
		return nil, usageError{err}
	}
	log := zerolog.New(zerolog.ConsoleWriter{Out: cmd.ErrOrStderr(), NoColor: true}).Level(level)
	cfg.Engine.Deadline.Duration = max(cfg.Engine.Deadline.Duration, inferDeadline)
	senses, err := app.OpenSenses(cfg, engine.Options{Logger: log})
	if err != nil {
		return nil, err
	}
	return &inferrer{
		senses: senses, choice: app.Choice{File: f.model, Variant: f.variant}, files: files, json: f.json,
		in: cmd.InOrStdin(), out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr(),
	}, nil
}

// each calls do with every file. Failures are printed and end in errReported;
// one that is not the file's fault ends the loop.
func (i *inferrer) each(do func(file string, r io.Reader) error) error {
	failed := false
	progress := startProgress(i.errs, len(i.files), "files")
	defer progress.stop()
	for _, file := range i.files {
		if err := i.one(file, do); err != nil {
			if errors.Is(err, errOutput) {
				return err
			}
			failed = true
			progress.clear()
			fmt.Fprintf(i.errs, "atoll: %s: %v\n", printable(file), err)
		}
		progress.step()
	}
	if failed {
		return errReported
	}
	return nil
}

func (i *inferrer) one(file string, do func(string, io.Reader) error) error {
	if file == "-" {
		return do(file, i.in)
	}
	f, err := os.Open(file)
	if err != nil {
		return bareCause(err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return errors.New("is a folder: name files in it")
	}
	return do(file, f)
}

// bareCause drops the path that the message names already.
func bareCause(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path.Err
	}
	return err
}

// errOutput says that the results themselves could not be printed.
var errOutput = errors.New("cannot write results")

func milliseconds(t engine.Timing) float64 { return float64(t.Total.Microseconds()) / 1000 }

func variants(m model.Modality) []string {
	manifest, err := models.Manifest()
	if err != nil {
		return nil
	}
	var names []string
	for _, v := range manifest.Variants {
		if v.Modality == m {
			names = append(names, v.Name)
		}
	}
	return names
}
