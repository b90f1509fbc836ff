package socketio_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
	"github.com/kawat-go/kawat/internal/hooktest"
)

// A stage is a server on which a story is played: see [hooktest.Stage]. A canary is
// there all the time.
type stage struct {
	*hooktest.Stage
	logs   *logs
	node   *server // another one
	canary *siotest.Client

	transport string
	mu        sync.Mutex
	client    *siotest.Client
	raw       []any
}

// newStage makes a server with a hook that does what mishap does, once the canary is
// there.
func newStage(t *testing.T, h hooktest.Hook, transport string, mishap func(st *hooktest.Stage, s *socketio.Socket)) *stage {
	st := &stage{transport: transport}
	link := backplane.NewMemory()
	st.node = serve(t, socketio.Config{Backplane: link})
	io := serveBy(t, socketio.Config{Backplane: link, CleanupEmptyChildNamespaces: true}, func(cfg socketio.Config) (*socketio.Server, error) {
		var err error
		if st.Stage, err = hooktest.New(h, cfg, mishap); err != nil {
			return nil, err
		}
		return st.Server, nil
	})
	st.logs = io.logs
	st.canary = dial(t, st)
	settle()
	st.Arm(true)
	return st
}

// play plays the story up to the client's end. No step waits for what may not come.
func (st *stage) play() {
	st.step(func() {
		r := &engine.Request{Method: "GET", Path: "/socket.io/", RawQuery: "EIO=4&transport=smoke", Header: engine.Header{"X-Bad": {"1"}}}
		st.Engine().ServePoll(context.Background(), r)
	})
	st.step(func() {
		c := siotest.Open(nil, st, siotest.Options{Transport: st.transport, Headers: engine.Header{"X-Bad": {"1"}}})
		st.mu.Lock()
		defer st.mu.Unlock()
		st.client = c
	})
	for _, packet := range []string{"40" + hooktest.Room + ",", "42" + hooktest.Room + `,1["bad","x"]`, "42" + hooktest.Room + `,2["fails"]`} {
		st.withClient(func(c *siotest.Client) { c.SendRaw(packet) })
	}
	if st.transport == engine.Polling {
		st.withClient((*siotest.Client).Upgrade)
		time.Sleep(200 * ms) // its poll is let go after 100
	}
	st.step(func() { _ = st.node.ServerSideEmit("bad") })
	st.step(func() { _, _ = st.node.Present(context.Background()) })
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.client != nil {
		st.raw = st.client.Raw()
	}
}

// step does something in a goroutine that may end, or not go on.
func (st *stage) step(f func()) {
	go func() {
		defer func() { _ = recover() }() // of the client's, that something is refused
		f()
	}()
	settle()
}

func (st *stage) withClient(f func(c *siotest.Client)) {
	st.mu.Lock()
	c := st.client
	st.mu.Unlock()
	if c != nil {
		st.step(func() { f(c) })
	}
}

// fate tells what has become of the client.
func (st *stage) fate() hooktest.Fate {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.client == nil {
		return hooktest.TurnedOff
	}
	has := func(prefix string) bool {
		for _, m := range st.raw {
			if text, ok := m.(string); ok && strings.HasPrefix(text, prefix) {
				return true
			}
		}
		return false
	}
	internal := `[{"error":{"message":"internal error"}}]`
	switch {
	case has("44" + hooktest.Room + `,{"message":"internal error"}`):
		return hooktest.NotLetIn
	case has("41" + hooktest.Room):
		return hooktest.Cut
	case st.client.Closed() || !has("40"+hooktest.Room):
		return hooktest.Dropped
	case has("43" + hooktest.Room + ",1[{"):
		return hooktest.Failed
	case has("43"+hooktest.Room+`,1["ok"]`) && has("43"+hooktest.Room+",2"+internal):
		return hooktest.Usual
	}
	return hooktest.Fate(fmt.Sprintf("got %q", st.raw))
}

// sing has the canary's event echoed.
func (st *stage) sing(t *testing.T, when string) {
	t.Helper()
	if n := siotest.Call[int](st.canary, "echo", 3); n != 3 {
		t.Errorf("%s the canary gets %d", when, n)
	}
}

// leave ends the client.
func (st *stage) leave() {
	st.withClient((*siotest.Client).Close)
	st.Arm(false)
}

// inEveryHook runs a test for every hook and transport, each in a bubble, which
// notices deadlocks and what is left.
func inEveryHook(t *testing.T, test func(t *testing.T, h hooktest.Hook, transport string)) {
	for _, h := range hooktest.All() {
		for _, transport := range []string{engine.Polling, engine.WebSocket} {
			if h.Polling && transport != engine.Polling {
				continue
			}
			t.Run(h.Name+"/"+transport, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { test(t, h, transport) })
			})
		}
	}
}

// What goes wrong hurts the client at most whose story it is. It is counted, and
// logged with a stack, once each time.
func TestEveryHookMayPanicOrEndItsGoroutine(t *testing.T) {
	for name, mishap := range mishaps {
		t.Run(name, func(t *testing.T) {
			inEveryHook(t, func(t *testing.T, h hooktest.Hook, transport string) {
				st := newStage(t, h, transport, func(*hooktest.Stage, *socketio.Socket) { mishap() })
				st.play()
				st.sing(t, "after it")
				want, exits := h.Fate, name == "Goexit"
				if exits && h.Exit != hooktest.AsPanic {
					want = h.Exit
				}
				if got := st.fate(); got != want {
					t.Errorf("the client: %s, want %s", got, want)
				}
				st.leave()
				synctest.Wait()
				if st.Fires() == 0 {
					t.Fatal("the hook was never called")
				}
				stats, logged := st.Stats(), strings.Count(st.logs.String(), "panic in user code")
				counted := stats.Panics + stats.Engine.Panics
				n := st.Fires()
				if h.Uncounted && !exits {
					n = 0
				}
				if h.Within && exits {
					n *= 2
				}
				if counted != n || logged != int(n) && !h.Unlogged {
					t.Errorf("%d counted and %d logged, of %d", counted, logged, n)
				}
				if n > 0 && !h.Unlogged && !strings.Contains(st.logs.String(), "isolation_test.go") {
					t.Error("the log has no stack")
				}
			})
		})
	}
}

// A hook that does not return keeps neither the others nor a shutdown.
func TestEveryHookMayBlock(t *testing.T) {
	inEveryHook(t, func(t *testing.T, h hooktest.Hook, transport string) {
		release := make(chan struct{})
		st := newStage(t, h, transport, func(*hooktest.Stage, *socketio.Socket) { <-release })
		st.play()
		if st.Fires() == 0 {
			st.leave() // now the hooks of the end are called
		}
		settle()
		if st.Fires() == 0 {
			t.Fatal("the hook was never called")
		}
		st.sing(t, "meanwhile")
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		_ = st.Shutdown(ctx)
		if took := time.Since(began); took > 3*time.Second+100*ms {
			t.Errorf("Shutdown took %v, with a context of 3s", took)
		}
		synctest.Wait()
		if !st.canary.Closed() {
			t.Error("the canary was not told of the shutdown")
		}
		close(release)
		st.leave()
	})
}

const ms = time.Millisecond

// Everything that a program may do from a hook; the socket is nil where the hook has
// none.
var reentrant = map[string]func(st *hooktest.Stage, s *socketio.Socket){
	"emit": func(st *hooktest.Stage, s *socketio.Socket) {
		_ = st.Emit("x")
		_ = st.Parent.Emit("x")
		if s != nil {
			_ = s.Emit("x")
			_ = s.To("room").Emit("x")
			_ = s.Volatile().Emit("x")
		}
	},
	"rooms": func(st *hooktest.Stage, s *socketio.Socket) {
		for _, n := range append(st.Parent.Children(), st.Namespace) {
			_ = n.SocketsJoin("b")
			_ = n.In("b").SocketsLeave("b")
			_, _ = n.FetchSockets(context.Background())
			_ = n.Sockets()
		}
		if s != nil {
			_ = s.Join("room", s.ID())
			_ = s.Rooms()
			_ = s.Leave("room")
		}
	},
	"acks": func(st *hooktest.Stage, s *socketio.Socket) {
		_, _ = st.Timeout(ms).EmitWithAckAll(context.Background(), "x")
		_, _ = st.Parent.Timeout(ms).EmitWithAckAll(context.Background(), "x")
		if s != nil {
			_, _ = s.Timeout(ms).EmitWithAck(context.Background(), "x")
		}
	},
	"acks without end": func(st *hooktest.Stage, _ *socketio.Socket) {
		_, _ = st.Parent.EmitWithAckAll(context.Background(), "x")
	},
	"disconnect": func(st *hooktest.Stage, s *socketio.Socket) {
		if s != nil {
			_ = s.Disconnect(false)
		}
	},
	"disconnect all": func(_ *hooktest.Stage, s *socketio.Socket) {
		if s != nil {
			_ = s.Disconnect(true)
		}
	},
	"close the connection": func(_ *hooktest.Stage, s *socketio.Socket) {
		if s != nil {
			s.Conn().Close()
			s.Conn().Abort()
		}
	},
	"remove the namespace": func(st *hooktest.Stage, _ *socketio.Socket) {
		for _, n := range st.Parent.Children() {
			_ = n.DisconnectSockets(false)
		}
	},
	"other nodes": func(st *hooktest.Stage, _ *socketio.Socket) {
		_ = st.ServerSideEmit("x")
		ctx, cancel := context.WithTimeout(context.Background(), ms)
		defer cancel()
		_, _ = st.ServerSideEmitWithAck(ctx, "x")
	},
	"Of and handlers": func(st *hooktest.Stage, s *socketio.Socket) {
		handler := func(context.Context, *socketio.Event) error { return nil }
		end := func(context.Context, *socketio.Socket, socketio.Reason) {}
		st.Of("/new").OnEvent("x", handler)()
		st.Of(hooktest.Room)
		for _, r := range []hooktest.Registrar{st.Namespace, st.Parent} {
			r.OnEvent("y", handler)
			r.OnDisconnect(end)
		}
		st.Parent.OnConnection(func(context.Context, *socketio.Socket) error { return nil })
		st.Engine().OnConnectionError(func(engine.ConnectionError) {})
		if s != nil {
			s.OnEvent("y", handler)
			s.OnDisconnect(end)
			s.Conn().OnClose(func(engine.Reason, error) {})
		}
		_ = st.Stats()
		st.Engine().Logger().Info("x")
	},
	"Close": func(st *hooktest.Stage, _ *socketio.Socket) { _ = st.Close(); _ = st.Close() },
	"Shutdown": func(st *hooktest.Stage, _ *socketio.Socket) {
		go func() { _ = st.Shutdown(context.Background()) }()
	},
}

func TestEveryHookMayDoEverything(t *testing.T) {
	for name, do := range reentrant {
		t.Run(name, func(t *testing.T) {
			inEveryHook(t, func(t *testing.T, h hooktest.Hook, transport string) {
				st := newStage(t, h, transport, func(st *hooktest.Stage, s *socketio.Socket) {
					st.Arm(false) // once
					do(st, s)
				})
				st.play()
				if name != "Close" && name != "Shutdown" {
					st.sing(t, "after it")
				}
				st.withClient((*siotest.Client).Close)
				if st.Fires() == 0 {
					t.Fatal("the hook was never called")
				}
				time.Sleep(2 * time.Minute) // whatever waits is over
				synctest.Wait()
				if name != "Close" && name != "Shutdown" && st.SocketCount() != 1 {
					t.Errorf("%d sockets are left beside the canary", st.SocketCount()-1)
				}
				if n := st.Stats(); n.Panics+n.Engine.Panics > 0 {
					t.Errorf("%d panics: %s", n.Panics+n.Engine.Panics, st.logs)
				}
			})
		})
	}
}
