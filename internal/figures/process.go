package figures

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"atoll/internal/material"
)

// sceneConfig is a scene of one face, ten pictures a second, speech beside it, and
// a line of text.
const sceneConfig = `[[source]]
name = "camera"
kind = "pictures"
path = %q
interval = "100ms"
loop = true

[[source]]
name = "microphone"
kind = "wav"
path = %q
loop = true

[[source]]
name = "chat"
kind = "lines"
path = "-"
`

// Scene is a run of the binary on real inputs.
type Scene struct {
	cmd   *exec.Cmd
	out   *bufio.Reader
	stdin io.Closer
	began time.Time
}

// StartScene starts the binary bin in folder dir on a scene that goes on until it
// is stopped, its camera showing the picture over and over.
func StartScene(bin, dir, picture string, d material.Data) (*Scene, error) {
	config := filepath.Join(dir, "scene.toml")
	text := fmt.Sprintf(sceneConfig, picture, d.Path("speech", "librivox"))
	if err := os.WriteFile(config, []byte(text), 0o640); err != nil {
		return nil, err
	}
	s := &Scene{cmd: exec.Command(bin, "run", "--json", "--config", config, "--state", filepath.Join(dir, "state"))}
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	s.stdin = stdin
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(stdout)
	s.began = time.Now()
	return s, s.cmd.Start()
}

// FullHD writes a JPEG of 1920x1080 pixels into dir, as cameras send them: the
// astronaut over and over.
func FullHD(dir string, d material.Data) (path string, err error) {
	face, err := d.Picture("pictures", "astronaut.png")
	if err != nil {
		return "", err
	}
	img := image.NewRGBA(image.Rect(0, 0, 1920, 1080))
	for y := range 1080 {
		for x := range 1920 {
			p := 3 * (y%face.Height*face.Width + x%face.Width)
			img.SetRGBA(x, y, color.RGBA{face.Pix[p], face.Pix[p+1], face.Pix[p+2], 255})
		}
	}
	path = filepath.Join(dir, "fullhd.jpg")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	return path, errors.Join(jpeg.Encode(f, img, nil), f.Close())
}

// Event waits for the next event and returns its JSON line and how long after the
// start of the process it came.
func (s *Scene) Event() (line string, after time.Duration, err error) {
	line, err = s.out.ReadString('\n')
	return line, time.Since(s.began), err
}

// PID is the parent's process number.
func (s *Scene) PID() int { return s.cmd.Process.Pid }

// Stop ends the run as a service manager would.
func (s *Scene) Stop() error {
	s.cmd.Process.Signal(os.Interrupt)
	s.stdin.Close()
	io.Copy(io.Discard, s.out)
	return s.cmd.Wait()
}

// Kill ends the parent as a crash would.
func (s *Scene) Kill() {
	s.cmd.Process.Kill()
	s.stdin.Close()
	s.cmd.Wait()
}

// FirstEvent is the time from the start of the process to its first fused event.
func FirstEvent(bin, dir string, d material.Data) (time.Duration, error) {
	s, err := StartScene(bin, dir, d.Path("pictures", "astronaut.png"), d)
	if err != nil {
		return 0, err
	}
	_, after, err := s.Event()
	return after, errors.Join(err, s.Stop())
}

// Children lists the processes that pid started.
func Children(pid int) ([]int, error) {
	var children []int
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, err
	}
	for _, task := range tasks {
		list, err := os.ReadFile(task)
		if err != nil {
			return nil, err
		}
		for field := range strings.FieldsSeq(string(list)) {
			var child int
			if _, err := fmt.Sscan(field, &child); err != nil {
				return nil, err
			}
			children = append(children, child)
		}
	}
	return children, nil
}

// Memory is what processes hold, in KiB.
type Memory struct {
	RSS int // pages in memory; those of the binary that both map count twice
	PSS int // the same, shared pages counted once among all that share them
}

// MemoryOf sums over a process and its children.
func MemoryOf(pid int) (Memory, error) {
	children, err := Children(pid)
	if err != nil {
		return Memory{}, err
	}
	var sum Memory
	for _, p := range append(children, pid) {
		rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p))
		if err != nil {
			return Memory{}, err
		}
		for line := range strings.Lines(string(rollup)) {
			var kb int
			if n, _ := fmt.Sscanf(line, "Rss: %d kB", &kb); n == 1 {
				sum.RSS += kb
			}
			if n, _ := fmt.Sscanf(line, "Pss: %d kB", &kb); n == 1 {
				sum.PSS += kb
			}
		}
	}
	return sum, nil
}
