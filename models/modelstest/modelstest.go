// Package modelstest opens the built-in models for tests.
package modelstest

import (
	"slices"
	"testing"

	"atoll/model"
	"atoll/models"
)

// Data returns the file of a built-in variant.
func Data(t testing.TB, m model.Modality, variant string) []byte {
	t.Helper()
	v, err := manifest(t).Variant(m, variant)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, v)
}

// Read reads a built-in variant.
func Read(t testing.TB, m model.Modality, variant string) *model.Model {
	t.Helper()
	return read(t, Data(t, m, variant))
}

// ReadFile reads a built-in variant by the name of its file.
func ReadFile(t testing.TB, name string) *model.Model {
	t.Helper()
	list := manifest(t).Variants
	i := slices.IndexFunc(list, func(v model.Variant) bool { return v.File == name })
	if i < 0 {
		t.Fatalf("no built-in model has the file %s", name)
	}
	return read(t, open(t, &list[i]))
}

func manifest(t testing.TB) *model.Manifest {
	t.Helper()
	m, err := models.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t testing.TB, v *model.Variant) []byte {
	t.Helper()
	data, err := models.Open(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func read(t testing.TB, data []byte) *model.Model {
	t.Helper()
	m, err := model.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
