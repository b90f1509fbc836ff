package testclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/internal/hosts"
	"github.com/kawat-go/kawat/internal/testclient"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2")) // sleeps 10 s
}

// patience is for what must come: a busy machine is slow.
const patience = time.Minute

// serve starts a server that sends back each event "echo", and returns its address.
func serve(t *testing.T, host string, cfg socketio.Config) string {
	t.Helper()
	cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	server, err := socketio.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server.OnEvent("echo", func(_ context.Context, e *socketio.Event) error {
		var text string
		var data []byte
		if err := e.Bind(&text, &data); err != nil {
			return err
		}
		return e.Socket().Emit("echo", text, data)
	})
	server.OnEvent("say", func(_ context.Context, e *socketio.Event) error {
		var text string
		if err := e.Bind(&text); err != nil {
			return err
		}
		return e.Socket().Emit("said", text)
	})
	server.OnEvent("kick", func(_ context.Context, e *socketio.Event) error { return e.Socket().Disconnect(true) })
	server.Use(func(ctx context.Context, s *socketio.Socket) (context.Context, error) {
		if s.Handshake().Query.Get("bad") != "" {
			return nil, &socketio.Error{Message: "no"}
		}
		return ctx, nil
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	app, err := hosts.Serve(host, ln, server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Close()
		if err := app.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// A guest is a client with what it has received.
type guest struct {
	*testclient.Client
	t *testing.T

	mu       sync.Mutex
	messages []string // binary ones begin with "b:"
	packets  []string // the transport and the digit
}

func join(t *testing.T, opts testclient.Options) *guest {
	t.Helper()
	g := &guest{t: t}
	opts.OnMessage = func(binary bool, data []byte) {
		g.mu.Lock()
		defer g.mu.Unlock()
		text := string(data)
		if binary {
			text = "b:" + text
		}
		g.messages = append(g.messages, text)
	}
	opts.OnPacket = func(p testclient.Packet) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.packets = append(g.packets, fmt.Sprintf("%s %c", p.Via, p.Type))
	}
	var err error
	if g.Client, err = testclient.Connect(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Abort)
	if err := g.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g
}

// expect waits until these are all the messages, and forgets them.
func (g *guest) expect(want ...string) {
	g.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		g.mu.Lock()
		got := strings.Join(g.messages, " | ")
		if got == strings.Join(want, " | ") {
			g.messages = nil
			g.mu.Unlock()
			return
		}
		g.mu.Unlock()
		if time.Now().After(end) || len(got) > len(strings.Join(want, " | ")) {
			g.t.Fatalf("received %.300s, want %.300s; %v", got, want, g.Err())
		}
	}
}

// saw reports whether a packet came by a transport.
func (g *guest) saw(packet string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.packets {
		if p == packet {
			return true
		}
	}
	return false
}

// echo has an event echoed, with binary of that size.
func (g *guest) echo(text string, size int) {
	g.t.Helper()
	data := strings.Repeat("x", size)
	if err := g.Send([]byte(`51-["echo","`+text+`",{"_placeholder":true,"num":0}]`), []byte(data)); err != nil {
		g.t.Fatal(err)
	}
	g.expect(`51-["echo","`+text+`",{"_placeholder":true,"num":0}]`, "b:"+data)
}

func TestTransports(t *testing.T) {
	for _, host := range hosts.Names() {
		addr := serve(t, host, socketio.Config{})
		for _, transport := range []testclient.Transport{testclient.Polling, testclient.WebSocket} {
			g := join(t, testclient.Options{Addr: addr, Transport: transport})
			for _, size := range []int{1, 100, 200, 70_000} {
				g.echo("hello", size)
			}
			if g.Transport() != transport || g.ID == "" || g.MaxPayload != 1_000_000 || g.PingInterval != 25*time.Second {
				t.Errorf("%s: %s, id %q, %d, %v", host, g.Transport(), g.ID, g.MaxPayload, g.PingInterval)
			}
			if err := g.Close(); err != nil || g.Err() != testclient.ErrClosed {
				t.Errorf("%s: %v, then %v", host, err, g.Err())
			}
			if err := g.Send([]byte(`2["echo"]`)); err != testclient.ErrClosed {
				t.Errorf("%s: sending after Close: %v", host, err)
			}
		}
	}
}

func TestUpgrade(t *testing.T) {
	g := join(t, testclient.Options{Addr: serve(t, "nethttp", socketio.Config{})})
	g.echo("by polling", 10)
	w, err := g.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []func(context.Context) error{w.Probe, w.Pause} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Send([]byte(`2["say","waits"]`)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Millisecond) // it must not leave now
	g.expect()
	w.GiveUp()
	g.expect(`2["said","waits"]`)
	g.echo("still by polling", 10)
	for g.Upgrade(t.Context()) != nil && t.Context().Err() == nil { // the server may not know yet
		time.Sleep(time.Millisecond)
	}
	if g.Transport() != testclient.WebSocket {
		t.Fatal("has not moved")
	}
	g.echo("by WebSocket", 10)
	if !g.saw("polling 6") || !g.saw("websocket 3") || !g.saw("websocket 4") {
		t.Errorf("packets: %v", g.packets)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

// Bodies are no larger than the server takes.
func TestManyMessagesByPolling(t *testing.T) {
	g := join(t, testclient.Options{Addr: serve(t, "gin", socketio.Config{MaxPayload: 1000})})
	var want []string
	for i := range 100 {
		text := fmt.Sprintf("%d %s", i, strings.Repeat("y", 100))
		want = append(want, `2["said","`+text+`"]`)
		if err := g.Send([]byte(`2["say","` + text + `"]`)); err != nil {
			t.Fatal(err)
		}
	}
	g.expect(want...)
}

func TestPings(t *testing.T) {
	addr := serve(t, "echo", socketio.Config{PingInterval: 5 * time.Millisecond, PingTimeout: patience})
	for _, transport := range []testclient.Transport{testclient.Polling, testclient.WebSocket} {
		g := join(t, testclient.Options{Addr: addr, Transport: transport, PollPause: func() time.Duration { return time.Millisecond }})
		for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			g.mu.Lock()
			pings := strings.Count(strings.Join(g.packets, ","), string(transport)+" 2")
			g.mu.Unlock()
			if pings >= 3 { // the server sends one only when the last was answered
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %d pings", transport, pings)
			}
		}
	}
}

// What the server does is an error, unless the client has closed before.
func TestEnds(t *testing.T) {
	for _, transport := range []testclient.Transport{testclient.Polling, testclient.WebSocket} {
		addr := serve(t, "fiber", socketio.Config{})
		g := join(t, testclient.Options{Addr: addr, Transport: transport})
		_ = g.Send([]byte(`2["kick"]`))
		<-g.Done()
		if err := g.Close(); err == nil || g.Send([]byte("2[]")) == nil {
			t.Errorf("%s: no error", transport)
		}
		bad := testclient.Options{Addr: addr, Transport: transport, Query: "&bad=1"}
		c, err := testclient.Connect(t.Context(), bad)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Join(t.Context()); err == nil || !strings.Contains(err.Error(), `"no"`) {
			t.Errorf("%s: %v", transport, err)
		}
		c.Abort()
		ctx, cancel := context.WithCancel(t.Context())
		if c, err = testclient.Connect(ctx, testclient.Options{Addr: addr, Transport: transport}); err != nil {
			t.Fatal(err)
		}
		cancel()
		<-c.Done()
		if err := c.Close(); err != context.Canceled {
			t.Errorf("%s: %v", transport, err)
		}
	}
}

// A server that is none, or that refuses, is an error of Connect, and leaves nothing.
func TestConnectFails(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	addr := serve(t, "nethttp", socketio.Config{})
	for _, transport := range []testclient.Transport{testclient.Polling, testclient.WebSocket} {
		if _, err := testclient.Connect(t.Context(), testclient.Options{Addr: ln.Addr().String(), Transport: transport}); err == nil {
			t.Errorf("%s: nobody listens, and no error", transport)
		}
		_, err := testclient.Connect(t.Context(), testclient.Options{Addr: addr, Path: "/nowhere/", Transport: transport})
		var status *testclient.StatusError
		if !errors.As(err, &status) || status.Status != 404 {
			t.Errorf("%s: %v", transport, err)
		}
	}
}
