package main

import (
	"context"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

// blocks are the handlers that wait to be released.
type blocks struct {
	waiting atomic.Int64
	release chan struct{}
}

func (b *blocks) wait() {
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	<-b.release
}

// slowness is how long a client waits for the namespace "/slow".
const slowness = 300 * time.Millisecond

func (s *server) handle(io *socketio.Server) {
	s.events(io.Namespace)
	s.events(io.Of("/chat"))
	slow := io.Of("/slow")
	slow.Use(func(ctx context.Context, _ *socketio.Socket) (context.Context, error) {
		time.Sleep(slowness)
		return ctx, nil
	})
	s.events(slow)
	io.Of("/closed").Use(func(ctx context.Context, _ *socketio.Socket) (context.Context, error) {
		return ctx, &socketio.Error{Message: "not allowed"}
	})
	io.OfRegexp(regexp.MustCompile(`^/child-[a-z0-9]+$`))
	s.faulty(io.Of("/faulty"))
	users(io.Of("/user"))
}

func (s *server) events(n *socketio.Namespace) {
	n.OnEvent("echo", echo)
	socketio.OnWithAck(n, "join", func(_ context.Context, c *socketio.Socket, room string) (int, error) {
		err := c.Join(room)
		return len(c.Rooms()), err
	})
	socketio.OnWithAck(n, "leave", func(_ context.Context, c *socketio.Socket, room string) (int, error) {
		err := c.Leave(room)
		return len(c.Rooms()), err
	})
	socketio.OnWithAck(n, "address", func(_ context.Context, c *socketio.Socket, _ socketio.None) (string, error) {
		return c.Handshake().Address, nil
	})
	n.OnEvent("say", pair(func(_ *socketio.Socket, room, text string) error { return n.To(room).Emit("said", text) }))
	n.OnEvent("flood", pair(flood))
	socketio.OnWithAck(n, "ask", ask)
	s.answers(n)
	s.rooms(n)
	n.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { s.disconnects.Add(1) })
	n.OnConnection(func(_ context.Context, c *socketio.Socket) error {
		s.connections.Add(1)
		var events int // handlers of a socket run one after another
		socketio.OnWithAck(c, "order", func(context.Context, *socketio.Socket, int) (int, error) {
			events++
			return events - 1, nil
		})
		return nil
	})
	socketio.On(n, "panic", func(context.Context, *socketio.Socket, socketio.None) error { panic("as asked") })
	socketio.On(n, "goexit", func(context.Context, *socketio.Socket, socketio.None) error { runtime.Goexit(); return nil })
	socketio.On(n, "block", func(context.Context, *socketio.Socket, socketio.None) error { s.blocks.wait(); return nil })
	socketio.On(n, "kick", func(_ context.Context, c *socketio.Socket, _ socketio.None) error { return c.Disconnect(false) })
	socketio.On(n, "kickall", func(_ context.Context, c *socketio.Socket, _ socketio.None) error { return c.Disconnect(true) })
	socketio.OnWithAck(n, "slow", func(_ context.Context, _ *socketio.Socket, ms int) (int, error) {
		time.Sleep(time.Duration(ms) * time.Millisecond)
		return ms, nil
	})
}

// echo acknowledges an event with its arguments, whatever they are.
func echo(ctx context.Context, e *socketio.Event) error {
	args, dst := make([]any, e.Len()), make([]any, e.Len())
	for i := range args {
		dst[i] = &args[i]
	}
	if err := e.Bind(dst...); err != nil {
		return err
	}
	if e.WantsAck() {
		return e.Ack(args...)
	}
	return e.Socket().Emit("echo", args...)
}

func flood(c *socketio.Socket, n, size int) error {
	text := strings.Repeat("x", size)
	for i := range n {
		if err := c.Emit("flood", i, text); err != nil {
			return err
		}
	}
	return nil
}

// ask asks without waiting for the answers, at most so many at the same time.
func ask(_ context.Context, c *socketio.Socket, n int) (int, error) {
	room := make(chan struct{}, 12_000)
	for i := range n {
		room <- struct{}{}
		go func() {
			_, _ = c.EmitWithAck(context.Background(), "question", i)
			<-room
		}()
	}
	return n, nil
}

// pair binds the two arguments of an event.
func pair[A, B any](h func(c *socketio.Socket, a A, b B) error) socketio.Handler {
	return func(_ context.Context, e *socketio.Event) error {
		var a A
		var b B
		if err := e.Bind(&a, &b); err != nil {
			return err
		}
		return h(e.Socket(), a, b)
	}
}
