package components

import (
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestList(t *testing.T) {
	kinds := map[string]int{}
	for _, c := range List() {
		kinds[c.Kind]++
		if c.Name == "" || c.Version == "" || c.Licence == "" {
			t.Errorf("%+v lacks something", c)
		}
		if strings.HasPrefix(c.Version, "$") {
			t.Errorf("%+v: version not put in", c)
		}
	}
	for _, kind := range []string{"c++", "go", "runtime", "model"} {
		if kinds[kind] == 0 {
			t.Errorf("no part of kind %s", kind)
		}
	}
	i := slices.IndexFunc(List(), func(c Component) bool { return strings.HasPrefix(c.Name, "Go standard library") })
	if i < 0 || List()[i].Version != runtime.Version() {
		t.Errorf("Go's own library is not listed with version %s", runtime.Version())
	}
}
