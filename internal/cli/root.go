// Package cli is the command line of atoll: it reads arguments, calls the rooms
// that do the work and prints what they found.
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"atoll/journal"
)

// Exit statuses, for scripts.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// usageError marks a mistake in how a command was called.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errReported ends a command whose failures were printed as they happened.
var errReported = errors.New("failures were reported")

// globals are the flags that every command has.
type globals struct {
	state    string
	logLevel string
}

// Main runs atoll with the given arguments and returns its exit status.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetErr(stderr)
	out := &checkedWriter{w: stdout}
	root.SetOut(out)
	cmd, err := root.ExecuteC()
	if err == nil && out.err != nil && !errors.Is(out.err, syscall.EPIPE) {
		err = fmt.Errorf("cannot write results: %w", out.err)
	}
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errReported):
		return exitFailure
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "atoll: %v\n", err)
		fmt.Fprintf(stderr, "try: %s --help\n", cmd.CommandPath())
		return exitUsage
	}
	fmt.Fprintf(stderr, "atoll: %v\n", err)
	return exitFailure
}

// checkedWriter remembers that a write failed, for those who don't look.
type checkedWriter struct {
	w   io.Writer
	err error
}

func (c *checkedWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

func newRoot() *cobra.Command {
	g := &globals{}
	root := &cobra.Command{
		Use:   "atoll",
		Short: "See, hear and read on a small board",
		Long: `atoll watches cameras, microphones and text with TensorFlow Lite models and
tells what it finds as events. Everything it needs is in this one file.

  atoll detect                       which board is this, and what of it works
  atoll doctor                       is it ready to go into the field
  atoll run                          run the pipeline, by its configuration
  atoll trace                        see where the time of each inference goes
  atoll infer vision photo.jpg       find faces in a picture
  atoll infer audio speech.wav       find speech in a recording
  echo "Well done!" | atoll infer text -    judge the mood of each line

Exit status: 0 for success, 1 for a failure, 2 for wrong usage.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          wrongUsage(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringVar(&g.state, "state", defaultState(), "folder for logs and state\n")
	root.PersistentFlags().StringVar(&g.logLevel, "log-level", "", "least level to log: debug, info, warn or error\n(default: the configuration's)")
	root.MarkPersistentFlagDirname("state")
	root.RegisterFlagCompletionFunc("log-level", cobra.FixedCompletions([]string{"debug", "info", "warn", "error"}, cobra.ShellCompDirectiveNoFileComp))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{flagError(err)} })
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if g.logLevel == "" {
			return nil
		}
		if _, err := journal.ParseLevel(g.logLevel); err != nil {
			return usageError{fmt.Errorf("--log-level: %w", err)}
		}
		return nil
	}
	root.AddCommand(newRun(g), newTrace(g), newInfer(g), newInspect(), newConvert(), newOptimize(), newSelect(g), newSim(), newBench(), newConfig(g), newDetect(), newDoctor(g), newVersion(), newWorker(), newGuard())
	root.SetHelpCommand(newHelp())
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() == "completion" {
			cmd.Args = wrongUsage(cobra.NoArgs)
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			for _, shell := range cmd.Commands() {
				shell.Long = fit(shell.Long)
			}
		}
	}
	return root
}

// newHelp is cobra's help command, but that it fails for what there is not.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("no help for %q: there is no such command", strings.Join(args, " "))
			}
			return found.Help()
		},
	}
}

// wrongUsage makes the errors of an argument check count as wrong usage.
func wrongUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil {
			return nil
		}
		if cmd.HasSubCommands() && len(args) > 0 {
			return usagef("%s has no command %q", cmd.CommandPath(), args[0])
		}
		if none := cobra.NoArgs(cmd, args); none != nil && none.Error() == err.Error() {
			return usagef("%s takes no arguments: %q is one", cmd.CommandPath(), args[0])
		}
		return usageError{fmt.Errorf("%s: %w", cmd.CommandPath(), err)}
	}
}

// group makes a command that only holds others.
func group(use, short, long string, sub ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: wrongUsage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("%s needs a command", cmd.CommandPath())
		},
	}
	cmd.AddCommand(sub...)
	return cmd
}

// defaultState is /var/lib/atoll for root, else the user's state folder by the
// XDG base directory specification.
func defaultState() string {
	if os.Geteuid() == 0 {
		return "/var/lib/atoll"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "atoll")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "" // run says that it takes --state then
	}
	return filepath.Join(home, ".local", "state", "atoll")
}
