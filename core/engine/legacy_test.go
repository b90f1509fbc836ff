package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

const polling3 = "EIO=3&transport=polling"

func golden3() engine.Config {
	cfg := golden()
	cfg.AllowEIO3 = true
	return cfg
}

// An oldClient polls with the parameters of its handshake.
type oldClient struct {
	*recorder
	host  *host
	query string
}

func (h *host) connectOld(query string) *oldClient {
	h.t.Helper()
	reply := do(h.Server, "GET", query, "")
	sid := sidPattern.FindSubmatch(bytes.ReplaceAll(reply.Body, []byte(`\"`), []byte(`"`)))
	if reply.Status != 200 || sid == nil {
		h.t.Fatalf("handshake: %d %s", reply.Status, reply.Body)
	}
	return &oldClient{h.recorder(string(sid[1])), h, query + "&sid=" + string(sid[1])}
}

func (c *oldClient) poll() string { return body(do(c.host.Server, "GET", c.query, "")) }

func (c *oldClient) post(body string, headers ...string) engine.Reply {
	return do(c.host.Server, "POST", c.query, body, headers...)
}

var octets = []string{"Content-Type", "application/octet-stream"}

func TestWhoIsLetIn(t *testing.T) {
	for _, c := range []struct {
		query    string
		protocol int // where older clients are; 0 if refused there
		before   int // where they are not
	}{
		{"EIO=4", 4, 4}, {"EIO=3", 3, 0}, {"x=1", 3, 0}, {"EIO=", 3, 0}, {"EIO=5", 3, 0}, {"EIO=4&EIO=4", 0, 0}, {"EIO=3&EIO=3", 0, 0},
	} {
		for allow, want := range map[bool]int{true: c.protocol, false: c.before} {
			cfg := golden()
			cfg.AllowEIO3 = allow
			var got []int
			h := serveWith(t, cfg, func(r *recorder) { got = append(got, r.session.Protocol()) })
			reply := do(h.Server, "GET", c.query+"&transport=polling", "")
			p, refused := h.dial(c.query + "&transport=websocket")
			if p != nil {
				p.next()
			}
			if want == 0 {
				wantStatus(t, c.query, reply, 400, `{"code":5,"message":"Unsupported protocol version"}`)
				wantStatus(t, c.query+", WebSocket", refused, 400, "Unsupported protocol version")
			} else if fmt.Sprint(got) != fmt.Sprint([]int{want, want}) {
				t.Errorf("%s, allowed %v: protocols %v, want %d", c.query, allow, got, want)
			}
		}
	}
}

// A session goes on in the revision that it began in.
func TestRevisionsAreNotMixed(t *testing.T) {
	h := serve(t, golden3())
	const mismatch = `{"code":3,"message":"Bad request"}`
	for handshake, later := range map[string][]string{"EIO=3": {"EIO=4", "EIO=3&EIO=3"}, "EIO=4": {"EIO=3", "x=1", "EIO=4&EIO=4"}} {
		for _, other := range later {
			c := h.connectOld(handshake + "&transport=polling")
			query := strings.Replace(c.query, handshake, other, 1)
			wantStatus(t, query, do(h.Server, "GET", query, ""), 400, mismatch)
			wantStatus(t, query, do(h.Server, "POST", query, "2:4a"), 400, mismatch)
			_, reply := h.dial(strings.Replace(query, "polling", "websocket", 1))
			wantStatus(t, query+", upgrade", reply, 400, "Bad request")
			wantBody(t, "reason", c.reason(), "")
		}
	}
	if c := h.connectOld("transport=polling"); c.session.Protocol() != 3 { // 3 may be left out
		t.Error("missing is 3")
	}
}

func TestPayloadsOfRevision3(t *testing.T) {
	h := serve(t, golden3())
	open := `0{"sid":"…","upgrades":["websocket"],"pingInterval":1000,"pingTimeout":500,"maxPayload":1000}`
	reply := do(h.Server, "GET", polling3+"&b64=1", "")
	sid := string(sidPattern.FindSubmatch(reply.Body)[1])
	wantBody(t, "handshake", maskSID(string(reply.Body)), fmt.Sprintf("%d:%s", len(open)-len("…")+len(sid), open))

	for _, c := range []struct {
		query, body string
		headers     []string
		messages    []message
		answer      string
		kind        string
	}{
		{"&b64=1", `2:4é4:4a😀`, nil, []message{"é", "a😀"}, `2:4é4:4a😀`, "text/plain; charset=UTF-8"},
		{"&b64=1", "2:4a6:b4AQID", nil, []message{"a", binary("\x01\x02\x03")}, "2:4a6:b4AQID", "text/plain; charset=UTF-8"},
		{"", "2:4a6:b4AQID", nil, []message{"a", binary("\x01\x02\x03")}, "\x00\x02\xff4a\x01\x04\xff\x04\x01\x02\x03", "application/octet-stream"},
		{"", "\x00\x03\xff4é\x01\x04\xff\x04\x01\x02\x03", octets, []message{"é", binary("\x01\x02\x03")},
			"\x00\x03\xff4é\x01\x04\xff\x04\x01\x02\x03", "application/octet-stream"},
		{"", "\x00\x02\xff4a", octets, []message{"a"}, "2:4a", "text/plain; charset=UTF-8"},
		{"", "1:22:4a", nil, []message{"a"}, "1:32:4a", "text/plain; charset=UTF-8"}, // a ping
	} {
		c3 := h.connectOld(polling3 + c.query)
		c3.onMessage = func(m message) {
			if data, ok := strings.CutPrefix(string(m), binaryPrefix); ok {
				_ = c3.session.SendBinary([]byte(data))
			} else {
				_ = c3.session.SendText(string(m))
			}
		}
		posted := c3.post(c.body, c.headers...)
		wantStatus(t, c.body, posted, 200, "ok")
		wantBody(t, "type", posted.Header.Get("Content-Type"), "text/html")
		wantMessages(t, c.body, c3.got(), c.messages...)
		polled := do(h.Server, "GET", c3.query, "")
		wantStatus(t, c.body, polled, 200, c.answer)
		wantBody(t, "type", polled.Header.Get("Content-Type"), c.kind)
	}
}

// What is no payload ends the session, and nothing behind it is read.
func TestHostilePayloadsOfRevision3(t *testing.T) {
	for _, c := range []struct {
		body    string
		headers []string
	}{
		{"99999999999:4", nil}, {"-1:4", nil}, {"3:😀", nil}, {"\x00\xff...", octets}, {"\x00\xff...", nil}, {"", nil}, {"", octets},
		{"4a", nil}, {"2:4a", octets}, {"1:72:4a", nil}, {"\x01\x02\xff\x02\x00", octets}, {strings.Repeat("9", 1000), nil},
	} {
		h := serve(t, golden3())
		c3 := h.connectOld(polling3)
		wantStatus(t, c.body, c3.post(c.body, c.headers...), 400, "")
		wantBody(t, "reason", c3.reason(), "parse error")
		wantMessages(t, c.body, c3.got())
	}
}

func TestTheLimitsHoldForOldBodies(t *testing.T) {
	for name, query := range map[string]string{"revision 3": polling3, "JSONP": polling3 + "&j=0", "JSONP, revision 4": polling + "&j=0"} {
		for kind, headers := range map[string][]string{"text": nil, "binary": octets} {
			c := serve(t, golden3()).connectOld(query)
			if kind == "binary" && name != "revision 3" {
				wantStatus(t, name, c.post("\x00\x01\xff2", headers...), 400, "")
				wantBody(t, name, c.reason(), "transport error")
				continue
			}
			wantStatus(t, name, c.post(strings.Repeat("x", 1001), headers...), 413, "")
			wantBody(t, name+" "+kind, c.reason(), "") // as ever
		}
		synctest.Test(t, func(t *testing.T) {
			cfg := golden3()
			cfg.PingInterval, cfg.BodyTimeout = time.Hour, 3*time.Second
			c := serve(t, cfg).connectOld(query)
			start, slow, deadline := time.Now(), newSlowBody("d=2:4a"), time.Duration(0)
			r := request("POST", c.query, "d=2:4a")
			r.Body = slow
			r.SetReadDeadline = func(at time.Time) error {
				if !at.IsZero() {
					deadline = at.Sub(start)
				}
				return nil
			}
			done := make(chan engine.Reply)
			go func() { done <- c.host.ServePoll(context.Background(), r) }()
			synctest.Wait()
			if deadline != 3*time.Second {
				t.Errorf("%s: the body's deadline is in %v", name, deadline)
			}
			slow.release()
			<-done
		})
	}
}

func TestWebSocketOfRevision3(t *testing.T) {
	for _, c := range []struct{ query, binary string }{{"", "\x04\x01\x02"}, {"&b64=1", "b4AQI="}} {
		h := serve(t, golden3())
		p, _ := h.dial("EIO=3&transport=websocket" + c.query)
		sid := sidPattern.FindStringSubmatch(string(p.next()))
		r := h.recorder(sid[1])
		p.send("4é", binary("\x04\x09\x08"), "b4AQI=", "4end", "2") // whose pong says that the others have been read
		wantBody(t, "pong", string(p.next()), "3")
		shared := engine.BinaryFrame([]byte{1, 2})
		for range 2 {
			_ = r.session.SendFrames(engine.MessageFrame(append(engine.FrameBuffer(1), 'x')), shared)
			wantBody(t, "text", string(p.next()), "4x")
			if got := p.next(); got != message(c.binary) && got != binary(c.binary) {
				t.Errorf("binary: %q", got)
			}
		}
		if got := shared.Payload(); string(got) != "\x01\x02" {
			t.Errorf("the shared frame has become %q", got)
		}
		wantMessages(t, c.query, r.got(), "é", binary("\x09\x08"), binary("\x01\x02"), "end")
	}
}

func TestHostileMessagesOfRevision3(t *testing.T) {
	for _, m := range []message{binary(""), binary("\x01"), binary("4a"), "b", "bAQID", "b3AQID", "7", ""} {
		synctest.Test(t, func(t *testing.T) {
			h := serve(t, golden3())
			p, _ := h.dial("EIO=3&transport=websocket")
			r := h.recorder(sidPattern.FindStringSubmatch(string(p.next()))[1])
			p.send(m)
			synctest.Wait()
			wantBody(t, fmt.Sprintf("%q", m), r.reason(), "parse error")
		})
	}
}

// The polls' form of binary is the polls', and the WebSocket's is its own.
func TestUpgradeOfRevision3(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, golden3())
		c := h.connectOld(polling3 + "&b64=1")
		polled := make(chan string)
		go func() { polled <- c.poll() }()
		synctest.Wait()
		p, reply := h.dial(strings.Replace(strings.Replace(c.query, "polling", "websocket", 1), "&b64=1", "", 1))
		if p == nil {
			t.Fatalf("refused: %d %s", reply.Status, reply.Body)
		}
		p.send("2probe")
		wantBody(t, "probe", string(p.next()), "3probe")
		wantBody(t, "the poll", <-polled, "1:6")
		_ = c.session.SendBinary([]byte{7})
		wantBody(t, "meanwhile", c.poll(), "6:b4Bw==")
		p.send("5", binary("\x04\x08"))
		synctest.Wait()
		_ = c.session.SendBinary([]byte{9})
		if got := p.next(); got != binary("\x04\x09") {
			t.Errorf("binary over the WebSocket: %q", got)
		}
		wantMessages(t, "received", c.got(), binary("\x08"))
	})
}

func TestHeartbeatOfRevision3(t *testing.T) {
	type step struct {
		after time.Duration
		m     message
	}
	for _, c := range []struct {
		name   string
		sent   []step
		ends   time.Duration
		reason string
	}{
		{"silent", nil, 1500 * ms, "ping timeout"},
		{"a message is no ping", []step{{1400 * ms, "4x"}}, 1500 * ms, "ping timeout"},
		{"a noop is none", []step{{1400 * ms, "6"}}, 1500 * ms, "ping timeout"},
		{"pings", []step{{1000 * ms, "2"}, {2400 * ms, "2"}}, 3900 * ms, "ping timeout"},
		{"at the last moment", []step{{1499 * ms, "2"}}, 2999 * ms, "ping timeout"},
		{"a pong is the server's", []step{{100 * ms, "3"}}, 100 * ms, "transport error"},
	} {
		for _, transport := range []string{"polling", "websocket", "upgraded"} {
			t.Run(c.name+"/"+transport, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					h := serve(t, golden3())
					var r *recorder
					var send func(message)
					if transport == "websocket" {
						p, _ := h.dial("EIO=3&transport=websocket")
						r = h.recorder(sidPattern.FindStringSubmatch(string(p.next()))[1])
						send = func(m message) { p.send(m) }
					} else {
						old := h.connectOld(polling3)
						r = old.recorder
						send = func(m message) { old.post(fmt.Sprintf("%d:%s", len(m), m)) }
						if transport == "upgraded" {
							p, _ := h.dial(strings.Replace(old.query, "polling", "websocket", 1))
							p.send("2probe")
							p.next()
							p.send("5")
							send = func(m message) { p.send(m) }
						}
					}
					for _, s := range c.sent {
						at(start, s.after)
						send(s.m)
					}
					at(start, c.ends-1*ms)
					if c.reason == "ping timeout" {
						wantBody(t, "reason just before", r.reason(), "")
					}
					at(start, c.ends)
					wantBody(t, "reason", r.reason(), c.reason)
				})
			})
		}
	}
}

// No server's pings are for a client that pings itself.
func TestTheServerDoesNotPingRevision3(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, golden3())
		p, _ := h.dial("EIO=3&transport=websocket")
		p.next()
		for range 5 {
			time.Sleep(900 * ms)
			p.send("2")
		}
		synctest.Wait()
		wantMessages(t, "sent", p.rest(), "3", "3", "3", "3", "3")
	})
}

func TestABusyReceiverIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		h := serveWith(t, golden3(), func(r *recorder) { r.onMessage = func(message) { time.Sleep(10 * time.Second) } })
		p, _ := h.dial("EIO=3&transport=websocket")
		r := h.recorder(sidPattern.FindStringSubmatch(string(p.next()))[1])
		p.send("4work")
		at(start, 5*time.Second)
		p.send("2")
		at(start, 10100*ms)
		wantMessages(t, "answered when there was time", p.rest(), "3")
		wantBody(t, "reason", r.reason(), "")
		at(start, 11500*ms)
		wantBody(t, "then silent", r.reason(), "ping timeout")
	})
}

// A client that pings without end and never polls is a slow consumer, and no more.
func TestAFloodOfPingsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := golden3()
		cfg.MaxQueuedMessages = 100
		c := serve(t, cfg).connectOld(polling3)
		c.post(strings.Repeat("1:2", 200))
		synctest.Wait()
		wantBody(t, "reason", c.reason(), "slow consumer")
	})
}

func TestEndsOfRevision3(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, golden3())
		c := h.connectOld(polling3)
		wantStatus(t, "close", c.post("1:1"), 200, "ok")
		wantBody(t, "the poll that was overtaken", c.poll(), "1:6")
		wantBody(t, "reason", c.reason(), "transport close")

		c = h.connectOld(polling3)
		polled := make(chan string)
		go func() { polled <- c.poll() }()
		synctest.Wait()
		c.session.Close()
		wantBody(t, "the server closes", <-polled, "1:1")
	})
}
