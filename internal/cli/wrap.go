package cli

import (
	"strings"
	"unicode/utf8"
)

// helpWidth is that of a terminal: no line of any help is longer.
const helpWidth = 80

// wrap breaks text between words into lines of at most width columns, but for words
// that are longer.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// fit wraps those lines of text that are too long for a terminal.
func fit(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if utf8.RuneCountInString(line) > helpWidth {
			lines[i] = strings.Join(wrap(line, helpWidth), "\n")
		}
	}
	return strings.Join(lines, "\n")
}
