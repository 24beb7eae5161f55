package engine_test

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"atoll/engine/worker"
)

// TestMain makes this test binary its own worker, as atoll is, and several that
// are broken in one way each.
func TestMain(m *testing.M) {
	worker.Become()
	if len(os.Args) == 2 {
		switch os.Args[1] {
		case "parent":
			parent()
		case "exits":
			fmt.Fprintln(os.Stderr, "INFO: starting\nno room in the boat")
			os.Exit(3)
		case "garbage":
			answerAll([]byte("this is no header, but long enough"))
		case "short":
			answerAll([]byte{1})
		case "hangs":
			select {}
		}
	}
	os.Exit(m.Run())
}

// answerAll answers every message with reply.
func answerAll(reply []byte) {
	for b := make([]byte, 1<<16); ; {
		if n, err := unix.Read(3, b); n <= 0 || err != nil {
			os.Exit(0)
		}
		unix.Write(3, reply)
	}
}
