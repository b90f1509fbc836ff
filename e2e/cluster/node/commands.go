package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

// A command is one line of standard input.
type command struct {
	ID    int    `json:"id"`
	Op    string `json:"op"`
	Nsp   string `json:"nsp"`
	Event string `json:"event"`
	Args  []any  `json:"args"`

	Rooms   []string `json:"rooms"`
	Except  []string `json:"except"`
	Timeout int      `json:"timeout"` // milliseconds
	Flags   struct {
		Volatile bool  `json:"volatile"`
		Local    bool  `json:"local"`
		Compress *bool `json:"compress"`
	} `json:"flags"`

	Join  []string `json:"join"`
	Leave []string `json:"leave"`
	Close bool     `json:"close"`
}

// waits reports whether the command waits for others.
func (c command) waits() bool {
	return c.Op == "emitWithAck" || c.Op == "serverSideEmitWithAck" || c.Op == "fetchSockets"
}

func (n *node) target(c command) socketio.Broadcast {
	b := n.space(c).To(c.Rooms...).Except(c.Except...)
	if c.Flags.Volatile {
		b = b.Volatile()
	}
	if c.Flags.Local {
		b = b.Local()
	}
	if c.Flags.Compress != nil {
		b = b.Compress(*c.Flags.Compress)
	}
	return b.Timeout(time.Duration(c.Timeout) * time.Millisecond)
}

func (n *node) space(c command) *socketio.Namespace {
	if c.Nsp == "" {
		return n.io.Namespace
	}
	return n.io.Of(c.Nsp)
}

func (n *node) do(c command) (any, error) {
	ctx := context.Background()
	switch c.Op {
	case "emit":
		return nil, n.target(c).Emit(c.Event, fromWire(c.Args).([]any)...)
	case "emitWithAck":
		replies, err := n.target(c).EmitWithAckAll(ctx, c.Event, fromWire(c.Args).([]any)...)
		return answers(replies, err)
	case "fetchSockets":
		return n.fetch(ctx, c)
	case "socketsJoin":
		return nil, n.target(c).SocketsJoin(c.Join...)
	case "socketsLeave":
		return nil, n.target(c).SocketsLeave(c.Leave...)
	case "disconnectSockets":
		return nil, n.target(c).DisconnectSockets(c.Close)
	case "serverSideEmit":
		return nil, n.space(c).ServerSideEmit(c.Event, fromWire(c.Args).([]any)...)
	case "serverSideEmitWithAck":
		replies, err := n.space(c).ServerSideEmitWithAck(ctx, c.Event, fromWire(c.Args).([]any)...)
		return answers(replies, err)
	case "local":
		ids := []string{}
		for _, s := range n.space(c).Sockets() {
			ids = append(ids, s.ID())
		}
		return ids, nil
	case "cut":
		for _, s := range n.space(c).Sockets() {
			s.Conn().Abort()
		}
		return nil, nil
	case "heard":
		n.mu.Lock()
		defer n.mu.Unlock()
		all := n.heard
		n.heard = []heard{}
		return all, nil
	case "rooms":
		n.mu.Lock()
		defer n.mu.Unlock()
		all := n.rooms
		n.rooms = [][]string{}
		return all, nil
	}
	return nil, fmt.Errorf("no command %q", c.Op)
}

func answers(replies []socketio.Reply, err error) (any, error) {
	values := []any{}
	for _, r := range replies {
		var v any
		if r.Len() > 0 {
			if err := r.Bind(&v); err != nil {
				return nil, err
			}
		}
		values = append(values, toWire(v))
	}
	result := map[string]any{"replies": values}
	var missing *socketio.AckError
	switch {
	case errors.As(err, &missing):
		result["failed"] = err.Error()
	case err != nil:
		return nil, err
	}
	return result, nil
}

func (n *node) fetch(ctx context.Context, c command) (any, error) {
	sockets, err := n.target(c).FetchSockets(ctx)
	if err != nil {
		return nil, err
	}
	all := []any{}
	for _, s := range sockets {
		h := s.Handshake()
		var auth any
		if err := h.BindAuth(&auth); err != nil {
			return nil, err
		}
		query := map[string]string{}
		for name := range h.Query {
			query[name] = h.Query.Get(name)
		}
		data := s.Data()
		if data == nil {
			data = map[string]any{}
		}
		rooms := s.Rooms()
		slices.Sort(rooms)
		agent := ""
		if values := h.Headers["User-Agent"]; len(values) > 0 {
			agent = values[0]
		}
		all = append(all, map[string]any{
			"id": s.ID(), "rooms": rooms, "data": toWire(data), "auth": auth, "query": query, "agent": agent,
			"issued": h.Issued.UnixMilli(), "address": h.Address, "url": h.URL,
		})
	}
	return all, nil
}

// toWire and fromWire write and read {"$bin":"hex"} for binary: see ../lib/values.mjs.
func toWire(v any) any {
	switch v := v.(type) {
	case []byte:
		return map[string]any{"$bin": hex.EncodeToString(v)}
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = toWire(v[i])
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(v))
		for name := range v {
			all[name] = toWire(v[name])
		}
		return all
	}
	return v
}

func fromWire(v any) any {
	switch v := v.(type) {
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = fromWire(v[i])
		}
		return all
	case map[string]any:
		if text, ok := v["$bin"].(string); ok {
			data, err := hex.DecodeString(text)
			if err == nil {
				return data
			}
		}
		all := make(map[string]any, len(v))
		for name := range v {
			all[name] = fromWire(v[name])
		}
		return all
	}
	return v
}
