package main

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	socketio "github.com/kawat-go/kawat/core"
)

// answers handles the events that are about arguments and acks.
func (s *server) answers(n *socketio.Namespace) {
	socketio.OnWithAck(n, "number", func(_ context.Context, _ *socketio.Socket, v int64) (int64, error) { return v, nil })
	n.OnEvent("raw", func(_ context.Context, e *socketio.Event) error {
		args := make([]any, e.Len())
		for i := range args {
			args[i] = jsontext.Value(e.Args().Raw(i))
		}
		return e.Ack(args...)
	})
	n.OnEvent("count", func(_ context.Context, e *socketio.Event) error { return e.Ack(e.Len()) })
	n.OnEvent("keep", func(_ context.Context, e *socketio.Event) error {
		var kept any
		if err := e.Bind(&kept); err != nil {
			return err
		}
		e.Socket().SetData(kept)
		return e.Ack()
	})
	socketio.On(n, "quiz", func(ctx context.Context, c *socketio.Socket, _ socketio.None) error {
		answer, err := socketio.EmitWithAck[string](ctx, c, "question")
		if err != nil {
			return c.Emit("ungraded", err.Error())
		}
		return c.Emit("graded", answer)
	})
	n.OnEvent("acktwice", func(_ context.Context, e *socketio.Event) error {
		if err := e.Ack("first"); err != nil {
			return err
		}
		return e.Socket().Emit("again", e.Ack("second").Error())
	})
	n.OnEvent("acklate", func(_ context.Context, e *socketio.Event) error {
		err := e.Socket().Disconnect(false)
		go func() { _ = e.Ack("late") }()
		return err
	})
	n.OnEvent("acknever", func(context.Context, *socketio.Event) error { return nil })
}
