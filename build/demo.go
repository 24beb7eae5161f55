package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// demo is the command of this name; see verbs.
func demo(ctx context.Context, b *builder, args []string) error {
	if err := flags("demo", args); err != nil {
		return err
	}
	out := b.binary(runtime.GOARCH)
	if err := b.atoll(ctx, runtime.GOARCH, out); err != nil {
		return err
	}
	data, err := b.data(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "atoll-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	config, err := demoFiles(dir, data)
	if err != nil {
		return err
	}
	fmt.Printf("\nWhat it is shown: %d pictures, one every 2 s, an astronaut's face from 4 to 10 s and\n"+
		"from 16 to 22 s; an audio book for 25 s; %d bad sentences about films, then %d good ones.\n\n", len(demoPictures), demoSentences, demoSentences)
	return interactive(ctx, []string{out, "run", "--config", config, "--state", filepath.Join(dir, "state"), "--log-level", "warn", "--once"}, nil)
}

// The demo shows a picture every two seconds and reads a sentence a second, as long as its speech lasts (25 s).
var demoPictures = []string{
	"coffee.png", "chelsea.png", "astronaut.png", "astronaut.png", "astronaut.png", "rocket.jpg",
	"coins.png", "motorcycle_left.png", "astronaut.png", "astronaut.png", "astronaut.png", "moon.png",
}

const demoSentences = 12 // of each kind

const demoConfig = `[[source]]
name = "camera"
kind = "pictures"
path = %q
interval = "2s"

[[source]]
name = "microphone"
kind = "wav"
path = %q

[[source]]
name = "diary"
kind = "lines"
path = %q
interval = "1s"

# Without a sensor a run is paced by an estimate; a machine that has just built all this
# would be held back by it.
[thermal]
control = false
`

// demoFiles writes the demo's configuration, pictures and text into dir, and returns the path of the configuration.
func demoFiles(dir, data string) (string, error) {
	shown := filepath.Join(dir, "pictures")
	if err := os.Mkdir(shown, 0o750); err != nil {
		return "", err
	}
	for i, name := range demoPictures {
		picture, err := os.ReadFile(filepath.Join(data, "pictures", name))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(shown, fmt.Sprintf("%02d-%s", i+1, name)), picture, 0o640); err != nil {
			return "", err
		}
	}
	labelled, err := os.ReadFile(filepath.Join(data, "sentiment", "imdb.json"))
	if err != nil {
		return "", err
	}
	lines, err := sentences(labelled, demoSentences)
	if err != nil {
		return "", err
	}
	text := filepath.Join(dir, "sentences.txt")
	if err := os.WriteFile(text, []byte(lines), 0o640); err != nil {
		return "", err
	}
	config := filepath.Join(dir, "demo.toml")
	return config, os.WriteFile(config, fmt.Appendf(nil, demoConfig, shown, filepath.Join(data, "speech", "librivox", "*.wav"), text), 0o640)
}

// sentences takes n texts of each class of a labelled file, the negative ones first, each on a line of its own.
func sentences(labelled []byte, n int) (string, error) {
	var rows []struct {
		Text  string `json:"text"`
		Class *int   `json:"class"`
	}
	if err := json.Unmarshal(labelled, &rows); err != nil {
		return "", fmt.Errorf("labelled sentences: %w", err)
	}
	var b strings.Builder
	for class := range 2 {
		left := n
		for _, row := range rows {
			if row.Class != nil && *row.Class == class && left > 0 { // one row of each file has none
				b.WriteString(strings.Join(strings.Fields(row.Text), " ") + "\n")
				left--
			}
		}
	}
	return b.String(), nil
}
