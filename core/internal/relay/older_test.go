package relay

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/kawat-go/kawat/core/engine"
)

// Older clients, and those that poll by scripts, are served elsewhere as they are at
// home.
func TestOlderClients(t *testing.T) {
	ask := func(n *node, method, query, contentType, body string) engine.Reply {
		r := &engine.Request{
			Method: method, RawQuery: query, RemoteAddr: "192.0.2.1:1", ContentLength: int64(len(body)),
			Header: engine.Header{"Content-Type": {contentType}, "User-Agent": {"Mozilla/4.0 (x;MSIE 9)"}},
		}
		if method == "POST" {
			r.Body = strings.NewReader(body)
		}
		return n.srv.ServePoll(context.Background(), r)
	}
	for name, c := range map[string]struct{ query, contentType, body string }{
		"revision 3":            {"EIO=3&transport=polling", "text/plain", "6:4hello"},
		"revision 3, binary":    {"EIO=3&transport=polling", "application/octet-stream", "\x00\x06\xff4hello\x01\x03\xff\x04ab"},
		"revision 3, by text":   {"EIO=3&transport=polling&b64=1", "text/plain", "6:4hello6:b4YWI="},
		"revision 3, by script": {"EIO=3&transport=polling&j=12", "application/x-www-form-urlencoded", "d=6%3A4hello"},
		"revision 4, by script": {"EIO=4&transport=polling&j=3", "application/x-www-form-urlencoded", "d=4hello"},
		"no revision":           {"transport=polling", "text/plain", "6:4hello"},
		"binary of revision 4":  {"EIO=4&transport=polling", "application/octet-stream", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			var told [2]string
			for i, nodes := range []int{1, 2} {
				inWorld(t, nodes, func(c *engine.Config, _ *Config) { c.AllowEIO3 = true }, func(t *testing.T, w *world) {
					owner, door := w.nodes[0], w.nodes[nodes-1]
					ask(owner, "GET", c.query, "", "")
					s := owner.session()
					query := c.query + "&sid=" + s.ID()
					_ = s.SendText("héllo")
					_ = s.SendBinary([]byte{1, 2, 255})
					for _, r := range []engine.Reply{ask(door, "GET", query, "", ""), ask(door, "POST", query, c.contentType, c.body)} {
						told[i] += fmt.Sprintf("%d %v %q\n", r.Status, r.Header, r.Body)
					}
					synctest.Wait()
					told[i] += fmt.Sprintf("%q %q", owner.heard(), owner.endings())
				})
			}
			if told[0] != told[1] || !strings.Contains(told[0], "200") {
				t.Errorf("on one node:\n%s\non two:\n%s", told[0], told[1])
			}
		})
	}
}

// An older client moves to a WebSocket elsewhere, and has binary there as it wants it.
func TestOlderWebSocket(t *testing.T) {
	inWorld(t, 2, func(c *engine.Config, _ *Config) { c.AllowEIO3 = true }, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		owner.srv.ServePoll(context.Background(), &engine.Request{Method: "GET", RawQuery: "EIO=3&transport=polling&b64=1", RemoteAddr: "192.0.2.1:1"})
		s := owner.session()
		r := upgradeRequest(s.ID())
		r.RawQuery = "EIO=3&b64=true&transport=websocket&sid=" + s.ID()
		u, reply := door.srv.AcceptUpgrade(context.Background(), r)
		if u == nil {
			t.Fatalf("%d %s", reply.Status, reply.Body)
		}
		c := newSocket()
		u.Start(c)
		c.send("2probe")
		synctest.Wait()
		c.send("5")
		synctest.Wait()
		_ = s.SendBinary([]byte{1, 2, 255})
		c.send("4hello")
		c.send([]byte("\x04abc"))
		synctest.Wait()
		if got := c.got(); !equal(got, []any{"3probe", "b4AQL/"}) || fmt.Sprint(owner.heard()) != "[hello abc]" {
			t.Errorf("%q, %q", got, owner.heard())
		}
		c.Abort()
	})
}
