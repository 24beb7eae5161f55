package fetch

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"atoll/build/internal/command"
	"atoll/build/internal/pins"
)

// Apt fetches from Debian's archive with a state of its own (sources list, index, caches), so that nothing of the host's apt
// changes and no right is needed. The mirror is the host's; apt checks the signatures of the index.
type Apt struct {
	Dir    string
	Suites []string
	Run    command.Runner

	mirror string // set once the index is there
}

const (
	aptHelper = "/usr/lib/apt/apt-helper"
	keyring   = "/usr/share/keyrings/debian-archive-keyring.gpg"
)

// Download writes a pinned file to dest. When the index no longer lists it, the error says which version it lists instead.
func (a *Apt) Download(ctx context.Context, p pins.Pin, dest string) error {
	if err := a.refresh(ctx); err != nil {
		return err
	}
	argv := []string{"apt-cache", a.conf()}
	switch {
	case p.Kind == pins.Source:
		argv = append(argv, "showsrc", "--only-source", p.Name)
	case p.Arch == "all":
		argv = append(argv, "show", "--all-versions", p.Name)
	default:
		argv = append(argv, "show", "--all-versions", p.Name+":"+p.Arch)
	}
	index, err := command.Output(ctx, a.Run, argv...)
	if err != nil {
		return err
	}
	path, err := locate(strings.NewReader(index), p)
	if err != nil {
		return err
	}
	return a.Run.Run(ctx, command.Cmd{Argv: []string{aptHelper, a.conf(), "download-file", strings.TrimRight(a.mirror, "/") + "/" + path, dest, "SHA256:" + p.SHA256}})
}

func (a *Apt) conf() string { return "--config-file=" + filepath.Join(a.Dir, "apt.conf") }

// refresh writes the private configuration and updates the index, once per process.
func (a *Apt) refresh(ctx context.Context) error {
	if a.mirror != "" {
		return nil
	}
	targets, err := command.Output(ctx, a.Run, "apt-get", "indextargets", "--format", targetFormat, "Created-By: Packages")
	if err != nil {
		return err
	}
	osRelease, _ := os.ReadFile("/etc/os-release") // without it only labelled mirrors count
	mirror, err := chooseMirror(targets, codename(string(osRelease)))
	if err != nil {
		return err
	}
	if err := a.configure(mirror); err != nil {
		return fmt.Errorf("private apt state: %w", err)
	}
	if err := a.Run.Run(ctx, command.Cmd{Argv: []string{"apt-get", a.conf(), "update", "-q"}, Line: func(string) {}}); err != nil {
		return err
	}
	a.mirror = mirror
	return nil
}

func (a *Apt) configure(mirror string) error {
	for _, dir := range []string{"state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.Dir, dir), 0o750); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(a.Dir, "sources.list"), []byte(sourcesList(mirror, a.Suites, fileExists(keyring))), 0o640); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(a.Dir, "apt.conf"), []byte(aptConf(a.Dir)), 0o640)
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// aptConf is read after the host's own configuration. It leaves out what the build has no use for, the host's hooks among it.
func aptConf(dir string) string {
	q := strconv.Quote
	return `Dir::State ` + q(filepath.Join(dir, "state")) + `;
Dir::Cache ` + q(filepath.Join(dir, "cache")) + `;
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Etc::sourcelist ` + q(filepath.Join(dir, "sources.list")) + `;
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::DEP-11-icons-small;
#clear Acquire::IndexTargets::deb::DEP-11-icons;
#clear Acquire::IndexTargets::deb::DEP-11-icons-hidpi;
Acquire::Languages "none";
Acquire::Retries "3";
APT::Architectures {"amd64"; "arm64";};
APT::Sandbox::User "";
`
}

func sourcesList(mirror string, suites []string, signed bool) string {
	options := "[arch=amd64,arm64]"
	if signed {
		options = "[arch=amd64,arm64 signed-by=" + keyring + "]"
	}
	var b strings.Builder
	for _, suite := range suites {
		if suite != "sid" { // only sources come from there, and its index of packages is large
			fmt.Fprintf(&b, "deb %s %s %s main\n", options, mirror, suite)
		}
		fmt.Fprintf(&b, "deb-src %s %s %s main\n", options, mirror, suite)
	}
	return b.String()
}

// locate finds a pinned file in an index and returns its path below the mirror.
func locate(index io.Reader, p pins.Pin) (string, error) {
	stanzas, err := parseStanzas(index)
	if err != nil {
		return "", fmt.Errorf("index entry of %s: %w", p.Name, err)
	}
	var there []string
	for _, s := range stanzas {
		there = append(there, s["Version"])
		if p.Kind == pins.Deb && filepath.Base(s["Filename"]) == p.File && s["SHA256"] == p.SHA256 {
			return s["Filename"], nil
		}
		for line := range strings.Lines(s["Checksums-Sha256"]) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == p.SHA256 && f[2] == p.File {
				return s["Directory"] + "/" + p.File, nil
			}
		}
	}
	if len(there) == 0 {
		there = []string{"no version at all"}
	}
	return "", fmt.Errorf("%s of %s is gone from the index of %s, which now has %s: pin that instead", p.File, p, p.Suite, strings.Join(there, ", "))
}
