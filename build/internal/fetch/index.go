package fetch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// targetFormat makes apt print one configured index a line.
const targetFormat = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(LABEL)"

// chooseMirror picks the mirror of Debian's main archive among the host's indexes in targetFormat. Security and third-party
// mirrors may come first, and none has a label before the host's first update; then the host's release tells.
func chooseMirror(targets, codename string) (string, error) {
	var unlabelled string
	for line := range strings.Lines(targets) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 4 || f[2] != "main" || strings.ContainsAny(f[1], "-/") {
			continue
		}
		if f[3] == "Debian" {
			return f[0], nil
		}
		known := f[1] == codename || f[1] == "stable" || f[1] == "oldstable" || f[1] == "testing"
		if f[3] == "" && known && unlabelled == "" {
			unlabelled = f[0]
		}
	}
	if unlabelled == "" {
		return "", errors.New("apt's configuration names no mirror of Debian's main archive: add one to /etc/apt/sources.list.d")
	}
	return unlabelled, nil
}

// codename reads VERSION_CODENAME from the text of /etc/os-release.
func codename(osRelease string) string {
	for line := range strings.Lines(osRelease) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}

// maxIndexLine bounds a line of an index; real ones stay under 100 kB.
const maxIndexLine = 1 << 20

// parseStanzas reads Debian's control format (Debian Policy, chapter 5): fields "Name: value", lines that begin with a
// blank continue the value, an empty line ends a stanza.
func parseStanzas(r io.Reader) ([]map[string]string, error) {
	var all []map[string]string
	var stanza map[string]string
	var field string
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxIndexLine)
	for n := 1; in.Scan(); n++ {
		line := in.Text()
		switch name, value, ok := strings.Cut(line, ":"); {
		case strings.TrimSpace(line) == "":
			stanza, field = nil, ""
		case line[0] == ' ' || line[0] == '\t':
			if field == "" {
				return nil, fmt.Errorf("line %d continues no field", n)
			}
			stanza[field] += "\n" + strings.TrimSpace(line)
		case !ok:
			return nil, fmt.Errorf("line %d is no field", n)
		default:
			if stanza == nil {
				stanza = map[string]string{}
				all = append(all, stanza)
			}
			field = name
			stanza[field] = strings.TrimSpace(value)
		}
	}
	return all, in.Err()
}
