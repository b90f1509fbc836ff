package socketio_test

import (
	"context"
	"regexp"
	"runtime"
	"testing"
	"time"
	"weak"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

// freed waits until the collector has taken a value.
func freed[T any](t *testing.T, what string, p weak.Pointer[T]) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if runtime.GC(); p.Value() == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%s is kept in memory", what)
}

// A namespace that is gone takes its log with it, and the sessions of those who are
// away.
func TestANamespaceThatIsGoneIsForgotten(t *testing.T) {
	io := serve(t, socketio.Config{
		CleanupEmptyChildNamespaces: true, MaxChildNamespaces: 1, ConnectionStateRecovery: &socketio.Recovery{},
	})
	parent := io.OfRegexp(regexp.MustCompile(`^/r`))
	parent.OnConnection(func(_ context.Context, s *socketio.Socket) error { return s.Namespace().Emit("hello") })
	visit := func(name string, leave func(*siotest.Client)) weak.Pointer[socketio.Namespace] {
		c := siotest.Dial(t, io, siotest.Options{Namespace: name})
		c.Expect("hello")
		n := weak.Make(parent.Children()[0])
		leave(c)
		<-c.Done()
		return n
	}
	left := visit("/r1", func(c *siotest.Client) { c.Leave(); c.Close() })
	freed(t, "the namespace that was left", left)
	away := visit("/r2", (*siotest.Client).Abort)
	if away.Value() == nil || io.Stats().Recovery.Away != 1 {
		t.Error("nobody is away")
	}
	visit("/r3", (*siotest.Client).Abort) // which makes /r2 go
	freed(t, "the namespace that made room", away)
}

// Nothing waits for the log's time where there is no server any more.
func TestAServerThatHasEndedIsForgotten(t *testing.T) {
	for name, end := range map[string]func(*socketio.Server) error{
		"Close":    (*socketio.Server).Close,
		"Shutdown": func(s *socketio.Server) error { return s.Shutdown(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			p := func() weak.Pointer[socketio.Server] {
				io, err := socketio.New(socketio.Config{ConnectionStateRecovery: &socketio.Recovery{}})
				must(t, err)
				c := siotest.Dial(nil, io, siotest.Options{})
				must(t, io.Emit("hello"))
				c.Expect("hello")
				c.Abort()
				<-c.Done()
				must(t, end(io))
				return weak.Make(io)
			}()
			freed(t, "the server", p)
		})
	}
}
