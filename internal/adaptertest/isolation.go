package adaptertest

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/hooktest"
)

// isolation lets each of the program's functions go wrong, for one client after the
// other over each transport. The process lives, another client notices nothing, the
// one whose fault it is fares as the documentation says, and nothing is left. That
// handlers of a namespace and of a socket are treated as those of a parent, and each
// call that a function may make, core tests in memory.
func isolation(t *testing.T, host Host) {
	t.Run("adapter", func(t *testing.T) { testMeddling(t, host) })
	for _, h := range hooktest.All() {
		if strings.HasSuffix(h.Name, " of the Namespace") || strings.HasSuffix(h.Name, " of the Socket") {
			continue
		}
		t.Run(h.Name, func(t *testing.T) {
			t.Run("panic", func(t *testing.T) { testMishap(t, host, h, h.Fate, func() { panic("oops") }) })
			t.Run("Goexit", func(t *testing.T) {
				fate := h.Exit
				if fate == hooktest.AsPanic {
					fate = h.Fate
				}
				testMishap(t, host, h, fate, runtime.Goexit)
			})
			t.Run("block", func(t *testing.T) { testBlock(t, host, h) })
			t.Run("everything", func(t *testing.T) { testReentrant(t, host, h) })
			t.Run("Close", func(t *testing.T) { testCloseFrom(t, host, h) })
		})
	}
}

// A stage is a site on which stories are played, with a canary.
type stage struct {
	*site
	*hooktest.Stage
	node   *socketio.Server
	canary *ws
	exits  bool // what happens ends the goroutine
}

func newStage(t *testing.T, host Host, h hooktest.Hook, act func(st *hooktest.Stage, s *socketio.Socket)) *stage {
	t.Helper()
	st, log, link := &stage{}, &buffer{}, backplane.NewMemory()
	cfg := socketio.Config{
		Backplane: link, DisableParking: host.unparked, CleanupEmptyChildNamespaces: true,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	var err error
	if st.node, err = socketio.New(socketio.Config{Backplane: link}); err != nil {
		t.Fatal(err)
	}
	if st.Stage, err = hooktest.New(h, cfg, act); err != nil {
		t.Fatal(err)
	}
	st.site = serve(t, host, App{Endpoint: st.Stage})
	st.log = log
	t.Cleanup(func() {
		_ = st.node.Close()
		_ = st.Stage.Close()
		eventually(t, "nothing is left", func() bool {
			stats := st.Stats()
			return stats.Engine.Sessions == 0 && stats.Sockets == 0 && stats.Engine.QueuedBytes == 0 && stats.PendingAcks == 0
		})
	})
	st.canary = st.dial("")
	sidOf(t, st.canary.receive())
	st.canary.send("40")
	if got := st.canary.receive(); !strings.HasPrefix(got, "40{") {
		t.Fatalf("CONNECT: %q", got)
	}
	st.Arm(true)
	return st
}

// sing has the canary's event echoed.
func (st *stage) sing() {
	st.t.Helper()
	st.canary.send(`421["echo",3]`)
	for got := ""; got != "431[3]"; got = st.canary.receive() {
		if got == "2" {
			st.canary.send("3")
		}
	}
}

// transports are those over which the hook can be reached.
func (st *stage) transports(host Host, h hooktest.Hook) []string {
	switch {
	case h.Polling, h.Once:
		return []string{engine.Polling}
	case h.Exits && st.exits && host.Blind:
		// fasthttp loses a connection, though not more than that, whose goroutine has
		// ended, and waits for it at the end.
		return []string{engine.WebSocket}
	}
	return []string{engine.Polling, engine.WebSocket}
}

func testMishap(t *testing.T, host Host, h hooktest.Hook, want hooktest.Fate, mishap func()) {
	st := newStage(t, host, h, func(*hooktest.Stage, *socketio.Socket) { mishap() })
	st.exits = strings.HasSuffix(t.Name(), "Goexit")
	for _, transport := range st.transports(host, h) {
		eventually(t, "the namespace has gone", func() bool { return len(st.Parent.Children()) == 0 })
		before := st.Fires()
		if got := st.play(transport); got != want && !(h.Either && st.exits && got == hooktest.Usual) {
			t.Errorf("%s: the client: %s, want %s", transport, got, want)
		}
		eventually(t, "the hook is called", func() bool { return st.Fires() > before })
		st.sing()
	}
	due := func() int64 {
		switch {
		case h.Uncounted && !st.exits:
			return 0
		case h.Within && st.exits:
			return 2 * st.Fires()
		}
		return st.Fires()
	}
	counted := func() int64 { stats := st.Stats(); return stats.Panics + stats.Engine.Panics }
	eventually(t, "it is counted", func() bool { return counted() == due() || h.Either && st.exits && counted() >= st.Fires() })
	if h.Unlogged || h.Either {
		return
	}
	const most = 10 // of a kind in a minute
	eventually(t, "it is logged", func() bool {
		return int64(strings.Count(st.log.String(), "panic in user code")) == min(due(), most)
	})
	if due() > 0 && !strings.Contains(st.log.String(), "adaptertest/isolation.go") {
		t.Errorf("the log has no stack: %s", st.log)
	}
}

func testBlock(t *testing.T, host Host, h hooktest.Hook) {
	release := make(chan struct{})
	st := newStage(t, host, h, func(*hooktest.Stage, *socketio.Socket) { <-release })
	over := make(chan struct{}, 2)
	transports := st.transports(host, h)
	for _, transport := range transports {
		before := st.Fires()
		go func() {
			st.play(transport)
			over <- struct{}{}
		}()
		eventually(t, "the hook is called", func() bool { return st.Fires() > before || st.Fires() > 0 && transport != transports[0] })
		st.sing()
	}
	close(release)
	for range transports {
		<-over
	}
	st.sing()
}

func testReentrant(t *testing.T, host Host, h hooktest.Hook) {
	st := newStage(t, host, h, func(st *hooktest.Stage, s *socketio.Socket) {
		st.Arm(false)
		ctx := context.Background()
		for _, n := range append(st.Parent.Children(), st.Namespace) {
			_ = n.Emit("x")
			_ = n.SocketsJoin("b")
			_ = n.In("b").SocketsLeave("b")
			_, _ = n.FetchSockets(ctx)
		}
		_ = st.ServerSideEmit("x")
		_, _ = st.Parent.Timeout(time.Millisecond).EmitWithAckAll(ctx, "x")
		if s != nil {
			_ = s.Emit("x")
			_ = s.Join("c")
			_ = s.Leave("c")
			_, _ = s.Timeout(time.Millisecond).EmitWithAck(ctx, "x")
			_ = s.Disconnect(true)
		}
		for _, n := range st.Parent.Children() {
			_ = n.DisconnectSockets(false) // and the namespace goes
		}
	})
	for _, transport := range st.transports(host, h) {
		eventually(t, "the namespace has gone", func() bool { return len(st.Parent.Children()) == 0 })
		// One of the round before that is still at it would take the arms away.
		eventually(t, "nothing acts any more", func() bool { return st.Acting() == 0 })
		before := st.Fires()
		st.Arm(true)
		st.play(transport)
		eventually(t, "the hook is called", func() bool { return st.Fires() > before })
		st.sing()
	}
	eventually(t, "only the canary is left", func() bool { return st.Stats().Sockets == 1 })
}

func testCloseFrom(t *testing.T, host Host, h hooktest.Hook) {
	st := newStage(t, host, h, func(st *hooktest.Stage, _ *socketio.Socket) {
		st.Arm(false)
		_ = st.Close()
	})
	transports := st.transports(host, h)
	st.play(transports[len(transports)-1])
	eventually(t, "the hook is called", func() bool { return st.Fires() > 0 })
	for {
		if _, _, err := st.canary.ReadMessage(); err != nil {
			return // the canary was told
		}
	}
}

// testMeddling is about the function of the adapter's own option.
func testMeddling(t *testing.T, host Host) {
	release := make(chan struct{})
	for name, row := range map[string]struct {
		act  func()
		want int
	}{
		"panic":  {func() { panic("oops") }, 500},
		"Goexit": {runtime.Goexit, 500},
		"block":  {func() { <-release }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			var armed, fires atomic.Int64
			meddle := func() {
				if armed.Load() > 0 {
					fires.Add(1)
					row.act()
				}
			}
			srv, err := engine.New(engine.Config{Logger: slog.New(slog.DiscardHandler), DisableParking: host.unparked})
			if err != nil {
				t.Fatal(err)
			}
			srv.OnConnection(echo)
			s := serve(t, host, App{Endpoint: srv, Meddle: meddle})
			canary := s.dial("")
			sidOf(t, canary.receive())
			armed.Store(1)
			status := make(chan int, 2)
			go func() { r, _ := s.try("GET", s.query(""), ""); status <- r.status }()
			go func() { status <- s.dialStatus() }()
			eventually(t, "it is called", func() bool { return fires.Load() == 2 })
			canary.send("4la")
			canary.expect("4la")
			if name == "block" {
				close(release)
				if got := [2]int{<-status, <-status}; got != [2]int{200, 101} && got != [2]int{101, 200} {
					t.Errorf("status %v", got)
				}
				return
			}
			if got := [2]int{<-status, <-status}; got != [2]int{500, 500} {
				t.Errorf("status %v", got)
			}
			if n := srv.Stats().Panics; n != 2 {
				t.Errorf("%d counted", n)
			}
		})
	}
}
