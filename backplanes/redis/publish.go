package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/outbox"
)

// A parcel is a message that waits to be sent.
type parcel struct {
	channel string
	payload []byte
}

// parcelOverhead is what a parcel takes in memory beside its bytes, about.
const parcelOverhead = 64

// sendMost is how many messages are sent at once.
const sendMost = 1000

// After sending has failed, the server is pinged once for each readAtOnce bytes that may
// be on their way, for it reads at least so much of a connection at a time (its
// PROTO_IOBUF_LEN), and at most mostPings times more; pingTimeout is for all of that.
const (
	readAtOnce  = 16 << 10
	mostPings   = 256
	pingTimeout = 3 * time.Second
)

func (b *bus) newOutbox() *outbox.Outbox[parcel] {
	return outbox.New(outbox.Config[parcel]{
		MaxItems: b.MaxQueuedMessages,
		MaxBytes: b.MaxQueuedBytes,
		MaxBatch: sendMost,
		Size:     func(p parcel) int { return len(p.channel) + len(p.payload) + parcelOverhead },
		Send:     b.send,
		Retry:    true,
		Dropped:  b.dropped,
	})
}

// publish queues a message.
func (b *bus) publish(channel string, payload []byte) error {
	if len(payload) > b.MaxMessageBytes {
		return fmt.Errorf("redis: a message of %d bytes is longer than Config.MaxMessageBytes, %d", len(payload), b.MaxMessageBytes)
	}
	err := b.outbox.Push(parcel{channel, payload})
	if errors.Is(err, backplane.ErrQueueFull) {
		b.refused.Add(1)
	}
	return err
}

// dropped is told of messages that the outbox has given up.
func (b *bus) dropped(n int, err error) {
	b.tell(backplane.Event{Kind: backplane.Gap, Lost: n, Err: err})
}

// A once is a PUBLISH that go-redis does not send again when it does not know
// whether it has arrived, for it would then come twice.
type once struct{ *goredis.IntCmd }

func (once) NoRetry() bool { return true }

// send sends messages. It fails if none has left; those that have, and then nobody
// knows whether they have arrived, are not sent again.
func (b *bus) send(ctx context.Context, batch []parcel) (done int, err error) {
	client, err := b.publisher(ctx)
	if err != nil {
		return 0, err
	}
	command := "publish"
	if b.sharded {
		command = "spublish"
	}
	pipe := client.Pipeline()
	sent := make([]once, len(batch))
	for i, p := range batch {
		sent[i] = once{goredis.NewIntCmd(ctx, command, p.channel, p.payload)}
		_ = pipe.Process(ctx, sent[i])
	}
	_, err = pipe.Exec(ctx)
	if err == nil {
		b.tellRefused()
		return len(batch), nil
	}
	lost, unsent := 0, 0
	b.unsure = 0
	for i, cmd := range sent {
		if cmd.Err() != nil {
			lost++
			b.unsure += len(batch[i].channel) + len(batch[i].payload) + parcelOverhead
		}
		if neverSent(cmd.Err()) {
			unsent++
		}
	}
	if unsent == len(batch) {
		return 0, err
	}
	if lost > 0 {
		b.dropped(lost, err)
	}
	return len(batch), nil
}

// publisher returns what messages are sent with. After a failure it is asked first
// whether it is there: what was sent before it was lost could otherwise come later
// than what is sent now. Between two answers, the server reads so much of each
// connection.
func (b *bus) publisher(ctx context.Context) (goredis.Cmdable, error) {
	var client goredis.Cmdable = b.Client
	if b.cluster != nil {
		if b.sharded {
			return client, nil
		}
		server, err := b.serverOf(topic{})
		if err != nil {
			return nil, err
		}
		client = server
	}
	if b.unsure == 0 {
		return client, nil
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	for range 1 + min(b.unsure/readAtOnce, mostPings) {
		if err := client.Ping(ctx).Err(); err != nil {
			b.moved(ctx)
			return nil, err
		}
	}
	b.unsure = 0
	return client, nil
}

// tellRefused tells of what the queue had no room for, once that is over.
func (b *bus) tellRefused() {
	if n := b.refused.Swap(0); n > 0 {
		b.dropped(int(n), backplane.ErrQueueFull)
	}
}

// neverSent reports whether an error says that a command was not carried out.
func neverSent(err error) bool {
	if err == nil {
		return false
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	text := err.Error()
	return strings.HasPrefix(text, "LOADING ") || strings.HasPrefix(text, "MASTERDOWN ") || strings.HasPrefix(text, "CLUSTERDOWN ")
}

// count asks how many subscribers channels have.
func (b *bus) count(ctx context.Context, channels ...string) (map[string]int, error) {
	var mu sync.Mutex
	sum := make(map[string]int, len(channels))
	add := func(ctx context.Context, client goredis.Cmdable) error {
		cmd := client.PubSubNumSub
		if b.sharded {
			cmd = client.PubSubShardNumSub
		}
		counts, err := cmd(ctx, channels...).Result()
		mu.Lock()
		defer mu.Unlock()
		for channel, n := range counts {
			sum[channel] += int(n)
		}
		return err
	}
	err := within(ctx, func() error {
		if b.cluster == nil {
			return add(ctx, b.Client)
		}
		each := func(ctx context.Context, server *goredis.Client) error { return add(ctx, server) }
		// Subscribers may be with replicas, one of which may be away.
		_ = b.cluster.ForEachSlave(ctx, each)
		return b.cluster.ForEachMaster(ctx, each)
	})
	if err != nil {
		return nil, err // it may still be counted
	}
	return sum, nil
}
