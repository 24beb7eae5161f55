package figures

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"atoll/model"
)

// buildProgram is the build program's path: it has the emulated board, and stock
// TensorFlow Lite without our code.
func buildProgram() (string, error) {
	path := os.Getenv("ATOLL_BUILD")
	if path == "" {
		return "", errors.New("ATOLL_BUILD is not set: run this through make bench-models or sh build/bootstrap.sh exec")
	}
	return path, nil
}

// Instructions is how many millions of arm64 instructions an inference of each model
// file takes: emulated, one thread with XNNPACK. They are no cycles.
func Instructions(files ...string) ([]float64, error) {
	var rows []struct {
		Millions float64 `json:"millions"`
		Error    string  `json:"error"`
	}
	if err := askBuild(&rows, "instructions", files); err != nil {
		return nil, err
	}
	if len(rows) != len(files) {
		return nil, fmt.Errorf("instructions of %d models were told, of %d asked", len(rows), len(files))
	}
	var millions []float64
	for i, r := range rows {
		if r.Error != "" {
			return nil, fmt.Errorf("%s: %s", files[i], r.Error)
		}
		millions = append(millions, r.Millions)
	}
	return millions, nil
}

// Stock is what stock TensorFlow Lite says of a model file.
type Stock struct {
	File       string  `json:"model"`
	Difference float64 `json:"difference"` // largest with XNNPACK from without, as a share of the output's range
	Error      string  `json:"error"`      // empty if it is sound
}

// CheckStock holds model files against stock TensorFlow Lite, without our code:
// flatbuffers verified, loaded, run with the builtin kernels and with XNNPACK.
func CheckStock(files ...string) (list []Stock, err error) {
	if err := askBuild(&list, "stock", files); err != nil {
		return nil, err
	}
	if len(list) != len(files) {
		return nil, fmt.Errorf("%d models were checked, of %d asked", len(list), len(files))
	}
	return list, nil
}

// askBuild has the build program measure files, and reads its answer. It exits with 1
// when one of them is bad, which the answer tells as well.
func askBuild(answer any, command string, files []string) error {
	build, err := buildProgram()
	if err != nil {
		return err
	}
	cmd := exec.Command(build, append([]string{command, "--json"}, files...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !(ok && exit.ExitCode() == 1 && len(out) > 0) {
		return fmt.Errorf("%s %s: %w: %s", build, command, err, bytes.TrimSpace(said.Bytes()))
	}
	if err := json.Unmarshal(out, answer); err != nil {
		return fmt.Errorf("%s %s: its answer: %w", build, command, err)
	}
	return nil
}

// RoundTrip returns an error if a model file that was written here is not the same,
// byte for byte, once it is read and written again.
func RoundTrip(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	m, err := model.Read(data)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	// A model that is as it was read is written as the bytes that were read: only a
	// change, here and back, makes it be written anew.
	description := m.Description
	m.Description += "."
	changed, err := m.Write()
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if m, err = model.Read(changed); err != nil {
		return fmt.Errorf("%s, written again: %w", file, err)
	}
	m.Description = description
	again, err := m.Write()
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if !bytes.Equal(again, data) {
		return fmt.Errorf("%s: %d bytes, and %d others when read and written again", file, len(data), len(again))
	}
	return nil
}
