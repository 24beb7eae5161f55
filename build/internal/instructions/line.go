package instructions

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// ModelDir is the guest's folder of models.
const ModelDir = "/models"

// ModelPath is where the guest finds model i.
func ModelPath(i int) string { return fmt.Sprintf("%s/%06d.tflite", ModelDir, i) }

// Result is of one model.
type Result struct {
	Millions float64 `json:"millions"`        // of instructions an inference takes, the mean of the middle half of Runs
	Runs     int     `json:"runs"`            // timed
	Error    string  `json:"error,omitempty"` // why it can't be run; then there is no figure
}

// mark begins the guest's lines among those of its kernel.
const mark = "atoll-instructions: "

// Line is how the guest tells a result.
func Line(r Result) (string, error) {
	text, err := json.Marshal(r)
	return mark + string(text), err
}

// ParseLine reads a line of the guest's console. Its kernel's are not ours.
func ParseLine(line string) (r Result, ours bool, err error) {
	_, text, ours := strings.Cut(line, mark) // the kernel may have begun the line
	if !ours {
		return r, false, nil
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return Result{}, true, fmt.Errorf("emulated board: garbled line %.200q: %w", line, err)
	}
	if r.Error == "" && !(r.Millions > 0 && r.Runs > 0) || math.IsInf(r.Millions, 0) {
		return Result{}, true, fmt.Errorf("emulated board: line %.200q has no figure", line)
	}
	return r, true, nil
}
