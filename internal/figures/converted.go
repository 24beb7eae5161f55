package figures

import (
	"context"
	"errors"
	"fmt"
	"os"

	"atoll/engine"
	"atoll/internal/optimize"
	"atoll/internal/task"
)

// Converted is a model that was made smaller or faster, as a user would have it done.
type Converted struct {
	Name string // how
	File string
	Card optimize.Card
}

// Drop is how much accuracy was lost, on data that nothing was tuned to.
func (c *Converted) Drop() float64 { return *c.Card.Before.Accuracy - *c.Card.After.Accuracy }

// Convert does what atoll optimize --in in --out out does. A model that loses more
// accuracy than it may is written all the same: its figures are to be seen.
func Convert(ctx context.Context, in, out string, o optimize.Options) (*Converted, error) {
	data, err := os.ReadFile(in)
	if err != nil {
		return nil, err
	}
	r, err := optimize.Run(ctx, engine.Options{}, data, o)
	if _, ok := errors.AsType[*optimize.DropError](err); err != nil && !ok {
		return nil, fmt.Errorf("%s: %w", in, err)
	}
	return &Converted{File: out, Card: r.Card}, os.WriteFile(out, r.Model, 0o640)
}

// Faces is how a face model does beside another that it stands for.
type Faces struct {
	Found  float64 // share of the other's faces that it finds too, boxes overlapping by half
	Alone  int     // faces that only it finds
	Of     int     // faces that the other finds
	Before float64 // accuracy of the other, face or none on the crops that are held out
	After  float64 // its own
}

// CompareFaces holds a face model against the one it stands for.
func CompareFaces(dense, other string) (f Faces, err error) {
	w, err := engine.Start(engine.Options{})
	if err != nil {
		return f, err
	}
	defer w.Close()
	var pair [2]*engine.Model
	for i, file := range []string{dense, other} {
		data, err := os.ReadFile(file)
		if err != nil {
			return f, err
		}
		if pair[i], err = w.Load(file, data); err != nil {
			return f, err
		}
	}
	t, err := task.Open(task.Vision, pair[0])
	if err != nil {
		return f, err
	}
	a, err := t.Agreement(pair[0], pair[1])
	if err != nil {
		return f, err
	}
	f.Of, f.Alone = a.Both+a.First, a.Second
	f.Found = float64(a.Both) / float64(f.Of)
	for i, accuracy := range []*float64{&f.Before, &f.After} {
		s, err := t.Judge(pair[i])
		if err != nil {
			return f, err
		}
		*accuracy = s.Accuracy
	}
	return f, nil
}
