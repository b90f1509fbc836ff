package engine

import (
	"sync"
	"sync/atomic"
)

// A baton is a lock that is held for as long as the user's code takes: who waits
// for it counts as waiting in a bubble of testing/synctest, as for a sync.Mutex it
// would not, and time passes there.
type baton struct {
	state atomic.Int32 // free, held, or held while somebody may wait
	mu    sync.Mutex
	freed *sync.Cond // nil until somebody had to wait; guarded by mu
}

const (
	batonFree int32 = iota
	batonHeld
	batonWanted
)

// TryLock takes the baton if it is free.
func (b *baton) TryLock() bool { return b.state.CompareAndSwap(batonFree, batonHeld) }

// Lock waits until the baton is free, and takes it.
func (b *baton) Lock() {
	if !b.TryLock() {
		b.wait()
	}
}

func (b *baton) wait() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.freed == nil {
		b.freed = sync.NewCond(&b.mu)
	}
	for b.state.Swap(batonWanted) != batonFree {
		b.freed.Wait()
	}
}

// Unlock frees the baton for the next.
func (b *baton) Unlock() {
	if b.state.Swap(batonFree) == batonWanted {
		b.wake()
	}
}

func (b *baton) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.freed.Signal()
}
