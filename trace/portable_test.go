package trace

import (
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// What Linux 4.14 has. The kernel here is newer and would not complain.
var (
	// include/uapi/linux/bpf.h and, for which programs may call what,
	// kernel/trace/bpf_trace.c and net/core/filter.c, all of 4.14.
	portableHelpers = map[ebpf.ProgramType][]asm.BuiltinFunc{
		ebpf.TracePoint: {
			asm.FnMapLookupElem, asm.FnMapUpdateElem, asm.FnProbeRead, asm.FnKtimeGetNs,
			asm.FnGetSmpProcessorId, asm.FnGetCurrentPidTgid,
		},
		ebpf.PerfEvent: {asm.FnMapLookupElem, asm.FnMapUpdateElem, asm.FnGetCurrentPidTgid},
		ebpf.SocketFilter: {
			asm.FnMapLookupElem, asm.FnMapUpdateElem, asm.FnKtimeGetNs, asm.FnGetSmpProcessorId, asm.FnSkbLoadBytes,
		},
	}
	portableMaps  = []ebpf.MapType{ebpf.Array, ebpf.LRUHash}
	portableJumps = []asm.JumpOp{
		asm.Ja, asm.JEq, asm.JGT, asm.JGE, asm.JSet, asm.JNE, asm.JSGT, asm.JSGE, asm.Call, asm.Exit,
	}
)

// maxInstructions is BPF_MAXINSNS of Linux before 5.2.
const maxInstructions = 4096

func TestProgramsArePortable(t *testing.T) {
	spec, err := loadBpf()
	if err != nil {
		t.Fatal(err)
	}
	keep(spec, plain)
	if len(spec.Programs) != len(tracepoints)+4 {
		t.Errorf("%d programs, want those of %d tracepoints, 2 of faults, 2 of messages", len(spec.Programs), len(tracepoints))
	}
	for name, m := range spec.Maps {
		if !slices.Contains(portableMaps, m.Type) || m.Flags != 0 || m.Pinning != ebpf.PinNone {
			t.Errorf("map %s: %v, flags %#x, pinning %v", name, m.Type, m.Flags, m.Pinning)
		}
		if len(m.Contents) > 0 || m.MaxEntries == 0 {
			t.Errorf("map %s: a section of data, or no entries", name)
		}
	}
	if len(spec.Variables) > 0 {
		t.Errorf("%d variables, want none", len(spec.Variables))
	}
	for name, p := range spec.Programs {
		t.Run(name, func(t *testing.T) { portable(t, p) })
	}
}

func portable(t *testing.T, p *ebpf.ProgramSpec) {
	slots := 0
	for i := range p.Instructions {
		ins := p.Instructions[i]
		slots += int(ins.Width())
		switch op := ins.OpCode; {
		case ins.IsBuiltinCall():
			if fn := asm.BuiltinFunc(ins.Constant); !slices.Contains(portableHelpers[p.Type], fn) {
				t.Errorf("calls %v", fn)
			}
		case ins.IsFunctionCall() || ins.IsKfuncCall():
			t.Errorf("instruction %d calls a function", i)
		case op.Class() == asm.Jump32Class:
			t.Errorf("instruction %d is a jump of -mcpu=v3", i)
		case op.Class() == asm.JumpClass && !slices.Contains(portableJumps, op.JumpOp()):
			t.Errorf("instruction %d is %v, a jump of -mcpu=v2", i, op.JumpOp())
		case op.Class() == asm.StXClass && op.Mode() == asm.AtomicMode && ins.Constant != 0:
			t.Errorf("instruction %d is an atomic operation other than adding", i)
		}
	}
	if slots > maxInstructions {
		t.Errorf("%d instructions, at most %d", slots, maxInstructions)
	}
	if hasLoop(p.Instructions) {
		t.Error("has a loop")
	}
	if p.License != "Dual BSD/GPL" {
		t.Errorf("license %q", p.License)
	}
	t.Logf("%v, %d instructions", p.Type, slots)
}

// hasLoop looks for a way back to where it came from, as the verifier did before Linux
// 5.3; a jump back that meets no such way is none.
func hasLoop(program asm.Instructions) bool {
	bySlot := map[int]asm.Instruction{}
	for it := program.Iterate(); it.Next(); {
		bySlot[int(it.Offset)] = *it.Ins
	}
	const underWay, done = 1, 2
	state := map[int]int{}
	var visit func(at int) bool
	visit = func(at int) bool {
		if state[at] != 0 {
			return state[at] == underWay
		}
		state[at] = underWay
		ins := bySlot[at]
		next := at + int(ins.Width())
		op := ins.OpCode
		jumps := op.Class() == asm.JumpClass && op.JumpOp() != asm.Call && op.JumpOp() != asm.Exit
		if jumps && visit(next+int(ins.Offset)) {
			return true
		}
		falls := op.Class() != asm.JumpClass || op.JumpOp() != asm.Exit && op.JumpOp() != asm.Ja
		if falls && visit(next) {
			return true
		}
		state[at] = done
		return false
	}
	return visit(0)
}

func TestHasLoop(t *testing.T) {
	loop := asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Add.Imm(asm.R0, 1), asm.JNE.Imm(asm.R0, 5, ""), asm.Return()}
	loop[2].Offset = -2
	if !hasLoop(loop) {
		t.Error("a loop is not seen")
	}
	// To the end, which lies before.
	back := asm.Instructions{asm.Ja.Label(""), asm.Return(), asm.Mov.Imm(asm.R0, 0), asm.Ja.Label("")}
	back[0].Offset, back[3].Offset = 1, -3
	if hasLoop(back) {
		t.Error("a jump back is taken for a loop")
	}
}
