package text

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Tokenizer turns sentences into ids of words. It is safe for concurrent use.
type Tokenizer struct {
	ids                 map[string]int
	pad, start, unknown float32
}

// NewTokenizer reads a vocabulary file: a word, a space and its id on each line, the ids 0 to the number of lines less one
// in any order, the marks <PAD>, <START> and <UNKNOWN> among the words. An error names the line.
func NewTokenizer(vocabulary []byte) (*Tokenizer, error) {
	ids, err := parseVocabulary(vocabulary)
	if err != nil {
		return nil, err
	}
	return &Tokenizer{
		ids:     ids,
		pad:     float32(ids[padMark]),
		start:   float32(ids[startMark]),
		unknown: float32(ids[unknownMark]),
	}, nil
}

// Encode writes a sentence into the 256 values of into: the start mark, the ids of its words, then padding. Words are what
// [a-z0-9']+ cuts out of the text in lower case; the 256th and all after it are left out. It returns how many words were
// written; 0 means that there is nothing to classify.
func (t *Tokenizer) Encode(sentence string, into []float32) (words int, err error) {
	if len(into) != InputSize {
		return 0, fmt.Errorf("text model: input has %d values, want %d", len(into), InputSize)
	}
	into[0] = t.start
	n := 1
	var buffer [MaxWordLen]byte
	for rest := sentence; n < InputSize; n++ {
		var length int
		if length, rest = nextWord(rest, &buffer); length == 0 {
			break
		}
		into[n] = t.id(buffer[:min(length, MaxWordLen)], length)
	}
	for i := n; i < InputSize; i++ {
		into[i] = t.pad
	}
	return n - 1, nil
}

// id looks up a word of which the buffer may hold only the beginning.
func (t *Tokenizer) id(word []byte, length int) float32 {
	if length == len(word) {
		if id, ok := t.ids[string(word)]; ok { // the compiler makes no copy of the word here
			return float32(id)
		}
	}
	return t.unknown
}

// nextWord writes the text's first word in lower case into the buffer, as far as there is room, and returns its full
// length, 0 if there is none, and the text behind it.
func nextWord(text string, buffer *[MaxWordLen]byte) (length int, rest string) {
	for at := 0; at < len(text); {
		c, size := lower(text[at:])
		at += size
		switch {
		case c == 0 && length > 0:
			return length, text[at:]
		case c == 0:
			continue
		case length < MaxWordLen:
			buffer[length] = c
		}
		length++
	}
	return length, ""
}

// lower returns the first character of a text in lower case if words may hold it, else 0, and its size in the text.
func lower(text string) (c byte, size int) {
	c, size = text[0], 1
	if c >= utf8.RuneSelf {
		var r rune
		r, size = utf8.DecodeRuneInString(text)
		if r = unicode.ToLower(r); r >= utf8.RuneSelf {
			return 0, size
		}
		c = byte(r) // the Kelvin sign and the dotted I have letters of ASCII as their lower case
	}
	switch {
	case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '\'':
		return c, size
	case c >= 'A' && c <= 'Z':
		return c + 'a' - 'A', size
	}
	return 0, size
}
