package engine

import "sync/atomic"

// A backlog is how much waits for clients: messages, and their bytes. Both are in one
// number, since it changes twice for each message that is sent: the bytes in the lower
// bits, which are enough for twice MaxTotalQueuedBytes, and the messages above.
type backlog struct{ n atomic.Uint64 }

const (
	byteBits        = 38
	maxBacklogBytes = 1 << (byteBits - 2)
)

func (b *backlog) add(messages, bytes int) { b.n.Add(uint64(messages)<<byteBits + uint64(bytes)) }

func (b *backlog) remove(messages, bytes int) { b.n.Add(-(uint64(messages)<<byteBits + uint64(bytes))) }

func (b *backlog) bytes() int64 { return int64(b.n.Load() & (1<<byteBits - 1)) }

func (b *backlog) both() (messages, bytes int64) {
	n := b.n.Load()
	return int64(n >> byteBits), int64(n & (1<<byteBits - 1))
}
