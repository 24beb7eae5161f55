package text

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// small has the ids 3 to 9 for these words.
const small = marks + "the 3\nmovie 4\nisn't 5\n2 6\nk 7\ni 8\n' 9\n"

func newTokenizer(t testing.TB, vocabulary string) *Tokenizer {
	t.Helper()
	tokenizer, err := NewTokenizer([]byte(vocabulary))
	if err != nil {
		t.Fatal(err)
	}
	return tokenizer
}

// encode wants the whole input written and returns its ids up to the first padding.
func encode(t testing.TB, tokenizer *Tokenizer, sentence string) []float32 {
	t.Helper()
	into := slices.Repeat([]float32{float32(math.NaN())}, InputSize)
	words, err := tokenizer.Encode(sentence, into)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range into {
		if !(id >= 0 && int(id) < len(tokenizer.ids)) || (id == tokenizer.pad) != (i > words) {
			t.Fatalf("%d words, but value %d of the input is %v", words, i, id)
		}
	}
	return into[:words+1]
}

func TestEncode(t *testing.T) {
	tests := []struct {
		name, sentence string
		want           []float32
	}{
		{"empty", "", []float32{1}},
		{"no words", " \t\n.,!? -", []float32{1}},
		{"a word", "movie", []float32{1, 4}},
		{"two words", "the movie", []float32{1, 3, 4}},
		{"upper case", "The MOVIE", []float32{1, 3, 4}},
		{"cut", "the,movie;the--movie...", []float32{1, 3, 4, 3, 4}},
		{"unknown", "that movie rocks", []float32{1, 2, 4, 2}},
		{"apostrophe", "isn't ISN'T 'the' ' ''", []float32{1, 5, 5, 2, 9, 2}},
		{"digits", "2 22 the2", []float32{1, 6, 2, 2}},
		{"no underscore", "the_movie", []float32{1, 3, 4}},
		{"marks are no words", "<PAD> <START> <UNKNOWN>", []float32{1, 2, 2, 2}},
		{"beyond ASCII cuts", "the\u00e9movie\u2019the\u4e2d", []float32{1, 3, 4, 3}},
		{"lower case is ASCII", "\u212a \u0130", []float32{1, 7, 8}},
		{"not UTF-8 cuts", "the\xffmovie\xc3", []float32{1, 3, 4}},
		{"NUL cuts", "the\x00movie", []float32{1, 3, 4}},
		{"long word", strings.Repeat("the", 1000) + " the", []float32{1, 2, 3}},
	}
	tokenizer := newTokenizer(t, small)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := encode(t, tokenizer, tt.sentence); !slices.Equal(got, tt.want) {
				t.Errorf("%q: got %v, want %v", tt.sentence, got, tt.want)
			}
		})
	}
}

func TestEncodeTruncates(t *testing.T) {
	tokenizer := newTokenizer(t, small)
	for _, words := range []int{254, 255, 256, 5000} {
		got := encode(t, tokenizer, strings.Repeat("the ", words))
		if want := min(words, 255) + 1; len(got) != want || got[len(got)-1] != 3 {
			t.Errorf("%d words: %d ids, the last %v; want %d", words, len(got), got[len(got)-1], want)
		}
	}
}

// TestEncodeLongestWord makes sure that a word as long as the vocabulary allows is known, and one longer is not cut to it.
func TestEncodeLongestWord(t *testing.T) {
	longest := strings.Repeat("a", MaxWordLen)
	tokenizer := newTokenizer(t, marks+longest+" 3\n")
	if got, want := encode(t, tokenizer, longest+" "+longest+"a"), []float32{1, 3, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEncodeRefusesLengths(t *testing.T) {
	tokenizer := newTokenizer(t, small)
	for _, n := range []int{0, 255, 257} {
		if _, err := tokenizer.Encode("the", make([]float32, n)); err == nil || !strings.Contains(err.Error(), "want 256") {
			t.Errorf("%d values: %v", n, err)
		}
	}
}

var wordPattern = regexp.MustCompile(`[a-z0-9']+`)

// cut is the tokenizer's definition in the shortest form.
func cut(tokenizer *Tokenizer, sentence string) []float32 {
	ids := []float32{tokenizer.start}
	for _, word := range wordPattern.FindAllString(strings.ToLower(sentence), InputSize-1) {
		id, ok := tokenizer.ids[word]
		if !ok {
			id = tokenizer.ids[unknownMark]
		}
		ids = append(ids, float32(id))
	}
	return ids
}

func TestEncodeFollowsDefinition(t *testing.T) {
	tokenizer := newTokenizer(t, small)
	piece := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"the", "Movie", "isn't", " ", "'", "2", "\u212a", "\u0130", "\xff"}))
	rapid.Check(t, func(rt *rapid.T) {
		sentence := strings.Join(rapid.SliceOfN(piece, 0, 400).Draw(rt, "pieces"), "")
		if got, want := encode(t, tokenizer, sentence), cut(tokenizer, sentence); !slices.Equal(got, want) {
			rt.Fatalf("%q: got %v, want %v", sentence, got, want)
		}
	})
}

func FuzzEncode(f *testing.F) {
	for _, s := range []string{"", "The movie isn't 2.", "\u212a\u0130\xff\x00", strings.Repeat("a ", 300)} {
		f.Add(s)
	}
	tokenizer := newTokenizer(f, small)
	f.Fuzz(func(t *testing.T, sentence string) {
		if got, want := encode(t, tokenizer, sentence), cut(tokenizer, sentence); !slices.Equal(got, want) {
			t.Fatalf("%q: got %v, want %v", sentence, got, want)
		}
	})
}

// example is the folder of the text classification example in the module that the model comes from.
func example(t testing.TB) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/mattn/go-tflite").Output()
	if err != nil {
		t.Fatalf("where is the module go-tflite: %v (go mod download fetches it)", err)
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "_example", "text_classification")
}

func realTokenizer(t testing.TB) *Tokenizer {
	t.Helper()
	vocabulary, err := os.ReadFile(filepath.Join(example(t), "vocab.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return newTokenizer(t, string(vocabulary))
}

// TestRealVocabulary has the ids of a sentence as the model's example defines them.
func TestRealVocabulary(t *testing.T) {
	tokenizer := realTokenizer(t)
	if got, want := len(tokenizer.ids), 10000; got != want {
		t.Errorf("%d words, want %d", got, want)
	}
	got := encode(t, tokenizer, "This is the best movie I have seen in recent years. Strongly recommend it!")
	want := []float32{1, 14, 9, 4, 118, 20, 13, 28, 110, 11, 1136, 153, 2303, 386}
	if len(got) != len(want)+1 || !slices.Equal(got[:len(want)], want) {
		t.Errorf("got %v, want %v and one more", got, want)
	}
}

func TestRealLabels(t *testing.T) {
	labels, err := os.ReadFile(filepath.Join(example(t), "labels.txt"))
	if err != nil {
		t.Fatal(err)
	}
	d := newDecoder(t, string(labels))
	if got, want := fmt.Sprint(d.labels), "[Negative Positive]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEncodeAllocatesNothing(t *testing.T) {
	tokenizer, into := newTokenizer(t, small), make([]float32, InputSize)
	sentence := strings.Repeat("The movie, \u212a isn't unknown. ", 50)
	got := testing.AllocsPerRun(100, func() {
		if words, err := tokenizer.Encode(sentence, into); err != nil || words != 250 {
			t.Fatalf("%d words, %v", words, err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

func BenchmarkEncode(b *testing.B) {
	tokenizer, into := realTokenizer(b), make([]float32, InputSize)
	for _, bb := range []struct {
		name  string
		words int
	}{{"14words", 1}, {"255words", 20}} {
		sentence := strings.Repeat("This is the best movie I have seen in recent years. Strongly recommend it! ", bb.words)
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tokenizer.Encode(sentence, into); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
