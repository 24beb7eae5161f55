package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"atoll/thermal/sim"
)

// maxPlants bounds a simulation to some hours.
const maxPlants = 100_000

type thermalFlags struct {
	options sim.Options
	json    bool
	chart   string
}

func newSimThermal() *cobra.Command {
	var f thermalFlags
	cmd := &cobra.Command{
		Use:   "thermal",
		Short: "Compare ways to keep a board cool",
		Long: `Thermal runs the thermal controller of atoll ("predictive") on simulated
boards, beside two governors of Linux (power_allocator, step_wise) and a simple
throttle (bang_bang). All of them meet the same boards, weather, load and sensor
faults. It says how they do on such boards; nothing is measured on this machine.

A board is a chain of two or three thermal resistances and capacities with
leakage that grows with temperature, drawn from the seed, as are its sensor's
noise, steps and delay, the load over time, and an ambient temperature between
-20 and 50 °C. Full load is more than it can dissipate at the set point, 70 °C.
Of its first 25 minutes come the first five columns; in the ten that follow its
sensor drops out, sticks, reads -89 °C and jumps by 8 to 40 K, one after the
other. Offsets below about 3 K at once are not among the faults: they can't be
told from weather, and go unnoticed. The controller was tuned on boards of the
same generator with other seeds, not on real ones.

  efficiency  work done while heat was the limit, as a share of what a
              controller does that knows everything and holds 70 °C: the median
              of all boards (p50), and what 95 % of them pass (p05)
  over        highest temperature above the set point, passed by 1 % of boards
              (p99)
  hottest     highest temperature, worst of all boards; at 85 °C one shuts down
  settled     how far temperature swings, peak to peak, while load has not
              changed for a minute, passed by 1 % of boards (p99)
  under sensor faults
    max       highest temperature, worst of all boards
    recovery  from a sensor's return until nine tenths of the possible work are
              done again for a second, worst of all boards

Work that a board does by being hotter than it should counts, too: efficiency
can pass 1, and step_wise does a little more work because it overshoots. The
budget of atoll is continuous here, as clock steps and pace of inference
together make it on a board (docs/actuators.md); step_wise has its states.

Temperatures are those of the hottest node, not what its sensor says. The row
"must" holds what atoll's controller has to keep; ! marks what misses it. The
exit status is 0 all the same: it is a comparison.

With --json: {"plants","seed","policies":{NAME:{"efficiency_p50",
"efficiency_p05","overshoot_p99_c","max_c","settled_ptp_c","fault_max_c",
"fault_recovery_s"}}}, the columns of the table in K or °C and seconds.`,
		Example: `  atoll sim thermal
  atoll sim thermal --plants 1000 --seed 7 --policy predictive,step_wise
  atoll sim thermal --plants 1 --chart plant.svg`,
		Args:              wrongUsage(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.options.Plants, "plants", 100, fmt.Sprintf("boards to simulate, 1 to %d", maxPlants))
	flags.Uint64Var(&f.options.Seed, "seed", 1, "which boards: one seed, the same boards")
	flags.StringSliceVar(&f.options.Policies, "policy", nil, "which to compare, in this order (default: all of\n"+strings.Join(sim.Policies(), ", ")+")")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
	flags.StringVar(&f.chart, "chart", "", "draw the first board into this SVG `file`")
	cmd.RegisterFlagCompletionFunc("policy", completeList(sim.Policies()))
	return cmd
}

// check finds what is wrong before anything takes time.
func (f *thermalFlags) check(cmd *cobra.Command) error {
	if n := f.options.Plants; n < 1 || n > maxPlants {
		return usagef("--plants %d: must be from 1 to %d", n, maxPlants)
	}
	var err error
	if f.options.Policies, err = choosePolicies(cmd, f.options.Policies, sim.Policies()); err != nil {
		return err
	}
	if !cmd.Flags().Changed("chart") {
		return nil
	}
	if f.chart == "" {
		return usagef("--chart needs the name of a file")
	}
	_, err = writable(f.chart)
	return err
}

func (f *thermalFlags) run(cmd *cobra.Command) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	progress := startProgress(cmd.ErrOrStderr(), f.options.Plants, "boards")
	f.options.Progress = func(int, int) { progress.step() }
	result, err := sim.Run(ctx, f.options)
	progress.stop()
	var picture []byte
	if err == nil && f.chart != "" {
		picture, err = f.draw()
	}
	if ctx.Err() != nil {
		return errors.New("interrupted, there is no result")
	}
	if err != nil {
		return err
	}
	if f.chart != "" {
		if err := writeFile(f.chart, picture); err != nil {
			return err
		}
	}
	if !f.json {
		printScores(cmd.OutOrStdout(), result, f.options.Policies)
		return nil
	}
	return printJSON(cmd.OutOrStdout(), result)
}

// draw makes the chart of the first board.
func (f *thermalFlags) draw() ([]byte, error) {
	var traces []sim.Trace
	for _, name := range f.options.Policies {
		t, err := sim.RunOne(f.options.Seed, 0, name)
		if err != nil {
			return nil, err
		}
		traces = append(traces, t)
	}
	var svg bytes.Buffer
	err := sim.Chart(&svg, fmt.Sprintf("A simulated board, the first of seed %d", f.options.Seed), traces)
	return svg.Bytes(), err
}
