package actuator

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// A guard that dies is replaced, but not for ever: one that died this often in a
// row, each time within a minute, would die again.
const (
	maxGuardDeaths = 5
	guardLives     = time.Minute
)

// guard is the parent's side of the process that puts everything back when the
// parent is killed. It keeps one such process running.
type guard struct {
	command []string
	hold    *hold
	log     zerolog.Logger
	now     func() time.Time

	mu      sync.Mutex
	entries []entry
	process *guardProcess // nil: there is none
	closing bool
	ended   sync.WaitGroup
}

// guardProcess is one process.
type guardProcess struct {
	cmd     *exec.Cmd
	pipe    *os.File // its closing makes the process act
	started time.Time
}

func newGuard(root string, h *hold, o Options) *guard {
	command := append(append([]string{}, o.Command...), root, h.record)
	return &guard{command: command, hold: h, log: o.Logger, now: o.Now}
}

// start starts the first process and whoever watches over it.
func (g *guard) start(list []entry) error {
	g.entries = list
	p, err := g.launch(list)
	if err != nil {
		return err
	}
	g.process = p
	g.ended.Go(func() { g.watch(p) })
	return nil
}

// launch starts a process and waits until it is ready to act: no signal to a whole
// group ends it from then on.
func (g *guard) launch(list []entry) (*guardProcess, error) {
	in, pipe, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	ready, out, err := os.Pipe()
	if err != nil {
		pipe.Close()
		return nil, err
	}
	defer ready.Close()
	defer out.Close()

	cmd := exec.Command(g.command[0], g.command[1:]...)
	cmd.Args[0] = "atoll"
	cmd.Env = []string{"GOTRACEBACK=none", "GOMAXPROCS=1"}
	cmd.Dir = "/" // or it would keep a file system busy
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, os.Stderr
	cmd.ExtraFiles = []*os.File{g.hold.lock, g.hold.sys} // until everything is put back
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // out of reach of Ctrl-C
	if err := cmd.Start(); err != nil {
		pipe.Close()
		return nil, fmt.Errorf("start of the guard: %w", err)
	}
	out.Close()
	p := &guardProcess{cmd: cmd, pipe: pipe, started: g.now()}
	if err := errors.Join(p.send(g.hold.boot, list), p.ready(ready)); err != nil {
		_ = cmd.Process.Kill()
		pipe.Close()
		return nil, fmt.Errorf("guard does not work: %w", errors.Join(cmd.Wait(), err))
	}
	g.hold.note(cmd.Process.Pid)
	return p, nil
}

func (p *guardProcess) ready(pipe *os.File) error {
	if err := pipe.SetReadDeadline(time.Now().Add(guardTime)); err != nil {
		return err
	}
	_, err := pipe.Read(make([]byte, 1))
	return err
}

// send tells the process what there is to put back from now on.
func (p *guardProcess) send(boot string, list []entry) error {
	if err := p.pipe.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	_, err := p.pipe.Write(record{Boot: boot, Entries: list}.encode())
	return err
}

// watch waits for the end of a process and starts the next one.
func (g *guard) watch(p *guardProcess) {
	for deaths := 0; p != nil; {
		err := p.cmd.Wait()
		if p.pipe.Close(); g.isClosing() {
			return
		}
		if deaths++; g.now().Sub(p.started) >= guardLives {
			deaths = 1
		}
		if err == nil {
			err = errors.New("it ended by itself")
		}
		if deaths > maxGuardDeaths {
			g.log.Error().Err(err).Msg("guard died too often and is not started again: after a kill settings stay until the next start")
			return
		}
		g.log.Warn().Err(err).Msg("guard of the actuators died, starting another")
		p = g.replace()
	}
}

// replace starts the next process, or returns nil when there shall be none.
func (g *guard) replace() *guardProcess {
	g.mu.Lock()
	list := g.entries
	g.process = nil
	g.mu.Unlock()
	p, err := g.launch(list)
	if err != nil {
		g.log.Error().Err(err).Msg("guard can't be started: after a kill settings stay until the next start")
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.process = p
	g.log.Info().Int("pid", p.cmd.Process.Pid).Msg("guard of the actuators started again")
	g.send() // there may be something else to put back since
	if g.closing {
		p.pipe.Close()
	}
	return p
}

func (g *guard) isClosing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closing
}

// tell makes list what there is to put back.
func (g *guard) tell(list []entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.entries = list
	g.send()
}

func (g *guard) send() {
	if g.process == nil {
		return
	}
	if err := g.process.send(g.hold.boot, g.entries); err != nil {
		g.log.Warn().Err(err).Msg("guard of the actuators does not hear")
	}
}

// close lets the process put back what it was told last, and waits for its end.
func (g *guard) close() {
	g.mu.Lock()
	g.closing = true
	p := g.process
	if p != nil {
		p.pipe.Close()
	}
	g.mu.Unlock()
	if p != nil {
		stuck := time.AfterFunc(guardTime, func() { _ = p.cmd.Process.Kill() })
		defer stuck.Stop()
	}
	g.ended.Wait()
}
