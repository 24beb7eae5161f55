package source

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

func TestNewQueueRefuses(t *testing.T) {
	if _, err := NewQueue(0, Block); err == nil {
		t.Error("a queue of 0 items gave no error")
	}
}

// TestQueueModel compares the queue with a slice, through any sequence of calls of one goroutine.
func TestQueueModel(t *testing.T) {
	ctx := context.Background()
	gone, cancel := context.WithCancel(ctx)
	cancel()
	type entry struct {
		seq   uint64
		reset bool
	}
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 4).Draw(t, "capacity")
		q, err := NewQueue(capacity, DropOldest)
		if err != nil {
			t.Fatal(err)
		}
		var want []entry
		var lent []*Item
		var stats Stats
		closed := false
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				it := q.Blank()
				if it.Seq != 0 || it.Reset || it.Text != "" || len(it.Audio) != 0 || len(it.Image.Pix) != 0 {
					t.Fatalf("Blank = %+v, want an empty item", it)
				}
				e := entry{seq: stats.Received + 1, reset: rapid.Bool().Draw(t, "reset")}
				it.Seq, it.Reset, it.Text = e.seq, e.reset, "x"
				it.Audio = append(it.Audio, 1)
				err := q.Put(ctx, it)
				if closed != errors.Is(err, ErrClosed) {
					t.Fatalf("Put = %v, closed: %v", err, closed)
				}
				if closed {
					return
				}
				stats.Received++
				want = append(want, e)
				if len(want) > capacity {
					stats.Dropped++
					want[1].reset = want[1].reset || want[0].reset
					want = want[1:]
				}
			},
			"put too late": func(t *rapid.T) {
				if err := q.Put(gone, q.Blank()); !errors.Is(err, context.Canceled) {
					t.Fatalf("Put = %v, want context.Canceled", err)
				}
			},
			"get": func(t *rapid.T) {
				if _, err := q.Get(gone); !errors.Is(err, context.Canceled) {
					t.Fatalf("Get = %v, want context.Canceled", err)
				}
				if len(want) == 0 {
					if closed {
						if _, err := q.Get(ctx); !errors.Is(err, io.EOF) {
							t.Fatalf("Get = %v, want io.EOF", err)
						}
					}
					return
				}
				it, err := q.Get(ctx)
				if err != nil || it.Seq != want[0].seq || it.Reset != want[0].reset {
					t.Fatalf("Get = %+v, %v; want %+v", it, err, want[0])
				}
				want = want[1:]
				stats.Delivered++
				lent = append(lent, it)
			},
			"recycle": func(t *rapid.T) {
				if len(lent) == 0 {
					return
				}
				q.Recycle(lent[0])
				q.Recycle(lent[0]) // a second time is harmless
				lent = lent[1:]
				stats.Recycled++
			},
			"close": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					q.Close()
					closed = true
				}
			},
			"": func(t *rapid.T) {
				stats.Waiting, stats.InUse = len(want), len(lent)
				if got := q.Stats(); got != stats {
					t.Fatalf("Stats = %+v, want %+v", got, stats)
				}
			},
		})
	})
}

func TestBlockLosesNothing(t *testing.T) {
	const sources, each = 4, 500
	q := mustQueue(t, 3, Block)
	var putting sync.WaitGroup
	for range sources {
		putting.Go(func() {
			for i := range each {
				it := q.Blank()
				it.Seq = uint64(i)
				if err := q.Put(t.Context(), it); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sum := make(chan uint64, 2)
	for range cap(sum) {
		go func() {
			var n uint64
			for {
				it, err := q.Get(t.Context())
				if err != nil {
					sum <- n
					return
				}
				n += it.Seq
				q.Recycle(it)
			}
		}()
	}
	putting.Wait()
	q.Close()
	if got, want := <-sum+<-sum, uint64(sources*each*(each-1)/2); got != want {
		t.Errorf("sum of what came through = %d, want %d", got, want)
	}
	if s := q.Stats(); s.Dropped != 0 || s.Delivered != sources*each || s.InUse != 0 {
		t.Errorf("Stats = %+v", s)
	}
}

func TestWaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			name    string
			end     func(q *Queue, cancel context.CancelFunc)
			put     error
			get     error
			waiting int
		}{
			{"by its context", func(_ *Queue, cancel context.CancelFunc) { cancel() }, context.Canceled, context.Canceled, 1},
			{"by Close", func(q *Queue, _ context.CancelFunc) { q.Close() }, ErrClosed, io.EOF, 1},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			full, empty := mustQueue(t, 1, Block), mustQueue(t, 1, Block)
			if err := full.Put(ctx, full.Blank()); err != nil {
				t.Fatal(err)
			}
			put, get := make(chan error), make(chan error)
			go func() { put <- full.Put(ctx, full.Blank()) }()
			go func() { _, err := empty.Get(ctx); get <- err }()
			synctest.Wait() // both wait, without spinning
			c.end(full, cancel)
			c.end(empty, cancel)
			if err := <-put; !errors.Is(err, c.put) {
				t.Errorf("Put ended %s = %v, want %v", c.name, err, c.put)
			}
			if err := <-get; !errors.Is(err, c.get) {
				t.Errorf("Get ended %s = %v, want %v", c.name, err, c.get)
			}
			if s := full.Stats(); s.Waiting != c.waiting || s.InUse != 0 {
				t.Errorf("Stats = %+v", s)
			}
			cancel()
		}
	})
}

func TestLargePicturesAreNotKept(t *testing.T) {
	q := mustQueue(t, 1, Block)
	for _, c := range []struct{ bytes, kept int }{{1000, 1000}, {maxKeptPix + 1, 0}} {
		it := q.Blank()
		it.Image.Pix = make([]byte, c.bytes)
		q.Recycle(it)
		if got := cap(q.Blank().Image.Pix); got < c.kept || c.kept == 0 && got != 0 {
			t.Errorf("of %d bytes %d are kept, want %d", c.bytes, got, c.kept)
		}
	}
}

func TestQueueDoesNotAllocate(t *testing.T) {
	for _, policy := range []Policy{DropOldest, Block} {
		q := mustQueue(t, 4, policy)
		ctx := t.Context()
		pass := func() {
			it := q.Blank()
			it.Image.Resize(64, 64)
			if err := q.Put(ctx, it); err != nil {
				t.Fatal(err)
			}
			it, err := q.Get(ctx)
			if err != nil {
				t.Fatal(err)
			}
			q.Recycle(it)
		}
		if n := testing.AllocsPerRun(100, pass); n != 0 {
			t.Errorf("an item allocates %v times on its way, want 0", n)
		}
	}
}

func BenchmarkQueue(b *testing.B) {
	q := mustQueue(b, 8, DropOldest)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if err := q.Put(ctx, q.Blank()); err != nil {
			b.Fatal(err)
		}
		it, err := q.Get(ctx)
		if err != nil {
			b.Fatal(err)
		}
		q.Recycle(it)
	}
}

// Wait returns when there is an item, takes none, and ends as Get does.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := mustQueue(t, 1, DropOldest)
		waited := make(chan error)
		go func() { waited <- q.Wait(t.Context()) }()
		synctest.Wait()
		select {
		case err := <-waited:
			t.Fatalf("Wait on an empty queue: %v, want it to wait", err)
		default:
		}
		for seq := range uint64(2) { // the second makes the first drop
			it := q.Blank()
			it.Seq = seq
			if err := q.Put(t.Context(), it); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-waited; err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := q.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		it, err := q.Get(t.Context())
		if err != nil || it.Seq != 1 {
			t.Fatalf("Get = %+v, %v; want the newer item", it, err)
		}
		q.Recycle(it)

		ctx, cancel := context.WithCancel(t.Context())
		go func() { waited <- q.Wait(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-waited; !errors.Is(err, context.Canceled) {
			t.Errorf("Wait = %v after its context ended", err)
		}
		go func() { waited <- q.Wait(t.Context()) }()
		synctest.Wait()
		q.Close()
		if err := <-waited; err != io.EOF {
			t.Errorf("Wait = %v after Close, want EOF", err)
		}
	})
}
