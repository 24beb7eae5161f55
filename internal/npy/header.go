package npy

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// header is what the dictionary at the front of a file says.
type header struct {
	descr   string
	fortran bool
	shape   []int
}

// parser reads the few forms of a Python literal that NumPy writes there.
type parser struct{ rest []byte }

// parseHeader reads a dictionary of exactly the keys descr, fortran_order and shape.
func parseHeader(text []byte) (h header, err error) {
	p := parser{text}
	if !p.take("{") {
		return h, p.wants("{")
	}
	seen := map[string]bool{}
	for !p.take("}") {
		key, err := p.text()
		if err != nil {
			return h, err
		}
		if seen[key] {
			return h, fmt.Errorf("key %q stands there twice", key)
		}
		seen[key] = true
		if !p.take(":") {
			return h, p.wants(":")
		}
		if err := p.value(key, &h); err != nil {
			return h, err
		}
		if !p.take(",") && !bytes.HasPrefix(p.rest, []byte("}")) {
			return h, p.wants(", or }")
		}
	}
	if p.skip(); len(p.rest) > 0 {
		return h, p.wants("the end")
	}
	if len(seen) != 3 {
		return h, errors.New("keys are missing: want descr, fortran_order and shape")
	}
	return h, nil
}

func (p *parser) value(key string, h *header) (err error) {
	switch key {
	case "descr":
		if p.skip(); bytes.HasPrefix(p.rest, []byte("[")) {
			return errors.New("structured type: want plain numbers of float32 or float64")
		}
		h.descr, err = p.text()
	case "fortran_order":
		h.fortran = p.take("True")
		if !h.fortran && !p.take("False") {
			err = p.wants("True or False")
		}
	case "shape":
		h.shape, err = p.shape()
	default:
		err = fmt.Errorf("unknown key %q", key)
	}
	return err
}

func (p *parser) shape() (shape []int, err error) {
	if !p.take("(") {
		return nil, p.wants("(")
	}
	for !p.take(")") {
		n := 0
		for n < len(p.rest) && p.rest[n] >= '0' && p.rest[n] <= '9' {
			n++
		}
		d, err := strconv.ParseUint(string(p.rest[:n]), 10, 62)
		if err != nil {
			return nil, p.wants("a length in the shape")
		}
		if len(shape) == maxRank {
			return nil, fmt.Errorf("shape of more than %d dimensions", maxRank)
		}
		shape = append(shape, int(d))
		p.rest = p.rest[n:]
		p.take("L") // Python 2
		if !p.take(",") && !bytes.HasPrefix(p.rest, []byte(")")) {
			return nil, p.wants(", or )")
		}
		p.skip()
	}
	return shape, nil
}

// text reads a quoted word without escapes.
func (p *parser) text() (string, error) {
	for _, quote := range []string{"'", `"`} {
		if p.take(quote) {
			word, after, ok := bytes.Cut(p.rest, []byte(quote))
			if !ok || bytes.ContainsAny(word, "\\\n") {
				return "", p.wants("a word in quotes")
			}
			p.rest = after
			return string(word), nil
		}
	}
	return "", p.wants("a word in quotes")
}

// take reads a token, if it is next, and the space before it.
func (p *parser) take(token string) bool {
	p.skip()
	after, ok := bytes.CutPrefix(p.rest, []byte(token))
	if ok {
		p.rest = after
		p.skip()
	}
	return ok
}

func (p *parser) skip() { p.rest = bytes.TrimLeft(p.rest, " \t\n\r") }

func (p *parser) wants(what string) error {
	const most = 20
	return fmt.Errorf("%q: want %s", p.rest[:min(most, len(p.rest))], what)
}
