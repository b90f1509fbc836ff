package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	socketio "github.com/kawat-go/kawat/core"
)

func join(_ context.Context, s *socketio.Socket, names []string) ([]string, error) {
	err := s.Join(names...)
	return s.Rooms(), err
}

func (c *contract) rooms() {
	socketio.OnWithAck(c.io, "join", join)
	socketio.OnWithAck(c.io, "leave", func(_ context.Context, s *socketio.Socket, name string) ([]string, error) {
		err := s.Leave(name)
		return s.Rooms(), err
	})
	socketio.OnWithAck(c.io, "members", func(ctx context.Context, _ *socketio.Socket, room string) ([]string, error) {
		sockets, err := c.io.In(room).FetchSockets(ctx)
		ids := make([]string, 0, len(sockets))
		for _, s := range sockets {
			ids = append(ids, s.ID())
		}
		slices.Sort(ids)
		return ids, err
	})
	type move struct {
		Room  string   `json:"room"`
		Join  []string `json:"join"`
		Leave []string `json:"leave"`
	}
	socketio.OnWithAck(c.io, "move", func(_ context.Context, _ *socketio.Socket, m move) (bool, error) {
		room := c.io.In(m.Room)
		if err := room.SocketsJoin(m.Join...); err != nil {
			return false, err
		}
		return true, room.SocketsLeave(m.Leave...)
	})
	socketio.OnWithAck(c.io, "relay", c.relay)
}

type relay struct {
	From   string   `json:"from"` // io, socket or broadcast
	To     []string `json:"to"`
	Except []string `json:"except"`
	Flag   string   `json:"flag"`
	Event  string   `json:"event"`
	Value  any      `json:"value"`
}

func (c *contract) relay(_ context.Context, s *socketio.Socket, r relay) (bool, error) {
	var target socketio.Broadcast
	switch r.From {
	case "io":
		target = c.io.Except()
	case "socket", "broadcast":
		target = s.Broadcast()
	default:
		return false, fmt.Errorf("relay from %q", r.From)
	}
	target = target.To(r.To...).Except(r.Except...)
	switch r.Flag {
	case "local":
		target = target.Local()
	case "volatile":
		target = target.Volatile()
	}
	return true, target.Emit(r.Event, r.Value)
}

func (c *contract) ends() {
	type kick struct {
		Room  string `json:"room"`
		Close bool   `json:"close"`
	}
	socketio.On(c.io, "kick", func(_ context.Context, s *socketio.Socket, k kick) error {
		if k.Room != "" {
			return c.io.In(k.Room).DisconnectSockets(k.Close)
		}
		return s.Disconnect(k.Close)
	})
	c.io.OnEvent("engine-close", func(_ context.Context, e *socketio.Event) error {
		e.Socket().Conn().Close()
		return nil
	})
	socketio.OnWithAck(c.io, "left", func(ctx context.Context, _ *socketio.Socket, id string) (ending, error) {
		return c.endings.wait(ctx, id)
	})
}

// An ending is why a socket left, the rooms it was in then, and those afterwards.
type ending struct {
	Reason socketio.Reason `json:"reason"`
	Rooms  []string        `json:"rooms"`
	After  []string        `json:"after"`
}

type endings struct {
	mu   sync.Mutex
	left map[string]chan ending
}

func (e *endings) of(id string) chan ending {
	e.mu.Lock()
	defer e.mu.Unlock()
	ch, ok := e.left[id]
	if !ok {
		ch = make(chan ending, 1)
		e.left[id] = ch
	}
	return ch
}

func (e *endings) remember(s *socketio.Socket) {
	ch := e.of(s.ID())
	var rooms []string
	s.OnDisconnecting(func(context.Context, *socketio.Socket, socketio.Reason) {
		rooms = s.Rooms()
		slices.Sort(rooms)
	})
	s.OnDisconnect(func(_ context.Context, s *socketio.Socket, reason socketio.Reason) {
		select {
		case ch <- ending{Reason: reason, Rooms: rooms, After: s.Rooms()}:
		default: // of a socket that goes on for another nobody has asked for the last end
		}
	})
}

func (e *endings) wait(ctx context.Context, id string) (ending, error) {
	ch := e.of(id)
	select {
	case end := <-ch:
		ch <- end // for whoever asks next
		return end, nil
	case <-ctx.Done():
		return ending{}, ctx.Err()
	}
}
