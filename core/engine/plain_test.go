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

func TestWhetherACookieIsSet(t *testing.T) {
	for name, c := range map[string]struct {
		cookie *engine.Cookie
		want   string
	}{
		"off":         {nil, ""},
		"a name":      {&engine.Cookie{Name: "woot"}, "woot=ID; Path=/; HttpOnly; SameSite=Lax"},
		"a path":      {&engine.Cookie{Path: "/custom"}, "io=ID; Path=/custom; HttpOnly; SameSite=Lax"},
		"strict":      {&engine.Cookie{SameSite: "strict"}, "io=ID; Path=/; HttpOnly; SameSite=Strict"},
		"Strict":      {&engine.Cookie{SameSite: "Strict"}, "io=ID; Path=/; HttpOnly; SameSite=Strict"},
		"none":        {&engine.Cookie{SameSite: "None"}, "io=ID; Path=/; HttpOnly; SameSite=None"},
		"no defaults": {&engine.Cookie{Name: "n", Path: "/p", SameSite: "lax"}, "n=ID; Path=/p; HttpOnly; SameSite=Lax"},
	} {
		reply := do(serve(t, engine.Config{Cookie: c.cookie}).Server, "GET", polling, "")
		sid := string(sidPattern.FindSubmatch(reply.Body)[1])
		wantBody(t, name, reply.Header.Get("Set-Cookie"), strings.Replace(c.want, "ID", sid, 1))
	}
}

func TestExplorersFilterIsOff(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; SLCC2)": "0",
		"Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)":                     "0",
		"Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0) like Gecko":          "0",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "",
		"": "",
	} {
		c := serve(t, engine.Config{}).connect()
		_ = c.session.SendText("x")
		for _, method := range []string{"GET", "POST"} {
			reply := do(c.host.Server, method, c.query(), "4x", "User-Agent", agent)
			if got := reply.Header.Get("X-XSS-Protection"); reply.Status != 200 || got != want {
				t.Errorf("%s by %q: %d, %q, want %q", method, agent, reply.Status, got, want)
			}
		}
	}
}

// Close waits for nobody, so what a client has not fetched is lost; Shutdown is
// there for those who want it delivered.
func TestCloseDiscardsWhatWaits(t *testing.T) {
	for _, closing := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := serve(t, engine.Config{})
			c := h.connect()
			p, r := h.connectWebSocket()
			p.stall()
			_ = r.session.SendText("being written")
			synctest.Wait()
			for _, s := range []*engine.Session{c.session, r.session} {
				_ = s.SendText("hello")
				if closing {
					s.Close()
				}
			}
			_ = h.Close()
			p.resume()
			synctest.Wait()
			if got := p.rest(); len(got) > 1 {
				t.Errorf("sent over WebSocket: %q", got)
			}
			wantBody(t, "poll", c.poll(), "400")
			if stats := h.Stats(); stats.Sessions != 0 || stats.QueuedBytes != 0 {
				t.Errorf("left: %+v", stats)
			}
		})
	}
}
