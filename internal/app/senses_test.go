package app

import (
	"testing"

	"atoll/board"
	"atoll/engine"
	"atoll/internal/config"
)

// Without a number of threads the worker has the profile's.
func TestThreads(t *testing.T) {
	profile, _ := board.ProfileOf(board.Live())
	for threads, want := range map[int]int{0: profile.Threads, 2: 2} {
		cfg := config.Default()
		cfg.Engine.Threads = threads
		s, err := OpenSenses(cfg, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.cfg.Engine.Threads; got != want || got < 1 {
			t.Errorf("threads = %d: %d, want %d", threads, got, want)
		}
		s.Close()
	}
}
