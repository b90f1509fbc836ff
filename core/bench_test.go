package socketio

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

// quietServer logs nothing.
func quietServer(tb testing.TB, cfg Config) *Server {
	tb.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	s, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// A bench is the connection of a client whose messages come from the benchmark and
// who throws away what it is sent, as fast as the server writes it.
type bench struct {
	in     chan []string // messages that arrive together
	frames atomic.Int64  // that were written
	wrote  chan int
}

func (b *bench) ReadMessages(deliver func(binary bool, data []byte) error) error {
	batch, ok := <-b.in
	if !ok {
		return io.EOF
	}
	for _, m := range batch {
		if err := deliver(m[0] == 'b', []byte(m[1:])); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) WriteFrames(frames []*engine.Frame) error {
	b.frames.Add(int64(len(frames)))
	select {
	case b.wrote <- len(frames):
	default:
	}
	return nil
}

func (b *bench) Prompt() bool { return true }
func (b *bench) TryWriteFrames(frames []*engine.Frame) (bool, error) {
	return true, b.WriteFrames(frames)
}
func (b *bench) FinishWrite() error { return nil }
func (b *bench) Close(int, string)  {}
func (b *bench) Abort()             {}

// connect opens a session over the connection, and joins the main namespace.
func (b *bench) connect(tb testing.TB, s *Server) {
	tb.Helper()
	b.in, b.wrote = make(chan []string), make(chan int, 1)
	u, reply := s.Engine().AcceptUpgrade(context.Background(), &engine.Request{
		Method: "GET", Path: "/socket.io/", RawQuery: "EIO=4&transport=websocket", Header: engine.Header{
			"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="},
		},
	})
	if u == nil {
		tb.Fatalf("%+v", reply)
	}
	before := s.Of("/").SocketCount()
	u.Start(b)
	b.in <- []string{"t40"}
	for s.Of("/").SocketCount() == before {
		runtime.Gosched()
	}
	tb.Cleanup(func() { close(b.in) })
}

// An echo is an event with an ack that a benchmark's clients send.
type echo struct {
	name     string
	messages []string // of the client, for one event
	answers  int      // frames
}

type echoObject struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	On   bool   `json:"on"`
}

var echoes = []echo{
	{"string", []string{`t421["echo","0123456789012345678901234567890123456789012345678901234567890123"]`}, 1},
	{"raw", []string{`t421["raw","0123456789012345678901234567890123456789012345678901234567890123"]`}, 1},
	{"object", []string{`t421["object",{"id":7,"name":"some name","on":true}]`}, 1},
	{"binary", []string{`t451-1["binary",{"_placeholder":true,"num":0}]`, "b" + string(make([]byte, 1024))}, 2},
}

// client connects a client of a server that answers them.
func (e echo) client(tb testing.TB) *bench {
	s := quietServer(tb, Config{})
	OnWithAck(s, "echo", func(_ context.Context, _ *Socket, v string) (string, error) { return v, nil })
	OnWithAck(s, "object", func(_ context.Context, _ *Socket, v echoObject) (echoObject, error) { return v, nil })
	OnWithAck(s, "binary", func(_ context.Context, _ *Socket, v []byte) ([]byte, error) { return v, nil })
	s.OnEvent("raw", func(_ context.Context, e *Event) error {
		var v any
		if err := e.Bind(&v); err != nil {
			return err
		}
		return e.Ack(v)
	})
	c := new(bench)
	c.connect(tb, s)
	for c.frames.Load() < 2 { // the handshake, and the answer to CONNECT
		runtime.Gosched()
	}
	return c
}

// round sends the event n times, all together, and waits for the answers.
func (e echo) round(c *bench, messages []string) {
	want := c.frames.Load() + int64(len(messages)/len(e.messages)*e.answers)
	c.in <- messages
	for c.frames.Load() < want {
		<-c.wrote
	}
}

// BenchmarkEcho is what an event with an ack costs beside the connection, for
// clients that have 1 or 8 of them on the way.
func BenchmarkEcho(b *testing.B) {
	for _, e := range echoes {
		for _, flight := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/%d", e.name, flight), func(b *testing.B) {
				c, messages := e.client(b), slices.Repeat(e.messages, flight)
				b.ReportAllocs()
				b.ResetTimer()
				for n := 0; n < b.N; n += flight {
					e.round(c, messages)
				}
			})
		}
	}
}

// BenchmarkBroadcast is what a delivery costs beside the connection, to a room of
// 1,000 clients, for broadcasts that come one by one or ten at a time.
func BenchmarkBroadcast(b *testing.B) {
	const room = 1000
	for _, burst := range []int{1, 10} {
		b.Run(fmt.Sprint(burst), func(b *testing.B) {
			s := quietServer(b, Config{})
			clients := make([]bench, room)
			for i := range clients {
				clients[i].connect(b, s)
			}
			for i := range clients {
				for clients[i].frames.Load() < 2 {
					runtime.Gosched()
				}
			}
			to := s.To()
			b.ReportAllocs()
			b.ResetTimer()
			sent := int64(2)
			for n := 0; n < b.N; n += burst * room {
				for range burst {
					if err := to.Emit("message", "0123456789012345678901234567890123456789012345678901234567890123"); err != nil {
						b.Fatal(err)
					}
				}
				sent += int64(burst)
				for i := range clients {
					for clients[i].frames.Load() < sent {
						<-clients[i].wrote
					}
				}
			}
		})
	}
}
