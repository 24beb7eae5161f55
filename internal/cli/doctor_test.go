package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// A check is named once it takes longer than anybody likes to wait, and not before.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		p := &waiting{w: &b}
		said := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := b.String(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			b.Reset()
		}
		p.stop()
		p.start("board")
		time.Sleep(progressAfter - 1)
		said("")
		p.start("swap")
		time.Sleep(progressAfter + 1)
		said("\r\x1b[Kstill looking at swap …")
		p.stop()
		said("\r\x1b[K")
		time.Sleep(time.Hour)
		said("")
	})
	p := newWaiting(&bytes.Buffer{}) // no terminal
	p.start("board")
	if p.stop(); p.timer != nil {
		t.Error("it waits to tell nobody")
	}
}

// The configuration that is named in the checklist is the one that is checked.
func TestDoctorConfiguration(t *testing.T) {
	dir := t.TempDir()
	usual, given := filepath.Join(dir, "atoll.toml"), filepath.Join(dir, "given.toml")
	for name, threads := range map[string]string{usual: "2", given: "3"} {
		if err := os.WriteFile(name, []byte("[engine]\nthreads = "+threads+"\n"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		state, config, want string
		threads             int
	}{
		{dir, "", usual, 2},
		{dir, given, given, 3},
		{"", given, given, 3},
	} {
		f := doctorFlags{globals: &globals{state: c.state}, config: c.config}
		got := f.configuration()
		if got.File != c.want {
			t.Errorf("got %s, want %s", got.File, c.want)
		}
		if cfg, err := got.Load(); err != nil || cfg.Engine.Threads != c.threads {
			t.Errorf("%s: got %d threads, %v, want %d", got.File, cfg.Engine.Threads, err, c.threads)
		}
	}
}
