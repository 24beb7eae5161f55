package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Policy says what a full queue does with one more item.
type Policy uint8

const (
	// DropOldest makes room by dropping the item that has waited longest: what is live must stay fresh.
	DropOldest Policy = iota
	// Block makes the source wait: of finite sources nothing may be lost.
	Block
)

// ErrClosed is what Put returns once the queue is closed.
var ErrClosed = errors.New("queue is closed")

// maxKeptPix is the largest picture whose memory a recycled item keeps: one that is larger than a 4K frame passes by rarely.
const maxKeptPix = 32 << 20

// Queue is the bounded queue between one source and its consumer. It owns the items that pass through it: Blank lends one to the
// source, Put and Get move it on, Recycle takes it back with its buffers. All methods are safe for concurrent use.
//
// A chunk of sound that follows a dropped one gets no Reset: what the detector heard before the gap is a better guess at what it hears
// after it than silence, which takes it several chunks to recover from, and the few samples of context that are wrong matter to one.
type Queue struct {
	policy Policy
	filled chan struct{} // one token: there may be items
	room   chan struct{} // one token: there may be room
	closed chan struct{}

	mu    sync.Mutex
	ring  []*Item
	first int
	n     int
	free  []*Item
	over  bool
	stats Stats
}

// Stats counts what passed through a queue since it was made.
type Stats struct {
	Received  uint64 // items put in
	Delivered uint64 // items got out
	Dropped   uint64 // items that had to make room
	Recycled  uint64 // items that came back from the consumer
	Waiting   int    // items in the queue now
	InUse     int    // items lent out now, to the source or the consumer
}

// NewQueue returns a queue for capacity items.
func NewQueue(capacity int, policy Policy) (*Queue, error) {
	if capacity < 1 {
		return nil, fmt.Errorf("queue of %d items: it must hold at least 1", capacity)
	}
	return &Queue{
		policy: policy,
		filled: make(chan struct{}, 1),
		room:   make(chan struct{}, 1),
		closed: make(chan struct{}),
		ring:   make([]*Item, capacity),
		free:   make([]*Item, 0, capacity+2), // and one each with the source and the consumer
	}, nil
}

// Blank returns an item to fill in: empty, but with the buffers of one that was recycled. It never blocks. Who takes an item gives
// it to Put or Recycle.
func (q *Queue) Blank() *Item {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stats.InUse++
	last := len(q.free) - 1
	if last < 0 {
		return &Item{}
	}
	it := q.free[last]
	q.free[last] = nil
	q.free = q.free[:last]
	it.free = false
	return it
}

// Put adds it to the queue. When the queue is full, DropOldest drops, and Block waits until there is room, ctx ends or the queue is
// closed. With an error the item was not added. Either way it is the queue's from then on.
func (q *Queue) Put(ctx context.Context, it *Item) error {
	for {
		done, err := q.tryPut(ctx, it)
		if done {
			return err
		}
		select {
		case <-q.room:
		case <-q.closed:
		case <-ctx.Done():
		}
	}
}

func (q *Queue) tryPut(ctx context.Context, it *Item) (done bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := ctx.Err(); err != nil {
		q.release(it)
		return true, err
	}
	if q.over {
		q.release(it)
		return true, ErrClosed
	}
	if q.n == len(q.ring) {
		if q.policy == Block {
			return false, nil
		}
		q.drop(it)
	}
	q.ring[(q.first+q.n)%len(q.ring)] = it
	q.n++
	q.stats.InUse--
	q.stats.Received++
	signal(q.filled)
	if q.n < len(q.ring) {
		signal(q.room) // for another source's goroutine that waits
	}
	return true, nil
}

// drop makes room for it. A recording's start is never lost: what follows the dropped item takes over its Reset.
func (q *Queue) drop(it *Item) {
	old := q.pop()
	q.stats.Dropped++
	q.stats.InUse++ // release takes it off again
	if old.Reset {
		if q.n > 0 {
			it = q.ring[q.first]
		}
		it.Reset = true
	}
	q.release(old)
}

// Wait returns once there is an item to get, which may be another one by then: a newer one may have taken its place. Its errors are
// those of Get.
func (q *Queue) Wait(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if there, err := q.look(); there || err != nil {
			return err
		}
		select {
		case <-q.filled:
		case <-q.closed:
		case <-ctx.Done():
		}
	}
}

// look tells whether there is an item to get, and leaves the token to whoever gets it.
func (q *Queue) look() (there bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.n > 0:
		signal(q.filled)
		return true, nil
	case q.over:
		return false, io.EOF
	}
	return false, nil
}

// Get removes the oldest item, waiting for one. It returns io.EOF once the queue is closed and empty, and ctx's error when that ends.
func (q *Queue) Get(ctx context.Context) (*Item, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if it, err := q.tryGet(); it != nil || err != nil {
			return it, err
		}
		select {
		case <-q.filled:
		case <-q.closed:
		case <-ctx.Done():
		}
	}
}

func (q *Queue) tryGet() (*Item, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == 0 {
		if q.over {
			return nil, io.EOF
		}
		return nil, nil
	}
	it := q.pop()
	q.stats.Delivered++
	q.stats.InUse++
	if q.n > 0 {
		signal(q.filled) // for another consumer that waits
	}
	signal(q.room)
	return it, nil
}

// Recycle takes back an item from Blank or Get. A second time for the same item does nothing.
func (q *Queue) Recycle(it *Item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !it.free {
		q.stats.Recycled++
		q.release(it)
	}
}

// Close ends the queue: Put fails from now on, and Get hands out what is left and then io.EOF.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.over {
		q.over = true
		close(q.closed)
	}
}

// Stats returns the counters, consistent with each other.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.Waiting = q.n
	return s
}

// pop removes the oldest item of a queue that is not empty.
func (q *Queue) pop() *Item {
	it := q.ring[q.first]
	q.ring[q.first] = nil
	q.first = (q.first + 1) % len(q.ring)
	q.n--
	return it
}

// release empties a lent item and puts it on the free list while there is room.
func (q *Queue) release(it *Item) {
	q.stats.InUse--
	pix := it.Image.Pix
	if cap(pix) > maxKeptPix {
		pix = nil
	}
	*it = Item{Image: Image{Pix: pix[:0]}, Audio: it.Audio[:0], free: true}
	if len(q.free) < cap(q.free) {
		q.free = append(q.free, it)
	}
}

// signal leaves a token unless there is one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
