package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"atoll/internal/config"
	"atoll/internal/live"
	"atoll/internal/material"
	"atoll/sched"
	"atoll/sched/sim"
)

type benchFlags struct {
	data     string
	length   time.Duration
	seed     uint64
	work     float64
	policies []string
	record   string
	json     bool
}

func newBench() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "scenario",
		Short: "Play a labelled scene to the real pipeline, at real speed",
		Long: `Scenario plays a scene of real pictures, speech and sentences, drawn from the
seed, to the pipeline with its real models, with one scheduling policy after the
other: a camera with 30 pictures a second, in front of which now and then a face
appears, or something else; a microphone with an audio book now and then, and
noise; and a chat. It takes the length of the scene for each policy.

  recall    share of true events (a face, a voice, both) told within 3 s
  CPU s/h   seconds of CPU that the worker, which infers, took in an hour. The
            process that plays is not in it: it has the pictures to draw as well
  p50, p99  time from the begin of a true event until it was told, median and
            99th percentile; one that was missed counts with 3 s. The rules of
            fusion want some evidence first, which takes most of it
  late      jobs that ended after their input's deadline, of all
  value     sum over all events told: 1 at once, falling to 0 after 3 s
  stale     longest that an input waited for the end of a job that took it or a
            newer one

It is one run on a machine that does other things as well: numbers vary from one
to the next.

All policies but every_frame may use the share --work of what it would take to
infer every input, and so use about as much CPU as each other.

The pictures, sound and sentences are test data that the build fetches; they are
not in this binary. "make bench" knows where they are.

With --json: {"scenario","seed","policies":{NAME:{"recall","cpu_s_per_h",
"event_latency_p50_ms","event_latency_p99_ms","deadline_miss_rate","value",
"max_staleness_ms"}}}, the columns of the table, late as a share, as atoll sim
sched prints it; the scenario is "live".`,
		Example: `  sh build/bootstrap.sh exec -- bin/atoll bench scenario
  atoll bench scenario --data DIR --policy lif --for 3m --record scene.jsonl
  atoll sim sched --trace scene.jsonl --load 0.8`,
		Args: wrongUsage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.data, "data", "", "`folder` of the test data\n(default: what "+material.DataVariable+" says)")
	flags.DurationVar(&f.length, "for", time.Minute, "length of the scene, 10s to 10m")
	flags.Uint64Var(&f.seed, "seed", 1, "which scene: one seed, the same scene")
	flags.Float64Var(&f.work, "work", config.Default().Scheduler.Work, "share of what inferring every input would take,\nabove 0, up to 1")
	flags.StringSliceVar(&f.policies, "policy", []string{sched.LIF, sched.EveryFrame, sched.FIFO, sched.EDF}, "which to play it to, in this order, of\n"+strings.Join(wrap(strings.Join(sched.Policies(), ", "), 52), "\n")+"\n")
	flags.StringVar(&f.record, "record", "", "write what arrived at the first policy into this `file`,\nfor atoll sim sched --trace")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
	cmd.RegisterFlagCompletionFunc("policy", completeList(sched.Policies()))
	cmd.MarkFlagDirname("data")
	return group("bench", "Measure on this machine", "Bench measures parts of atoll on the machine it runs on.", cmd)
}

// check finds what is wrong before anything takes time.
func (f *benchFlags) check(cmd *cobra.Command) (err error) {
	given := cmd.Flags().Changed
	if !given("data") {
		f.data = os.Getenv(material.DataVariable)
	}
	switch {
	case f.length < 10*time.Second || f.length > 10*time.Minute:
		return usagef("--for %v: use 10s to 10m", f.length)
	case !(f.work > 0 && f.work <= 1):
		return usagef("--work %v: use a share above 0, up to 1", f.work)
	case given("record") && f.record == "":
		return usagef("--record needs the name of a file")
	case f.data == "":
		return usagef("no test data: give its folder with --data, or run this from a checkout: sh build/bootstrap.sh exec -- bin/atoll bench scenario")
	}
	if given("policy") {
		if f.policies, err = choosePolicies(cmd, f.policies, sched.Policies()); err != nil {
			return err
		}
	}
	if f.record != "" {
		_, err = writable(f.record)
	}
	return err
}

func (f *benchFlags) run(cmd *cobra.Command) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	m, err := material.LoadMaterial(material.Data(f.data), "imdb", "amazon", "yelp")
	if err != nil {
		return fmt.Errorf("test data: %w: --data must be the folder that the build fetches", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	scores, recording, err := f.play(ctx, cmd.ErrOrStderr(), m.Scene(f.seed, f.length))
	if ctx.Err() != nil {
		return errors.New("interrupted, there is no result")
	}
	if err != nil {
		return err
	}
	if f.record != "" {
		if err := createFile(f.record, func(w io.Writer) error { return sim.WriteTrace(w, recording.Trace()) }); err != nil {
			return err
		}
	}
	r := schedResult{"live", f.seed, scores}
	if !f.json {
		printBench(cmd.OutOrStdout(), r, f.length, f.policies)
		return nil
	}
	return printJSON(cmd.OutOrStdout(), r)
}

// play plays the scene to every policy, and records it at the first.
func (f *benchFlags) play(ctx context.Context, stderr io.Writer, s *material.Scene) (map[string]live.Score, *live.Recording, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	seconds := int(f.length/time.Second) + 1
	shown := startProgress(stderr, seconds*len(f.policies), "seconds")
	done := make(chan struct{})
	go func() { // the scene takes its time: so is progress told
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for shown.done < shown.total {
			select {
			case <-tick.C:
				shown.step()
			case <-ctx.Done():
				return
			}
		}
	}()
	defer func() { stop(); <-done; shown.stop() }()

	scores, first := map[string]live.Score{}, &live.Recording{}
	for i, name := range f.policies {
		o := live.Options{Config: config.Default(), Logger: zerolog.Nop()}
		o.Config.Scheduler.Policy, o.Config.Scheduler.Work = name, f.work
		if i == 0 {
			o.Record = first
		}
		score, err := live.Play(ctx, s, o)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		scores[name] = score
	}
	return scores, first, nil
}

// printBench writes one row for each of the policies, at most 80 columns wide.
func printBench(w io.Writer, r schedResult, length time.Duration, policies []string) {
	var b strings.Builder
	fmt.Fprintf(&b, `Measured on this machine: a scene of %v, seed %d
What the columns mean: atoll bench scenario --help
`, length, r.Seed)
	r.table(&b, policies)
	io.WriteString(w, b.String()) // Main sees when that fails
}
