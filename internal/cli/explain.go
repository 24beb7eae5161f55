package cli

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// explainer prints decisions without holding up whoever decides: what a
// slow terminal doesn't take in time is left out and counted.
type explainer struct {
	lines chan string
	lost  atomic.Uint64
	done  chan struct{}
}

// maxExplained is how many decisions wait to be printed.
const maxExplained = 4096

func startExplainer(w io.Writer) *explainer {
	e := &explainer{lines: make(chan string, maxExplained), done: make(chan struct{})}
	go func() {
		defer close(e.done)
		for line := range e.lines {
			fmt.Fprintln(w, line)
		}
	}()
	return e
}

// tell is app.RunOptions.Explain.
func (e *explainer) tell(d fmt.Stringer) {
	select {
	case e.lines <- printable(d.String()):
	default:
		e.lost.Add(1)
	}
}

// close prints what is left, once nothing tells any more. It waits for closeTimeout if
// nobody reads.
func (e *explainer) close(w io.Writer) {
	close(e.lines)
	select {
	case <-e.done:
	case <-time.After(closeTimeout):
		return
	}
	if lost := e.lost.Load(); lost > 0 {
		fmt.Fprintf(w, "%d decisions were not shown: they came faster than they could be printed\n", lost)
	}
}
