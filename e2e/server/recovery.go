package main

import (
	"context"
	"strings"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

// recovery is the contract of clients that are cut off and come back. Node's own
// server is not asked for it: it loses what these cases are about.
func recovery(io *socketio.Server) {
	type count struct {
		To    int `json:"to"`
		Every int `json:"every"` // milliseconds
		Bytes int `json:"bytes"` // behind each number
	}
	socketio.OnWithAck(io, "count", func(_ context.Context, s *socketio.Socket, c count) (socketio.None, error) {
		room := "count " + s.ID()
		if err := s.Join(room); err != nil {
			return socketio.None{}, err
		}
		go func() {
			for i := range c.To {
				time.Sleep(time.Duration(c.Every) * time.Millisecond)
				switch i % 3 { // the ways to reach it
				case 0:
					_ = io.To(room).Emit("number", i, strings.Repeat("x", c.Bytes))
				case 1:
					_ = s.Emit("number", i, make([]byte, c.Bytes))
				case 2:
					_ = io.Except("nobody").To(s.ID()).Emit("number", i, strings.Repeat("é", c.Bytes/2))
				}
			}
		}()
		return socketio.None{}, nil
	})
	io.OnEvent("keep", func(_ context.Context, e *socketio.Event) error {
		var data, room string
		if err := e.Bind(&data, &room); err != nil {
			return err
		}
		e.Socket().SetData(data)
		if err := e.Socket().Join(room); err != nil {
			return err
		}
		return e.Ack()
	})
	type kept struct {
		Data      any  `json:"data"`
		Rooms     int  `json:"rooms"`
		Recovered bool `json:"recovered"`
	}
	socketio.OnWithAck(io, "kept", func(_ context.Context, s *socketio.Socket, _ socketio.None) (kept, error) {
		return kept{Data: s.Data(), Rooms: len(s.Rooms()), Recovered: s.Recovered()}, nil
	})
}
