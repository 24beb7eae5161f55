package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"periph.io/x/conn/v3/physic"

	"atoll/board"
	"atoll/engine"
	"atoll/internal/app"
	"atoll/internal/config"
	"atoll/model"
	"atoll/models"
	"atoll/precision/selector"
)

type selectFlags struct {
	*globals
	explain  bool
	json     bool
	economy  bool
	accuracy float64
	latency  time.Duration
}

func newSelect(g *globals) *cobra.Command {
	f := selectFlags{globals: g}
	cmd := &cobra.Command{
		Use:   "select [MODALITY...]",
		Short: "Tell which variant of each model suits this machine, and why",
		Long: `Select runs every built-in variant of the modalities given (vision, audio, text;
default: all) a few times on this machine and prints which one a run whose
configuration says variant = "auto" would use. A run goes on measuring, so what
it uses can change with the load, the heat and what its models answer.

With --explain it prints what is known of each variant, and why it is not the
one:

  accuracy  as measured when it was made, and on what: models/manifest.toml
  hot       milliseconds of a job after another of the same variant: median,
            and what 95 % of jobs take at most
  cold      median of a job after one of another variant
  mJ        energy of a job above the idle board: hot median times the power
            of the busy cores, estimated by the energy model of this board
  KiB       size of the file
  front     whether no other that keeps accuracy and budget is at least as
            accurate, fast and frugal

Picked is, of those that are accurate and fast enough, the fastest that is as
accurate as the best to 0.005; with --economy, as when heat is short, the one
that takes the least energy. If none is accurate enough it is the baseline, if
none is fast enough the fastest. The baseline stays unless another is better by
15 %. docs/selection.md has the rest.

With --json there is one line for each modality:

  {"modality","picked","required_accuracy","latency_budget_ms","economy",
   "variants":[{"name","accuracy","hot_ms","hot_p95_ms","cold_ms","cold_p95_ms",
   "energy_mj","bytes","front","picked","why"}]}

energy_mj is an estimate, as in the table. What is unknown is 0: an accuracy, or
the cold times of the only variant.`,
		Example: `  atoll select --explain vision
  atoll select --explain --latency 5ms --accuracy 0.97 vision
  atoll select --economy --json | jq -r .picked`,
		Args:      f.args,
		ValidArgs: modalities(),
		RunE:      func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.explain, "explain", false, "tell what is known of each, and why it is not the one")
	flags.BoolVar(&f.json, "json", false, "print JSON lines")
	flags.BoolVar(&f.economy, "economy", false, "as if heat were short")
	flags.Float64Var(&f.accuracy, "accuracy", 0, "least accuracy, above 0, up to 1\n(default: the configuration's)")
	flags.DurationVar(&f.latency, "latency", 0, "what 95 % of jobs may take, up to 30s\n(default: the configuration's)")
	return cmd
}

func modalities() (names []string) {
	for m := range model.Modality(model.NumModalities) {
		names = append(names, m.String())
	}
	return names
}

func (f *selectFlags) args(_ *cobra.Command, args []string) error {
	for i, name := range args {
		if !slices.Contains(modalities(), name) {
			return usagef("there is no modality %q: use %s", name, strings.Join(modalities(), ", "))
		}
		if slices.Contains(args[:i], name) {
			return usagef("%s is given twice", name)
		}
	}
	return nil
}

func (f *selectFlags) run(cmd *cobra.Command, names []string) error {
	given := cmd.Flags().Changed
	switch {
	case given("accuracy") && !(f.accuracy > 0 && f.accuracy <= 1):
		return usagef("--accuracy %v: use a share above 0, up to 1", f.accuracy)
	case given("latency") && (f.latency <= 0 || f.latency > inferDeadline):
		return usagef("--latency %v: use a time above 0, up to %v", f.latency, inferDeadline)
	}
	if len(names) == 0 {
		names = modalities()
	}
	cfg, err := loadConfig("", f.state)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	list, err := f.compare(ctx, cmd.ErrOrStderr(), cfg, names)
	if ctx.Err() != nil {
		return errors.New("interrupted, there is no result")
	}
	if err != nil {
		return err
	}
	for i, c := range list {
		if err := f.print(cmd.OutOrStdout(), names[i], c); err != nil {
			return err
		}
		if f.explain && !f.json && i < len(list)-1 {
			fmt.Fprintln(cmd.OutOrStdout())
		}
	}
	return nil
}

// compare measures the variants of each modality.
func (f *selectFlags) compare(ctx context.Context, stderr io.Writer, cfg config.Config, names []string) (list []app.Comparison, err error) {
	profile, _ := board.ProfileOf(board.Live())
	if cfg.Engine.Threads == 0 {
		cfg.Engine.Threads = profile.Threads
	}
	o := app.ComparisonOptions{
		Accuracy: f.accuracy, Latency: f.latency, Economy: f.economy,
		Power: app.JobPower(profile.Energy, cfg.Engine.Threads),
	}
	log := zerolog.New(zerolog.ConsoleWriter{Out: stderr, NoColor: true}).Level(zerolog.WarnLevel)
	senses, err := app.OpenSenses(cfg, engine.Options{Logger: log})
	if err != nil {
		return nil, err
	}
	defer senses.Close()
	shown := startProgress(stderr, len(names)*app.ComparisonSteps, "steps")
	defer shown.stop()
	o.Step = shown.step
	for _, name := range names {
		c, err := senses.Compare(ctx, model.Modality(slices.Index(modalities(), name)), o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, c)
	}
	return list, nil
}

func (f *selectFlags) print(w io.Writer, name string, c app.Comparison) error {
	switch {
	case f.json:
		return f.printJSON(w, name, c)
	case f.explain:
		printComparison(w, name, c)
	default:
		fmt.Fprintf(w, "%-6s  %s\n", name, picked(c).Name)
	}
	return nil
}

func picked(c app.Comparison) selector.Row {
	return c.Rows[slices.IndexFunc(c.Rows, func(r selector.Row) bool { return r.Used })]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func millijoules(e physic.Energy) float64 { return float64(e) / float64(physic.MilliJoule) }

// printComparison writes a table, at most 80 columns wide, and a reason for each row.
func printComparison(w io.Writer, name string, c app.Comparison) {
	var b strings.Builder
	used := picked(c)
	fmt.Fprintf(&b, "%s: %s\n", name, used.Name)
	fmt.Fprintf(&b, "accuracy at least %.3f, 95 %% of jobs within %v; energy is estimated\n\n", c.Accuracy, c.Latency)
	fmt.Fprintf(&b, "  %-18s %8s %8s %6s %8s %6s %8s %5s\n", "", "accuracy", "hot ms", "95 %", "cold ms", "mJ", "KiB", "front")
	for i, r := range c.Rows {
		mark, front := " ", "no"
		if r.Used {
			mark = "*"
		}
		if r.Front {
			front = "yes"
		}
		fmt.Fprintf(&b, "%s %-18.18s %8s %8.2f %6.2f %8s %6.2f %8.0f %5s\n", mark, printable(r.Name), accuracy(r.Accuracy),
			ms(r.Hot.Median), ms(r.Hot.High), cold(r.Cold.Median), millijoules(r.Energy), float64(fileSize(c.Variants[i]))/1024, front)
	}
	b.WriteString("\n")
	for _, r := range c.Rows {
		for i, line := range wrap(r.Why, helpWidth-21) {
			head := ""
			if i == 0 {
				head = printable(r.Name)
			}
			fmt.Fprintf(&b, "  %-18.18s %s\n", head, line)
		}
	}
	io.WriteString(w, b.String()) // Main sees when that fails
}

// cold is unknown of the only variant there is: nothing else ever ran before it.
func cold(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", ms(d))
}

func accuracy(a float64) string {
	if a == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.3f", a)
}

func fileSize(v *model.Variant) int {
	data, err := models.Open(v)
	if err != nil {
		return 0 // it has just been run
	}
	return len(data)
}

type selectJSON struct {
	Modality string        `json:"modality"`
	Picked   string        `json:"picked"`
	Required float64       `json:"required_accuracy"`
	Budget   float64       `json:"latency_budget_ms"`
	Economy  bool          `json:"economy"`
	Variants []variantJSON `json:"variants"`
}

type variantJSON struct {
	Name     string  `json:"name"`
	Accuracy float64 `json:"accuracy"`
	Hot      float64 `json:"hot_ms"`
	HotHigh  float64 `json:"hot_p95_ms"`
	Cold     float64 `json:"cold_ms"`
	ColdHigh float64 `json:"cold_p95_ms"`
	Energy   float64 `json:"energy_mj"`
	Bytes    int     `json:"bytes"`
	Front    bool    `json:"front"`
	Picked   bool    `json:"picked"`
	Why      string  `json:"why"`
}

func (f *selectFlags) printJSON(w io.Writer, name string, c app.Comparison) error {
	out := selectJSON{Modality: name, Picked: picked(c).Name, Required: c.Accuracy, Budget: ms(c.Latency), Economy: f.economy}
	for i, r := range c.Rows {
		out.Variants = append(out.Variants, variantJSON{
			r.Name, r.Accuracy, ms(r.Hot.Median), ms(r.Hot.High), ms(r.Cold.Median), ms(r.Cold.High),
			millijoules(r.Energy), fileSize(c.Variants[i]), r.Front, r.Used, r.Why,
		})
	}
	return printJSON(w, out)
}
