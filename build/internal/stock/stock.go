// Package stock holds models against stock TensorFlow Lite with the checker of build/stock, a process for each: what TensorFlow
// Lite does with a bad file ends no more than that.
package stock

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"atoll/build/internal/command"
)

// Result is of one model.
type Result struct {
	Outputs    int     `json:"outputs"`
	Difference float64 `json:"difference"`      // largest with XNNPACK from without, as a share of the output's range
	Error      string  `json:"error,omitempty"` // why it is no sound model; then there are no figures
}

// timeLimit is for one model, of which both ways take seconds at most.
const timeLimit = 2 * time.Minute

// Check returns what the checker, a program's path, finds of a model. An error is of the check itself.
func Check(ctx context.Context, run command.Runner, checker, model string) (Result, error) {
	limited, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	var out bytes.Buffer
	err := run.Run(limited, command.Cmd{Argv: []string{checker, model}, Stdout: &out})
	var failed *command.Error
	switch {
	case ctx.Err() != nil:
		return Result{}, context.Cause(ctx)
	case limited.Err() != nil:
		return Result{Error: fmt.Sprintf("not done after %v", timeLimit)}, nil
	case errors.As(err, &failed) && failed.Exit() == refused:
		return Result{Error: cmp.Or(failed.Output, "refused without a reason")}, nil
	case errors.As(err, &failed) && failed.Died():
		return Result{Error: fmt.Sprintf("stock TensorFlow Lite died of it: %v\n%s", failed.Err, failed.Output)}, nil
	case err != nil:
		return Result{}, err
	}
	return parse(out.String())
}

// refused is the checker's exit status for a model that is not sound.
const refused = 1

func parse(text string) (r Result, err error) {
	if n, err := fmt.Sscanf(text, "%d %g\n", &r.Outputs, &r.Difference); n != 2 || err != nil || r.Outputs < 1 || !(r.Difference >= 0) || math.IsInf(r.Difference, 0) {
		return Result{}, fmt.Errorf("stock checker: cannot read its answer %.100q", text)
	}
	return r, nil
}
