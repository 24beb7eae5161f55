package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"atoll/sched"
	"atoll/sched/sim"
)

type schedFlags struct {
	scenario string
	trace    string
	record   string
	seed     uint64
	load     float64
	policies []string
	explain  bool
	json     bool
}

// defaultScenario is the plainest of those that nothing was tuned on.
const defaultScenario = "hall"

func newSimSched() *cobra.Command {
	var f schedFlags
	cmd := &cobra.Command{
		Use:   "sched",
		Short: "Compare ways to choose what is inferred next",
		Long: `Sched plays what arrives at a board, generated or recorded, to the scheduler of
atoll ("lif") and to classic policies, and says how soon each found out what
truly happened, and at what cost. All of them meet the same inputs, jobs that
take as long, and models that see as much. Nothing is measured on this machine.

A scenario has cameras with 30 pictures a second, still and busy in turn,
microphones with a frame every 32 ms, and texts in bursts. True events are faces
that come, voices, bursts of texts, and a face and a voice together. Each job
infers the newest input of its source, but for texts, each of which is inferred.
All but every_frame may only do the share of work that the scenario says: fifo,
edf and so on infer fewer inputs then, evenly; lif those that tell most.

Scenarios (figures are reported on those that are not for tuning):
` + listScenarios() + `
  recall    share of true events found out: a job of each of their sources saw
            them in an input that came while they lasted (of a face and a voice
            together, one shortly before, as long as fusion remembers it)
  CPU s/h   seconds that jobs took in an hour, of all workers
  p50, p99  time from the start of a true event to the end of the job that found
            it out, median and 99th percentile; one not found out counts with
            how long it lasted
  late      jobs whose input was older than its source's deadline at their end,
            of all. Inputs replaced by newer ones before a job don't count
  value     sum over all jobs that were not late of what they were worth: the
            weight of an event that they found out, whole until its source's
            deadline has passed since it began and falling to nothing at twice
            that (fused: the largest weight, the longest deadline); and a tenth
            of their source's weight for each stale_after in which nothing was
            known of it, pro rata
  stale     longest that an input waited for the end of a job that saw it or a
            newer one

Below stands what must hold of lif, by load and work (the table's second line):
  load below 1, work below 1   less CPU than every_frame with all events found;
                               sooner than fifo and edf for as much CPU
  load below 1                 no more jobs late than with edf
  load from 1.9 to 2.1         more value than edf
  at any                       no less value than fifo, nothing stale too long
Each is shown where the policies that it compares are played. ! marks what
misses it; the exit status is 0 all the same: it is a comparison.

--explain prints tens of thousands of lines: have grep or head pick from them.

edf is earliest deadline first as in the textbook, where a newer input has a new
deadline: under overload it lets sources starve; not in market, where what is
due sooner leaves time for the rest and lif misses what it must. edf_in_line,
where a newer input keeps the deadline of the one it replaces, is the stronger
baseline: at twice the load lif has about as much value as that, not more.

With --json: {"scenario","seed","policies":{NAME:{"recall","cpu_s_per_h",
"event_latency_p50_ms","event_latency_p99_ms","deadline_miss_rate","value",
"max_staleness_ms"}}}, the columns of the table, late as a share; the scenario
of a trace is the name of its file.`,
		Example: `  atoll sim sched
  atoll sim sched --scenario overload --seed 7 --policy lif,edf,edf_in_line
  atoll sim sched --scenario road --explain | grep 'gives way' | head
  atoll sim sched --record hall.trace && atoll sim sched --trace hall.trace`,
		Args:              wrongUsage(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.scenario, "scenario", defaultScenario, "what arrives: a `name` of those above\n")
	flags.StringVar(&f.trace, "trace", "", "play this recorded `file` instead (docs/scheduling.md)")
	flags.StringVar(&f.record, "record", "", "write what arrives into this `file`, as a trace")
	flags.Uint64Var(&f.seed, "seed", 1, "which inputs, times of jobs and answers of models are\ndrawn: the same seed, the same figures\n")
	flags.Float64Var(&f.load, "load", 0, "make jobs so long that to infer every input would take\nthis many times the workers' time (default: as it is)")
	flags.StringSliceVar(&f.policies, "policy", nil, "which to compare, in this order (default: all of\n"+strings.Join(wrap(strings.Join(sched.Policies(), ", "), 52), "\n")+")")
	flags.BoolVar(&f.explain, "explain", false, "print every decision of one policy (default: lif):\nwhy a neuron fired, why a job gave way or was dropped")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
	cmd.RegisterFlagCompletionFunc("scenario", cobra.FixedCompletions(sim.Scenarios(), cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("policy", completeList(sched.Policies()))
	return cmd
}

// listScenarios is one line for each.
func listScenarios() string {
	var b strings.Builder
	for _, name := range sim.Scenarios() {
		s, err := sim.Load(name)
		if err != nil {
			panic(err) // they are built in, and tested
		}
		fmt.Fprintf(&b, "  %-14s%s\n", name, s.Title)
	}
	return b.String()
}

// check finds what is wrong before anything takes time.
func (f *schedFlags) check(cmd *cobra.Command) (err error) {
	given := cmd.Flags().Changed
	if !slices.Contains(sim.Scenarios(), f.scenario) {
		return usagef("--scenario: no scenario %q: there are %s", f.scenario, strings.Join(sim.Scenarios(), ", "))
	}
	for _, name := range []string{"scenario", "record"} {
		if given("trace") && given(name) {
			return usagef("--trace and --%s: choose one", name)
		}
	}
	if given("trace") && f.trace == "" || given("record") && f.record == "" {
		return usagef("--trace and --record need the name of a file")
	}
	if given("load") && !(f.load > 0 && f.load <= sim.MaxLoad) {
		return usagef("--load %v: must be above 0, up to %v", f.load, sim.MaxLoad)
	}
	if f.explain && f.json {
		return usagef("--explain and --json: choose one")
	}
	if f.explain && !given("policy") {
		f.policies = []string{sched.LIF}
	} else if f.policies, err = choosePolicies(cmd, f.policies, sched.Policies()); err != nil {
		return err
	}
	if f.explain && len(f.policies) > 1 {
		return usagef("--explain tells of one policy: --policy names %d", len(f.policies))
	}
	if f.record != "" {
		_, err = writable(f.record)
	}
	return err
}

func (f *schedFlags) run(cmd *cobra.Command) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	trace, err := f.arrivals()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop() // once all is written
	scores, err := f.play(ctx, cmd, trace)
	if ctx.Err() != nil {
		return errors.New("interrupted, there is no result")
	}
	if err != nil {
		return err
	}
	if f.record != "" {
		if err := f.write(cmd.ErrOrStderr(), trace); err != nil {
			return err
		}
	}
	r := schedResult{f.name(), f.seed, scores}
	if !f.json {
		printSched(cmd.OutOrStdout(), r, trace, f.policies)
		return nil
	}
	return printJSON(cmd.OutOrStdout(), r)
}

// write records the trace, and says so.
func (f *schedFlags) write(stderr io.Writer, trace sim.Trace) error {
	if err := createFile(f.record, func(w io.Writer) error { return sim.WriteTrace(w, trace) }); err != nil {
		return err
	}
	info, err := os.Stat(f.record)
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "written to %s (%.1f MB)\n", printable(f.record), float64(info.Size())/1e6)
	return nil
}

// schedResult is what --json prints, of a simulation or a measurement.
type schedResult struct {
	Scenario string               `json:"scenario"`
	Seed     uint64               `json:"seed"`
	Policies map[string]sim.Score `json:"policies"`
}

func (f *schedFlags) name() string {
	if f.trace != "" {
		return printable(filepath.Base(f.trace))
	}
	return f.scenario
}

// arrivals reads or generates what arrives.
func (f *schedFlags) arrivals() (trace sim.Trace, err error) {
	if f.trace != "" {
		if trace, err = readTrace(f.trace); err != nil {
			return trace, err
		}
	} else {
		scenario, err := sim.Load(f.scenario)
		if err != nil {
			return trace, err
		}
		trace = sim.Generate(scenario, f.seed)
	}
	if f.load != 0 {
		trace.Scale(f.load)
	}
	return trace, nil
}

func readTrace(path string) (sim.Trace, error) {
	file, err := os.Open(path)
	if err != nil {
		return sim.Trace{}, err
	}
	defer file.Close()
	trace, err := sim.ReadTrace(file)
	if err != nil {
		return trace, fmt.Errorf("%s: %w", path, err)
	}
	return trace, nil
}

// play runs the policies, and prints decisions as they fall.
func (f *schedFlags) play(ctx context.Context, cmd *cobra.Command, trace sim.Trace) (map[string]sim.Score, error) {
	o := sim.Options{Seed: f.seed, Policies: f.policies}
	if f.explain {
		lines := bufio.NewWriter(cmd.OutOrStdout())
		defer lines.Flush()
		o.Explain = func(d *sched.Decision) { fmt.Fprintln(lines, d) }
	}
	progress := startProgress(cmd.ErrOrStderr(), len(f.policies), "policies")
	defer progress.stop()
	o.Progress = func(int, int) { progress.step() }
	return sim.Run(ctx, trace, o)
}
