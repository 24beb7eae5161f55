package progress

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestAdvance(t *testing.T) {
	for _, c := range []struct {
		done, total int
		elapsed     time.Duration
		want        string
	}{
		{0, 100, 0, "0% 0:00"},
		{0, 100, 10 * time.Second, "0% 0:10"},
		{25, 100, 30 * time.Second, "25% 0:30, 1:30 left"},
		{100, 100, 65 * time.Second, "100% 1:05, 0:00 left"},
		{1, 1399, 10 * time.Second, "0% 0:10, 3:53:00 left"},
		{5, 0, time.Second, "0:01"},
		{5, 4, time.Second, "0:01"},
		{-1, 4, time.Second, "0:01"},
	} {
		if got := advance(c.done, c.total, c.elapsed); got != c.want {
			t.Errorf("advance(%d, %d, %v) = %q; want %q", c.done, c.total, c.elapsed, got, c.want)
		}
	}
}

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0:00", 1499 * time.Millisecond: "0:01", 59 * time.Second: "0:59", time.Hour: "1:00:00", 25*time.Hour + 61*time.Second: "25:01:01",
	} {
		if got := clock(d); got != want {
			t.Errorf("clock(%v) = %q; want %q", d, got, want)
		}
	}
}

// session plays one job with a clock of its own and returns what was written.
func session(live, color bool, err error) string {
	var out strings.Builder
	now := time.Unix(0, 0)
	r := New(&out, live, color, func() time.Time { return now })
	r.Start("job", 2)
	r.Step("unpack")
	r.Step("compile")
	for done := range 10 {
		now = now.Add(20 * time.Second)
		r.Advance(done+1, 10)
	}
	r.Finish(err)
	return out.String()
}

func TestPlain(t *testing.T) {
	want := `job [1/2] unpack
job [2/2] compile
job [2/2] compile 30% 1:00, 2:20 left
job [2/2] compile 60% 2:00, 1:20 left
job [2/2] compile 90% 3:00, 0:20 left
job: done in 3:20
`
	if got := session(false, true, nil); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := session(false, false, errors.New("x")); strings.Contains(got, "done") || !strings.HasSuffix(got, "left\n") {
		t.Errorf("after a failure: %q", got)
	}
}

func TestLive(t *testing.T) {
	got := session(true, false, nil)
	if n := strings.Count(got, "\n"); n != 1 {
		t.Errorf("%d lines stay; want the last alone: %q", n, got)
	}
	if n := strings.Count(got, "\r\x1b[K"); n != 13 {
		t.Errorf("line written %d times; want 13: each step, each advance, the end", n)
	}
	if strings.Contains(got, "\x1b[1m") {
		t.Error("colours in spite of NO_COLOR")
	}
	if got := session(true, true, nil); !strings.Contains(got, "\x1b[1mjob [1/2]\x1b[0m unpack") {
		t.Errorf("no colours: %q", got)
	}
	if got := session(true, false, errors.New("x")); !strings.HasSuffix(got, "left\n") {
		t.Errorf("after a failure the live line must end: %q", got)
	}
}

func TestNote(t *testing.T) {
	var out strings.Builder
	r := New(&out, true, false, time.Now)
	r.Note("wrote models/x")
	if got, want := out.String(), "\r\x1b[Kwrote models/x\n"; got != want {
		t.Errorf("Note wrote %q; want %q", got, want)
	}
}
