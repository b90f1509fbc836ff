package main

import (
	"context"

	socketio "github.com/kawat-go/kawat/core"
)

type object struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	On   bool   `json:"on"`
}

type publication struct {
	Room string `json:"room"`
	N    int    `json:"n"`
	Text string `json:"text"`
}

// same acknowledges an event with its argument.
func same[T any](_ context.Context, _ *socketio.Socket, v T) (T, error) { return v, nil }

// handle registers the events of the contract.
func handle(io *socketio.Server) {
	socketio.OnWithAck(io, "echo", same[string])
	socketio.OnWithAck(io, "object", same[object])
	socketio.OnWithAck(io, "binary", same[[]byte])
	io.OnEvent("raw", raw)
	socketio.OnWithAck(io, "join", func(_ context.Context, s *socketio.Socket, room string) (bool, error) {
		return true, s.Join(room)
	})
	socketio.OnWithAck(io, "leave", func(_ context.Context, s *socketio.Socket, room string) (bool, error) {
		return true, s.Leave(room)
	})
	socketio.OnWithAck(io, "publish", func(_ context.Context, _ *socketio.Socket, p publication) (bool, error) {
		for range p.N {
			if err := io.To(p.Room).Emit("message", p.Text); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	socketio.On(io, "quiet", func(context.Context, *socketio.Socket, socketio.None) error { return nil })
}

// raw acknowledges an event with its arguments, whatever they are.
func raw(_ context.Context, e *socketio.Event) error {
	args, dst := make([]any, e.Len()), make([]any, e.Len())
	for i := range args {
		dst[i] = &args[i]
	}
	if err := e.Bind(dst...); err != nil {
		return err
	}
	return e.Ack(args...)
}
