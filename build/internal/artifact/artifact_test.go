package artifact

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// binaryWith is an ELF file of headers alone: one program header, and a section of each type.
func binaryWith(t *testing.T, machine elf.Machine, prog elf.ProgType, sections ...elf.SectionType) string {
	const headerSize, progSize, sectionSize = 64, 56, 64
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Ehsize: headerSize,
		Phoff: headerSize, Phentsize: progSize, Phnum: 1,
		Shoff: headerSize + progSize, Shentsize: sectionSize, Shnum: uint16(2 + len(sections)), Shstrndx: 1,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	end := uint64(headerSize + progSize + sectionSize*(2+len(sections)))
	table := []elf.Section64{{}, {Type: uint32(elf.SHT_STRTAB), Off: end, Size: 1}}
	for _, s := range sections {
		table = append(table, elf.Section64{Type: uint32(s), Off: end, Entsize: 24})
	}
	var out bytes.Buffer
	for _, part := range []any{h, elf.Prog64{Type: uint32(prog)}, table, byte(0)} {
		if err := binary.Write(&out, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "binary")
	if err := os.WriteFile(path, out.Bytes(), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name     string
		machine  elf.Machine
		prog     elf.ProgType
		sections []elf.SectionType
		arch     string
		want     error
	}{
		{"arm64", elf.EM_AARCH64, elf.PT_LOAD, nil, "arm64", nil},
		{"amd64", elf.EM_X86_64, elf.PT_LOAD, nil, "amd64", nil},
		{"other processor", elf.EM_X86_64, elf.PT_LOAD, nil, "arm64", ErrWrongMachine},
		{"unknown processor", elf.EM_X86_64, elf.PT_LOAD, nil, "mips", ErrWrongMachine},
		{"interpreter", elf.EM_AARCH64, elf.PT_INTERP, nil, "arm64", ErrDynamic},
		{"dynamic section", elf.EM_AARCH64, elf.PT_DYNAMIC, nil, "arm64", ErrDynamic},
		{"symbols", elf.EM_AARCH64, elf.PT_LOAD, []elf.SectionType{elf.SHT_SYMTAB}, "arm64", ErrSymbols},
	} {
		t.Run(c.name, func(t *testing.T) {
			info, err := Check(binaryWith(t, c.machine, c.prog, c.sections...), c.arch)
			if !errors.Is(err, c.want) {
				t.Errorf("Check error = %v; want %v", err, c.want)
			}
			if c.want == nil && info.Bytes != 64+56+2*64+1 {
				t.Errorf("size %d; want the file's", info.Bytes)
			}
		})
	}
}

func TestCheckNoBinary(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(text, "amd64"); err == nil {
		t.Error("a script passed")
	}
	if _, err := Check(text+"-none", "amd64"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: error = %v", err)
	}
}
