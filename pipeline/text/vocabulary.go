package text

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Limits of a vocabulary. All ids below 1<<24 are exact in a float32.
const (
	MaxWords   = 1 << 20
	MaxWordLen = 128 // bytes
)

// The vocabulary's marks, words no sentence can hold.
const (
	padMark     = "<PAD>"
	startMark   = "<START>"
	unknownMark = "<UNKNOWN>"
)

// parseVocabulary reads a vocabulary: a word, a space and its id on each line. The ids are 0 to the number of words less
// one, each of them once: the model's table has a row for each, and it fails over any other.
func parseVocabulary(file []byte) (map[string]int, error) {
	file = bytes.TrimSuffix(file, []byte("\n"))
	n := bytes.Count(file, []byte("\n")) + 1
	if n > MaxWords {
		return nil, fmt.Errorf("vocabulary: %d lines, at most %d are allowed", n, MaxWords)
	}
	ids := make(map[string]int, n)
	lineOf := make([]int, n) // line of each id, 0 if it was not seen yet
	number := 0
	for line := range bytes.SplitSeq(file, []byte("\n")) {
		number++
		word, id, err := parseWord(line, n)
		if err != nil {
			return nil, fmt.Errorf("vocabulary: line %d: %w", number, err)
		}
		if other, ok := ids[word]; ok {
			return nil, fmt.Errorf("vocabulary: line %d: word %q stands in line %d already", number, word, lineOf[other])
		}
		if lineOf[id] != 0 {
			return nil, fmt.Errorf("vocabulary: line %d: id %d stands in line %d already", number, id, lineOf[id])
		}
		ids[word], lineOf[id] = id, number
	}
	for _, mark := range []string{padMark, startMark, unknownMark} {
		if _, ok := ids[mark]; !ok {
			return nil, fmt.Errorf("vocabulary: no line has the mark %s", mark)
		}
	}
	return ids, nil
}

// parseWord reads one line of a vocabulary of n words.
func parseWord(line []byte, n int) (word string, id int, err error) {
	line = bytes.TrimSuffix(line, []byte("\r"))
	before, after, ok := bytes.Cut(line, []byte(" "))
	if !ok || len(before) == 0 {
		return "", 0, fmt.Errorf("%s: want a word, a space and its id", quote(line))
	}
	if len(before) > MaxWordLen {
		return "", 0, fmt.Errorf("%s: the word has %d bytes, at most %d are allowed", quote(before), len(before), MaxWordLen)
	}
	if !utf8.Valid(before) {
		return "", 0, fmt.Errorf("%s: the word is not UTF-8", quote(before))
	}
	id, err = strconv.Atoi(string(after))
	if err != nil || id < 0 || id >= n {
		return "", 0, fmt.Errorf("id %s: want a number from 0 to %d, as there are %d lines", quote(after), n-1, n)
	}
	return string(before), id, nil
}

// quote shows the beginning of a piece of a file in an error.
func quote(piece []byte) string {
	const most = 40
	if len(piece) > most {
		return strconv.Quote(string(piece[:most])) + "..."
	}
	return strconv.Quote(string(piece))
}
