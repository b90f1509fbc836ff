package engine_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/kawat-go/kawat/core/engine"
)

// Names that mean something to other servers' languages mean nothing here.
func TestTransportsThatAreNone(t *testing.T) {
	h := serve(t, engine.Config{})
	for _, name := range []string{"", "tobi", "constructor", "__proto__", "toString", "POLLING", "polling ", "webtransport"} {
		query := "EIO=4&transport=" + strings.ReplaceAll(name, " ", "%20")
		wantStatus(t, name, do(h.Server, "GET", query, ""), 400, `{"code":0,"message":"Transport unknown"}`)
		_, reply := h.dial(query)
		wantStatus(t, name+" over WebSocket", reply, 400, "Transport unknown")
	}
	if n := h.ClientsCount(); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// A proxy that does not know WebSocket passes on the request for one without its
// Upgrade field.
func TestAProxyThatLetsNoWebSocketThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, cfg := range map[string]engine.Config{"upgrades": {}, "no upgrades": {DisableUpgrades: true}} {
			h := serve(t, cfg)
			c := h.connect()
			poll := c.pollLater()
			synctest.Wait()
			for range 3 {
				reply := do(h.Server, "GET", webSocket+"&sid="+c.sid, "")
				wantStatus(t, name, reply, 400, `{"code":3,"message":"Bad request"}`)
			}
			wantStatus(t, name+": POST", c.post("4echo"), 200, "ok")
			wantMessages(t, name, c.got(), "echo")
			_ = c.session.SendText("echo")
			wantBody(t, name+": the poll that hung meanwhile", <-poll, "4echo")
		}
	})
}
