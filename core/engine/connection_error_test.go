package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

func TestOnConnectionError(t *testing.T) {
	h := serve(t, engine.Config{
		AllowRequest: func(_ context.Context, r *engine.Request) error {
			if r.Header.Get("X-Do") == "forbid" {
				return errNo
			}
			return nil
		},
		GenerateID: func(r *engine.Request) (string, error) {
			switch r.Header.Get("X-Do") {
			case "no id":
				return "", errNo
			case "same id":
				return "same", nil
			}
			return engine.NewID(), nil
		},
	})
	var told []string
	var cause error
	h.OnConnectionError(func(e engine.ConnectionError) {
		_ = h.Stats() // no lock is held
		_ = h.ClientsCount()
		told = append(told, fmt.Sprint(e.Request.Method, " ", e.Code, " ", e.Message, " ", e.Context))
		cause = e.Cause
	})
	second := 0
	h.OnConnectionError(func(engine.ConnectionError) { second++; panic("in OnConnectionError") })
	c := h.connect()
	do(h.Server, "GET", polling, "", "X-Do", "same id")
	type list []string
	for _, f := range []struct {
		method, query string
		headers       list
		polled, ws    string // what is told; "" where the way makes no sense
		cause         error
	}{
		{"GET", "EIO=4&transport=abc", nil, "GET 0 Transport unknown abc", "GET 0 Transport unknown abc", nil},
		{"GET", polling + "&sid=x", nil, "GET 1 Session ID unknown ", "GET 1 Session ID unknown ", nil},
		{"PUT", polling, nil, "PUT 2 Bad handshake method PUT", "", nil},
		{"GET", "transport=polling", nil, "GET 5 Unsupported protocol version EIO=", "", nil},
		{"GET", "EIO=3&transport=websocket", nil, "", "GET 5 Unsupported protocol version EIO=3", nil},
		{"GET", webSocket, nil, "GET 3 Bad request TRANSPORT_HANDSHAKE_ERROR", "", nil},
		{"GET", webSocket + "&sid=" + c.sid, nil, "GET 3 Bad request TRANSPORT_MISMATCH", "", nil},
		{"GET", "transport=polling&EIO=5&sid=" + c.sid, nil, "GET 3 Bad request PROTOCOL_MISMATCH", "", nil},
		{"GET", polling, list{"Origin", "a\x01"}, "GET 3 Bad request INVALID_ORIGIN", "GET 3 Bad request INVALID_ORIGIN", nil},
		{"GET", polling, list{"Origin", "https://evil.example"}, "GET 4 Forbidden ORIGIN_NOT_ALLOWED", "GET 4 Forbidden ORIGIN_NOT_ALLOWED", nil},
		{"GET", polling, list{"X-Do", "forbid"}, "GET 4 no AllowRequest", "", errNo},
		{"GET", webSocket, list{"X-Do", "forbid"}, "", "GET 4 no AllowRequest", errNo},
		{"GET", polling, list{"X-Do", "no id"}, "GET 3 Bad request ID_GENERATION_ERROR", "", errNo},
		{"GET", webSocket, list{"X-Do", "no id"}, "", "GET 3 Bad request ID_GENERATION_ERROR", errNo},
		{"GET", polling, list{"X-Do", "same id"}, "GET 3 Bad request ID_GENERATION_ERROR", "", nil},
		{"GET", webSocket, list{"X-Do", "same id"}, "", "GET 3 Bad request ID_GENERATION_ERROR", nil},
	} {
		if f.polled != "" {
			told = nil
			do(h.Server, f.method, f.query, "", f.headers...)
			wantBody(t, f.query, fmt.Sprint(told), "["+f.polled+"]")
		}
		if f.ws != "" {
			told = nil
			p := newPipe(t)
			if u, _ := h.AcceptUpgrade(context.Background(), upgradeRequest(f.query, f.headers...)); u != nil {
				u.Serve(pipeEnd(p)) // where it turns out to be refused
			}
			wantBody(t, f.query+" over WebSocket", fmt.Sprint(told), "["+f.ws+"]")
		}
		if f.cause != nil && !errors.Is(cause, f.cause) {
			t.Errorf("%s: cause %v", f.query, cause)
		}
	}
	before := second
	_ = h.Close()
	told = nil
	do(h.Server, "GET", polling, "")
	h.dial(webSocket)
	wantBody(t, "shutdown", fmt.Sprint(told),
		"[GET 3 Server shutting down SERVER_SHUTDOWN GET 3 Server shutting down SERVER_SHUTDOWN]")
	if second != before+2 || h.Stats().Panics != int64(second) {
		t.Errorf("the second function: %d calls, %d panics", second, h.Stats().Panics)
	}
}

var errNo = errors.New("no")

// Functions may be added while requests are refused.
func TestHooksAreAddedWhileServing(t *testing.T) {
	srv := newServer(t, engine.Config{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				srv.OnConnectionError(func(engine.ConnectionError) {})
				srv.Use(func(context.Context, *engine.Request) error { return nil })
				do(srv, "PUT", polling, "")
			}
		})
	}
	all.Wait()
}

func TestSessionEvents(t *testing.T) {
	h := serve(t, engine.Config{})
	c := h.connect()
	s := c.session
	wantBody(t, "address", s.RemoteAddr(), "192.0.2.1:1234")
	var got []string
	note := func(what string) func() {
		return func() {
			_ = s.Transport() // no lock is held
			got = append(got, fmt.Sprint(what, " ", s.Upgraded()))
		}
	}
	s.OnUpgrade(note("one"))
	s.OnUpgrade(func() { panic("in OnUpgrade") })
	s.OnUpgrade(note("two"))
	s.OnClose(func(reason engine.Reason, cause error) {
		note(fmt.Sprint(reason, cause, c.reason()))()
		s.OnClose(func(engine.Reason, error) { note("inside")() })
		panic("in OnClose")
	})
	if s.Upgraded() || got != nil {
		t.Fatal("has moved before it did")
	}
	c.onMessage = func(m message) { got = append(got, string(m)) }
	p := c.probe()
	p.send("5", "4after")
	for s.Transport() != engine.WebSocket || len(c.got()) == 0 {
		time.Sleep(time.Millisecond)
	}
	s.OnUpgrade(note("late"))
	s.Close()
	for h.ClientsCount() > 0 {
		time.Sleep(time.Millisecond)
	}
	s.OnClose(func(reason engine.Reason, _ error) { note("late " + string(reason))() })
	s.OnUpgrade(note("later"))
	wantBody(t, "events", fmt.Sprint(got), "[one true two true after late true "+
		"forced close<nil>forced close true inside true late forced close true later true]")
	if n := h.Stats().Panics; n != 2 {
		t.Errorf("%d panics", n)
	}
}

// A session that never polled never moves.
func TestNoUpgrade(t *testing.T) {
	h := serve(t, engine.Config{})
	p, r := h.connectWebSocket()
	r.session.OnUpgrade(func() { t.Error("moved") })
	closed := make(chan engine.Reason, 1)
	r.session.OnClose(func(reason engine.Reason, _ error) { closed <- reason })
	p.end(io.EOF)
	if reason := <-closed; reason != engine.ReasonTransportClose || r.session.Upgraded() {
		t.Errorf("closed: %s", reason)
	}
	r.session.OnUpgrade(func() { t.Error("moved") })
}
