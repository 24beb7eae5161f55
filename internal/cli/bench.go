package cli

import (
	"bytes"
	"context"
	"encoding/json"
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

  recall    true events (a face, a voice, both) that were told within 3 s
  CPU s/h   seconds of the worker's CPU in an hour
  latency   from the begin of a true event until it was told: median, 99 %. The
            rules of fusion want some evidence first, which takes most of it
  late      jobs that ended after their input's deadline
  value     of all events told: 1 at once, falling to 0 after 3 s
  stale     longest that an input waited for a job that took it or a newer one

All policies but every_frame may use the share --work of what it would take to
infer every input, and so use about as much CPU as each other.

The pictures, sound and sentences are test data that the build fetches; they are
not in this binary. "make bench" knows where they are.

With --json: {"scenario","seed","policies":{NAME:{"recall","cpu_s_per_h",
"event_latency_p50_ms","event_latency_p99_ms","deadline_miss_rate","value",
"max_staleness_ms"}}}, as atoll sim sched prints it.`,
		Example: `  sh build/bootstrap.sh exec -- bin/atoll bench scenario
  atoll bench scenario --data DIR --policy lif --for 3m --record scene.jsonl
  atoll sim sched --trace scene.jsonl --load 0.8`,
		Args: wrongUsage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.scenario(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.data, "data", os.Getenv(material.DataVariable), "folder of the test data\n")
	flags.DurationVar(&f.length, "for", time.Minute, "length of the scene, 10s to 10m")
	flags.Uint64Var(&f.seed, "seed", 1, "which scene: one seed, the same scene")
	flags.Float64Var(&f.work, "work", config.Default().Scheduler.Work, "share of what inferring every input would take")
	flags.StringSliceVar(&f.policies, "policy", []string{sched.LIF, sched.EveryFrame, sched.FIFO, sched.EDF}, "which to play it to, in this order")
	flags.StringVar(&f.record, "record", "", "write what arrived at the first policy into this `file`,\nfor atoll sim sched --trace")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
	cmd.RegisterFlagCompletionFunc("policy", cobra.FixedCompletions(sched.Policies(), cobra.ShellCompDirectiveNoFileComp))
	cmd.MarkFlagDirname("data")
	return group("bench", "Measure on this machine", "Bench measures parts of atoll on the machine it runs on.", cmd)
}

func (f *benchFlags) check() error {
	switch {
	case f.length < 10*time.Second || f.length > 10*time.Minute:
		return usagef("--for %v: use 10s to 10m", f.length)
	case !(f.work > 0 && f.work <= 1):
		return usagef("--work %v: use a share above 0, up to 1", f.work)
	case len(f.policies) == 0:
		return usagef("--policy names none: there are %s", strings.Join(sched.Policies(), ", "))
	}
	for i, name := range f.policies {
		if !slices.Contains(sched.Policies(), name) {
			return usagef("--policy: no policy %q: there are %s", name, strings.Join(sched.Policies(), ", "))
		}
		if slices.Contains(f.policies[:i], name) {
			return usagef("--policy names %s twice", name)
		}
	}
	if f.data == "" {
		return usagef("no test data: give its folder with --data, or run this from a checkout: sh build/bootstrap.sh exec -- bin/atoll bench scenario")
	}
	if f.record != "" {
		_, err := writable(f.record)
		return err
	}
	return nil
}

func (f *benchFlags) scenario(cmd *cobra.Command) error {
	if err := f.check(); err != nil {
		return err
	}
	m, err := material.LoadMaterial(material.Data(f.data), "imdb", "amazon", "yelp")
	if err != nil {
		return fmt.Errorf("test data: %w", err)
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
		var file bytes.Buffer
		if err := sim.WriteTrace(&file, recording.Trace()); err != nil {
			return err
		}
		if err := writeFile(f.record, file.Bytes()); err != nil {
			return err
		}
	}
	if !f.json {
		f.print(cmd.OutOrStdout(), scores)
		return nil
	}
	object, err := json.Marshal(struct {
		Scenario string                `json:"scenario"`
		Seed     uint64                `json:"seed"`
		Policies map[string]live.Score `json:"policies"`
	}{"live", f.seed, scores})
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s\n", object)
	return nil
}

// play plays the scene to every policy.
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
		o := live.Options{Config: config.Default(), Policy: name, Logger: zerolog.Nop()}
		o.Config.Scheduler.Work = f.work
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

func (f *benchFlags) print(w io.Writer, scores map[string]live.Score) {
	fmt.Fprintf(w, `A scene of %v, seed %d, played to the real pipeline on this machine
What the columns mean: atoll bench scenario --help

                             latency, ms       late           stale
policy          recall CPU s/h    p50    p99      %%   value      ms
`, f.length, f.seed)
	for _, name := range f.policies {
		s := scores[name]
		fmt.Fprintf(w, "%-15s %6.3f %7.0f %6.0f %6.0f %6.1f %7.2f %7.0f\n",
			name, s.Recall, s.CPU, s.LatencyP50, s.LatencyP99, 100*s.DeadlineMiss, s.Value, s.MaxStaleness)
	}
}
