package engine_test

import (
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

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
