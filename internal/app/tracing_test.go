package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"atoll/trace"
	"atoll/trace/publish"
)

// seer is a tracer of which tests know what it sees.
type seer struct {
	seen   trace.Snapshot
	err    error // of Snapshot
	closed int
}

func (s *seer) Snapshot() (trace.Snapshot, error) { return s.seen, s.err }
func (s *seer) Close() error                      { s.closed++; return nil }

func TestTracesAreShown(t *testing.T) {
	state, log := t.TempDir(), &logbook{}
	s := &seer{seen: trace.Snapshot{Source: trace.EBPF, Lost: 7}}
	shown := showTraces(s, state, zerolog.New(log))
	if got, err := publish.Ask(t.Context(), state); err != nil || got.Lost != 7 {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := publish.Last(state); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("saved before the end: %v", err)
	}
	s.seen.Lost = 8
	shown.Close()
	if got, err := publish.Last(state); err != nil || got.Lost != 8 {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := publish.Ask(t.Context(), state); !errors.Is(err, publish.ErrNoRun) {
		t.Errorf("got %v, want %v", err, publish.ErrNoRun)
	}
	if s.closed != 1 || log.String() != "" {
		t.Errorf("closed %d times, log: %s", s.closed, log)
	}
}

// What can't be shown is told once, and the tracer is closed all the same.
func TestTracesThatCantBeShown(t *testing.T) {
	used := t.TempDir()
	other := showTraces(&seer{seen: trace.Snapshot{Source: trace.EBPF, Lost: 1}}, used, zerolog.Nop())
	defer other.Close()
	for _, tt := range []struct {
		name, state, want string
		err               error
	}{
		{"no folder", "", "", nil},
		{"a folder that can't be made", "/proc/nowhere", "no traces of inferences", nil},
		{"a path that is too long", filepath.Join(t.TempDir(), strings.Repeat("x", 100)), "no traces of inferences", nil},
		{"the folder of another run", used, "no traces of inferences", nil},
		{"nothing to save", t.TempDir(), "last traces of inferences can't be saved", errors.New("map is gone")},
	} {
		log, s := &logbook{}, &seer{seen: trace.Snapshot{Source: trace.EBPF}, err: tt.err}
		showTraces(s, tt.state, zerolog.New(log)).Close()
		if lines := strings.Count(log.String(), "\n"); (lines != 0) != (tt.want != "") || lines > 1 || !strings.Contains(log.String(), tt.want) {
			t.Errorf("%s: log %q, want one line of %q", tt.name, log, tt.want)
		}
		if s.closed != 1 {
			t.Errorf("%s: closed %d times", tt.name, s.closed)
		}
	}
	if got, err := publish.Ask(t.Context(), used); err != nil || got.Lost != 1 {
		t.Errorf("the other run: %+v, %v", got, err)
	}
	if _, err := publish.Last(used); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a run has saved into the folder of another: %v", err)
	}
}

// A run without a job leaves what the one before has saved.
func TestTracesOfNoJobAreNotSaved(t *testing.T) {
	state, log := t.TempDir(), &logbook{}
	for _, tt := range []struct{ lost, want uint64 }{{3, 3}, {0, 3}, {4, 4}} {
		s := &seer{seen: trace.Snapshot{Source: trace.EBPF, Lost: tt.lost}}
		showTraces(s, state, zerolog.New(log)).Close()
		if got, err := publish.Last(state); err != nil || got.Lost != tt.want {
			t.Errorf("after a run that lost %d: %+v, %v, want %d", tt.lost, got, err, tt.want)
		}
	}
	if log.String() != "" {
		t.Errorf("log: %s", log)
	}
}
