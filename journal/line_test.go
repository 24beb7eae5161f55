package journal

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"
)

// encode returns what zerolog makes of an event.
func encode(event func(*zerolog.Logger)) []byte {
	var b bytes.Buffer
	log := zerolog.New(&b)
	event(&log)
	return b.Bytes()
}

func TestMessageOf(t *testing.T) {
	for want, event := range map[string]func(*zerolog.Logger){
		"plain":       func(l *zerolog.Logger) { l.Info().Msg("plain") },
		`a \"b\" \\`:  func(l *zerolog.Logger) { l.Info().Str("k", `"message":"no"`).Msg(`a "b" \`) },
		"after inner": func(l *zerolog.Logger) { l.Info().Str("message", "inner").Msg("after inner") },
	} {
		if got := messageOf(encode(event)); string(got) != want {
			t.Errorf("messageOf = %q, want %q", got, want)
		}
	}
	for name, event := range map[string]func(*zerolog.Logger){
		"no field":    func(l *zerolog.Logger) { l.Log().Send() },
		"no message":  func(l *zerolog.Logger) { l.Info().Str("k", "v").Send() },
		"nested last": func(l *zerolog.Logger) { l.Info().RawJSON("k", []byte(`{"message":"x"}`)).Send() },
		"nested":      func(l *zerolog.Logger) { l.Info().RawJSON("k", []byte(`{"message":"x"}`)).Str("b", "c").Send() },
		"not last":    func(l *zerolog.Logger) { l.Info().Str("message", "x").Int("n", 5).Send() },
		"a number":    func(l *zerolog.Logger) { l.Info().Int("message", 5).Send() },
	} {
		if got := messageOf(encode(event)); got != nil {
			t.Errorf("%s: messageOf = %q, want none", name, got)
		}
	}
}

// Every event of zerolog becomes one valid line that reads back with its message.
func TestAnyMessageReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message := rapid.String().Draw(t, "message")
		event := encode(func(l *zerolog.Logger) {
			l.Warn().Str(rapid.String().Draw(t, "key"), rapid.String().Draw(t, "value")).Msg(message)
		})
		line := appendEvent(appendStamp(nil, systemClock{}.Now(), "b", 1), event)
		r, ok := parseLine(line)
		if want := strings.ToValidUTF8(message, "\ufffd"); !ok || r.Message != want || r.Level != zerolog.WarnLevel {
			t.Fatalf("%q reads back as %q (%v), want %q", line, r.Message, ok, want)
		}
	})
}

func TestCutEscapedStaysValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("ab\"\\\x01\n\u2028äö😀"))).Draw(t, "text")
		limit := rapid.IntRange(0, 40).Draw(t, "limit")
		escaped, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		cut := cutEscaped(escaped[1:len(escaped)-1], limit)
		var got string
		if err := json.Unmarshal([]byte(`"`+string(cut)+`"`), &got); err != nil {
			t.Fatalf("cut to %q: %v", cut, err)
		}
		if len(cut) > limit || !strings.HasPrefix(text, got) || (len(got) < len(text) && len(cut) < limit-6) {
			t.Fatalf("%q cut to %q at %d", text, got, limit)
		}
	})
}

func TestParseName(t *testing.T) {
	if seq, ok := parseName(fileName(42)); !ok || seq != 42 {
		t.Errorf("parseName(fileName(42)) = %d, %v", seq, ok)
	}
	for _, name := range []string{"", "journal-.jsonl", "journal-000000000001", "journal--00000000001.jsonl", "journal-0000000000001.jsonl", "x"} {
		if seq, ok := parseName(name); ok {
			t.Errorf("parseName(%q) = %d, want none", name, seq)
		}
	}
}

func TestFolderDoesNotMixKinds(t *testing.T) {
	f := newFolder(1, 1)
	f.roll(0, nil)
	a, b := []byte("a"), []byte("b")
	for i, want := range []bool{true, true, false, false, true} {
		level, message := zerolog.InfoLevel, a
		if i%2 == 1 {
			message = b
		}
		if i == 4 {
			level = zerolog.WarnLevel
		}
		if got, _ := f.admit(level, message); got != want {
			t.Errorf("record %d: written %v, want %v", i, got, want)
		}
	}
}
