package socketio_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

// What goes wrong in a function of the user's.
var mishaps = map[string]func(){
	"panic":     func() { panic("oops") },
	"nil panic": func() { var m map[string]int; m["a"] = 1 },
	"Goexit":    runtime.Goexit,
}

// Each case puts a mishap into one kind of function and returns what the client
// then observes, on a server that goes on.
func TestMishapsHurtNobodyElse(t *testing.T) {
	for name, mishap := range mishaps {
		for where, story := range map[string]func(t *testing.T, io *server, mishap func()){
			"middleware":    mishapInMiddleware,
			"OnConnection":  mishapInOnConnection,
			"handler":       mishapInHandler,
			"UseEvent":      mishapInUseEvent,
			"endings":       mishapInEndings,
			"unmarshalling": mishapInUnmarshal,
		} {
			t.Run(where+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					io := serve(t, socketio.Config{})
					socketio.OnWithAck(io, "echo", func(_ context.Context, _ *socketio.Socket, n int) (int, error) { return n, nil })
					canary := dial(t, io)
					settle()
					story(t, io, mishap)
					if n := siotest.Call[int](canary, "echo", 3); n != 3 {
						t.Errorf("the canary gets %d", n)
					}
					if where != "unmarshalling" && io.Stats().Panics == 0 {
						t.Error("not counted")
					}
				})
			})
		}
	}
}

func mishapInMiddleware(t *testing.T, io *server, mishap func()) {
	io.Use(func(context.Context, *socketio.Socket) (context.Context, error) { mishap(); return nil, nil })
	c := siotest.Open(t, io, siotest.Options{})
	if err := c.Connect(); err == nil || err.Error() != "CONNECT refused: internal error" {
		t.Error(err)
	}
}

func mishapInOnConnection(t *testing.T, io *server, mishap func()) {
	ends := reasons(io)
	io.OnConnection(func(context.Context, *socketio.Socket) error { mishap(); return nil })
	c := dial(t, io)
	if reason := c.Disconnected(); reason != "io server disconnect" {
		t.Error(reason)
	}
	settle()
	ends.want(t, "server namespace disconnect")
}

func mishapInHandler(t *testing.T, io *server, mishap func()) {
	io.OnEvent("bad", func(context.Context, *socketio.Event) error { mishap(); return nil })
	io.OnEvent("acked", func(_ context.Context, e *socketio.Event) error { must(t, e.Ack(1)); mishap(); return nil })
	ends := reasons(io)
	c := dial(t, io)
	settle()
	c.SendRaw(`42["bad"]`, `421["bad"]`, `422["acked"]`, `423["echo",7]`) // arrive together, so in one batch
	settle()
	wantRaw(t, "the client", c, fmt.Sprintf(`40{"sid":%q}`, c.ID()), `431[{"error":{"message":"internal error"}}]`, `432[1]`, `433[7]`)
	c.Close()
	settle()
	ends.want(t, "transport close")
}

func mishapInUseEvent(t *testing.T, io *server, mishap func()) {
	c := dial(t, io)
	settle()
	io.Socket(c.ID()).UseEvent(func(socketio.Handler) socketio.Handler { mishap(); return nil })
	if got := string(c.EmitWithAck("echo", 1).Raw(0)); got != `{"error":{"message":"internal error"}}` {
		t.Error(got)
	}
}

// All the functions are called, whatever the ones before did.
func mishapInEndings(t *testing.T, io *server, mishap func()) {
	seen := new(list)
	hook := func(name string) func(context.Context, *socketio.Socket, socketio.Reason) {
		return func(_ context.Context, s *socketio.Socket, r socketio.Reason) {
			seen.add("%s %d", name, len(s.Rooms()))
			mishap()
		}
	}
	io.OnDisconnecting(hook("1"))
	io.OnDisconnecting(hook("2"))
	io.OnDisconnect(hook("4"))
	io.OnDisconnect(hook("5"))
	io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		s.OnDisconnecting(hook("3"))
		s.OnDisconnect(hook("6"))
		return s.Join("room")
	})
	c := dial(t, io)
	settle()
	c.Close()
	settle()
	seen.want(t, "1 2", "2 2", "3 2", "4 0", "5 0", "6 0")
}

// A bad is a type that cannot be decoded.
type bad struct{}

func (b *bad) UnmarshalJSON([]byte) error { panic("oops") }

func mishapInUnmarshal(t *testing.T, io *server, _ func()) {
	socketio.OnWithAck(io, "bad", func(context.Context, *socketio.Socket, bad) (int, error) { return 1, nil })
	c := dial(t, io)
	if got := string(c.EmitWithAck("bad", 1).Raw(0)); got != `{"error":{"message":"invalid arguments"}}` {
		t.Error(got)
	}
}

func TestGoexitInConcurrentHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{Concurrent: true, MaxQueuedEvents: 4})
		io.OnEvent("exit", func(context.Context, *socketio.Event) error { runtime.Goexit(); return nil })
		c := dial(t, io)
		for range 100 {
			if got := string(c.EmitWithAck("exit").Raw(0)); got != `{"error":{"message":"internal error"}}` {
				t.Fatal(got)
			}
		}
		settle()
		must(t, io.Shutdown(t.Context()))
	})
}
