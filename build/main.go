// Command build makes atoll from pinned sources: TensorFlow Lite, the models, the binaries, and what the tests need.
// It needs no cgo itself. `go run ./build help` lists its commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// verb is one command of the build program.
type verb struct {
	name, args, help string
	run              func(ctx context.Context, b *builder, args []string) error
}

func verbs() []verb {
	return []verb{
		{"deps", "[--arch A]", "check the tools that the build calls; root has missing ones installed", deps},
		{"tflite", "[--arch A]", "build TensorFlow Lite into the cache and print its folder", tflite},
		{"models", "", "fetch and convert the models into models/", makeModels},
		{"data", "", "fetch demo and test data into the cache and print their folder", makeData},
		{"atoll", "[--arch A] [--out FILE]", "build the atoll binary and all that it needs", makeAtoll},
		{"env", "[--arch A]", "print the environment for cgo and the tests as shell exports", printEnv},
		{"exec", "[--arch A] -- CMD...", "run a command in that environment", execCommand},
		{"instructions", "[--json] MODEL...", "count the arm64 instructions of an inference, in an emulated board", countInstructions},
		{"stock", "[--json] MODEL...", "verify models and run them with stock TensorFlow Lite, without our code", checkStock},
		{"demo", "", "build atoll and run the demo", demo},
		{"check", "", "gofmt, go vet, staticcheck, generated files, licences", check},
		{"fuzz", "[--time T]", "run every fuzz target for a time each", fuzz},
		{"licences", "[--check]", "write THIRD_PARTY and the component list, or check that they are current", licences},
	}
}

// usageError is a command line that makes no sense: exit status 2.
type usageError struct{ msg string }

func (e usageError) Error() string { return e.msg }

// exitError is the exit status of a program that exec ran, which has said itself what went wrong.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:])
	interrupted := ctx.Err() != nil
	stop()
	os.Exit(status(err, interrupted))
}

// status says on standard error what went wrong and returns the exit status.
func status(err error, interrupted bool) int {
	var usage usageError
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "build:", err)
		return 2
	case interrupted:
		fmt.Fprintln(os.Stderr, "build: interrupted; the same command goes on from here")
	default:
		fmt.Fprintln(os.Stderr, "build:", err)
	}
	return 1
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		fmt.Print(help())
		return nil
	}
	for _, v := range verbs() {
		if v.name == args[0] {
			b, err := newBuilder()
			if err != nil {
				return err
			}
			return v.run(ctx, b, args[1:])
		}
	}
	return usageError{fmt.Sprintf("unknown command %q: go run ./build help lists them", args[0])}
}

func help() string {
	var s strings.Builder
	s.WriteString("usage: go run ./build COMMAND\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(&s, "  %-32s %s\n", v.name+" "+v.args, v.help)
	}
	s.WriteString("\nThe cache is $XDG_CACHE_HOME/atoll (default ~/.cache/atoll); A is amd64 or arm64, by default this machine's.\n")
	return s.String()
}
