package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/outbox"
)

// NewEmitter makes what package emitter needs to reach the nodes that have the same
// Config. It connects, and fails if that takes more than 10 s. What cannot be sent
// later is logged.
func NewEmitter(c Config) (backplane.Publisher, error) { return newEmitter(c, standardPatience) }

type publisher struct {
	settings
	sender *sender
	queue  *outbox.Outbox[outgoing]
	close  func() error
}

func newEmitter(c Config, p patience) (backplane.Publisher, error) {
	s, err := c.check()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("postgres: cannot connect: %w", err)
	}
	if err := (table{settings: s}).prepare(ctx, conn); err != nil {
		hangUp(conn.PgConn())
		return nil, err
	}
	e := &publisher{settings: s}
	e.sender = &sender{settings: s, patience: p, connect: s.connect, dropped: e.dropped, logger: s.Logger, conn: conn}
	e.queue = s.outbox(e.sender)
	e.close = sync.OnceValue(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		defer e.sender.close()
		return e.queue.Close(ctx)
	})
	return e, nil
}

func (s settings) outbox(to *sender) *outbox.Outbox[outgoing] {
	return outbox.New(outbox.Config[outgoing]{
		MaxItems: s.MaxQueuedMessages, MaxBytes: s.MaxQueuedBytes, Size: outgoing.size,
		Send: to.send, Retry: true, Dropped: to.dropped,
	})
}

// Publish implements [backplane.Publisher].
func (e *publisher) Publish(m backplane.Message) error {
	if m.Request != "" {
		return errors.New("postgres: nobody can answer an emitter")
	}
	m.From = emitterUID
	o, err := e.pack(e.channel(m.Namespace), m)
	if err != nil {
		return err
	}
	return e.queue.Push(o)
}

func (e *publisher) dropped(count int, err error) {
	e.Logger.Error("postgres: what was emitted is lost", "messages", count, "error", err)
}

// Close implements [backplane.Publisher].
func (e *publisher) Close() error { return e.close() }
