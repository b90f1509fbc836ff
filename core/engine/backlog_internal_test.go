package engine

import (
	"sync"
	"testing"
)

func TestBacklog(t *testing.T) {
	var b backlog
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 1000 {
				b.add(3, 1000+i)
				b.remove(1, 10)
			}
		})
	}
	all.Wait()
	if messages, bytes := b.both(); messages != 16_000 || bytes != 8*1000*990+28*1000 || b.bytes() != bytes {
		t.Errorf("%d messages, %d bytes", messages, bytes)
	}
	b.remove(16_000, 8*1000*990+28*1000)
	if n := b.n.Load(); n != 0 {
		t.Errorf("%d at the end", n)
	}
	b.add(1<<20, maxBacklogBytes) // as much as a server may have, and as much again
	b.add(1<<20, maxBacklogBytes-1)
	if messages, bytes := b.both(); messages != 1<<21 || bytes != 2*maxBacklogBytes-1 {
		t.Errorf("%d messages, %d bytes", messages, bytes)
	}
}
