package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"atoll/engine"
	"atoll/internal/app"
	"atoll/internal/optimize"
	"atoll/internal/task"
	"atoll/model"
	"atoll/precision/quantize"
	"atoll/sparsity"
)

// What the flags of atoll optimize take.
var (
	zeroPatterns    = []string{string(sparsity.Unstructured), string(sparsity.Block1x4), string(sparsity.Block4x1), string(sparsity.TwoOfFour), optimize.PatternChannels}
	zeroMethods     = methods(sparsity.Quantum, sparsity.Annealing, sparsity.Descent, sparsity.OBS, sparsity.Wanda, sparsity.Magnitude)
	calibrationData = []string{task.Vision, task.Audio, task.Text}
)

const (
	maxSparsity = 0.95
)

const optimizeHelp = `Optimize reads a float .tflite model and writes one that is smaller and faster,
which stock TensorFlow Lite runs. It says what that costs: it runs both on data
that nothing was tuned to. All of it happens on this machine, without training.

--precision says how weights are stored and computed:
  f32           plain float32, 4 bytes a weight
  f16           float16 weights, 2 bytes; computes in float32. Loses hardly any
                accuracy and needs no data
  int8-dynamic  8-bit weights, 1 byte; computes in float32. Smaller, not faster
  int8          8-bit weights and activations, computes in integers: fastest
                for convolutions. Ranges of activations come from
                --calibrate; inputs and outputs stay float32
  mixed         int8, but for the layers that harm most, which stay in float:
                as many as it takes to lose at most --max-drop of accuracy

--sparsity makes that share of the weights zero, those that are missed least,
and re-fits the others. On arm64, 1x1 convolutions run faster from two thirds
on; elsewhere only the file shrinks. --pattern 2:4 makes half of the weights
zero; channels removes that share of the channels of convolutions, which leaves
fewer multiplications; it takes no --method, and no --resume.

--calibrate names data: vision, audio or text, the project's test data (the
build fetches them), or a folder with files of one kind: pictures, .wav
recordings, .txt sentences or .npy arrays (docs/calibration.md). Every second
one calibrates; accuracy is measured on the others. It is needed for int8,
mixed, --sparsity, --max-drop and --evaluate. Without labels, accuracy is the
share of decisions that stay as they were.

What can't be converted safely is refused before the work: models with control
flow, custom operators or quantized ones. --out is there whole or not at all.

--evaluate also prints accuracy by parts of the data, and for each layer how far
its results are from the original's: signal to noise (SNR), relative error (the
sum of squared differences over that of squares), zeros. They have in them what
earlier layers did; ! marks where the error rises most.

With --json: {"before":{"bytes","ops","latency_ms","accuracy","sparsity"},
"after":{…},"layers":[{"name","snr_db","relative_error","format","sparsity"}],
"notes":[…]}. latency_ms is a median on this machine; accuracy is from 0 to 1,
or null without data; sparsity is the share of weights that are zero.

Exit status: 0 for success; 1 for a failure, and where accuracy drops by more
than --max-drop, when nothing is written either; 2 for wrong usage.`

type optimizeFlags struct {
	options  optimize.Options
	in, out  string
	clipping string
	evaluate bool
	json     bool
}

func newOptimize() *cobra.Command {
	var f optimizeFlags
	cmd := &cobra.Command{
		Use:   "optimize --in MODEL.tflite --out SMALLER.tflite",
		Short: "Make a model smaller and faster, on this machine",
		Long:  optimizeHelp,
		Example: `  atoll optimize --in face.tflite --out face16.tflite --precision f16
  atoll optimize --in face.tflite --out face8.tflite --precision int8 \
      --calibrate pictures/
  atoll optimize --in face.tflite --out small.tflite --precision mixed \
      --sparsity 0.7 --calibrate pictures/ --resume small.state
  atoll optimize --in face.tflite --precision int8 --evaluate --calibrate DIR`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("atoll optimize takes no arguments, %q is one: name files with --in and --out", args[0])
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.define(cmd)
	return cmd
}

func (f *optimizeFlags) define(cmd *cobra.Command) {
	flags, o := cmd.Flags(), &f.options
	flags.StringVar(&f.in, "in", "", "the model to read, a .tflite `file`")
	flags.StringVar(&f.out, "out", "", "the `file` to write, whole or not at all; it may be the\none that is read")
	flags.StringVar(&o.Precision, "precision", "", "of weights and arithmetic:\n"+strings.Join(model.Precisions, ", ")+"\n(default: as the model has it)")
	flags.Float64Var(&o.Sparsity, "sparsity", 0, fmt.Sprintf("share of the weights to make zero, 0 to %v", maxSparsity))
	flags.StringVar(&o.Pattern, "pattern", zeroPatterns[0], "in which zeros come:\n"+strings.Join(zeroPatterns, ", ")+"\n")
	flags.StringVar(&o.Method, "method", zeroMethods[0], "that chooses zeros, from the best to the plainest:\n"+strings.Join(zeroMethods, ", ")+"\n")
	flags.Float64Var(&o.MaxDrop, "max-drop", optimize.DefaultMaxDrop, "most accuracy that may be lost, above 0, up to 1\n")
	flags.StringVar(&o.Calibrate, "calibrate", "", "data to calibrate and judge with: "+strings.Join(calibrationData, ", ")+"\nor a `folder`")
	flags.StringVar(&f.clipping, "clipping", "", "where the search for ranges of activations\nbegins: "+strings.Join(clippings(), ", ")+" (default: all)")
	flags.Uint64Var(&o.Seed, "seed", 1, "of what is drawn: the same seed, the same model\n")
	flags.StringVar(&o.State, "resume", "", "remember in this `file` what is done, and go on from it")
	flags.BoolVar(&f.evaluate, "evaluate", false, "also print where the error comes from; needs no --out")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")

	cmd.MarkFlagFilename("in", "tflite")
	cmd.MarkFlagFilename("out", "tflite")
	for flag, list := range map[string][]string{
		"precision": model.Precisions, "pattern": zeroPatterns, "method": zeroMethods, "clipping": clippings(),
	} {
		cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp))
	}
	cmd.RegisterFlagCompletionFunc("calibrate", cobra.FixedCompletions(calibrationData, cobra.ShellCompDirectiveDefault))
}

func methods(list ...sparsity.Method) (names []string) {
	for _, m := range list {
		names = append(names, m.String())
	}
	return names
}

func clippings() (names []string) {
	for _, c := range quantize.Clippings {
		names = append(names, string(c))
	}
	return names
}

// check finds what is wrong before anything takes time.
func (f *optimizeFlags) check(cmd *cobra.Command) (err error) {
	given, o := cmd.Flags().Changed, &f.options
	for _, check := range []func() error{
		f.checkFiles,
		func() error { return oneOf("precision", o.Precision, model.Precisions, given("precision")) },
		func() error { return oneOf("pattern", o.Pattern, zeroPatterns, true) },
		func() error { return oneOf("method", o.Method, zeroMethods, true) },
		func() error { return oneOf("clipping", f.clipping, clippings(), given("clipping")) },
		f.checkNumbers,
		func() error { return f.checkUses(given) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	o.Clipping = quantize.Clipping(f.clipping)
	for _, path := range []string{f.out, o.State} {
		if path == "" {
			continue
		}
		if _, err := writable(path); err != nil {
			return err
		}
	}
	return nil
}

// oneOf refuses a value of a flag that is none of a list.
func oneOf(flag, value string, list []string, given bool) error {
	if !given || slices.Contains(list, value) {
		return nil
	}
	return usagef("--%s %q: must be one of %s", flag, value, strings.Join(list, ", "))
}

func (f *optimizeFlags) checkFiles() error {
	state := f.options.State
	switch {
	case f.in == "":
		return usagef("--in must name the model to read")
	case f.out == "" && !f.evaluate:
		return usagef("--out must name the file to write; only --evaluate needs none")
	case state != "" && slices.Contains([]string{filepath.Clean(f.in), filepath.Clean(f.out)}, filepath.Clean(state)):
		return usagef("--resume %s: is a model's file: name another", state)
	}
	return nil
}

func (f *optimizeFlags) checkNumbers() error {
	o := &f.options
	switch {
	case !(o.Sparsity >= 0 && o.Sparsity <= maxSparsity):
		return usagef("--sparsity %v: must be from 0 to %v", o.Sparsity, maxSparsity)
	case !(o.MaxDrop > 0 && o.MaxDrop <= 1):
		return usagef("--max-drop %v: must be above 0, up to 1", o.MaxDrop)
	}
	return nil
}

// checkUses refuses flags that lack another one or would do nothing.
func (f *optimizeFlags) checkUses(given func(flag string) bool) error {
	o := &f.options
	static := o.Precision == "int8" || o.Precision == "mixed"
	switch {
	case given("out") && f.out == "", given("calibrate") && o.Calibrate == "", given("resume") && o.State == "":
		return usagef("--out, --calibrate and --resume need a name each")
	case o.Sparsity == 0 && (given("pattern") || given("method")):
		return usagef("--pattern and --method say which weights become zero: give --sparsity, too")
	case o.Sparsity == 0 && given("resume"):
		return usagef("--resume remembers layers that have been pruned: give --sparsity, too")
	case o.Pattern == string(sparsity.TwoOfFour) && o.Sparsity != 0 && o.Sparsity != 0.5:
		return usagef("--sparsity %v: pattern 2:4 makes half of the weights zero: give 0.5", o.Sparsity)
	case o.Pattern == optimize.PatternChannels && (given("method") || given("resume")):
		return usagef("--pattern channels: takes no --method, which is for single weights, and no --resume")
	case !static && given("clipping"):
		return usagef("--clipping is for precisions with 8-bit activations: int8 and mixed")
	case o.Calibrate != "":
		return nil
	}
	for _, needs := range []struct {
		what string
		is   bool
	}{
		{"--precision " + o.Precision, static}, {"--sparsity", o.Sparsity > 0},
		{"--max-drop", given("max-drop")}, {"--evaluate", f.evaluate},
	} {
		if needs.is {
			return usagef("%s needs data: give --calibrate %s (the project's test data), or a folder of pictures, .wav, .txt or .npy files", needs.what, strings.Join(calibrationData, ", "))
		}
	}
	return nil
}

func (f *optimizeFlags) run(cmd *cobra.Command) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	data, err := app.ReadModel(f.in)
	if err != nil {
		return err
	}
	result, err := f.optimize(cmd, data)
	var drop *optimize.DropError
	if errors.As(err, &drop) { // told in full, but not written
		f.out = ""
		return errors.Join(f.report(cmd.OutOrStdout(), &result.Card), err)
	}
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := writeFile(f.out, result.Model); err != nil {
			return fmt.Errorf("%s is not written: %w", f.out, err)
		}
	}
	return f.report(cmd.OutOrStdout(), &result.Card)
}

// optimize does the work, which a signal ends.
func (f *optimizeFlags) optimize(cmd *cobra.Command, data []byte) (*optimize.Result, error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second signal ends it at once
	shown := startStages(cmd.ErrOrStderr())
	f.options.Report = func(p optimize.Progress) { shown.stage(p.Doing, p.Done, p.Total) }
	result, err := optimize.Run(ctx, engine.Options{}, data, f.options)
	shown.stop()
	switch {
	case ctx.Err() != nil:
		return nil, f.interrupted()
	case err != nil:
		return result, fmt.Errorf("%s: %w", f.in, err)
	}
	return result, nil
}

// interrupted says what is left of work that was stopped.
func (f *optimizeFlags) interrupted() error {
	if state := f.options.State; state != "" {
		if _, err := os.Stat(state); err == nil {
			return fmt.Errorf("interrupted, nothing is written: the same command goes on from %s", state)
		}
	}
	return errors.New("interrupted, nothing is written")
}
