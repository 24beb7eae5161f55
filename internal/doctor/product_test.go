package doctor

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"atoll/internal/config"
)

func TestConfig(t *testing.T) {
	wrong := &config.Error{File: "/etc/atoll.toml", Line: 7, Reason: "no such key"}
	bad := func(r *rig) { r.wrong = wrong }
	try(t, "config", []state{
		{"sound", nil, OK, "/etc/atoll.toml: 1 source, 0 sensors"},
		{"defaults", func(r *rig) { r.Config.File = "" }, Warning, "by default"},
		{"wrong", bad, Failed, "/etc/atoll.toml:7: no such key"},
		{"not named", func(r *rig) { r.Config = nil; captured(r) }, Skipped, "--config"},
		{"captured and named", captured, OK, "1 source"},
	})
	try(t, "sources", []state{
		{"open", nil, OK, "1 source can be opened"},
		{"none", func(r *rig) { r.config.Sources = nil }, Failed, "nothing to watch"},
		{"can't be opened", func(r *rig) { r.Live.CheckSources = func(config.Config) error { return errBroken } }, Failed, "broken"},
		{"can't be opened, with its line", func(r *rig) { r.Live.CheckSources = func(config.Config) error { return wrong } }, Failed, ":7:"},
		{"bad configuration", bad, Skipped, "sound configuration"},
		{"captured", captured, Skipped, "live machine"},
	})
}

func TestModels(t *testing.T) {
	try(t, "models", []state{{"built in", nil, OK, "all sums right"}, {"captured", captured, OK, "built in"}})
}

func TestInference(t *testing.T) {
	answers := func(face, speech, positive float64) func(*rig) {
		return func(r *rig) { r.senses.p = [3]float64{face, speech, positive} }
	}
	try(t, "inference", []state{
		{"right", nil, OK, "vision 1.0 ms, audio 1.0 ms, text 1.0 ms"},
		{"no worker", func(r *rig) { r.Live.Start = func(config.Config) (Senses, error) { return nil, errBroken } }, Failed, "no worker: broken"},
		{"an inference fails", func(r *rig) { r.senses.err = errBroken }, Failed, "vision: broken"},
		{"a face in nothing", answers(0.9, 0, 1), Failed, "a face in a grey picture has probability 0.90"},
		{"speech in silence", answers(0, 0.5, 1), Failed, "speech in silence has probability 0.50"},
		{"mood wrong", answers(0, 0, 0.2), Failed, "text: the answer is wrong"},
		{"no number for a yes", answers(0, 0, math.NaN()), Failed, "NaN"},
		{"no number for a no", answers(math.NaN(), 0, 1), Failed, "NaN"},
		{"slow", func(r *rig) { r.senses.took = time.Second }, Warning, "longer than engine.deadline (500ms)"},
		{"hangs", func(r *rig) {
			r.Live.Start = func(config.Config) (Senses, error) { time.Sleep(2 * workerLimit); return nil, errBroken }
		}, Failed, "does not answer within 45s"},
		{"crashes", func(r *rig) { r.Live.Start = func(config.Config) (Senses, error) { panic("ouch") } }, Failed, "crashed: ouch"},
		{"captured", captured, Skipped, "live machine"},
	})
	r := healthy()
	checkInference(t.Context(), r.examination)
	if !r.senses.closed {
		t.Error("the worker was not ended")
	}
}

func TestState(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "/state/x", Err: syscall.ENOSPC}
	try(t, "state", []state{
		{"fine", nil, OK, "/state, 1.0 GiB free"},
		{"not there yet", func(r *rig) { r.disk.folder.Dir, r.disk.write = "/", errBroken }, OK, "/state (made at the first run)"},
		{"no folder", func(r *rig) { r.Live.State = "" }, Failed, "HOME"},
		{"a file in its way", func(r *rig) { r.disk.folderOK = errors.New("/state is no folder") }, Failed, "/state is no folder"},
		{"disk full", func(r *rig) { r.disk.write = full }, Failed, "/state: no space left on device"},
		{"parent read only", func(r *rig) {
			r.disk.folder.Dir, r.disk.writable = "/", &fs.PathError{Op: "write", Path: "/", Err: syscall.EROFS}
		}, Failed, "/state: read-only file system"},
		{"no room", func(r *rig) { r.disk.folder.Free = 7 * mib }, Failed, "not enough for two log files"},
		{"little room", func(r *rig) { r.disk.folder.Free = 95 * mib }, Warning, "the log may take 64 MiB"},
		{"little room, but logs are there", func(r *rig) { r.disk.folder.Free, r.disk.logs = 36*mib, 60*mib }, OK, "36 MiB free"},
		{"in memory", func(r *rig) { r.disk.folder.Type = "tmpfs" }, Warning, "in memory (tmpfs)"},
		{"overlay", func(r *rig) { r.disk.folder.Type = "overlay" }, Warning, "overlay"},
		{"slow card", func(r *rig) { r.disk.took = 2 * time.Second }, Warning, "took 2s to sync"},
		{"captured", captured, Skipped, "live machine"},
	})
}

func TestSystemDisk(t *testing.T) {
	dir := t.TempDir()
	var disk System
	f, err := disk.Folder(filepath.Join(dir, "a", "b"))
	if err != nil || f.Dir != dir || f.Size <= 0 || f.Free > f.Size {
		t.Errorf("got %+v, %v, want %s", f, err, dir)
	}
	if took, err := disk.Write(dir); err != nil || took <= 0 {
		t.Errorf("Write: %v, %v", took, err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("Write left %v behind", left)
	}
	if err := disk.Writable(dir); err != nil {
		t.Error(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, make([]byte, 1000), 0o640); err != nil {
		t.Fatal(err)
	}
	if !disk.Exists(file) || disk.Exists(file+"x") || disk.Logs(dir) != 1000 || disk.Logs(file+"x") != 0 {
		t.Errorf("file: %v, logs: %d", disk.Exists(file), disk.Logs(dir))
	}
	if _, err := disk.Folder(file); err == nil || !strings.Contains(err.Error(), "is no folder") {
		t.Errorf("a file: %v", err)
	}
	if _, err := disk.Folder(filepath.Join(file, "below")); err == nil {
		t.Error("below a file: no error")
	}
	if _, err := disk.Write(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if f, err := disk.Folder("/dev/shm"); err == nil && f.Type != "tmpfs" && f.Type != "" {
		t.Errorf("/dev/shm is %q", f.Type)
	}
}
