package sensorstest_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"atoll/sensors"
	"atoll/sensors/sensorstest"
)

func TestFake(t *testing.T) {
	broken := errors.New("broken")
	s := sensorstest.NewFake(sensors.Info{Name: "x"}, sensorstest.Answer{Value: 1}, sensorstest.Answer{Err: broken})
	for i, want := range []sensorstest.Answer{{Value: 1}, {Err: broken}, {Err: broken}} {
		if v, err := s.Read(); v != want.Value || err != want.Err {
			t.Errorf("read %d: got %d, %v, want %+v", i, v, err, want)
		}
	}
	release := make(chan struct{})
	s.Set(sensorstest.Answer{Value: 7, Block: release})
	done := make(chan int64)
	go func() { v, _ := s.Read(); done <- v }()
	select {
	case <-done:
		t.Error("the read did not block")
	default:
	}
	close(release)
	if got := <-done; got != 7 || s.Reads() != 4 {
		t.Errorf("got %d after %d reads", got, s.Reads())
	}
	if s.Closed() || s.Close() != nil || !s.Closed() || s.Info().Name != "x" {
		t.Error("Close does not show, or Info is not kept")
	}
	if v, err := sensorstest.NewFake(sensors.Info{}).Read(); v != 0 || err != nil {
		t.Errorf("without answers: got %d, %v", v, err)
	}
}

func TestClock(t *testing.T) {
	start := time.Unix(100, 0)
	c := sensorstest.NewClock(start)
	slow, _ := c.Tick(3 * time.Second)
	fast, stop := c.Tick(time.Second)
	c.Advance(999 * time.Millisecond)
	if len(fast) != 0 {
		t.Error("ticked early")
	}
	c.Advance(3 * time.Second)
	if got := <-fast; !got.Equal(start.Add(time.Second)) {
		t.Errorf("tick at %v, want the first, and the others lost", got)
	}
	if got := <-slow; !got.Equal(start.Add(3*time.Second)) || len(fast) != 0 {
		t.Errorf("tick at %v", got)
	}
	stop()
	c.Advance(time.Hour)
	if len(fast) != 0 || !c.Now().Equal(start.Add(time.Hour+3999*time.Millisecond)) {
		t.Errorf("after stop: %d ticks, %v", len(fast), c.Now())
	}
}

func TestTree(t *testing.T) {
	tree := sensorstest.NewTree(t)
	tree.WriteAll(map[string]string{"sys/a/b": "long text"})
	f, err := os.Open(filepath.Join(tree.Root, "sys/a/b"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tree.Write("sys/a/b", "short")
	buf := make([]byte, 20)
	if n, _ := f.ReadAt(buf, 0); string(buf[:n]) != "short" {
		t.Errorf("an open file reads %q, want the new content", buf[:n])
	}
	tree.Link("sys/link", "a/b")
	if got, err := os.ReadFile(filepath.Join(tree.Root, "sys/link")); string(got) != "short" || err != nil {
		t.Errorf("through the link: %q, %v", got, err)
	}
	tree.Remove("sys/a")
	if _, err := os.Stat(filepath.Join(tree.Root, "sys/a")); !os.IsNotExist(err) {
		t.Errorf("after Remove: %v", err)
	}
}
