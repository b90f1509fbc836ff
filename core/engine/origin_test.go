package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

func TestOrigins(t *testing.T) {
	listed := []string{"https://app.example", "http://127.0.0.1:8080", "http://[::1]:8080"}
	for _, c := range []struct {
		allowed []string
		host    string
		origin  string
		status  int
	}{
		{nil, "kawat.example", "", 200}, // not from a page
		{nil, "kawat.example", "https://kawat.example", 200},
		{nil, "kawat.example", "http://kawat.example", 200}, // TLS may end at a proxy
		{nil, "kawat.example", "https://KAWAT.example", 200},
		{nil, "kawat.example:443", "https://kawat.example", 200},
		{nil, "kawat.example", "https://kawat.example:443", 200},
		{nil, "kawat.example:80", "http://kawat.example", 200},
		{nil, "kawat.example:8080", "http://kawat.example:8080", 200},
		{nil, "[::1]:8080", "http://[::1]:8080", 200},
		{nil, "[::1]", "http://[::1]:80", 200},
		{nil, "[::1]:80", "http://[::1]", 200},
		{nil, "[::1]", "http://[::2]", 403},
		{nil, "kawat.example:8080", "http://kawat.example", 403},
		{nil, "kawat.example", "http://kawat.example:8080", 403},
		{nil, "kawat.example", "https://evil.example", 403},
		{nil, "kawat.example", "https://kawat.example.evil.example", 403},
		{nil, "kawat.example", "https://evilkawat.example", 403},
		{nil, "kawat.example", "null", 403},
		{nil, "kawat.example", "kawat.example", 403},
		{nil, "", "https://", 403},
		{nil, "kawat.example", "https://a\x01b", 400},
		{nil, "kawat.example", "https://a\r\nX: y", 400},
		{nil, "kawat.example", "https://a\x7f", 400},
		{nil, "kawat.example", "https://ж.example", 400},
		{listed, "kawat.example", "https://app.example", 200},
		{listed, "kawat.example", "https://App.Example", 200},
		{listed, "kawat.example", "http://127.0.0.1:8080", 200},
		{listed, "kawat.example", "http://[::1]:8080", 200},
		{listed, "kawat.example", "https://kawat.example", 200}, // its own pages too
		{listed, "kawat.example", "http://app.example", 403},    // another origin
		{listed, "kawat.example", "https://app.example:8443", 403},
		{listed, "kawat.example", "null", 403},
		{[]string{"null"}, "kawat.example", "null", 200},
		{[]string{"*"}, "kawat.example", "https://evil.example", 200},
		{[]string{"*"}, "kawat.example", "null", 200},
		{[]string{"*"}, "kawat.example", "https://a\x01b", 400},
	} {
		srv := newServer(t, engine.Config{AllowedOrigins: c.allowed})
		origin := []string{"Origin", c.origin}
		if c.origin == "" {
			origin = nil
		}
		r := request("GET", polling, "", origin...)
		r.Host = c.host
		if got := srv.ServePoll(context.Background(), r).Status; got != c.status {
			t.Errorf("%v at %q, origin %q: %d, want %d", c.allowed, c.host, c.origin, got, c.status)
		}
		r = upgradeRequest(webSocket, origin...)
		r.Host = c.host
		u, reply := srv.AcceptUpgrade(context.Background(), r)
		if status := reply.Status; (u != nil) != (c.status == 200) || u == nil && status != c.status {
			t.Errorf("%v at %q, origin %q: WebSocket: %d, want %d", c.allowed, c.host, c.origin, status, c.status)
		}
	}
}

// A page of another origin does not get at a session by knowing its id.
func TestOriginsOfLaterRequests(t *testing.T) {
	h := serve(t, engine.Config{})
	c := h.connect()
	for _, method := range []string{"GET", "POST"} {
		reply := do(h.Server, method, c.query(), "4x", "Origin", "https://evil.example")
		wantStatus(t, method, reply, 403, `{"code":4,"message":"Forbidden"}`)
	}
	_, reply := h.dial(webSocket+"&sid="+c.sid, "Origin", "https://evil.example")
	wantStatus(t, "WebSocket", reply, 403, "Forbidden")
	wantBody(t, "reason", c.reason(), "")
	wantMessages(t, "received", c.got())
	reply = h.ServePoll(context.Background(), &engine.Request{Method: "GET", RawQuery: polling, Header: engine.Header{
		"Origin": {"https://kawat.example", "https://evil.example"},
	}})
	wantStatus(t, "two origins", reply, 400, `{"code":3,"message":"Bad request"}`)
}

func TestCORSHeaders(t *testing.T) {
	const app, other = "https://app.example", "https://evil.example"
	listed := engine.Config{AllowedOrigins: []string{app}}
	full := engine.Config{AllowedOrigins: []string{app}, CORS: engine.CORS{
		Credentials: true, AllowedHeaders: []string{"X-A", "X-B"}, ExposedHeaders: []string{"X-C", "X-D"}, MaxAge: time.Hour,
	}}
	for name, c := range map[string]struct {
		cfg            engine.Config
		method, origin string
		status         int
		want           map[string]string // "" for a field that must not be there
	}{
		"none configured":  {engine.Config{}, "GET", "", 200, map[string]string{"Access-Control-Allow-Origin": "", "Vary": ""}},
		"own page":         {engine.Config{}, "GET", "https://kawat.example", 200, map[string]string{"Access-Control-Allow-Origin": ""}},
		"all":              {engine.Config{AllowedOrigins: []string{"*"}}, "GET", other, 200, map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "", "Vary": ""}},
		"listed":           {listed, "GET", app, 200, map[string]string{"Access-Control-Allow-Origin": app, "Vary": "Origin", "Access-Control-Allow-Credentials": "", "Access-Control-Expose-Headers": ""}},
		"not listed":       {listed, "GET", other, 403, map[string]string{"Access-Control-Allow-Origin": "", "Vary": "Origin"}},
		"no origin":        {listed, "GET", "", 200, map[string]string{"Access-Control-Allow-Origin": "", "Vary": "Origin"}},
		"full":             {full, "GET", app, 200, map[string]string{"Access-Control-Allow-Origin": app, "Access-Control-Allow-Credentials": "true", "Access-Control-Expose-Headers": "X-C,X-D"}},
		"full, not listed": {full, "GET", other, 403, map[string]string{"Access-Control-Allow-Credentials": "", "Access-Control-Expose-Headers": ""}},
		"refused":          {listed, "PUT", app, 400, map[string]string{"Access-Control-Allow-Origin": app}},
		"preflight":        {listed, "OPTIONS", app, 204, map[string]string{"Access-Control-Allow-Origin": app, "Access-Control-Allow-Methods": "GET,POST,OPTIONS", "Access-Control-Allow-Headers": "x-asked", "Access-Control-Max-Age": ""}},
		"preflight, full":  {full, "OPTIONS", app, 204, map[string]string{"Access-Control-Allow-Headers": "X-A,X-B", "Access-Control-Max-Age": "3600", "Access-Control-Allow-Credentials": "true"}},
		"preflight, other": {full, "OPTIONS", other, 204, map[string]string{"Access-Control-Allow-Origin": "", "Access-Control-Allow-Methods": "", "Access-Control-Allow-Headers": "", "Access-Control-Allow-Credentials": ""}},
		"preflight, none":  {engine.Config{}, "OPTIONS", app, 403, map[string]string{"Access-Control-Allow-Origin": ""}},
		"preflight, own":   {engine.Config{}, "OPTIONS", "https://kawat.example", 400, map[string]string{"Access-Control-Allow-Origin": ""}},
		"private network":  {listed, "OPTIONS", app, 204, map[string]string{"Access-Control-Allow-Private-Network": ""}},
		"preflight, \x01":  {listed, "OPTIONS", "https://a\x01b", 204, map[string]string{"Access-Control-Allow-Origin": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := newServer(t, c.cfg)
			headers := []string{"Access-Control-Request-Headers", "x-asked", "Access-Control-Request-Private-Network", "true"}
			if c.origin != "" {
				headers = append(headers, "Origin", c.origin)
			}
			reply := do(srv, c.method, polling, "", headers...)
			if reply.Status != c.status {
				t.Errorf("status %d, want %d", reply.Status, c.status)
			}
			for field, want := range c.want {
				if got := reply.Header.Get(field); got != want {
					t.Errorf("%s: %q, want %q", field, got, want)
				}
			}
			if n := srv.ClientsCount(); c.method == "OPTIONS" && n > 0 {
				t.Errorf("a preflight opened %d sessions", n)
			}
		})
	}
}
