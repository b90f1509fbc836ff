package nats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/outbox"
	"github.com/kawat-go/kawat/internal/wire"
)

// emitter is who sends without being a node.
const emitter = "emitter"

// A publisher says things to a cluster from a process that is none of its servers.
type publisher struct {
	config  Config
	durable bool
	link    link
	out     *outbox.Outbox[item]
}

// NewEmitter connects to a server, for package emitter. What is sent while the
// connection is cut waits, up to a bound.
func NewEmitter(c Config) (backplane.Publisher, error) { return newEmitter(c, false) }

// NewJetStreamEmitter is NewEmitter for a cluster of [JetStream]: what clients can
// recover is kept, provided that a node has been there before to make the stream.
func NewJetStreamEmitter(c Config) (backplane.Publisher, error) { return newEmitter(c, true) }

func newEmitter(c Config, durable bool) (backplane.Publisher, error) {
	c = c.withDefaults()
	if err := checkPrefix(c.Prefix); err != nil {
		return nil, err
	}
	e := &publisher{config: c, durable: durable}
	e.link.arrived = make(chan *natsgo.Msg)
	e.link.down = func(err error) { slog.Warn("nats: an emitter has lost its connection", "error", err) }
	e.link.up = func(time.Duration) { slog.Info("nats: an emitter is connected again") }
	e.link.lost = func(error) {}
	if err := e.link.connect(context.Background(), c); err != nil {
		return nil, err
	}
	e.out = outbox.New(outbox.Config[item]{
		MaxItems: c.MaxQueuedMessages, MaxBytes: c.MaxQueuedBytes, Size: item.size, Send: e.send,
		Dropped: func(n int, err error) { slog.Warn("nats: an emitter has lost messages", "messages", n, "error", err) },
	})
	return e, nil
}

// Publish implements [backplane.Publisher].
func (e *publisher) Publish(m backplane.Message) error {
	if m.Request != "" {
		return errors.New("nats: an emitter gets no answers: send without acks")
	}
	m.From = emitter
	data, err := wire.Append(nil, m)
	if err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	subject := e.config.Prefix + "." + token(m.Namespace)
	if e.durable && lasting(m) {
		subject += kept
	}
	data = e.config.sealed(subject, data)
	if err := e.link.fits(len(data)); err != nil {
		return err
	}
	return e.out.Push(item{subject: subject, data: data})
}

// send is called by the goroutine that sends.
func (e *publisher) send(_ context.Context, batch []item) (int, error) {
	for i, it := range batch {
		if err := e.link.nc.Publish(it.subject, it.data); err != nil {
			return i, err
		}
	}
	return len(batch), nil
}

// Close implements [backplane.Publisher].
func (e *publisher) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := e.out.Close(ctx)
	e.link.close(ctx)
	return err
}
