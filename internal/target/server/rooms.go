package main

import (
	"context"
	"strconv"

	socketio "github.com/kawat-go/kawat/core"
)

// rooms handles the events that are about many rooms, and about calls from within
// handlers and from other goroutines.
func (s *server) rooms(n *socketio.Namespace) {
	socketio.OnWithAck(n, "rooms", func(_ context.Context, c *socketio.Socket, n int) (int, error) {
		for i := range n {
			if err := c.Join("r" + strconv.Itoa(i)); err != nil {
				return 0, err
			}
		}
		return len(c.Rooms()), nil
	})
	socketio.OnWithAck(n, "enter", func(_ context.Context, c *socketio.Socket, name string) (int, error) {
		err := c.Join("room:" + name)
		return len(c.Rooms()), err
	})
	socketio.OnWithAck(n, "churn", func(_ context.Context, c *socketio.Socket, n int) (int, error) {
		for g := range 8 {
			s.churns.Go(func() {
				for i := range n {
					_ = c.Join("c"+strconv.Itoa(i+g), "shared")
					_ = c.Leave("c" + strconv.Itoa(i))
				}
			})
		}
		return n, nil
	})
	socketio.OnWithAck(n, "reenter", func(ctx context.Context, c *socketio.Socket, _ socketio.None) (int, error) {
		if err := c.Join("reentered"); err != nil {
			return 0, err
		}
		err := n.To("reentered").Emit("inside", c.ID())
		_ = n.SocketsJoin("everybody")
		_ = n.SocketsLeave("everybody")
		_ = s.io.ServerSideEmit("inside")
		all, _ := n.To("reentered").FetchSockets(ctx)
		_ = c.Leave("reentered")
		return len(all), err
	})
}
