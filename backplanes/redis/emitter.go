package redis

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/seal"
	"github.com/kawat-go/kawat/internal/wire"
)

// NewEmitter makes what package emitter needs to emit to servers with [Classic], and
// to Node's with its classic adapter, as @socket.io/redis-emitter does. Redis need not
// be there yet. The caller closes it, and then the client.
func NewEmitter(cfg Config) (backplane.Publisher, error) { return newPublisher(cfg, false) }

// NewShardedEmitter is [NewEmitter] for servers with [Sharded].
func NewShardedEmitter(cfg Config) (backplane.Publisher, error) { return newPublisher(cfg, true) }

// A publisher is a bus without subscriptions.
type publisher struct {
	names
	cfg     Config
	sharded bool
	bus     *bus
}

func newPublisher(cfg Config, sharded bool) (*publisher, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	b := newBus(busConfig{Config: cfg, sharded: sharded, host: emitterHost(cfg.Logger)})
	return &publisher{names: names{cfg.Prefix}, cfg: cfg, sharded: sharded, bus: b}, nil
}

// emitterHost is the host of an emitter's bus: it logs what is lost.
func emitterHost(log *slog.Logger) backplane.Host {
	if log == nil {
		log = slog.Default()
	}
	return backplane.Host{Logger: log, Observe: func(e backplane.Event) {
		log.Warn("redis: messages to the servers were lost", "messages", e.Lost, "error", e.Err)
	}}
}

// Publish implements [backplane.Publisher].
func (p *publisher) Publish(m backplane.Message) (err error) {
	m.From = emitterID
	if m.Request != "" || m.Kind < backplane.Broadcast || m.Kind > backplane.ServerSideEmit || m.Kind == backplane.FetchSockets {
		return fmt.Errorf("%w, or asked, by an emitter", errKind(&m))
	}
	var channel string
	var payload []byte
	switch {
	case p.sharded:
		channel = p.shardedChannel(p.cfg.SubscriptionMode, &m)
		payload, err = wire.Append(nil, m)
	case m.Kind == backplane.Broadcast:
		channel = p.broadcastChannel(&m)
		payload, err = writeBroadcast(&m, true)
	default:
		channel = p.request(m.Namespace)
		if m.Kind != backplane.ServerSideEmit {
			m.From = "" // as Node's has it
		}
		payload, err = writeRequest(&m)
	}
	if err != nil {
		return err
	}
	return p.bus.publish(channel, seal.Seal(nil, []byte(p.cfg.Secret), channel, payload))
}

// Close implements [backplane.Publisher].
func (p *publisher) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return p.bus.close(ctx)
}
