package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"atoll/trace"
	"atoll/trace/publish"
)

// redrawEvery is how often the live table is drawn anew.
const redrawEvery = time.Second

type traceFlags struct {
	*globals
	duration time.Duration
	json     bool
}

func newTrace(g *globals) *cobra.Command {
	f := traceFlags{globals: g}
	cmd := &cobra.Command{
		Use:   "trace",
		Short: "See where the time of each inference goes",
		Long: `Trace asks the run of the state folder where the time of its inferences goes.
On a terminal it shows what happens from now on, until Ctrl-C or for --duration.
Elsewhere, and with --json, it waits for --duration and prints what happened in
that time; without --duration it prints at once all since the run began.

For each model: jobs, their wall time (half of them took at most p50, 99 of 100
at most p99), page faults and moves to another CPU for each job, mean clock, and
what became of the wall time, in percent:

  on CPU    computing
  queue     woken, and waiting for a CPU
  preempt   pushed off its CPU by another task, and waiting to go on
  blocked   asleep: waiting for storage, a lock or another thread
  stopped   by a signal such as SIGSTOP, or a debugger
  hardirq   its CPU served an interrupt
  softirq   its CPU did work that interrupts had left for later
  reply     it was done; atoll had not come yet to read the answer

then how many jobs took how long (each row up to twice the time of its label),
and which tasks held the CPUs that jobs waited for.

All of it is seen by eBPF, which takes rights and a kernel: a line says so where
they are missing, and why. Numbers come from /proc then; queue holds all waits
for a CPU, blocked all the rest, and what is not seen is shown as "-".

--json prints one object, all times in nanoseconds:

  {"source":"ebpf"|"schedstat","limited","began","for_ns","models":[{"modality",
   "variant","jobs","p50_ns","p99_ns","max_ns","wall_ns","parts_ns":{"on_cpu",
   "run_queue","preempted","blocked","stopped","hard_irq","soft_irq","reply"},
   "minor_faults","major_faults","preemptions","migrations","freq_changes",
   "hard_irqs","soft_irqs","mean_khz","helpers":{"on_cpu_ns","waiting_ns"},
   "histogram":[{"from_ns","jobs"}]}],"preemptors":[{"task","pid","ns","jobs"}],
   "slowest":[…],"lost"}

with sums of all jobs; docs/trace.md tells of each. The exit status is 1 where
no run answers, 2 for wrong usage.`,
		Example: `  atoll trace
  atoll trace last                                the slowest jobs, and why
  atoll trace --duration 1m --json | jq '.models[] | {variant, p99_ns}'`,
		Args:              wrongUsage(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return f.watch(cmd) },
	}
	cmd.Flags().DurationVar(&f.duration, "duration", 0, "watch for this time (default: until Ctrl-C); not\nfor trace last, which shows a whole run")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	cmd.AddCommand(newTraceLast(&f))
	return cmd
}

func newTraceLast(f *traceFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "last",
		Short: "Show the slowest jobs of this run, and the reason of each",
		Long: `Last shows the slowest jobs of the run of the state folder or, if none is
running, of the last run that ended normally: how long each took, the reason in
words, what became of its time, and what else happened to it. A run that was
killed leaves none of this.

The reason is the part of its time that is the furthest above what is usual for
the variant, if that is a tenth of its time.

--json prints the object of atoll trace --json. Its "slowest" are these jobs:

  {"modality","variant","at","wall_ns","parts_ns":{…},"minor_faults",…,
   "soft_irqs","min_khz","holders":[{"task","pid","ns"}],"helpers":{…},"reason"}

and "ended" is true where the run has.`,
		Example: `  atoll trace last
  atoll trace last --json | jq -r '.slowest[].reason'`,
		Args:              wrongUsage(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return f.last(cmd) },
	}
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	return cmd
}

func (f *traceFlags) watch(cmd *cobra.Command) error {
	if cmd.Flags().Changed("duration") && f.duration <= 0 {
		return usagef("--duration %v: must be more than 0", f.duration)
	}
	if f.state == "" {
		return usagef("no state folder, as HOME is not set: give --state DIR, as to the run")
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second signal ends it at once
	first, err := publish.Ask(ctx, f.state)
	if errors.Is(err, publish.ErrNoRun) {
		return f.orLast(err)
	}
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	live := !f.json && redrawable(os.Stdout)
	if !live && f.duration == 0 {
		return f.print(out, first, sinceBegin)
	}
	end := make(<-chan time.Time) // never
	if f.duration > 0 {
		end = time.After(f.duration)
	}
	if live {
		return f.live(ctx, out, first, end)
	}
	select {
	case <-end:
	case <-ctx.Done():
	}
	now, _, err := f.latest(first)
	if err != nil {
		return err
	}
	return f.print(out, now.Since(first), sinceAsked)
}

// orLast adds to the error that there is no run what can be seen of one that has ended.
func (f *traceFlags) orLast(noRun error) error {
	last, err := publish.Last(f.state)
	if err != nil {
		return noRun // it has nothing to add
	}
	return fmt.Errorf("%w; for the run of %s, which has ended: atoll trace last --state %s", noRun, last.Began.Format(time.DateTime), f.state)
}

// live draws what happened since first until the run, the time or the user ends it.
func (f *traceFlags) live(ctx context.Context, out io.Writer, first trace.Snapshot, end <-chan time.Time) error {
	v := view{w: out, size: func() (int, int, error) { return term.GetSize(int(os.Stdout.Fd())) }}
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	now, over := first, false
	for {
		text := traceText(now.Since(first), sinceAsked)
		if over {
			v.finish(text)
			return nil
		}
		v.draw(text)
		select {
		case <-tick.C:
		case <-end:
			over = true
		case <-ctx.Done():
			over = true
		}
		latest, ended, err := f.latest(first)
		if err != nil {
			return err
		}
		now, over = latest, over || ended
	}
}

// latest is what the run has seen by now, or had seen when it ended.
func (f *traceFlags) latest(first trace.Snapshot) (s trace.Snapshot, ended bool, err error) {
	s, err = publish.Ask(context.Background(), f.state)
	if !errors.Is(err, publish.ErrNoRun) {
		return s, false, err
	}
	last, missing := publish.Last(f.state)
	if missing != nil || !last.Began.Equal(first.Began) {
		return s, true, err
	}
	return last, true, nil
}

func (f *traceFlags) print(out io.Writer, s trace.Snapshot, since string) error {
	if f.json {
		return json.NewEncoder(out).Encode(s)
	}
	_, err := io.WriteString(out, traceText(s, since))
	return err
}

// finished is the snapshot of a run that may have ended.
type finished struct {
	trace.Snapshot
	Ended bool `json:"ended,omitempty"`
}

func (f *traceFlags) last(cmd *cobra.Command) error {
	if f.state == "" {
		return usagef("no state folder, as HOME is not set: give --state DIR, as to the run")
	}
	var s finished
	var err error
	if s.Snapshot, err = publish.Ask(cmd.Context(), f.state); errors.Is(err, publish.ErrNoRun) {
		last, missing := publish.Last(f.state)
		switch {
		case missing == nil:
			s, err = finished{last, true}, nil
		case !errors.Is(missing, os.ErrNotExist):
			err = missing
		}
	}
	if err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(s)
	}
	_, err = io.WriteString(cmd.OutOrStdout(), slowestText(s))
	return err
}
