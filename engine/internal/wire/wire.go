// Package wire is the protocol between the parent and its worker: fixed-size
// messages over a SOCK_SEQPACKET socket pair. Tensors never travel in it: they
// lie in memory that both processes map. Integers are little-endian; both ends
// are the same binary on the same machine, so there is no version to negotiate.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Op says what a request asks for; a reply repeats it.
type Op uint8

// The operations. Behind a Load or Bind request a second message carries one
// descriptor: the model, the tensor memory. It is apart so that the steady path
// can read plainly, without room for control data.
const (
	Load   Op = 1 + iota // read a model, answer with its tensors
	Bind                 // place a model's inputs and outputs in shared memory
	Run                  // one inference
	Unload               // free a model
)

// Status is the outcome in a reply.
type Status uint8

// The outcomes.
const (
	OK     Status = iota
	Failed        // payload: why, in words
)

// HeaderSize is the length of a message without payload.
const HeaderSize = 24

// MaxMessage bounds a message: header and payload.
const MaxMessage = 32 << 10

// Header begins every message.
type Header struct {
	Op     Op
	Status Status
	Seq    uint32 // a reply carries its request's
	Model  uint32 // the parent's number for the model
	Arg    uint64 // Load: threads; Bind: bytes of memory, reply: thread ID; Run: WantUsage or 0, reply: nanoseconds in the worker
}

// WantUsage in a Run request asks for a Usage in the reply.
const WantUsage = 1

// Marks go behind the header of a Run request: when the job was asked for and when the
// caller had the answer to the one before, in nanoseconds of CLOCK_MONOTONIC, and where
// the job is to be added up. The worker leaves them alone; programs in the kernel read
// them (struct request of trace/bpf/trace.c).
type Marks [3]uint64

// MarksSize is the length of Marks in a message.
const MarksSize = 3 * 8

// Put writes m into b, which holds at least MarksSize bytes.
func (m Marks) Put(b []byte) {
	_ = b[MarksSize-1]
	for i, n := range m {
		binary.LittleEndian.PutUint64(b[8*i:], n)
	}
}

// Usage is what a job used: its thread's CPU time in nanoseconds, minor and major page
// faults.
type Usage [3]uint64

// UsageSize is the length of a Usage in a message.
const UsageSize = 3 * 8

// Append encodes u after b.
func (u Usage) Append(b []byte) []byte {
	for _, n := range u {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}

// ParseUsage is the inverse of Append.
func ParseUsage(b []byte) (u Usage, err error) {
	if len(b) != UsageSize {
		return u, fmt.Errorf("usage of %d bytes, not %d", len(b), UsageSize)
	}
	for i := range u {
		u[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return u, nil
}

// ErrShort reports a message that ends before it should.
var ErrShort = errors.New("message too short")

// Put writes h into b, which holds at least HeaderSize bytes.
func (h Header) Put(b []byte) {
	_ = b[HeaderSize-1]
	b[0], b[1], b[2], b[3] = byte(h.Op), byte(h.Status), 0, 0
	binary.LittleEndian.PutUint32(b[4:], h.Seq)
	binary.LittleEndian.PutUint32(b[8:], h.Model)
	binary.LittleEndian.PutUint32(b[12:], 0)
	binary.LittleEndian.PutUint64(b[16:], h.Arg)
}

// ParseHeader reads the header of message b.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, fmt.Errorf("%w: %d bytes of a %d-byte header", ErrShort, len(b), HeaderSize)
	}
	return Header{
		Op: Op(b[0]), Status: Status(b[1]),
		Seq:   binary.LittleEndian.Uint32(b[4:]),
		Model: binary.LittleEndian.Uint32(b[8:]),
		Arg:   binary.LittleEndian.Uint64(b[16:]),
	}, nil
}
