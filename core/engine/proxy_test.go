package engine_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func TestTrustedProxies(t *testing.T) {
	const peer, stranger = "10.0.0.7:4000", "192.0.2.1:1234"
	trusted := prefixes("10.0.0.0/8", "2001:db8::/32")
	for _, c := range []struct {
		name, peer string
		header     []string
		want       string
	}{
		{"no header", peer, nil, peer},
		{"an empty one", peer, []string{""}, peer},
		{"a client", peer, []string{"198.51.100.4"}, "198.51.100.4:0"},
		{"with a port", peer, []string{"198.51.100.4:5678"}, "198.51.100.4:5678"},
		{"IPv6", peer, []string{"2001:db9::1"}, "[2001:db9::1]:0"},
		{"IPv6 in brackets", peer, []string{"[2001:db9::1]"}, "[2001:db9::1]:0"},
		{"IPv6 with a port", peer, []string{"[2001:db9::1]:5678"}, "[2001:db9::1]:5678"},
		{"IPv4 in IPv6", peer, []string{"::ffff:198.51.100.4"}, "198.51.100.4:0"},
		{"a peer as IPv4 in IPv6", "[::ffff:10.0.0.7]:4000", []string{"198.51.100.4"}, "198.51.100.4:0"},
		{"a peer with a zone", "[2001:db8::1%eth0]:4000", []string{"198.51.100.4"}, "198.51.100.4:0"},
		{"a chain of proxies", peer, []string{"198.51.100.4, 10.0.0.9,10.1.2.3"}, "198.51.100.4:0"},
		{"what the client has made up", peer, []string{"127.0.0.1, 10.0.0.1, 198.51.100.4, 10.0.0.9"}, "198.51.100.4:0"},
		{"several fields", peer, []string{"127.0.0.1", "10.0.0.1, 198.51.100.4", "10.0.0.9"}, "198.51.100.4:0"},
		{"all are proxies", peer, []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1:0"},
		{"a field that is empty between others", peer, []string{"198.51.100.4", "", "10.0.0.2"}, "198.51.100.4:0"},
		{"tabs and spaces", peer, []string{" \t198.51.100.4\t ,  10.0.0.2 "}, "198.51.100.4:0"},
		{"garbage", peer, []string{"unknown"}, peer},
		{"garbage before a proxy", peer, []string{"198.51.100.4, unknown, 10.0.0.2"}, "10.0.0.2:0"},
		{"garbage behind a client", peer, []string{"198.51.100.4, <script>"}, peer},
		{"an empty place", peer, []string{"198.51.100.4, , 10.0.0.2"}, "10.0.0.2:0"},
		{"a comma at the end", peer, []string{"198.51.100.4,"}, peer},
		{"a comma at the beginning", peer, []string{",198.51.100.4"}, "198.51.100.4:0"},
		{"a name", peer, []string{"localhost"}, peer},
		{"a zone", peer, []string{"fe80::1%eth0"}, "[fe80::1]:0"},
		{"a port that is none", peer, []string{"198.51.100.4:99999"}, peer},
		{"line breaks", peer, []string{"198.51.100.4\r\nX: y"}, peer},
		{"60 KB", peer, []string{strings.Repeat("10.0.0.1,", 7000) + "10.0.0.1"}, "10.0.0.1:0"},
		{"a stranger's", stranger, []string{"127.0.0.1"}, stranger},
		{"a stranger's, who speaks of proxies", stranger, []string{"127.0.0.1, 10.0.0.1"}, stranger},
		{"a peer without an address", "@", []string{"127.0.0.1"}, "@"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := serve(t, engine.Config{TrustedProxies: trusted})
			r := request("GET", polling, "")
			r.RemoteAddr, r.Header["X-Forwarded-For"] = c.peer, c.header
			sid := sidPattern.FindSubmatch(h.ServePoll(context.Background(), r).Body)
			if got := h.recorder(string(sid[1])).session.RemoteAddr(); got != c.want {
				t.Errorf("polling: %q, want %q", got, c.want)
			}
			r = upgradeRequest(webSocket)
			r.RemoteAddr, r.Header["X-Forwarded-For"] = c.peer, c.header
			u, _ := h.AcceptUpgrade(context.Background(), r)
			p := newPipe(t)
			u.Start(pipeEnd(p))
			sid = sidPattern.FindSubmatch([]byte(p.next()))
			if got := h.recorder(string(sid[1])).session.RemoteAddr(); got != c.want {
				t.Errorf("WebSocket: %q, want %q", got, c.want)
			}
		})
	}
}

// Nobody is trusted unless the configuration says so, and who decides on a handshake
// sees whom it is from.
func TestNoTrustedProxies(t *testing.T) {
	for want, proxies := range map[string][]netip.Prefix{
		"192.0.2.1:1234": nil,
		"198.51.100.4:0": prefixes("192.0.2.0/24"),
	} {
		asked, used := "", ""
		h := serve(t, engine.Config{TrustedProxies: proxies, AllowRequest: func(_ context.Context, r *engine.Request) error {
			asked = r.RemoteAddr
			return nil
		}})
		h.Use(func(_ context.Context, r *engine.Request) error { used = r.RemoteAddr; return nil })
		do(h.Server, "GET", polling, "", "X-Forwarded-For", "198.51.100.4")
		if asked != want || used != want {
			t.Errorf("AllowRequest sees %q, the middleware %q, want %q", asked, used, want)
		}
	}
}

func TestTrustedProxiesThatMakeNoSense(t *testing.T) {
	for _, bad := range [][]netip.Prefix{{{}}, prefixes("10.0.0.0/8", "::ffff:10.0.0.0/104")} {
		if _, err := engine.New(engine.Config{TrustedProxies: bad}); err == nil || !strings.Contains(err.Error(), "Config.TrustedProxies[") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
