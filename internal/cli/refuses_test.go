package cli

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// refusal is a command line that can't be, and what is said of it.
type refusal struct {
	args   string
	status int
	want   string // on standard error
}

// refuses holds that each command line after command is refused, with nothing printed.
func refuses(t *testing.T, command string, list []refusal) {
	t.Helper()
	for _, r := range list {
		var stdout, stderr bytes.Buffer
		args := strings.Fields(command + " " + r.args)
		if got := Main(args, nil, &stdout, &stderr); got != r.status {
			t.Errorf("%q: status %d, want %d", args, got, r.status)
		}
		if !strings.Contains(stderr.String(), r.want) {
			t.Errorf("%q: %q, want %q in it", args, stderr.String(), r.want)
		}
		if stdout.Len() > 0 {
			t.Errorf("%q printed %q", args, stdout.String())
		}
	}
}

// helpOf returns the help of a command, which must fit a terminal.
func helpOf(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if got := Main(append(args, "--help"), nil, &stdout, &stderr); got != exitOK || stdout.Len() == 0 {
		t.Errorf("%v: status %d, %q", args, got, stderr.String())
	}
	for line := range strings.Lines(stdout.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > helpWidth {
			t.Errorf("%v: a line of %d columns, want at most %d: %s", args, n, helpWidth, line)
		}
	}
	return stdout.String()
}
