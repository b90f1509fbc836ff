package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

func TestAllowRequest(t *testing.T) {
	type key struct{}
	var asked []string
	h := serve(t, engine.Config{AllowRequest: func(ctx context.Context, r *engine.Request) error {
		asked = append(asked, fmt.Sprint(r.Method, ctx.Value(key{})))
		switch r.Header.Get("X-Do") {
		case "refuse":
			return errors.New(`no "<b>" here`)
		case "panic":
			panic("in AllowRequest")
		}
		return nil
	}})
	ctx := context.WithValue(context.Background(), key{}, "!")
	wantStatus(t, "refused", h.ServePoll(ctx, request("GET", polling, "", "X-Do", "refuse")), 403,
		`{"code":4,"message":"no \"\u003cb\u003e\" here"}`)
	wantStatus(t, "panic", do(h.Server, "GET", polling, "", "X-Do", "panic"), 403, `{"code":4,"message":"Forbidden"}`)
	_, reply := h.dial(webSocket, "X-Do", "refuse")
	wantStatus(t, "refused WebSocket", reply, 400, `no "<b>" here`)
	if got := reply.Header.Get("Content-Type"); got != "text/html" {
		t.Errorf("content type %q", got)
	}
	_, reply = h.dial(webSocket, "X-Do", "panic")
	wantStatus(t, "WebSocket, panic", reply, 400, "Forbidden")
	if got := fmt.Sprint(asked); got != "[GET! GET<nil> GET<nil> GET<nil>]" {
		t.Errorf("asked for %v", got)
	}

	// It decides about sessions, not about requests.
	c := h.connect()
	asked = nil
	c.post("4x")
	c.probe()
	if len(asked) > 0 {
		t.Errorf("asked for later requests: %v", asked)
	}
	if stats := h.Stats(); stats.Panics != 2 || stats.Refused[4] != 4 {
		t.Errorf("stats: %+v", stats)
	}
}

func TestGenerateID(t *testing.T) {
	logged := new(lines)
	h := serve(t, engine.Config{Logger: logged.logger(), GenerateID: func(r *engine.Request) (string, error) {
		switch id := r.Header.Get("X-Id"); id {
		case "error":
			return "", errors.New("out of ids")
		case "panic":
			panic("in GenerateID")
		default:
			return id, nil
		}
	}})
	badRequest := `{"code":3,"message":"Bad request"}`
	for _, bad := range []string{"error", "panic", "", strings.Repeat("x", 65), "a b", "x\r\nSet-Cookie: y", "a\"b", "é", "a/b"} {
		wantStatus(t, bad, do(h.Server, "GET", polling, "", "X-Id", bad), 400, badRequest)
		_, reply := h.dial(webSocket, "X-Id", bad)
		wantStatus(t, bad+" over WebSocket", reply, 400, "Bad request")
	}
	if n := h.ClientsCount(); n != 0 {
		t.Errorf("%d sessions", n)
	}
	good := "Az09-_" + strings.Repeat("x", 58)
	if reply := do(h.Server, "GET", polling, "", "X-Id", good); !strings.Contains(string(reply.Body), `"sid":"`+good+`"`) {
		t.Errorf("handshake: %s", reply.Body)
	}
	first := h.recorder(good)
	wantStatus(t, "an id in use", do(h.Server, "GET", polling, "", "X-Id", good), 400, badRequest)
	u, _ := h.AcceptUpgrade(context.Background(), upgradeRequest(webSocket, "X-Id", good))
	p := newPipe(t)
	u.Serve(pipeEnd(p)) // when the id turns out to be in use, it is too late for a status
	if !p.isClosed() || len(p.written()) > 0 {
		t.Errorf("WebSocket with an id in use: closed: %v, sent %q", p.isClosed(), p.written())
	}
	wantBody(t, "the session whose id it is", first.reason(), "")
	if queued := h.Stats().QueuedBytes; queued != 0 {
		t.Errorf("%d bytes are queued for nobody", queued)
	}
	if !strings.Contains(logged.String(), "out of ids") {
		t.Error("the operator is not told why")
	}
}

func TestTheUsualIDs(t *testing.T) {
	h := serve(t, engine.Config{})
	seen := make(map[string]bool)
	for range 1000 {
		sid := h.connect().sid
		if len(sid) != 20 || seen[sid] {
			t.Fatalf("session id %q", sid)
		}
		seen[sid] = true
	}
}

func TestHeaderHooks(t *testing.T) {
	h := serve(t, engine.Config{
		InitialHeaders: func(h engine.Header, r *engine.Request) { h.Set("X-Initial", r.Method) },
		Headers: func(h engine.Header, _ *engine.Request) {
			h.Set("x-every", "yes")
			panic("in Headers")
		},
	})
	c := h.connect()
	for name, f := range map[string]struct {
		header         engine.Header
		initial, every string
	}{
		"handshake":  {do(h.Server, "GET", polling, "").Header, "GET", "yes"},
		"POST":       {c.post("4x").Header, "", "yes"},
		"refusal":    {do(h.Server, "PUT", polling, "").Header, "", "yes"},
		"WebSocket":  {upgradeHeader(h, webSocket), "GET", "yes"},
		"takes over": {upgradeHeader(h, webSocket+"&sid="+c.sid), "", "yes"},
	} {
		if i, e := f.header.Get("X-Initial"), f.header.Get("X-Every"); i != f.initial || e != f.every {
			t.Errorf("%s: %q, %q, want %q, %q", name, i, e, f.initial, f.every)
		}
	}
	if n := h.Stats().Panics; n != 6 {
		t.Errorf("%d panics counted, want 6", n)
	}
}

func upgradeHeader(h *host, query string) engine.Header {
	u, _ := h.AcceptUpgrade(context.Background(), upgradeRequest(query))
	return u.Header()
}

func TestCookie(t *testing.T) {
	for _, c := range []struct {
		cookie engine.Cookie
		secure bool
		want   string
	}{
		{engine.Cookie{}, false, "io=ID; Path=/; HttpOnly; SameSite=Lax"},
		{engine.Cookie{}, true, "io=ID; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{engine.Cookie{Secure: true}, false, "io=ID; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{engine.Cookie{Name: "n", Path: "/p", Domain: "d.example", SameSite: "none", MaxAge: time.Minute}, true,
			"n=ID; Path=/p; Domain=d.example; Max-Age=60; HttpOnly; Secure; SameSite=None"},
	} {
		h := serve(t, engine.Config{Cookie: &c.cookie})
		r := request("GET", polling, "")
		r.Secure = c.secure
		reply := h.ServePoll(context.Background(), r)
		sid := string(sidPattern.FindSubmatch(reply.Body)[1])
		wantBody(t, "cookie", reply.Header.Get("Set-Cookie"), strings.Replace(c.want, "ID", sid, 1))
		if later := do(h.Server, "POST", polling+"&sid="+sid, "4x"); later.Header.Get("Set-Cookie") != "" {
			t.Error("later responses set the cookie again")
		}
		if got := upgradeHeader(h, webSocket).Get("Set-Cookie"); got != "" {
			t.Errorf("WebSocket handshake sets %q", got)
		}
	}
}

// Which of two values counts is for nobody to guess.
func TestParametersMustNotBeSaidTwice(t *testing.T) {
	h := serve(t, engine.Config{})
	sid := h.connect().sid
	for query, want := range map[string]string{
		"EIO=4&EIO=3&transport=polling":                      `{"code":5,"message":"Unsupported protocol version"}`,
		"EIO=4&transport=polling&transport=websocket":        `{"code":0,"message":"Transport unknown"}`,
		"EIO=4&transport=polling&sid=" + sid + "&sid=" + sid: `{"code":1,"message":"Session ID unknown"}`,
		"EIO=4&EIO=4&transport=polling&sid=" + sid:           `{"code":3,"message":"Bad request"}`,
	} {
		wantStatus(t, query, do(h.Server, "GET", query, ""), 400, want)
	}
}

func TestRefusedUpgrades(t *testing.T) {
	h := serve(t, engine.Config{})
	c := h.connect()
	for name, f := range map[string]struct {
		query, field, value, message string
	}{
		"unknown transport": {"EIO=4&transport=abc", "", "", "Transport unknown"},
		"no EIO":            {"transport=websocket", "", "", "Unsupported protocol version"},
		"EIO=3":             {"EIO=3&transport=websocket", "", "", "Unsupported protocol version"},
		"polling":           {polling, "", "", "Bad request"},
		"unknown sid":       {webSocket + "&sid=xxx", "", "", "Session ID unknown"},
		"two sids":          {webSocket + "&sid=" + c.sid + "&sid=" + c.sid, "", "", "Session ID unknown"},
		"sid, polling":      {c.query(), "", "", "Bad request"},
		"sid, EIO=3":        {"EIO=3&transport=websocket&sid=" + c.sid, "", "", "Bad request"},
		"no key":            {webSocket, "Sec-Websocket-Key", "", "Bad request"},
		"short key":         {webSocket, "Sec-Websocket-Key", "YWJj", "Bad request"},
		"version 8":         {webSocket, "Sec-Websocket-Version", "8", "Bad request"},
		"two transports":    {webSocket + "&transport=polling", "", "", "Transport unknown"},
	} {
		r := upgradeRequest(f.query)
		if f.field != "" {
			r.Header.Set(f.field, f.value)
		}
		u, reply := h.AcceptUpgrade(context.Background(), r)
		if u != nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		wantStatus(t, name, reply, 400, f.message)
		if reply.Header.Get("Content-Type") != "text/html" || reply.Header.Get("Connection") != "close" {
			t.Errorf("%s: header %v", name, reply.Header)
		}
	}
	wantBody(t, "the session", c.reason(), "")
}

func TestTransportsAndUpgradesCanBeSwitchedOff(t *testing.T) {
	h := serve(t, engine.Config{Transports: []string{engine.WebSocket}})
	wantStatus(t, "polling", do(h.Server, "GET", polling, ""), 400, `{"code":0,"message":"Transport unknown"}`)
	h.connectWebSocket()

	for name, cfg := range map[string]engine.Config{
		"polling only": {Transports: []string{engine.Polling}}, "no upgrades": {DisableUpgrades: true},
	} {
		h := serve(t, cfg)
		reply := do(h.Server, "GET", polling, "")
		if !strings.Contains(string(reply.Body), `"upgrades":[]`) {
			t.Errorf("%s: %s", name, reply.Body)
		}
		sid := sidPattern.FindSubmatch(reply.Body)
		if p, reply := h.dial(webSocket + "&sid=" + string(sid[1])); p != nil || reply.Status != 400 {
			t.Errorf("%s: upgrade: %d", name, reply.Status)
		}
	}
}

func TestMethods(t *testing.T) {
	h := serve(t, engine.Config{})
	c := h.connect()
	for _, method := range []string{"PUT", "DELETE", "HEAD", "TRACE", "PATCH", "OPTIONS", "", "get"} {
		wantStatus(t, method, do(h.Server, method, polling, ""), 400, `{"code":2,"message":"Bad handshake method"}`)
		reply := do(h.Server, method, c.query(), "")
		wantStatus(t, method+" with a sid", reply, 405, "")
		wantBody(t, "Allow", reply.Header.Get("Allow"), "GET, POST")
	}
	wantBody(t, "reason", c.reason(), "")
}

// A session id that a client made up is never given a session.
func TestSessionIDsThatClientsMakeUp(t *testing.T) {
	h := serve(t, engine.Config{})
	sid := h.connect().sid
	for _, q := range []string{"sid=", "sid=__proto__", "sid=%00", "sid=../x", "sid=" + strings.Repeat("x", 60_000),
		"sid=" + sid + "&sid=" + sid, "sid=" + sid + "%00", "sid=" + strings.ToUpper(sid) + "x"} {
		for _, method := range []string{"GET", "POST"} {
			wantStatus(t, q[:min(len(q), 40)], do(h.Server, method, polling+"&"+q, "4x"), 400, `{"code":1,"message":"Session ID unknown"}`)
		}
	}
	if n := h.ClientsCount(); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestReplyError(t *testing.T) {
	srv := newServer(t, engine.Config{})
	wantStatus(t, "reply", srv.ReplyError(426, `upgrade "please"`), 426, `{"code":3,"message":"upgrade \"please\""}`)
}
