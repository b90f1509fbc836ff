package adaptertest

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	dialer "github.com/fasthttp/websocket"

	"github.com/kawat-go/kawat/core/engine"
)

// deflate checks what is agreed on, and that both ends act on it.
func deflate(t *testing.T, host Host) {
	on := start(t, host, App{}, engine.Config{PerMessageDeflate: &engine.Deflate{Threshold: 10}})
	off := start(t, host, App{}, engine.Config{})
	const agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	for _, test := range []struct {
		name, offer, answer string
		site                *site
	}{
		{"offered", "permessage-deflate; client_max_window_bits", agreed, on},
		{"bare", "permessage-deflate", agreed, on},
		{"second offer", "permessage-deflate; server_max_window_bits=10, permessage-deflate", agreed, on},
		{"second field", "x-other|permessage-deflate", agreed, on},
		{"not offered", "", "", on},
		{"another extension", "x-webkit-deflate-frame", "", on},
		{"a smaller window", "permessage-deflate; server_max_window_bits=10", "", on},
		{"off", "permessage-deflate; client_max_window_bits", "", off},
	} {
		t.Run(test.name, test.site.sub(func(s *site) {
			var headers []string
			for field := range strings.SplitSeq(test.offer, "|") {
				headers = append(headers, "Sec-WebSocket-Extensions: "+field)
			}
			if got := s.head(s.upgradeRequest(headers...)).Get("Sec-WebSocket-Extensions"); got != test.answer {
				s.t.Errorf("answered %q, want %q", got, test.answer)
			}
		}))
	}
	t.Run("exchange", on.sub(func(s *site) { s.deflated(&dialer.Dialer{EnableCompression: true}) }))
	t.Run("exchange plain", on.sub(func(s *site) { s.deflated(&dialer.Dialer{}) }))
	t.Run("exchange off", off.sub(func(s *site) { s.deflated(&dialer.Dialer{EnableCompression: true}) }))
}

// deflated exchanges messages that are worth compressing. The dialer fails at a
// compressed one unless that was agreed on.
func (s *site) deflated(d *dialer.Dialer) {
	c := s.dialBy(d, "")
	sidOf(s.t, c.receive())
	for _, size := range []int{1, 100, 50_000} {
		message := "4" + strings.Repeat("a", size)
		c.send(message)
		c.expect(message)
	}
}

// head does an opening handshake and returns the response's header.
func (s *site) head(request string) http.Header {
	s.t.Helper()
	conn := s.connect()
	if _, err := conn.Write([]byte(request)); err != nil {
		s.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		s.t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	return res.Header
}
