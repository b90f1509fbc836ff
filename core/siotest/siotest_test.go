package siotest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

func serve(t *testing.T, cfg socketio.Config) *socketio.Server {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	io, err := socketio.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = io.Close() })
	return io
}

func onEachTransport(t *testing.T, test func(t *testing.T, opts siotest.Options)) {
	for _, transport := range []string{engine.WebSocket, engine.Polling} {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, siotest.Options{Transport: transport}) })
		})
	}
}

func TestAConversation(t *testing.T) {
	onEachTransport(t, func(t *testing.T, opts siotest.Options) {
		io := serve(t, socketio.Config{})
		io.OnEvent("echo", func(_ context.Context, e *socketio.Event) error {
			var s string
			var b []byte
			if err := e.Bind(&s, &b); err != nil {
				return err
			}
			if e.WantsAck() {
				return e.Ack(s, b)
			}
			return e.Socket().Emit("echo", s, b)
		})
		c := siotest.Dial(t, io, opts)
		var s string
		var b []byte
		c.Emit("echo", "text", []byte{1, 2})
		if err := c.Expect("echo").Bind(&s, &b); err != nil || s != "text" || len(b) != 2 {
			t.Errorf("%q %v %v", s, b, err)
		}
		args := c.EmitWithAck("echo", "acked", []byte{3})
		if err := errors.Join(args.Bind(0, &s), args.Bind(1, &b)); err != nil || s != "acked" || len(b) != 1 {
			t.Errorf("%q %v %v", s, b, err)
		}
		c.On("ask", func(e siotest.Event) { e.Ack([]byte{9}) })
		got, err := socketio.EmitWithAck[[]byte](t.Context(), io.Socket(c.ID()), "ask")
		if err != nil || len(got) != 1 || got[0] != 9 {
			t.Errorf("%v %v", got, err)
		}
	})
}

func TestEventsAreKeptInOrder(t *testing.T) {
	onEachTransport(t, func(t *testing.T, opts siotest.Options) {
		io := serve(t, socketio.Config{})
		c := siotest.Dial(t, io, opts)
		for i := range 5 {
			_ = io.Emit([]string{"even", "odd"}[i%2], i)
		}
		if n := siotest.Expect[int](c, "odd"); n != 1 {
			t.Error(n)
		}
		time.Sleep(time.Second)
		var rest []string
		for _, e := range c.Events() {
			rest = append(rest, e.Name)
		}
		if !slices.Equal(rest, []string{"even", "even", "odd", "even"}) || len(c.Events()) != 0 {
			t.Error(rest)
		}
	})
}

func TestPings(t *testing.T) {
	onEachTransport(t, func(t *testing.T, opts siotest.Options) {
		io := serve(t, socketio.Config{})
		c := siotest.Dial(t, io, opts)
		opts.Silent = true
		silent := siotest.Dial(t, io, opts)
		time.Sleep(time.Hour)
		if c.Closed() || len(c.Raw()) != 1 {
			t.Error("pings are not answered, or shown")
		}
		if reason := silent.Disconnected(); reason != "transport close" {
			t.Error(reason)
		}
	})
}

func TestEnds(t *testing.T) {
	for name, row := range map[string]struct {
		end            func(io *socketio.Server, c *siotest.Client)
		client, server string
		closed         bool
	}{
		"Leave":             {func(_ *socketio.Server, c *siotest.Client) { c.Leave() }, "io client disconnect", "client namespace disconnect", false},
		"Close":             {func(_ *socketio.Server, c *siotest.Client) { c.Close(); c.Close() }, "io client disconnect", "transport close", true},
		"Abort":             {func(_ *socketio.Server, c *siotest.Client) { c.Abort() }, "transport close", "transport", true},
		"Disconnect(false)": {func(io *socketio.Server, _ *siotest.Client) { _ = io.DisconnectSockets(false) }, "io server disconnect", "server namespace disconnect", false},
		"Disconnect(true)":  {func(io *socketio.Server, _ *siotest.Client) { _ = io.DisconnectSockets(true) }, "io server disconnect", "server namespace disconnect", true},
		"server":            {func(io *socketio.Server, _ *siotest.Client) { _ = io.Close() }, "transport close", "server shutting down", true},
	} {
		t.Run(name, func(t *testing.T) {
			onEachTransport(t, func(t *testing.T, opts siotest.Options) {
				io := serve(t, socketio.Config{})
				reason := make(chan socketio.Reason, 1)
				io.OnDisconnect(func(_ context.Context, _ *socketio.Socket, r socketio.Reason) { reason <- r })
				c := siotest.Dial(t, io, opts)
				time.Sleep(time.Second)
				row.end(io, c)
				if got := c.Disconnected(); got != row.client {
					t.Errorf("the client says %q", got)
				}
				if got := string(<-reason); !strings.HasPrefix(got, row.server) {
					t.Errorf("the server says %q", got)
				}
				time.Sleep(time.Second)
				if c.Closed() != row.closed {
					t.Errorf("closed: %v", c.Closed())
				}
				if row.closed {
					<-c.Done()
					if m := c.NextRaw(); m == nil {
						t.Error("what came before the end is lost")
					}
				}
			})
		})
	}
}

func TestConnectAgain(t *testing.T) {
	onEachTransport(t, func(t *testing.T, opts siotest.Options) {
		io := serve(t, socketio.Config{})
		c := siotest.Dial(t, io, opts)
		first := c.ID()
		c.Leave()
		if err := c.Connect(); err != nil || c.ID() == first || c.ID() == "" {
			t.Error(err)
		}
		_ = io.Emit("hello")
		c.Expect("hello")
	})
}

func TestStall(t *testing.T) {
	onEachTransport(t, func(t *testing.T, opts siotest.Options) {
		io := serve(t, socketio.Config{})
		c := siotest.Dial(t, io, opts)
		time.Sleep(time.Second)
		c.Stall()
		for i := range 3 {
			_ = io.Emit("n", i)
			time.Sleep(time.Second)
		}
		if n := len(c.Events()); n > 1 { // by polling, the poll that hung brings one
			t.Errorf("%d events", n)
		}
		c.Resume()
		_ = io.Emit("last")
		c.Expect("last")

		if opts.Transport == engine.WebSocket {
			c.Stall()
			_ = io.Emit("n")
			time.Sleep(11 * time.Second) // the server's write timeout
			if !c.Closed() {
				t.Error("writing goes on")
			}
		}
	})
}

// A fake stands for a test that fails.
type fake struct{ text string }

func (*fake) Helper()                          {}
func (*fake) Cleanup(func())                   {}
func (f *fake) Fatalf(format string, a ...any) { f.text = fmt.Sprintf(format, a...); panic(f) }

func TestWhatFailsATest(t *testing.T) {
	for name, row := range map[string]struct {
		do   func(tb siotest.TB, io *socketio.Server)
		want string
	}{
		"refused by the engine": {func(tb siotest.TB, io *socketio.Server) {
			siotest.Dial(tb, io, siotest.Options{Headers: engine.Header{"Origin": {"https://evil.example"}}})
		}, "the handshake was refused: 403"},
		"refused polling": {func(tb siotest.TB, io *socketio.Server) {
			siotest.Dial(tb, io, siotest.Options{Transport: engine.Polling, Headers: engine.Header{"Origin": {"https://evil.example"}}})
		}, "the handshake was refused: 403"},
		"refused by the namespace": {func(tb siotest.TB, io *socketio.Server) {
			siotest.Dial(tb, io, siotest.Options{Namespace: "/none"})
		}, "CONNECT refused: Invalid namespace"},
		"no event": {func(tb siotest.TB, io *socketio.Server) {
			siotest.Dial(tb, io, siotest.Options{}).Expect("x")
		}, `the event "x" did not come in 30s`},
		"no ack": {func(tb siotest.TB, io *socketio.Server) {
			siotest.Dial(tb, io, siotest.Options{Timeout: time.Minute}).EmitWithAck("x")
		}, `the ack of "x" did not come in 1m0s`},
		"closed": {func(tb siotest.TB, io *socketio.Server) {
			c := siotest.Dial(tb, io, siotest.Options{})
			c.SendRaw("x")
			c.Expect("x")
		}, `no event "x": the connection was closed`},
		"another type": {func(tb siotest.TB, io *socketio.Server) {
			c := siotest.Dial(tb, io, siotest.Options{})
			_ = io.Emit("x", "text")
			siotest.Expect[int](c, "x")
		}, `"x": argument 0`},
		"unsendable": {func(tb siotest.TB, io *socketio.Server) {
			siotest.Dial(tb, io, siotest.Options{}).Emit("x", make(chan int))
		}, "argument 0"},
		"raw": {func(tb siotest.TB, io *socketio.Server) {
			siotest.Dial(tb, io, siotest.Options{}).SendRaw(7)
		}, "SendRaw of a int"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				tb := new(fake)
				func() {
					defer func() { _ = recover() }()
					row.do(tb, io)
				}()
				if !strings.Contains(tb.text, row.want) {
					t.Errorf("failed with %q", tb.text)
				}
			})
		})
	}
}

// The story of the package's comment: in a bubble the test's time is the server's.
func TestTheServersTimePasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		expired := make(chan time.Duration, 1)
		io.OnEvent("ask", func(ctx context.Context, e *socketio.Event) error {
			start := time.Now()
			_, err := e.Socket().EmitWithAck(ctx, "anybody?")
			expired <- time.Since(start)
			return err
		})
		alice := siotest.Dial(t, io, siotest.Options{})
		alice.On("anybody?", func(siotest.Event) {}) // and does not answer
		alice.Emit("ask")
		time.Sleep(time.Hour)
		synctest.Wait()
		if took := <-expired; took != time.Minute || alice.Closed() {
			t.Errorf("the question expired after %v", took)
		}
	})
}

// A test that ends at once leaves nothing in its bubble, where time stops then.
func TestAShortStory(t *testing.T) {
	onEachTransport(t, func(t *testing.T, opts siotest.Options) {
		io := serve(t, socketio.Config{})
		io.OnConnection(func(context.Context, *socketio.Socket) error { return nil })
		siotest.Dial(t, io, opts)
	})
}
