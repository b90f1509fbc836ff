package engine_test

import (
	"reflect"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

// Replies may share their headers, but not what only some of them have.
func TestSharedHeaders(t *testing.T) {
	handshake := func(srv *engine.Server, fields ...string) engine.Header {
		reply := srv.ServePoll(t.Context(), request("GET", polling, "", fields...))
		if reply.Status != 200 {
			t.Fatalf("%d %s", reply.Status, reply.Body)
		}
		return reply.Header
	}
	plain := engine.Header{"Content-Type": {"text/plain; charset=UTF-8"}, "Cache-Control": {"no-store"}}
	with := func(key, value string) engine.Header {
		h := engine.Header{key: {value}}
		for key, values := range plain {
			h[key] = values
		}
		return h
	}
	explorer := []string{"User-Agent", "Mozilla/5.0 (Trident/7.0)"}
	count := 0
	for name, c := range map[string]struct {
		cfg          engine.Config
		first, other engine.Header // to two kinds of clients, in turn
		fields       []string      // of the first
	}{
		"one for all":  {engine.Config{}, plain, plain, nil},
		"explorer":     {engine.Config{}, with("X-Xss-Protection", "0"), plain, explorer},
		"all origins":  {engine.Config{AllowedOrigins: []string{"*"}}, with("Access-Control-Allow-Origin", "*"), with("Access-Control-Allow-Origin", "*"), nil},
		"compressed":   {engine.Config{HTTPCompression: engine.Compression{Threshold: 1}}, with("Vary", "Accept-Encoding"), with("Vary", "Accept-Encoding"), nil},
		"some origins": {engine.Config{AllowedOrigins: []string{"http://a.example"}}, with("Vary", "Origin"), with("Vary", "Origin"), nil},
		"headers": {engine.Config{Headers: func(h engine.Header, r *engine.Request) {
			if r.Header.Get("X-First") != "" {
				h.Set("X-Count", "1")
			}
			count++
		}}, with("X-Count", "1"), plain, []string{"X-First", "1"}},
		"initial headers": {engine.Config{InitialHeaders: func(h engine.Header, r *engine.Request) {
			h.Set("X-Agent", r.Header.Get("User-Agent"))
		}}, with("X-Agent", "a"), with("X-Agent", ""), []string{"User-Agent", "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t, c.cfg)
			srv.OnConnection(func(*engine.Session) engine.Receiver { return engine.Funcs{} })
			for range 2 {
				if got := handshake(srv, c.fields...); !reflect.DeepEqual(got, c.first) {
					t.Errorf("%q, want %q", got, c.first)
				}
				if got := handshake(srv); !reflect.DeepEqual(got, c.other) {
					t.Errorf("%q, want %q", got, c.other)
				}
			}
		})
	}
	if count == 0 {
		t.Error("Config.Headers was not called")
	}
}

// A session's cookie is on the answer to its handshake only.
func TestCookieIsNotShared(t *testing.T) {
	h := serve(t, engine.Config{Cookie: &engine.Cookie{Name: "io"}})
	if first := do(h.Server, "GET", polling, ""); len(first.Header["Set-Cookie"]) != 1 {
		t.Fatalf("%q", first.Header)
	}
	c := h.connect()
	if err := c.session.SendText("a"); err != nil {
		t.Fatal(err)
	}
	for method, reply := range map[string]engine.Reply{
		"GET": do(h.Server, "GET", c.query(), ""), "POST": do(h.Server, "POST", c.query(), "4a"),
	} {
		if reply.Status != 200 || len(reply.Header["Set-Cookie"]) > 0 {
			t.Errorf("%s: %d %q", method, reply.Status, reply.Header)
		}
	}
}
