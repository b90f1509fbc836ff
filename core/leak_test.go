package socketio

import (
	"context"
	"log/slog"
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/core/siotest"
)

// No timer, pool, room or list may keep a socket that has left, though others are
// still there and no timeout has passed.
func TestNothingKeepsWhatHasLeft(t *testing.T) {
	s, err := New(Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	handled := make(chan struct{}, 100)
	s.OnEvent("bytes", func(context.Context, *Event) error { handled <- struct{}{}; return nil })
	stays := siotest.Dial(t, s, siotest.Options{})
	_ = s.Socket(stays.ID()).Join("room")

	for name, leave := range map[string]func(*siotest.Client, *Socket){
		"closes":       func(c *siotest.Client, _ *Socket) { c.Close() },
		"leaves":       func(c *siotest.Client, _ *Socket) { c.Leave(); c.Close() },
		"disconnected": func(_ *siotest.Client, s *Socket) { _ = s.Disconnect(true) },
		"attachments": func(c *siotest.Client, _ *Socket) {
			c.SendRaw(`451-["bytes",{"_placeholder":true,"num":0}]`)
			c.Close()
		},
	} {
		for _, transport := range []string{engine.WebSocket, engine.Polling} {
			socket, conn := func() (weak.Pointer[Socket], weak.Pointer[conn]) {
				c := siotest.Dial(t, s, siotest.Options{Transport: transport})
				c.Emit("bytes", []byte{1})
				<-handled
				socket := s.Socket(c.ID())
				_ = socket.Join("room")
				_ = s.To("room").Emit("x")
				_, _ = socket.Timeout(time.Millisecond).EmitWithAck(context.Background(), "x")
				leave(c, socket)
				<-c.Done()
				return weak.Make(socket), weak.Make(socket.conn)
			}()
			for end := time.Now().Add(time.Minute); time.Now().Before(end); {
				_ = s.To("room").Emit("x") // forgets the snapshot of before
				runtime.GC()
				if socket.Value() == nil && conn.Value() == nil {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if socket.Value() != nil || conn.Value() != nil {
				t.Errorf("%s, %s: the socket is kept: %v, the connection: %v", name, transport, socket.Value() != nil, conn.Value() != nil)
			}
		}
	}
}

// A tracker is a codec that remembers, without keeping it, the decoder of the last
// connection, which the connection keeps.
type tracker struct {
	packet.Codec
	last weak.Pointer[trackedDecoder]
}

type trackedDecoder struct{ packet.Decoder }

func (c *tracker) NewDecoder(l packet.Limits) packet.Decoder {
	d := &trackedDecoder{c.Codec.NewDecoder(l)}
	c.last = weak.Make(d)
	return d
}

func TestNothingKeepsWhoNeverJoined(t *testing.T) {
	codec := &tracker{Codec: packet.JSON()}
	s, err := New(Config{Logger: slog.New(slog.DiscardHandler), Codec: codec})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := siotest.Open(t, s, siotest.Options{})
	c.SendRaw("40/nope,")
	c.NextRaw()
	if codec.last.Value() == nil {
		t.Fatal("the connection is not there")
	}
	c.Close()
	<-c.Done()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		runtime.GC()
		if codec.last.Value() == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the connection is kept")
}
