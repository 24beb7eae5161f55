package notices

import (
	"slices"
	"strings"
	"testing"
)

func TestHolder(t *testing.T) {
	for text, want := range map[string]string{
		"MIT License\n\nCopyright (c) 2019 Some One\n":                   "Copyright (c) 2019 Some One",
		"Copyright 2009 The Go Authors.\n":                               "Copyright 2009 The Go Authors.",
		"// Copyright (c) 2014 Google, Inc.\n//\n":                       "Copyright (c) 2014 Google, Inc.",
		"*** Copyright (C) 2012-2020 Intel Corporation.\n":               "Copyright (C) 2012-2020 Intel Corporation.",
		"Copyright\n    Copyright(C) 1997,2001 Takuya OOURA\n":           "Copyright(C) 1997,2001 Takuya OOURA",
		"      copyright notice that is included in the work\n":          "",
		"      copyright license to reproduce, prepare Derivative Works": "",
		"The above copyright notice shall be included\n":                 "",
		"Copyright\n": "",
		"":            "",
	} {
		if got := Holder(text); got != want {
			t.Errorf("Holder(%q) = %q; want %q", text, got, want)
		}
	}
}

func parts() []Component {
	return []Component{
		{"model", "1", "MIT", Model, "m", "text one\n"},
		{"b", "2", "MIT", Go, "h", "text one  \r\n\n"},
		{"a", "3", "MIT", Go, "h", "text two"},
		{"libgcc", "$GCC", "GPL", Runtime, "f", ""},
		{"z", "4", "MIT", CXX, "h", "text one"},
	}
}

func TestFile(t *testing.T) {
	all := parts()
	Sort(all)
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
	}
	if want := []string{"z", "a", "b", "libgcc", "model"}; !slices.Equal(names, want) {
		t.Errorf("order %q; want %q", names, want)
	}
	text := string(File(all))
	if n := strings.Count(text, "text one"); n != 1 {
		t.Errorf("a text that three parts share stands there %d times; want 1", n)
	}
	for _, want := range []string{"text two", "none needed"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q is not there once", want)
		}
	}
}

func TestTable(t *testing.T) {
	got := string(Table(parts()[:2]))
	if want := "model\t1\tMIT\tmodel\nb\t2\tMIT\tgo\n"; got != want {
		t.Errorf("Table = %q; want %q", got, want)
	}
}
