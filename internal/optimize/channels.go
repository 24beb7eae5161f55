package optimize

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"atoll/model"
	"atoll/model/graph"
	"atoll/sparsity/channels"
	"atoll/sparsity/observe"
	"atoll/sparsity/prune"
)

// PatternChannels removes whole channels where other patterns have zeros.
const PatternChannels = "channels"

// fewest is how many units of a group stay in any case: half of them, if there are fewer
// than twice that many.
const fewest = 4

// removal is a unit of channels that may go.
type removal struct {
	unit  channels.Unit
	group int
	harm  float64 // the model's loss without it and nothing else
	saved int64   // multiplications
}

// narrow removes channels of the prepared model. The layers that are left then learn to
// give what they gave.
func (j *job) narrow() error {
	gone, all, err := j.chooseChannels()
	if err != nil {
		return err
	}
	m, err := j.prepared.Clone()
	if err != nil {
		return err
	}
	if err := channels.Remove(m, gone); err != nil {
		return err
	}
	if len(gone) > 0 {
		if err := j.fit(m, kept(j.prepared, gone)); err != nil {
			return err
		}
	}
	j.pruned = m
	before, after := model.Inspect(j.prepared, 0).MACs, model.Inspect(m, 0).MACs
	j.note("%d of %d channels are removed that could be; %.0f %% of %d multiplications are left.", len(gone), all, 100*float64(after)/float64(max(before, 1)), before)
	return nil
}

// chooseChannels returns the units with the least harm for each multiplication that they
// save, the share of all that may go that was asked for.
func (j *job) chooseChannels() (gone []channels.Unit, all int, err error) {
	groups, err := channels.Groups(j.prepared)
	if err != nil {
		return nil, 0, err
	}
	list, left, held := removals(groups)
	if len(list) == 0 {
		return nil, 0, fmt.Errorf("no channel can be removed: %s", cmp.Or(held, "no picture is computed"))
	}
	if err := j.tryRemovals(list); err != nil {
		return nil, 0, err
	}
	slices.SortStableFunc(list, func(a, b removal) int {
		return cmp.Compare(a.harm/float64(a.saved), b.harm/float64(b.saved))
	})
	want := int(math.Round(j.o.Sparsity * float64(len(list))))
	stays := make([]int, len(left))
	for g, n := range left {
		stays[g] = min(fewest, (n+1)/2)
	}
	for _, r := range list {
		if len(gone) < want && r.saved > 0 && left[r.group] > stays[r.group] {
			left[r.group]--
			gone = append(gone, r.unit)
		}
	}
	return gone, len(list), nil
}

// removals lists the units that may go, how many each group has, and why one of the
// others may not.
func removals(groups []channels.Group) (list []removal, left []int, held string) {
	left = make([]int, len(groups))
	for i, g := range groups {
		if g.Fixed != "" {
			held = g.Fixed
			continue
		}
		left[i] = len(g.Units)
		if left[i] < 2 {
			continue
		}
		for _, u := range g.Units {
			list = append(list, removal{unit: u, group: i})
		}
	}
	return list, left, held
}

// tryRemovals measures the model without each of the units, on all workers.
func (j *job) tryRemovals(list []removal) error {
	before := model.Inspect(j.prepared, 0).MACs
	for from := 0; from < len(list); from += len(j.workers) {
		j.o.Report(Progress{"measuring channels", from, len(list)})
		part := list[from:min(from+len(j.workers), len(list))]
		errs := make([]error, len(part))
		var wait sync.WaitGroup
		for i := range part {
			wait.Go(func() { errs[i] = j.try(&part[i], before) })
		}
		wait.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	j.o.Report(Progress{"measuring channels", len(list), len(list)})
	return nil
}

func (j *job) try(r *removal, before int64) error {
	m, err := j.prepared.Clone()
	if err != nil {
		return err
	}
	if err := channels.Remove(m, []channels.Unit{r.unit}); err != nil {
		return err
	}
	r.saved = before - model.Inspect(m, 0).MACs
	r.harm, err = j.cost(m)
	return err
}

// kept lists the channels that are left of each tensor that loses some, by its name.
func kept(m *model.Model, gone []channels.Unit) map[string][]int {
	lost := make(map[channels.Channel]bool)
	for _, u := range gone {
		for _, c := range u.Channels {
			lost[c] = true
		}
	}
	list := make(map[string][]int)
	for t, x := range m.Subgraphs[0].Tensors {
		if len(x.Shape) != 4 || list[x.Name] != nil {
			continue
		}
		var left []int
		for c := range x.Shape[3] {
			if !lost[channels.Channel{Tensor: int32(t), Index: c}] {
				left = append(left, int(c))
			}
		}
		if len(left) < int(x.Shape[3]) {
			list[x.Name] = left
		}
	}
	return list
}

// fit gives the layers of a model without some channels the weights with which they come
// nearest to what they gave with all. A layer that nears that and takes the model's answers
// farther away stays as it was.
func (j *job) fit(m *model.Model, kept map[string][]int) error {
	layers, err := observe.Layers(m)
	if err != nil {
		return err
	}
	matter, err := j.measure()
	if err != nil {
		return err
	}
	least, err := j.cost(m)
	if err != nil {
		return err
	}
	chain := &prune.Chain{Worker: j.worker, Dense: j.prepared, Model: m, Samples: j.samples, Importance: matter, Kept: kept}
	for i := range layers {
		j.o.Report(Progress{"fitting layers", i, len(layers)})
		f, err := chain.Fit(j.ctx, &layers[i])
		if err != nil {
			return err
		}
		if least, err = j.setIfBetter(chain, &layers[i], f, least); err != nil {
			return err
		}
	}
	j.o.Report(Progress{"fitting layers", len(layers), len(layers)})
	graph.Clean(m)
	return nil
}

// setIfBetter sets a layer if the loss is then below the least so far, and returns the
// least.
func (j *job) setIfBetter(c *prune.Chain, l *observe.Layer, f *prune.Fit, least float64) (float64, error) {
	trial := *c
	var err error
	if trial.Model, err = c.Model.Clone(); err != nil {
		return 0, err
	}
	if err := trial.Set(l, f); err != nil {
		return 0, err
	}
	loss, err := j.cost(trial.Model)
	if err != nil || loss >= least {
		return least, err
	}
	return loss, c.Set(l, f)
}
