// Package notices writes down what a binary is made of: names, versions, licences, copyright holders, licence texts.
package notices

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
)

// Kind says how a component gets into the binary.
type Kind string

// The kinds of components, in the order in which they are listed.
const (
	CXX     Kind = "c++"     // compiled from pinned C or C++ sources
	Go      Kind = "go"      // Go module
	Runtime Kind = "runtime" // library of the toolchain
	Model   Kind = "model"   // embedded data
)

var order = []Kind{CXX, Go, Runtime, Model}

// Component is one part of the binary that others wrote.
type Component struct {
	Name, Version string
	Licence       string // SPDX expression
	Kind          Kind
	Holder        string // copyright line
	Text          string // licence text; empty if it need not go with a binary
}

// holder matches a line that names who has the copyright, and not one that talks about copyright.
var holder = regexp.MustCompile(`(?m)^[ */#]*(Copyright ?(?:\([Cc]\) ?)?[0-9A-Z].*?)\s*$`)

// Holder finds the first copyright line of a licence text, and returns "" if it names nobody.
func Holder(text string) string {
	if m := holder.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// Sort orders components by kind, then by name.
func Sort(all []Component) {
	slices.SortStableFunc(all, func(a, b Component) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)), cmp.Compare(a.Name, b.Name))
	})
}

// Table lists components in tab-separated columns: name, version, licence, kind.
func Table(all []Component) []byte {
	var b strings.Builder
	for _, c := range all {
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", c.Name, c.Version, c.Licence, c.Kind)
	}
	return []byte(b.String())
}

const heading = `Third-party parts of atoll

This file is written by "make licences"; do not edit it. It lists all that others wrote and that is linked into the binary or
embedded in it. The last column is the number of the licence text below; equal texts stand there once.
$GO, $GLIBC and $GCC stand for the versions on the machine that builds; "atoll version" prints them.

`

// File is the whole text of THIRD_PARTY.
func File(all []Component) []byte {
	var b strings.Builder
	b.WriteString(heading)
	var texts []string
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tVERSION\tLICENCE\tKIND\tCOPYRIGHT\tTEXT")
	for _, c := range all {
		where := "none needed"
		if c.Text != "" {
			text := clean(c.Text)
			n := slices.Index(texts, text)
			if n < 0 {
				n = len(texts)
				texts = append(texts, text)
			}
			where = fmt.Sprintf("[%d]", n+1)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Name, c.Version, c.Licence, c.Kind, c.Holder, where)
	}
	w.Flush()
	for i, text := range texts {
		fmt.Fprintf(&b, "\n%s\n[%d]\n\n%s\n", strings.Repeat("=", 80), i+1, text)
	}
	return []byte(b.String())
}

// clean drops what differs between copies of one text: line ends, blanks at the ends of lines, empty lines around.
func clean(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t\r\f")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}
