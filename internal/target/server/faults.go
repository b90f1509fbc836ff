package main

import (
	"context"
	"runtime"

	socketio "github.com/kawat-go/kawat/core"
)

// A fault is what a client of "/faulty" wants to go wrong, and where.
type fault struct {
	In  string `json:"in"`
	How string `json:"how"`
}

// happen lets it, if this is where.
func (f fault) happen(where string, c *socketio.Socket) {
	switch {
	case f.In != where:
	case f.How == "panic":
		panic("as asked")
	case f.How == "goexit":
		runtime.Goexit()
	case f.How == "kick":
		_ = c.Disconnect(true)
	case f.How == "reenter":
		_ = c.Join("reentered")
		_ = c.Namespace().To("reentered").Emit("inside")
		_ = c.Namespace().DisconnectSockets(false)
	}
}

func wish(c *socketio.Socket) (f fault) {
	_ = c.Handshake().BindAuth(&f)
	return f
}

// faulty sets up a namespace whose functions fail as clients want.
func (s *server) faulty(n *socketio.Namespace) {
	n.Use(func(ctx context.Context, c *socketio.Socket) (context.Context, error) {
		wish(c).happen("use", c)
		return ctx, nil
	})
	n.OnConnection(func(_ context.Context, c *socketio.Socket) error {
		wish(c).happen("connection", c)
		return nil
	})
	n.UseEvent(func(next socketio.Handler) socketio.Handler {
		return func(ctx context.Context, e *socketio.Event) error {
			wish(e.Socket()).happen("useevent", e.Socket())
			return next(ctx, e)
		}
	})
	n.OnAny(func(_ context.Context, e *socketio.Event) { wish(e.Socket()).happen("any", e.Socket()) })
	n.OnDisconnecting(func(_ context.Context, c *socketio.Socket, _ socketio.Reason) { wish(c).happen("disconnecting", c) })
	n.OnDisconnect(func(_ context.Context, c *socketio.Socket, _ socketio.Reason) { wish(c).happen("disconnect", c) })
	n.OnEvent("echo", echo)
}

// users sets up a namespace whose sessions belong to users, as docs/recovery.md has
// it.
func users(n *socketio.Namespace) {
	n.Use(func(ctx context.Context, c *socketio.Socket) (context.Context, error) {
		var auth struct {
			User string `json:"user"`
		}
		if err := c.Handshake().BindAuth(&auth); err != nil || auth.User == "" {
			return nil, &socketio.Error{Message: "unauthorized"}
		}
		if before, ok := c.Data().(string); ok && before != auth.User {
			return nil, &socketio.Error{Message: "unauthorized"}
		}
		c.SetData(auth.User)
		return ctx, nil
	})
	n.OnEvent("echo", echo)
	socketio.OnWithAck(n, "tell", func(_ context.Context, _ *socketio.Socket, text string) (int, error) {
		return len(text), n.Emit("told", text)
	})
}
