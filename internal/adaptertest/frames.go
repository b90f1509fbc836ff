package adaptertest

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/rfc6455"
)

// frames has the conversations of the table of RFC 6455, and looks whether nothing
// of them is left.
func frames(t *testing.T, host Host) {
	for name, cfg := range map[string]engine.Config{
		"table":   {PingInterval: time.Hour},
		"silence": {PingInterval: 100 * time.Millisecond, PingTimeout: 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // with each other
			cfg.PerMessageDeflate = &engine.Deflate{}
			s := start(t, host, App{}, cfg)
			rfc6455.Run(t, rfc6455.Target{
				Dial:      func() (net.Conn, error) { return net.Dial("tcp", s.addr) },
				Path:      s.path + "/?EIO=4&transport=websocket",
				Packets:   true,
				Heartbeat: name == "silence",
			})
			eventually(t, "the sessions end", func() bool { return s.io.ClientsCount() == 0 })
			if log := s.log.String(); strings.Contains(log, "panic") {
				t.Errorf("logged: %s", log)
			}
		})
	}
}
