package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// redrawable reports whether f is a terminal that can be drawn on again.
func redrawable(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// view draws text over what it drew before.
type view struct {
	w     io.Writer
	size  func() (width, height int, err error) // of the terminal
	lines int                                   // drawn
}

// draw shows as much of text as fits.
func (v *view) draw(text string) {
	width, height, err := v.size()
	if err != nil || width < 1 || height < 2 {
		width, height = 80, 24
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) > height-1 {
		lines = append(lines[:height-2], "… more fits into a taller window")
	}
	for i, line := range lines {
		if r := []rune(line); len(r) > width {
			lines[i] = string(r[:width])
		}
	}
	v.show(lines)
}

// finish leaves all of text behind.
func (v *view) finish(text string) {
	v.show(strings.Split(strings.TrimSuffix(text, "\n"), "\n"))
}

func (v *view) show(lines []string) {
	var b strings.Builder
	if v.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", v.lines)
	}
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	v.lines = len(lines)
	io.WriteString(v.w, b.String()) // Main sees when that fails
}
