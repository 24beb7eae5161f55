package publish

import (
	"fmt"
	"path/filepath"

	"atoll/internal/durable"
	"atoll/trace"
)

// Save writes a run's last snapshot into the state folder, so that either the old or
// the new one is there whatever happens.
func Save(state string, s trace.Snapshot) error {
	b, err := encode(answer{Snapshot: s})
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(state, lastName), b)
}

// Last reads the snapshot that the last run in the state folder has saved at its end.
// Where there is none the error is os.ErrNotExist.
func Last(state string) (trace.Snapshot, error) {
	name := filepath.Join(state, lastName)
	b, err := durable.Read(name, maxDocument)
	if err != nil {
		return trace.Snapshot{}, err
	}
	s, err := decode(b)
	if err != nil {
		return trace.Snapshot{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}
