package cli

import (
	"strings"
	"testing"
	"time"
)

func TestProgressLines(t *testing.T) {
	for _, c := range []struct {
		of          string
		done, total int
		line, stage string
	}{
		{"layers", 3, 30, "3 of 30 layers, 27s left", "layers: 3 of 30, 27s left"},
		{"layers", 30, 30, "30 of 30 layers, 0s left", "layers: 30 of 30, 0s left"},
		{"a\x1b[2Jb", 1, 2, "", "a\uFFFD[2Jb: 1 of 2, 3s left"},
		{"measuring", 0, 4, "", "measuring: 0 of 4"},
		{"measuring", 0, 1, "", "measuring"},
		{"measuring", 0, 0, "", "measuring"},
		{strings.Repeat("long ", 40), 1, 1, "", strings.Repeat("long ", 10)},
	} {
		p := progress{of: c.of, done: c.done, total: c.total}
		if got := p.stageLine(3 * time.Second); got != c.stage {
			t.Errorf("%v: %q, want %q", c, got, c.stage)
		}
		if c.line == "" {
			continue
		}
		if got := p.line(3 * time.Second); got != c.line {
			t.Errorf("%v: %q, want %q", c, got, c.line)
		}
	}
}

// What is left is told by the stage, but a stage that comes late is shown at once.
func TestProgressStages(t *testing.T) {
	var b strings.Builder
	p := startStages(&b)
	if p.w != nil {
		t.Fatal("shows progress to what is no terminal")
	}
	p.w = &b
	p.stage("measuring", 1, 2)
	if b.Len() > 0 {
		t.Errorf("shows %q at once", b.String())
	}
	p.began = p.began.Add(-time.Minute)
	p.stage("measuring", 2, 2)
	p.stage("pruning", 0, 9)
	p.stage("pruning", 1, 9) // too soon
	p.stop()
	if got, want := strings.ReplaceAll(b.String(), "\r\x1b[K", "|"), "|measuring: 2 of 2, 0s left|pruning: 0 of 9|"; got != want {
		t.Errorf("shows %q, want %q", got, want)
	}
}
