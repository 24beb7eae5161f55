package source

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"atoll/model"
)

// album makes a folder of three pictures, 8, 9 and 10 pixels wide, and things that are none.
func album(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "b.JPG"), string(encodeJPEG(t, scene(9, 4))))
	write(t, filepath.Join(dir, "a.png"), string(encodePNG(t, scene(8, 4))))
	write(t, filepath.Join(dir, "c.jpeg"), string(encodeJPEG(t, scene(10, 4))))
	write(t, filepath.Join(dir, "notes.txt"), "no picture")
	write(t, filepath.Join(dir, "deeper.png", "d.png"), "in a folder below")
	return dir
}

func widths(items []Item) (all []int) {
	for _, it := range items {
		all = append(all, it.Image.Width)
	}
	return all
}

func TestPicturesAreShownInOrderAndTime(t *testing.T) {
	dir := album(t)
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Kind: "pictures", Path: dir, Interval: Duration{Duration: 200 * time.Millisecond}}, Env{Clock: NewClock()}, Block)
		began := time.Now()
		items, err := r.rest()
		if err != nil || !slices.Equal(widths(items), []int{8, 9, 10}) {
			t.Fatalf("widths = %v, %v", widths(items), err)
		}
		for i, it := range items {
			if want := time.Duration(i) * 200 * time.Millisecond; it.At != want || it.Seq != uint64(i+1) {
				t.Errorf("picture %d at %v, Seq %d; want %v", i, it.At, it.Seq, want)
			}
		}
		if it := items[1]; it.Modality != model.Vision || it.Source != "it" || it.Name != "b.JPG" {
			t.Errorf("labels = %+v", it)
		}
		if took := time.Since(began); took != 400*time.Millisecond {
			t.Errorf("took %v, want 400ms", took)
		}
	})
}

func TestBrokenPicturesAreSkipped(t *testing.T) {
	dir := album(t)
	write(t, filepath.Join(dir, "aa.png"), "not a picture")
	if f, err := os.Create(filepath.Join(dir, "big.png")); err != nil || f.Truncate(MaxPictureBytes+1) != nil || f.Close() != nil {
		t.Fatal(err)
	}
	r := start(t, Config{Kind: "pictures", Path: dir, Loop: true}, Env{}, Block)
	for range 7 {
		r.out.Recycle(r.next())
	}
	r.stop()
	if n := r.env.Counters.Broken.Load(); n < 4 {
		t.Errorf("%d broken pictures counted in two rounds, want at least 4", n)
	}
	for _, want := range []string{"neither a JPEG nor a PNG", "larger than 32 MiB"} {
		if n := strings.Count(r.log.String(), want); n != 1 {
			t.Errorf("%q was logged %d times, want once:\n%s", want, n, r.log)
		}
	}
}

func TestNoPictureCanBePlayed(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.png"), "not a picture")
	r := start(t, Config{Kind: "pictures", Path: dir}, Env{}, Block)
	if _, err := r.rest(); err == nil || !strings.Contains(err.Error(), "none of 1 files") {
		t.Errorf("Run = %v, want an error", err)
	}
}

// TestLoopOverNothingDoesNotSpin: synctest's time only moves on while the source sleeps.
func TestLoopOverNothingDoesNotSpin(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.png"), "not a picture")
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Kind: "pictures", Path: dir, Loop: true}, Env{Clock: NewClock()}, Block)
		time.Sleep(time.Hour)
		write(t, filepath.Join(dir, "b.png"), string(encodePNG(t, scene(8, 4))))
		r.next()
		r.next() // of the next round: the first has worked
		r.stop()
		if n := r.env.Counters.Retries.Load(); n < 100 || n > 400 {
			t.Errorf("%d attempts in an hour, want one every 15 to 30 s", n)
		}
		if n := strings.Count(r.log.String(), "source failed"); n != 1 {
			t.Errorf("the failure was logged %d times, want once", n)
		}
		if !strings.Contains(r.log.String(), "works again") {
			t.Error("that it works again was not logged")
		}
	})
}

func TestGlobAndSpecialNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[1]*b")
	write(t, filepath.Join(dir, "x.png"), string(encodePNG(t, scene(8, 4))))
	r := start(t, Config{Kind: "pictures", Path: dir}, Env{}, Block)
	if items, err := r.rest(); err != nil || len(items) != 1 {
		t.Errorf("folder with a glob's characters in its name: %d pictures, %v", len(items), err)
	}
	r = start(t, Config{Kind: "pictures", Path: filepath.Join(album(t), "[ab].*")}, Env{}, Block)
	if items, err := r.rest(); err != nil || !slices.Equal(widths(items), []int{8, 9}) {
		t.Errorf("glob: widths = %v, %v", widths(items), err)
	}
}

func TestSlowConsumerDoesNotMakeTimesLag(t *testing.T) {
	dir := album(t)
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{Kind: "pictures", Path: dir, Interval: Duration{Duration: time.Second}, Loop: true}, Env{Clock: NewClock()}, Block)
		for len(r.out.ring) > r.out.Stats().Waiting {
			time.Sleep(time.Second)
		}
		time.Sleep(time.Hour) // the queue is full: the source waits
		for range len(r.out.ring) + 2 {
			r.out.Recycle(r.next())
		}
		if it := r.next(); it.At < time.Hour {
			t.Errorf("after a pause of an hour a picture is from %v", it.At)
		}
		r.stop()
	})
}
