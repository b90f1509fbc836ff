package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/kawat-go/kawat/core/backplane"
)

// NewStreamsEmitter makes what package emitter needs to emit to servers with [Streams],
// and to Node's with its streams adapter, as @socket.io/redis-streams-emitter does.
// Redis need not be there yet: what is emitted waits, and is not lost within the bounds
// of the queue. The caller closes it, and then the client.
func NewStreamsEmitter(c StreamsConfig) (backplane.Publisher, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	b := newBus(busConfig{Config: c.Config, host: emitterHost(c.Logger)})
	return &streamsPublisher{cfg: c, id: backplane.NewID(), bus: b, writers: make(map[string]*writer), numbers: make(map[string]uint64)}, nil
}

// A streamsPublisher writes to streams, and reads nothing.
type streamsPublisher struct {
	cfg StreamsConfig
	id  string // tells its entries from those of other emitters
	bus *bus

	mu      sync.Mutex
	numbers map[string]uint64 // of the last message to each stream
	writers map[string]*writer
	closed  bool
}

// Publish implements [backplane.Publisher].
func (p *streamsPublisher) Publish(m backplane.Message) error {
	m.From = emitterID
	if !inStream(m) || m.Kind == backplane.NodeLeft {
		return fmt.Errorf("%w, or asked, by an emitter", errKind(&m))
	}
	name, _ := p.cfg.streamOf(m.Namespace)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return backplane.ErrClosed
	}
	w := p.writers[name]
	if w == nil {
		w = newWriter(p.cfg, name, p.bus, func() backplane.Offset { return backplane.Offset{} }, func() {})
		p.writers[name] = w
	}
	data, err := w.encode(m)
	if err != nil {
		return err
	}
	err = w.queue(m, data, p.id+"."+strconv.FormatUint(p.numbers[name]+1, 10))
	if err == nil {
		p.numbers[name]++ // in each stream there are all of them
	}
	return err
}

// Close implements [backplane.Publisher].
func (p *streamsPublisher) Close() error {
	p.mu.Lock()
	closed := p.closed
	p.closed = true
	p.mu.Unlock()
	if closed {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var errs []error
	for _, w := range p.writers {
		errs = append(errs, w.finish(ctx))
		w.close()
	}
	return errors.Join(append(errs, p.bus.close(ctx))...)
}
