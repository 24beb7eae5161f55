package board

import (
	"fmt"
	"strconv"
	"strings"
)

// Microphone is an ALSA device that records.
type Microphone struct {
	Card    int      `json:"card"`
	Device  int      `json:"device"`
	CardID  string   `json:"card_id"` // as in hw:ID,DEVICE
	Name    string   `json:"name"`
	Node    string   `json:"node"` // "/dev/snd/pcmC0D0c"
	Problem *Problem `json:"problem,omitempty"`
}

const maxMicrophones = 64

// microphones reads /proc/asound/pcm, whose lines look like
// "00-00: ALC257 Analog : ALC257 Analog : playback 1 : capture 1".
func (r *reader) microphones() []Microphone {
	mics := []Microphone{}
	data, err := r.file("proc/asound/pcm")
	if err != nil {
		return mics
	}
	ids, names := r.soundCards()
	for text := range strings.Lines(data) {
		fields := strings.Split(text, ":")
		first, second, _ := strings.Cut(strings.TrimSpace(fields[0]), "-")
		card, errCard := strconv.ParseUint(first, 10, 8)
		device, errDevice := strconv.ParseUint(second, 10, 8)
		if errCard != nil || errDevice != nil || !records(fields) || len(mics) >= maxMicrophones {
			continue
		}
		m := Microphone{Card: int(card), Device: int(device), CardID: ids[int(card)], Name: names[int(card)]}
		if len(fields) > 2 && line(fields[2]) != "" {
			m.Name = strings.TrimPrefix(m.Name+": "+line(fields[2]), ": ")
		}
		node := fmt.Sprintf("dev/snd/pcmC%dD%dc", card, device)
		m.Node = "/" + node
		m.Problem = r.nodeProblem(node, Read, groupRule("audio"))
		mics = append(mics, m)
	}
	return mics
}

func records(fields []string) bool {
	for _, f := range fields[1:] {
		if strings.HasPrefix(strings.TrimSpace(f), "capture ") {
			return true
		}
	}
	return false
}

// soundCards reads /proc/asound/cards, of two lines for each card, the first like
// " 0 [PCH            ]: HDA-Intel - HDA Intel PCH".
func (r *reader) soundCards() (ids, names map[int]string) {
	ids, names = map[int]string{}, map[int]string{}
	data, _ := r.file("proc/asound/cards")
	for text := range strings.Lines(data) {
		number, rest, ok := strings.Cut(text, "[")
		card, err := strconv.ParseUint(strings.TrimSpace(number), 10, 8)
		id, rest, closed := strings.Cut(rest, "]")
		if !ok || !closed || err != nil {
			continue
		}
		_, name, _ := strings.Cut(rest, " - ")
		ids[int(card)], names[int(card)] = line(id), line(name)
	}
	return ids, names
}
