package engine_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A bodyThen calls a function when it has been read, and before it says so.
type bodyThen struct {
	text string
	then func()
}

func (b *bodyThen) Read(p []byte) (int, error) {
	if b.text == "" {
		b.then()
		return 0, io.EOF
	}
	n := copy(p, b.text)
	b.text = b.text[n:]
	return n, nil
}

// An interrupter is a router that interrupts the reading of a body.
type interrupter struct {
	engine.Router
	err error
}

func (i interrupter) NewID() string { return engine.NewID() }

func (i interrupter) Release() {}

func (i interrupter) Serve(_ context.Context, _ string, r *engine.Request) (engine.Reply, error) {
	_ = r.SetReadDeadline(time.Unix(1, 0))
	_, _ = io.ReadAll(r.Body)
	return engine.Reply{Status: 200}, i.err
}

// The connection on which the reading of a body was interrupted is closed, also if the
// body came to its end: net/http takes the clients of its later requests for gone.
func TestConnectionOfAnInterruptedBodyIsClosed(t *testing.T) {
	for name, row := range map[string]struct {
		router engine.Router
		status int
	}{
		"the session ends":        {nil, 400},
		"another node answers":    {interrupter{}, 200},
		"no node has it":          {interrupter{err: engine.ErrNoSession}, 400},
		"much is on its way":      {interrupter{err: engine.ErrRouterBusy}, 503},
		"another node is trouble": {interrupter{err: errors.New("trouble")}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, engine.Config{})
				query, then := polling+"&sid=unknown", func() {}
				if row.router != nil {
					h.Route(row.router)
				} else {
					c := h.connect()
					query, then = c.query(), c.session.CloseNow
				}
				r := request("POST", query, "4x")
				r.Body, r.SetReadDeadline = &bodyThen{"4x", then}, func(time.Time) error { return nil }
				reply := h.ServePoll(context.Background(), r)
				if reply.Status != row.status || reply.Header.Get("Connection") != "close" {
					t.Errorf("answered %d, %v", reply.Status, reply.Header)
				}
			})
		})
	}
}
