package config

import (
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// lineOf is the line of document on which key stands, a dotted path; that of the
// first table on the way to it if it does not stand there itself; else 0.
func lineOf(document []byte, key string) int {
	path := strings.Split(key, ".")
	var p unstable.Parser
	p.Reset(document)
	var table []string
	best, line := 0, 0
	for p.NextExpression() {
		node := p.Expression()
		if node.Kind == unstable.Comment {
			continue
		}
		var name []string
		var where unstable.Range
		for it := node.Key(); it.Next(); {
			if name == nil {
				where = it.Node().Raw
			}
			name = append(name, string(it.Node().Data))
		}
		if node.Kind == unstable.KeyValue {
			name = append(slices.Clone(table), name...)
		} else {
			table = name
		}
		if n := len(name); n > best && n <= len(path) && slices.Equal(name, path[:n]) {
			best, line = n, p.Shape(where).Start.Line
		}
	}
	return line
}
