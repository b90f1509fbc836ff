package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

const badRequest = `{"code":3,"message":"Bad request"}`

func TestMiddlewareSeesEveryRequest(t *testing.T) {
	h := serve(t, engine.Config{AllowedOrigins: []string{"https://app.example"}})
	var seen []string
	h.Use(func(ctx context.Context, r *engine.Request) error {
		if ctx == nil || r.Context == nil || r.Header == nil {
			t.Error("something is missing")
		}
		seen = append(seen, r.Method)
		r.Values["n"] = len(seen) // a host that has none hands over nil
		return nil
	})
	h.Use(func(_ context.Context, r *engine.Request) error {
		seen = append(seen, fmt.Sprint(r.Values["n"]))
		return nil
	})
	c := h.connect()
	c.post("4x")
	c.probe()
	h.connectWebSocket()
	do(h.Server, "OPTIONS", polling, "", "Origin", "https://app.example")
	do(h.Server, "PUT", "", "")
	want := []string{"GET", "1", "POST", "3", "GET", "5", "GET", "7", "OPTIONS", "9", "PUT", "11"}
	if !slices.Equal(seen, want) {
		t.Errorf("saw %v, want %v", seen, want)
	}
}

// What a middleware finds out about a user at the handshake is the session's, and
// the host's own memory stays as it was.
func TestMiddlewareChangesTheRequest(t *testing.T) {
	type key struct{}
	h := serve(t, engine.Config{AllowRequest: func(_ context.Context, r *engine.Request) error {
		if r.Header.Get("X-User") != "ann" {
			return errors.New("who?")
		}
		return nil
	}})
	h.Use(func(_ context.Context, r *engine.Request) error {
		r.Header.Set("X-User", "ann")
		r.Values["user"] = "ann"
		r.Context = context.WithValue(r.Context, key{}, "ann")
		return nil
	})
	theirs := request("GET", polling, "")
	header, values := theirs.Header, map[string]any{"a": 1}
	theirs.Values = values
	reply := h.ServePoll(t.Context(), theirs)
	sid := string(sidPattern.FindSubmatch(reply.Body)[1])
	_, overWS := h.connectWebSocket()
	for _, s := range []*engine.Session{h.recorder(sid).session, overWS.session} {
		r := s.Request()
		if r.Values["user"] != "ann" || r.Context.Value(key{}) != "ann" || r.Header.Get("X-User") != "ann" {
			t.Errorf("%s: %v %v", s.Transport(), r.Values, r.Header)
		}
	}
	if len(header) != 0 || len(values) != 1 {
		t.Errorf("the host's own: %v %v", header, values)
	}
}

// By way of its values a request carries what middleware finds out to the fields of
// the response, and the limit of bodies holds behind it.
func TestWhatMiddlewareFindsOutReachesTheHeaders(t *testing.T) {
	h := serve(t, engine.Config{
		MaxPayload: 1000,
		Headers:    func(h engine.Header, r *engine.Request) { h.Set("X-User", fmt.Sprint(r.Values["user"])) },
	})
	h.Use(func(_ context.Context, r *engine.Request) error {
		r.Values["user"] = "ann"
		return nil
	})
	c := h.connect()
	for name, got := range map[string]engine.Header{
		"polling": do(h.Server, "GET", polling, "").Header, "POST": c.post("4x").Header,
		"WebSocket": upgradeHeader(h, webSocket), "takes over": upgradeHeader(h, webSocket+"&sid="+c.sid),
	} {
		wantBody(t, name, got.Get("X-User"), "ann")
	}
	reply := c.post("4" + strings.Repeat("x", 1000))
	wantStatus(t, "too long", reply, 413, "")
	wantBody(t, "too long", reply.Header.Get("X-User"), "ann")
}

func TestMiddlewareRefuses(t *testing.T) {
	shared := &engine.ReplyError{Reply: engine.Reply{Status: 401, Body: []byte("who?"),
		Header: engine.Header{"Www-Authenticate": {"Basic"}, "X-Evil": {"a\r\nb: c"}}}}
	logged := new(lines)
	h := serve(t, engine.Config{
		Logger: logged.logger(), AllowedOrigins: []string{"https://app.example"},
		Headers: func(h engine.Header, _ *engine.Request) { h.Set("X-Every", "yes") },
	})
	var told []engine.ConnectionError
	h.OnConnectionError(func(e engine.ConnectionError) { told = append(told, e) })
	h.Use(func(_ context.Context, r *engine.Request) error {
		switch r.Header.Get("X-Do") {
		case "fail":
			return errors.New("the database's password is wrong")
		case "panic":
			panic("in a middleware")
		case "answer":
			return fmt.Errorf("wrapped: %w", shared)
		case "switch":
			return &engine.ReplyError{Reply: engine.Reply{Status: 101}}
		}
		return nil
	})
	behind := 0
	h.Use(func(context.Context, *engine.Request) error { behind++; return nil })
	for i, what := range []string{"fail", "panic", "switch"} {
		reply := do(h.Server, "GET", polling, "", "X-Do", what, "Origin", "https://app.example")
		wantStatus(t, what, reply, 400, badRequest)
		wantBody(t, "CORS", reply.Header.Get("Access-Control-Allow-Origin"), "https://app.example")
		_, reply = h.dial(webSocket, "X-Do", what)
		wantStatus(t, what+" over WebSocket", reply, 400, "Bad request")
		if len(told) != 2*i+2 || told[2*i].Context != "MIDDLEWARE_FAILURE" || told[2*i+1].Code != engine.CodeBadRequest || told[2*i].Cause == nil {
			t.Errorf("%s: told %+v", what, told)
		}
	}
	for range 2 {
		reply := do(h.Server, "GET", polling, "", "X-Do", "answer")
		wantStatus(t, "an answer of its own", reply, 401, "who?")
		if got := reply.Header; got.Get("Www-Authenticate") != "Basic" || got.Get("X-Every") != "yes" || got.Get("X-Evil") != "" {
			t.Errorf("header: %v", got)
		}
		_, reply = h.dial(webSocket, "X-Do", "answer")
		wantStatus(t, "an answer of its own", reply, 401, "who?")
	}
	if len(told) != 6 || behind != 0 || len(shared.Reply.Header) != 2 {
		t.Errorf("told %d times, %d went on, the answer has become %v", len(told), behind, shared.Reply.Header)
	}
	if stats := h.Stats(); stats.Refused[3] != 6 || stats.Panics != 2 || stats.Sessions != 0 {
		t.Errorf("stats: %+v", stats)
	}
	if !strings.Contains(logged.String(), "the database's password") {
		t.Error("the operator is not told why")
	}
}

// Those who use none pay nothing.
func TestNoMiddlewareCostsNothing(t *testing.T) {
	srv := newServer(t, engine.Config{})
	r := request("GET", polling, "")
	header := r.Header
	srv.ServePoll(t.Context(), r)
	if r.Values != nil {
		t.Error("values were made")
	}
	r.Header.Set("X", "y")
	if header.Get("X") != "y" {
		t.Error("the header was copied")
	}
}

func TestHeaderInjection(t *testing.T) {
	for _, bad := range []string{"a\r\nSet-Cookie: b=c", "a\nb", "a\rb", "a\x00b", "a\x7fb"} {
		logged := new(lines)
		h := serve(t, engine.Config{
			Logger: logged.logger(),
			InitialHeaders: func(h engine.Header, _ *engine.Request) {
				h.Set("X-Initial", bad)
				h.Add("X-Both", "good\t\u00e9")
				h.Add("X-Both", bad)
			},
			Headers: func(h engine.Header, _ *engine.Request) { h["X: y\r\nZ"] = []string{"v"}; h.Set("X-Last", "kept") },
		})
		c := h.connect()
		for name, got := range map[string]engine.Header{
			"handshake":  do(h.Server, "GET", polling, "").Header,
			"POST":       c.post("4x").Header,
			"refusal":    do(h.Server, "PUT", polling, "").Header,
			"WebSocket":  upgradeHeader(h, webSocket),
			"takes over": upgradeHeader(h, webSocket+"&sid="+c.sid),
		} {
			initial := name == "handshake" || name == "WebSocket"
			if _, there := got["X-Initial"]; there || got.Get("X-Last") != "kept" || got["X: y\r\nZ"] != nil ||
				initial != slices.Equal(got["X-Both"], []string{"good\t\u00e9"}) {
				t.Errorf("%q, %s: %q", bad, name, got)
			}
		}
		if n := strings.Count(logged.String(), "is left out"); n != 1 {
			t.Errorf("%q: logged %d times", bad, n)
		}
	}
}

func TestInitialPacket(t *testing.T) {
	h := serveWith(t, engine.Config{InitialPacket: "hello é"}, func(r *recorder) { _ = r.session.SendText("first") })
	reply := do(h.Server, "GET", polling, "")
	open, rest, _ := strings.Cut(string(reply.Body), "\x1e")
	if !strings.HasPrefix(open, `0{"sid":`) || rest != "4hello é" {
		t.Errorf("handshake: %q", reply.Body)
	}
	sid := string(sidPattern.FindSubmatch(reply.Body)[1])
	wantBody(t, "what follows", body(do(h.Server, "GET", polling+"&sid="+sid, "")), "4first")
	p, _ := h.dial(webSocket)
	for _, want := range []message{`0{"sid"`, "4hello é", "4first"} {
		if got := p.next(); !strings.HasPrefix(string(got), string(want)) {
			t.Errorf("WebSocket: %q, want %q", got, want)
		}
	}
	for _, bad := range []string{"a\x1eb", "a\xff"} {
		if _, err := engine.New(engine.Config{InitialPacket: bad}); err == nil || !strings.Contains(err.Error(), "InitialPacket") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
