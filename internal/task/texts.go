package task

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"unicode/utf8"

	"atoll/internal/material"
	"atoll/models"
	"atoll/pipeline"
	"atoll/pipeline/source"
	"atoll/pipeline/text"
)

// maxTextBytes is how much of a line is kept: more than 256 words, which is what the
// model reads.
const maxTextBytes = 8 << 10

// openTexts takes every line that has a word in it as a text.
func openTexts(f *folder, reference Model) (data, error) {
	if _, err := newClassifier(reference); err != nil {
		return nil, err
	}
	total := 0
	if err := f.lines(func([]byte) { total++ }); err != nil {
		return nil, err
	}
	if total == 0 {
		return nil, pipeline.ErrNoWords
	}
	used := set{name: "texts"}
	wanted := map[int]bool{}
	for _, h := range []half{calibrating, heldOut} {
		for i := range h.choose(maxItems, total) {
			wanted[i] = true
		}
	}
	i := 0
	err := f.lines(func(line []byte) {
		if wanted[i] {
			used.list = append(used.list, material.Sentence{Text: string(line[:min(maxTextBytes, len(line))])})
		}
		i++
	})
	if len(used.list) == 1 {
		f.noteSingle()
	}
	if n := len(used.list); n < total {
		f.note("%d of %d texts are used, evenly chosen.", n, total)
	}
	return &sentences{sets: []set{used}}, err
}

// lines calls visit with every line that has a word in it, in the same memory.
func (f *folder) lines(visit func(line []byte)) error {
	tokenizer, err := text.NewTokenizer(models.Vocab())
	if err != nil {
		return err
	}
	for _, path := range f.paths {
		if err := linesOf(path, tokenizer, visit); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return nil
}

func linesOf(path string, tokenizer *text.Tokenizer, visit func(line []byte)) error {
	file, _, err := source.OpenFile(path)
	if err != nil {
		return err
	}
	defer file.Close()
	ids := make([]float32, text.InputSize)
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, source.MaxTextBytes)
	for n := 1; scanner.Scan(); n++ {
		line := scanner.Bytes()
		if !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0 {
			return fmt.Errorf("line %d is no text in UTF-8", n)
		}
		words, err := tokenizer.Encode(string(line), ids)
		if err != nil {
			return err
		}
		if words > 0 {
			visit(line)
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("a line is longer than %d bytes: want one text a line", source.MaxTextBytes)
	}
	return scanner.Err()
}
