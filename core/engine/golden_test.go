package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// An outcome is what a client of the reference server saw, or ours sees: a
// response, the end of a WebSocket, and why the server says that a session ended.
type outcome struct {
	Case   string `json:"case"`
	Status int    `json:"status"`
	Type   string `json:"ct"`
	Body   string `json:"body"`
	Closed bool   `json:"closed"`
	Reason string `json:"reason"`
	Desc   string `json:"desc"`
	HungUp bool   `json:"hungUp"` // no response at all
}

func outcomeOf(reply engine.Reply) outcome {
	return outcome{Status: reply.Status, Type: reply.Header.Get("Content-Type"), Body: string(reply.Body)}
}

func (o outcome) because(r *recorder) outcome {
	o.Reason, o.Desc = r.reason(), r.description()
	return o
}

// deviations are where this server differs from the reference on purpose.
var deviations = map[string]struct {
	outcome
	why string
}{
	"overlapping POST #1":            {outcome{Status: 400}, "a server cannot take back a connection from its host; nothing of the body was used"},
	"POST garbage packet":            {outcome{Status: 400, Reason: "parse error", Desc: "invalid packet"}, "the reference says ok to what it throws away"},
	"POST empty body":                {outcome{Status: 400, Reason: "parse error", Desc: "invalid packet"}, "the same"},
	"PUT with sid":                   {outcome{Status: 405}, "a client's mistake is no 500"},
	"ws EIO3 refused":                {outcome{Status: 400, Type: "text/html", Body: "Unsupported protocol version"}, "the reference upgrades, then hangs up"},
	"ws transport=polling + upgrade": {outcome{Status: 400, Type: "text/html", Body: "Bad request"}, "the same"},
	"ws eio unknown 9":               {outcome{Closed: true, Reason: "parse error", Desc: "invalid packet"}, "the reference gives no description"},
	"ws > maxPayload":                {outcome{Closed: true, Reason: "transport error", Desc: "Max payload size exceeded (close code 1009)"}, "the words are the connection's"},
}

func TestRecordedExchanges(t *testing.T) {
	file, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded []outcome
	if err := json.Unmarshal(file, &recorded); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]outcome)
	for name, exchange := range exchanges {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { exchange(t, serve(t, golden()), got) })
		})
	}
	for _, want := range recorded {
		name := want.Case
		if d, ok := deviations[name]; ok {
			want = d.outcome
		}
		want.Case = ""
		have, ok := got[name]
		switch have.Body = maskSID(have.Body); {
		case !ok:
			t.Errorf("%s: recorded, but not done here", name)
		case name == "ws forbidden":
			want.Type = "text/html" // was not recorded
			fallthrough
		default:
			if want.Body = maskSID(want.Body); have != want {
				t.Errorf("%s:\n got %+v\nwant %+v", name, have, want)
			}
		}
	}
}

func maskSID(body string) string { return sidPattern.ReplaceAllString(body, `"sid":"…"`) }

// exchanges do what was done to the reference, and note the outcomes under the
// names of the recording. Reasons are noted where they were recorded.
var exchanges = map[string]func(t *testing.T, h *host, got map[string]outcome){
	"refused": func(t *testing.T, h *host, got map[string]outcome) {
		for name, r := range map[string]struct{ method, query string }{
			"no transport":                      {"GET", "EIO=4"},
			"bad transport":                     {"GET", "EIO=4&transport=abc"},
			"webtransport via http":             {"GET", "EIO=4&transport=webtransport"},
			"unknown sid":                       {"GET", polling + "&sid=xxx"},
			"POST handshake":                    {"POST", polling},
			"websocket w/o upgrade":             {"GET", webSocket},
			"EIO=3 not allowed":                 {"GET", "EIO=3&transport=polling"},
			"no EIO":                            {"GET", "transport=polling"},
			"EIO=5":                             {"GET", "EIO=5&transport=polling"},
			"OPTIONS no cors":                   {"OPTIONS", polling},
			"PUT":                               {"PUT", polling},
			"PUT with sid":                      {"PUT", h.connect().query()},
			"handshake":                         {"GET", polling},
			"prefix path":                       {"GET", polling},
			"transport mismatch (no upgrade)":   {"GET", webSocket + "&sid=" + h.connect().sid},
			"protocol mismatch EIO=3 on v4 sid": {"GET", "EIO=3&transport=polling&sid=" + h.connect().sid},
		} {
			got[name] = outcomeOf(do(h.Server, r.method, r.query, ""))
		}
		for name, query := range map[string]string{
			"ws unknown sid":                 webSocket + "&sid=xxx",
			"ws EIO3 refused":                "EIO=3&transport=websocket",
			"ws transport=polling + upgrade": polling,
		} {
			_, reply := h.AcceptUpgrade(context.Background(), upgradeRequest(query))
			got[name] = outcomeOf(reply)
		}
	},
	"forbidden": func(t *testing.T, _ *host, got map[string]outcome) {
		cfg := golden()
		cfg.AllowRequest = func(_ context.Context, r *engine.Request) error {
			return errors.New(r.Header.Get("Message"))
		}
		srv := newServer(t, cfg)
		got["forbidden default"] = outcomeOf(do(srv, "GET", polling, "", "Message", "Forbidden"))
		got["forbidden msg"] = outcomeOf(do(srv, "GET", polling, "", "Message", "my reason"))
		_, reply := srv.AcceptUpgrade(context.Background(), upgradeRequest(webSocket, "Message", "my reason"))
		got["ws forbidden"] = outcomeOf(reply)
	},
	"overlapping GET": func(t *testing.T, h *host, got map[string]outcome) {
		c := h.connect()
		first := make(chan engine.Reply)
		go func() { first <- do(h.Server, "GET", c.query(), "") }()
		synctest.Wait()
		got["overlapping GET #2"] = outcomeOf(do(h.Server, "GET", c.query(), ""))
		got["overlapping GET #1"] = outcomeOf(<-first).because(c.recorder)
		got["GET after overlap"] = outcomeOf(do(h.Server, "GET", c.query(), ""))
	},
	"overlapping POST": func(t *testing.T, h *host, got map[string]outcome) {
		c := h.connect()
		slow := newSlowBody("4late")
		r := request("POST", c.query(), "4late")
		r.Body = slow
		first := make(chan engine.Reply)
		go func() { first <- h.ServePoll(context.Background(), r) }()
		synctest.Wait()
		second := c.post("4second")
		slow.release()
		got["overlapping POST #1"] = outcomeOf(<-first)
		got["overlapping POST #2"] = outcomeOf(second).because(c.recorder)
		wantMessages(t, "an overlapped POST", c.got())
	},
	"POST": func(t *testing.T, h *host, got map[string]outcome) {
		for name, body := range map[string]string{"POST garbage packet": "abc", "POST empty body": ""} {
			c := h.connect()
			got[name] = outcomeOf(c.post(body)).because(c.recorder)
			got[name+": GET afterwards"] = outcomeOf(do(h.Server, "GET", c.query(), ""))
		}
		c := h.connect()
		got["POST octet-stream EIO4"] = outcomeOf(do(h.Server, "POST", c.query(), "4x", "Content-Type", "application/octet-stream"))
		got["POST octet-stream EIO4: GET afterwards"] = outcomeOf(do(h.Server, "GET", c.query(), ""))
		wantBody(t, "reason", c.reason(), "transport error")

		c = h.connect()
		got["POST > maxHttpBufferSize"] = outcomeOf(c.post("4" + string(make([]byte, 1000))))
		got["POST > maxHttpBufferSize: GET afterwards (session alive?)"] = outcomeOf(do(h.Server, "GET", c.query(), ""))
	},
	"POST close": func(t *testing.T, h *host, got map[string]outcome) {
		c := h.connect()
		pending := make(chan engine.Reply)
		go func() { pending <- do(h.Server, "GET", c.query(), "") }()
		synctest.Wait()
		got[`POST close packet "1"`] = outcomeOf(c.post("1"))
		got[`POST close packet "1": pending GET`] = outcomeOf(<-pending)
		wantBody(t, "reason", c.reason(), "transport close")
	},
	"heartbeat": func(t *testing.T, h *host, got map[string]outcome) {
		c := h.connect()
		got["poll: server ping"] = outcomeOf(do(h.Server, "GET", c.query(), ""))
		time.Sleep(501 * time.Millisecond)
		got["poll: no pong -> ping timeout"] = outcomeOf(do(h.Server, "GET", c.query(), ""))
		wantBody(t, "reason", c.reason(), "ping timeout")
	},
	"ws": func(t *testing.T, h *host, got map[string]outcome) {
		p, _ := h.dial(webSocket)
		got["ws connect"] = outcome{Body: string(p.next())}
		for name, packet := range map[string]message{
			"ws eio ping from client 2": "2", "ws eio noop 6": "6", "ws eio upgrade 5": "5", "ws eio close 1": "1", "ws eio unknown 9": "9",
		} {
			p, r := h.connectWebSocket()
			p.send(packet)
			synctest.Wait()
			got[name] = outcome{Closed: p.isClosed()}.because(r)
		}
		p, r := h.connectWebSocket()
		p.end(&engine.ConnError{Code: 1009, Reason: "Max payload size exceeded"})
		synctest.Wait()
		got["ws > maxPayload"] = outcome{Closed: p.isClosed()}.because(r)
	},
	"upgrade": func(t *testing.T, h *host, got map[string]outcome) {
		c := h.connect()
		poll := make(chan engine.Reply)
		go func() { poll <- do(h.Server, "GET", c.query(), "") }()
		p := c.probe()
		got["upgrade: pending poll flushed"] = outcomeOf(<-poll)
		p.send("5")
		synctest.Wait()
		got["upgrade: old poll after"] = outcomeOf(do(h.Server, "GET", c.query(), ""))
		second := c.candidate()
		synctest.Wait()
		got["upgrade: second upgrade attempt"] = outcome{Closed: second.isClosed()}
		_ = c.session.SendText("x")
		wantBody(t, "over the first WebSocket", string(p.next()), "4x")
	},
	"shutdown": func(t *testing.T, h *host, got map[string]outcome) {
		c := h.connect()
		p, r := h.connectWebSocket()
		poll := make(chan engine.Reply)
		go func() { poll <- do(h.Server, "GET", c.query(), "") }()
		synctest.Wait()
		if err := h.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		got["io.close() on polling"] = outcomeOf(<-poll).because(c.recorder)
		got["io.close() on ws"] = outcome{Closed: p.isClosed()}.because(r)
	},
}
