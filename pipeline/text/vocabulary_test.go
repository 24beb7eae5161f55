package text

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

const marks = "<PAD> 0\n<START> 1\n<UNKNOWN> 2\n"

func TestParseVocabulary(t *testing.T) {
	tests := []struct {
		name, file string
		want       map[string]int
	}{
		{"marks only", marks, map[string]int{"<PAD>": 0, "<START>": 1, "<UNKNOWN>": 2}},
		{"no end of line", strings.TrimSuffix(marks, "\n"), map[string]int{"<PAD>": 0, "<START>": 1, "<UNKNOWN>": 2}},
		{"any order", "a 3\n<UNKNOWN> 0\n<PAD> 2\n<START> 1\n", map[string]int{"a": 3, "<PAD>": 2, "<START>": 1, "<UNKNOWN>": 0}},
		{"ends of line of Windows", "<PAD> 0\r\n<START> 1\r\n<UNKNOWN> 2\r\n", map[string]int{"<PAD>": 0, "<START>": 1, "<UNKNOWN>": 2}},
		{"beyond ASCII", marks + "clich\u00e9 3\n\u0085 4\n", map[string]int{
			"<PAD>": 0, "<START>": 1, "<UNKNOWN>": 2, "clich\u00e9": 3, "\u0085": 4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseVocabulary([]byte(tt.file))
			if err != nil || !maps.Equal(got, tt.want) {
				t.Errorf("got %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestParseVocabularyRefuses(t *testing.T) {
	tests := []struct{ name, file, says string }{
		{"empty", "", `line 1: "": want a word, a space and its id`},
		{"no id", marks + "a\n", `line 4: "a": want a word, a space and its id`},
		{"no word", marks + " 3\n", `line 4: " 3": want a word`},
		{"empty line", marks + "\n", `line 4: "": want a word`},
		{"id is a word", marks + "a b\n", `line 4: id "b": want a number from 0 to 3, as there are 4 lines`},
		{"two spaces", marks + "a  3\n", `line 4: id " 3"`},
		{"more than an id", marks + "a 3 4\n", `line 4: id "3 4"`},
		{"negative id", marks + "a -1\n", `line 4: id "-1": want a number from 0 to 3`},
		{"id past the table", marks + "a 4\n", `line 4: id "4": want a number from 0 to 3`},
		{"huge id", marks + "a 99999999999999999999999\n", `line 4: id "99999999999999999999999"`},
		{"id twice", marks + "a 2\n", "line 4: id 2 stands in line 3 already"},
		{"word twice", "<START> 0\na 4\n<PAD> 2\na 3\n<UNKNOWN> 1\n", `line 4: word "a" stands in line 2 already`},
		{"no unknown", "<PAD> 0\n<START> 1\na 2\n", "no line has the mark <UNKNOWN>"},
		{"no start", "<PAD> 0\n<UNKNOWN> 1\n", "no line has the mark <START>"},
		{"long word", marks + strings.Repeat("a", 129) + " 3\n", `line 4: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"...: the word has 129 bytes, at most 128 are allowed`},
		{"not UTF-8", marks + "\xff 3\n", `line 4: "\xff": the word is not UTF-8`},
		{"too many", strings.Repeat("\n", MaxWords+1), "1048577 lines, at most 1048576 are allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := NewTokenizer([]byte(tt.file))
			if err == nil || !strings.Contains(err.Error(), "vocabulary: "+tt.says) {
				t.Errorf("got %v, %v; want an error with %q", got, err, tt.says)
			}
		})
	}
}

func FuzzVocabulary(f *testing.F) {
	f.Add([]byte(marks + "a 3\n"))
	f.Add([]byte("a 0\nb 0"))
	f.Add([]byte(" \r\n\xff 1"))
	f.Fuzz(func(t *testing.T, file []byte) {
		ids, err := parseVocabulary(file)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "vocabulary: ") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error %q", err)
			}
			return
		}
		seen := make([]bool, len(ids))
		for word, id := range ids {
			if id < 0 || id >= len(ids) || seen[id] || word == "" {
				t.Fatalf("word %q has id %d of %d", word, id, len(ids))
			}
			seen[id] = true
		}
		var file2 strings.Builder
		for word, id := range ids {
			fmt.Fprintf(&file2, "%s %d\n", word, id)
		}
		if again, err := parseVocabulary([]byte(file2.String())); err != nil || !maps.Equal(again, ids) {
			t.Fatalf("written again: %v, %v; want %v", again, err, ids)
		}
	})
}
