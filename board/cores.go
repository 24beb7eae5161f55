package board

import "fmt"

// Implementers of Arm cores, by bits 31 to 24 of MIDR_EL1 (Arm Architecture
// Reference Manual, D24.2).
const (
	implementerArm    = 0x41
	implementerNvidia = 0x4e
)

// coreParts are the cores by implementer and part number, bits 15 to 4 of MIDR_EL1
// (each core's Technical Reference Manual).
var coreParts = map[[2]uint64]string{
	{implementerArm, 0xc07}:    "Cortex-A7",
	{implementerArm, 0xd03}:    "Cortex-A53",
	{implementerArm, 0xd04}:    "Cortex-A35",
	{implementerArm, 0xd05}:    "Cortex-A55",
	{implementerArm, 0xd07}:    "Cortex-A57",
	{implementerArm, 0xd08}:    "Cortex-A72",
	{implementerArm, 0xd09}:    "Cortex-A73",
	{implementerArm, 0xd0a}:    "Cortex-A75",
	{implementerArm, 0xd0b}:    "Cortex-A76",
	{implementerArm, 0xd0c}:    "Neoverse-N1",
	{implementerArm, 0xd0d}:    "Cortex-A77",
	{implementerArm, 0xd0e}:    "Cortex-A76AE",
	{implementerArm, 0xd40}:    "Neoverse-V1",
	{implementerArm, 0xd41}:    "Cortex-A78",
	{implementerArm, 0xd42}:    "Cortex-A78AE",
	{implementerArm, 0xd44}:    "Cortex-X1",
	{implementerArm, 0xd46}:    "Cortex-A510",
	{implementerArm, 0xd47}:    "Cortex-A710",
	{implementerArm, 0xd48}:    "Cortex-X2",
	{implementerArm, 0xd49}:    "Neoverse-N2",
	{implementerArm, 0xd4b}:    "Cortex-A78C",
	{implementerArm, 0xd4d}:    "Cortex-A715",
	{implementerArm, 0xd4e}:    "Cortex-X3",
	{implementerArm, 0xd4f}:    "Neoverse-V2",
	{implementerArm, 0xd80}:    "Cortex-A520",
	{implementerArm, 0xd81}:    "Cortex-A720",
	{implementerArm, 0xd82}:    "Cortex-X4",
	{implementerNvidia, 0x003}: "Denver 2",
	{implementerNvidia, 0x004}: "Carmel",
}

func coreName(implementer, part uint64) string {
	if name := coreParts[[2]uint64{implementer, part}]; name != "" {
		return name
	}
	return fmt.Sprintf("core 0x%02x/0x%03x", implementer, part)
}

// feature is an extension of the instruction set that inference gains from, with
// the words for it in /proc/cpuinfo (Documentation/arch/arm64/elf_hwcaps.rst).
type feature struct {
	name  string
	flags []string
}

var wanted = map[string][]feature{
	"arm64": {
		{"neon", []string{"asimd"}},
		{"dotprod", []string{"asimddp"}},
		{"fp16", []string{"asimdhp"}},
		{"i8mm", []string{"i8mm"}},
		{"bf16", []string{"bf16"}},
		{"sve", []string{"sve"}},
	},
	"arm": {
		{"neon", []string{"neon", "asimd"}},
	},
	"amd64": {
		{"avx2", []string{"avx2"}},
		{"fma", []string{"fma"}},
		{"f16c", []string{"f16c"}},
		{"avx512f", []string{"avx512f"}},
		{"avx512_vnni", []string{"avx512_vnni"}},
		{"avx_vnni", []string{"avx_vnni"}},
	},
}
