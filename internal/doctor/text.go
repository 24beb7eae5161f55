package doctor

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Columns of the text output.
const (
	textWidth  = 80
	stateWidth = len(Warning) + 2
)

// Text prints items for people, as they come: rows of at most 80 columns, but for a
// word that is longer.
type Text struct {
	w      io.Writer
	colour bool
	group  string
}

// NewText prints to w.
func NewText(w io.Writer, colour bool) *Text { return &Text{w: w, colour: colour} }

// shown are the states' words: what must not be overlooked in capitals.
var shown = map[State]struct{ word, colour string }{
	OK:      {"ok", "32"},
	Warning: {"WARNING", "33"},
	Failed:  {"FAILED", "1;31"},
	Skipped: {"skipped", "2"},
}

// Item prints one item.
func (t *Text) Item(i Item) {
	if t.group != "" && i.group != t.group {
		fmt.Fprintln(t.w)
	}
	t.group = i.group
	indent := stateWidth + nameWidth + 2
	head := t.paint(i.State, fmt.Sprintf("%-*s", stateWidth, shown[i.State].word)) + fmt.Sprintf("%-*s", nameWidth+2, i.Name)
	for _, row := range wrap(i.Found, textWidth-indent) {
		fmt.Fprintln(t.w, head+row)
		head = strings.Repeat(" ", indent)
	}
	if i.Fix == "" {
		return
	}
	mark := "→ "
	for _, row := range wrap(i.Fix, textWidth-indent-2) {
		fmt.Fprintln(t.w, head+mark+row)
		mark = "  "
	}
}

// Verdict prints the last line.
func (t *Text) Verdict(r Report) {
	state := OK
	switch {
	case r.Count(Failed) > 0:
		state = Failed
	case r.Count(Warning) > 0:
		state = Warning
	}
	fmt.Fprintf(t.w, "\n%s\n", t.paint(state, r.Verdict))
}

func (t *Text) paint(s State, text string) string {
	if !t.colour {
		return text
	}
	return "\x1b[" + shown[s].colour + "m" + text + "\x1b[0m"
}

// wrap breaks a text between words and replaces what could disturb a terminal.
func wrap(text string, width int) []string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && r != '\u00a0':
			return ' '
		case r != '\u00a0' && !unicode.IsPrint(r):
			return '\uFFFD'
		}
		return r
	}, text)
	var rows []string
	row := ""
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' }) {
		word = strings.ReplaceAll(word, "\u00a0", " ")
		if row != "" && utf8.RuneCountInString(row)+1+utf8.RuneCountInString(word) > width {
			rows, row = append(rows, row), ""
		}
		row = strings.TrimPrefix(row+" "+word, " ")
	}
	return append(rows, row)
}
