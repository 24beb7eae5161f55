// Package artifact checks that a finished binary is one to copy onto a board: for its processor, static, stripped.
package artifact

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
)

// The reasons to refuse a binary, for errors.Is.
var (
	ErrWrongMachine = errors.New("made for another processor")
	ErrDynamic      = errors.New("not statically linked")
	ErrSymbols      = errors.New("not stripped")
)

// Info is what is worth telling of a binary that passed.
type Info struct{ Bytes int64 }

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// Check reads the ELF headers of a binary for an architecture as Go names it.
func Check(path, arch string) (Info, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return Info{}, err
	}
	f, err := elf.Open(path)
	if err != nil {
		return Info{}, fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	if want, ok := machines[arch]; !ok || f.Machine != want {
		return Info{}, fmt.Errorf("%s: %w: %v, want %s", path, ErrWrongMachine, f.Machine, arch)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			return Info{}, fmt.Errorf("%s: %w: it has a %v segment", path, ErrDynamic, p.Type)
		}
	}
	if f.SectionByType(elf.SHT_SYMTAB) != nil {
		return Info{}, fmt.Errorf("%s: %w: it has a symbol table", path, ErrSymbols)
	}
	return Info{Bytes: stat.Size()}, nil
}
