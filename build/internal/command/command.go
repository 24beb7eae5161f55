// Package command runs the programs that the build calls, behind an interface so that tests can put a fake in their place.
package command

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Cmd is one program to run. Argv is never given to a shell.
type Cmd struct {
	Argv []string
	Dir  string
	Env  []string // added to this process's environment
	// Line, if set, gets every line of both outputs; otherwise Stdout gets the standard output.
	Line   func(string)
	Stdin  io.Reader
	Stdout io.Writer
	// Keep are files that the program holds open too. A lock among them outlives this process for as long as the program runs.
	Keep []*os.File
}

// Runner runs programs.
type Runner interface {
	Run(ctx context.Context, c Cmd) error
}

// Error is a program that could not be started or that failed.
type Error struct {
	Argv   []string
	Err    error
	Output string // the end of what it said
}

// Error names the program, says how it ended and quotes the end of its output.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %v", strings.Join(e.Argv[:min(len(e.Argv), 4)], " "), e.Err)
	if e.Output != "" {
		s += "\n" + e.Output
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Exit is the exit status, -1 of a program that was not started or that a signal ended.
func (e *Error) Exit() int {
	if exit, ok := errors.AsType[*exec.ExitError](e.Err); ok {
		return exit.ExitCode()
	}
	return -1
}

// Died tells whether a signal ended the program.
func (e *Error) Died() bool {
	exit, ok := errors.AsType[*exec.ExitError](e.Err)
	return ok && !exit.Exited()
}

// Output runs a program and returns its standard output without the final line ends.
func Output(ctx context.Context, r Runner, argv ...string) (string, error) {
	var out bytes.Buffer
	err := r.Run(ctx, Cmd{Argv: argv, Stdout: &out})
	return strings.TrimRight(out.String(), "\n"), err
}

// OS runs programs on this machine. When the context ends, the program is interrupted, and killed if it does not end in time.
type OS struct{}

const (
	grace    = 5 * time.Second // from the interrupt to the kill
	tailSize = 4 << 10         // how much of the output an Error quotes
)

// Run implements Runner.
func (OS) Run(ctx context.Context, c Cmd) error {
	tail := &tailWriter{}
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir, cmd.Stdin, cmd.ExtraFiles = c.Dir, c.Stdin, c.Keep
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = grace
	cmd.Stdout, cmd.Stderr = c.Stdout, tail
	var lines *lineWriter
	if c.Line != nil {
		lines = newLineWriter(c.Line)
		both := io.MultiWriter(lines, tail)
		cmd.Stdout, cmd.Stderr = both, both
	}
	err := cmd.Run()
	if lines != nil {
		lines.close()
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", c.Argv[0], context.Cause(ctx))
	}
	if err != nil {
		return &Error{Argv: c.Argv, Err: err, Output: tail.String()}
	}
	return nil
}

// Interactive runs a program on this process's own standard streams and returns its exit status.
func Interactive(ctx context.Context, argv, env []string) (int, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = grace
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 0, &Error{Argv: argv, Err: err}
	}
	return 0, nil
}

// tailWriter keeps the last tailSize bytes.
type tailWriter struct{ buf []byte }

func (t *tailWriter) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tailWriter) String() string { return strings.TrimSpace(string(t.buf)) }

// lineWriter hands what is written to a function, line by line.
type lineWriter struct {
	pipe *io.PipeWriter
	done chan struct{}
}

func newLineWriter(line func(string)) *lineWriter {
	r, w := io.Pipe()
	l := &lineWriter{pipe: w, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		in := bufio.NewReader(r)
		for {
			s, err := in.ReadString('\n')
			if s != "" {
				line(strings.TrimRight(s, "\r\n"))
			}
			if err != nil {
				return
			}
		}
	}()
	return l
}

func (l *lineWriter) Write(p []byte) (int, error) { return l.pipe.Write(p) }

func (l *lineWriter) close() {
	l.pipe.Close()
	<-l.done
}
