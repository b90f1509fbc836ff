package adaptertest

import (
	"io"
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

// closeTimeout is how long a client may take to answer a close frame.
const closeTimeout = 5 * time.Second

// unanswered has the server close connections whose clients do not answer, parked
// and not, and returns what waits for their end: there is enough to do meanwhile.
func unanswered(t *testing.T, host Host) (hungUp func(*testing.T)) {
	type end struct {
		last string
		took time.Duration
		err  error
	}
	ended := make(chan end, 2)
	for _, host.unparked = range []bool{false, true} {
		s := start(t, host, App{}, engine.Config{})
		conn := s.connect()
		go func() {
			began := time.Now()
			_, _ = io.WriteString(conn, s.upgradeRequest()+string(clientFrame("no packet")))
			b, err := io.ReadAll(conn)
			ended <- end{string(b[max(0, len(b)-2):]), time.Since(began), err}
		}()
	}
	return func(t *testing.T) {
		for range 2 {
			e := <-ended
			if e.last != "\x88\x00" || e.err != nil {
				t.Errorf("the last bytes are %q, %v, want a close frame", e.last, e.err)
			}
			if e.took < closeTimeout-time.Second || e.took > patience/2 {
				t.Errorf("took %v, want %v", e.took, closeTimeout)
			}
		}
	}
}
