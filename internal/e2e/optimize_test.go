package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"atoll/model"
)

// Numbers of operators in the public schema that no model here has.
const (
	builtinCustom model.BuiltinOperator = 32
	builtinIf     model.BuiltinOperator = 118
)

// twist IN OUT KIND makes of a model one that can't be converted: its operators of the
// first kind become a "custom" one, or "control" flow.
func twist(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: twist IN OUT custom|control")
	}
	m, err := model.Read([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	code := &m.OperatorCodes[0]
	switch args[2] {
	case "custom":
		*code = model.OperatorCode{Builtin: builtinCustom, Custom: "Homemade", Version: 1}
	case "control":
		*code = model.OperatorCode{Builtin: builtinIf, Version: 1}
	default:
		ts.Fatalf("twist: no kind %q", args[2])
	}
	data, err := m.Write()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o640))
}

// zeros FILE.npy DIM... writes an array of float32 zeros.
func zeros(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: zeros FILE.npy DIM...")
	}
	size := 4
	for _, dim := range args[1:] {
		n, err := strconv.Atoi(dim)
		ts.Check(err)
		size *= n
	}
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s,), }\n", strings.Join(args[1:], ", "))
	data := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), 0) // the length has 16 bits, little-endian
	data = append(append(data, header...), make([]byte, size)...)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o640))
}

// mounts reports whether a script may mount a small file system for itself.
func mounts() bool {
	return exec.Command("unshare", "-rm", "true").Run() == nil
}
