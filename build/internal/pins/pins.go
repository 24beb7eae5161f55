// Package pins holds the list of everything that the build downloads: name, version, size and SHA256 of each file.
package pins

import (
	"bufio"
	_ "embed" // the committed list
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

//go:embed pins.txt
var committed string

// Kind says how a file is fetched.
type Kind string

// The kinds of pins.
const (
	Source  Kind = "source"  // upstream tarball of a Debian source package
	Deb     Kind = "deb"     // Debian binary package
	NPM     Kind = "npm"     // npm package
	Module  Kind = "module"  // Go module, as the zip of the module cache
	Golang  Kind = "golang"  // Debian binary package that only bootstrap.sh fetches
	Content Kind = "content" // a file inside the package of the same name
)

var kinds = []Kind{Source, Deb, NPM, Module, Golang, Content}

// Pin is one file, exactly. Suite and Arch are empty where they mean nothing.
type Pin struct {
	Kind    Kind
	Name    string
	Version string
	Suite   string `json:"-"` // Debian suite whose index lists the file, no part of what it is
	Arch    string // Debian architecture
	File    string
	Bytes   int64
	SHA256  string // lower-case hex
}

// String returns "name version".
func (p Pin) String() string { return p.Name + " " + p.Version }

// Set is a list of pins in the order of the file.
type Set []Pin

// Committed returns the pins of this checkout.
func Committed() (Set, error) { return Parse(strings.NewReader(committed)) }

// Parse reads pins, one a line, in eight columns; lines that are empty or begin with # are left out.
func Parse(r io.Reader) (Set, error) {
	var set Set
	in := bufio.NewScanner(r)
	for n := 1; in.Scan(); n++ {
		line := strings.TrimSpace(in.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		p, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("pins line %d: %w", n, err)
		}
		if slices.ContainsFunc(set, func(q Pin) bool { return q.Kind == p.Kind && q.Name == p.Name && q.File == p.File }) {
			return nil, fmt.Errorf("pins line %d: %s %s is listed twice", n, p.Name, p.File)
		}
		set = append(set, p)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("pins: %w", err)
	}
	return set, set.check()
}

func parseLine(line string) (Pin, error) {
	f := strings.Fields(line)
	if len(f) != 8 {
		return Pin{}, fmt.Errorf("has %d columns; want kind name version suite arch file bytes sha256", len(f))
	}
	p := Pin{Kind: Kind(f[0]), Name: f[1], Version: f[2], Suite: dash(f[3]), Arch: dash(f[4]), File: f[5], SHA256: f[7]}
	if !slices.Contains(kinds, p.Kind) {
		return Pin{}, fmt.Errorf("unknown kind %q", f[0])
	}
	var err error
	if p.Bytes, err = strconv.ParseInt(f[6], 10, 64); err != nil || p.Bytes <= 0 {
		return Pin{}, fmt.Errorf("size %q is not a positive number", f[6])
	}
	if sum, err := hex.DecodeString(p.SHA256); err != nil || len(sum) != 32 || p.SHA256 != strings.ToLower(p.SHA256) {
		return Pin{}, fmt.Errorf("%q is no SHA256 in lower-case hex", p.SHA256)
	}
	if debian := p.Kind == Source || p.Kind == Deb || p.Kind == Golang; debian != (p.Suite != "") {
		return Pin{}, fmt.Errorf("%s: only Debian's files have a suite, and each must", p)
	}
	return p, nil
}

func dash(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// check makes sure that every content has its package.
func (s Set) check() error {
	for _, p := range s {
		if p.Kind == Content && !slices.ContainsFunc(s, func(q Pin) bool { return q.Kind != Content && q.Name == p.Name && q.Version == p.Version }) {
			return fmt.Errorf("pins: %s in %s: no such package is pinned", p.File, p)
		}
	}
	return nil
}

// Find returns the pin of a package. Where the package has one file per architecture, arch chooses; otherwise it means nothing.
func (s Set) Find(kind Kind, name, arch string) (Pin, error) {
	for _, p := range s {
		if p.Kind == kind && p.Name == name && (p.Arch == "" || p.Arch == "all" || p.Arch == arch) {
			return p, nil
		}
	}
	return Pin{}, fmt.Errorf("pins: no %s %s for %s", kind, name, arch)
}

// Content returns the pin of a file inside a package.
func (s Set) Content(name, file string) (Pin, error) {
	for _, p := range s {
		if p.Kind == Content && p.Name == name && p.File == file {
			return p, nil
		}
	}
	return Pin{}, fmt.Errorf("pins: no content %s in %s", file, name)
}

// Suites returns the Debian suites of all pins but bootstrap.sh's, sorted.
func (s Set) Suites() []string {
	var suites []string
	for _, p := range s {
		if p.Suite != "" && p.Kind != Golang && !slices.Contains(suites, p.Suite) {
			suites = append(suites, p.Suite)
		}
	}
	slices.Sort(suites)
	return suites
}
