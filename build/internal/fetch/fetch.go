package fetch

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"atoll/build/internal/command"
	"atoll/build/internal/pins"
)

// Fetcher gets pinned files.
type Fetcher struct {
	Store Store
	Run   command.Runner
	Apt   *Apt
}

// New returns a Fetcher that keeps its downloads and its private apt state under a cache folder.
func New(cache string, run command.Runner, set pins.Set) *Fetcher {
	return &Fetcher{
		Store: Store{Dir: filepath.Join(cache, "downloads")},
		Run:   run,
		Apt:   &Apt{Dir: filepath.Join(cache, "apt"), Suites: set.Suites(), Run: run},
	}
}

// Get returns the path of the pinned file, from the store or else from its registry.
func (f *Fetcher) Get(ctx context.Context, p pins.Pin) (string, error) {
	if p.Kind == pins.Module {
		return f.module(ctx, p)
	}
	if err := os.MkdirAll(f.Store.Dir, 0o750); err != nil {
		return "", err
	}
	if ok, err := f.Store.Has(p); ok || err != nil {
		return f.Store.Path(p), err
	}
	dir, err := os.MkdirTemp(f.Store.Dir, ".new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	switch p.Kind {
	case pins.Source, pins.Deb:
		err = f.Apt.Download(ctx, p, filepath.Join(dir, p.File))
	case pins.NPM:
		err = f.npm(ctx, p, dir)
	default:
		err = fmt.Errorf("%s: files of kind %q are not fetched", p, p.Kind)
	}
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", p, err)
	}
	return f.Store.Path(p), f.Store.Add(p, filepath.Join(dir, p.File))
}

// npm has the npm client write a package's tarball into dir; the registry is npm's own configuration.
func (f *Fetcher) npm(ctx context.Context, p pins.Pin, dir string) error {
	return f.Run.Run(ctx, command.Cmd{Argv: []string{"npm", "pack", "--silent", "--pack-destination", dir, p.Name + "@" + p.Version}})
}

// module has the go command fetch a module and returns the zip in its cache, which go.sum and the pin both vouch for.
func (f *Fetcher) module(ctx context.Context, p pins.Pin) (string, error) {
	out, err := command.Output(ctx, f.Run, "go", "mod", "download", "-json", p.Name+"@"+p.Version)
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", p, err)
	}
	var info struct{ Zip, Error string }
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&info); err != nil {
		return "", fmt.Errorf("fetch %s: go mod download: %w", p, err)
	}
	if info.Error != "" {
		return "", fmt.Errorf("fetch %s: %s", p, info.Error)
	}
	return info.Zip, Verify(info.Zip, p)
}
