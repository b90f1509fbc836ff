package main

import (
	"context"
	"sync"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

// retries is a namespace for clients that repeat what was not acknowledged: an
// order that comes again is not made again.
func (c *contract) retries() {
	n := c.io.Of("/retries")
	client := func(s *socketio.Socket) string {
		var auth struct {
			Client string `json:"client"`
		}
		_ = s.Handshake().BindAuth(&auth)
		return auth.Client
	}
	n.UseEvent(socketio.Deduplicate(socketio.DedupeConfig{ID: socketio.IDFromField("id"), Scope: client}))

	var mu sync.Mutex
	runs := map[string]int{}
	type order struct {
		ID      string `json:"id"`
		Slow    int    `json:"slow"` // milliseconds
		SoldOut bool   `json:"soldOut"`
		Note    []byte `json:"note"`
	}
	socketio.OnWithAck(n, "order", func(_ context.Context, s *socketio.Socket, o order) (map[string]any, error) {
		mu.Lock()
		key := client(s) + " " + o.ID
		runs[key]++
		run := runs[key]
		mu.Unlock()
		time.Sleep(time.Duration(o.Slow) * time.Millisecond)
		if o.SoldOut {
			return nil, &socketio.Error{Message: "sold out", Data: map[string]int{"run": run}}
		}
		return map[string]any{"run": run, "note": o.Note}, nil
	})
	socketio.OnWithAck(n, "runs", func(_ context.Context, s *socketio.Socket, id string) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return runs[client(s)+" "+id], nil
	})
}
