package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

func TestOnConnectionIsBetweenTheAnswerAndTheFirstEvent(t *testing.T) {
	for _, transport := range []string{engine.WebSocket, engine.Polling} {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				seen := new(list)
				gate := make(chan struct{})
				io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
					<-gate
					seen.add("connection %v", s.Connected())
					return s.Emit("welcome")
				})
				io.OnEvent("event", func(context.Context, *socketio.Event) error { seen.add("event"); return nil })
				c := siotest.Dial(t, io, siotest.Options{Transport: transport}) // has been answered
				c.Emit("event")
				settle()
				seen.want(t)
				close(gate)
				settle()
				seen.want(t, "connection true", "event")
				wantRaw(t, "the client", c, fmt.Sprintf(`40{"sid":%q}`, c.ID()), `42["welcome"]`)
			})
		})
	}
}

func TestAFailedOnConnectionDisconnects(t *testing.T) {
	for name, row := range map[string]struct {
		f      func() error
		logged string
	}{
		"error": {func() error { return errors.New("no database") }, "no database"},
		"panic": {func() error { panic("oops") }, "oops"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				io.OnConnection(func(_ context.Context, s *socketio.Socket) error { return s.Join("room") })
				io.OnConnection(func(context.Context, *socketio.Socket) error { return row.f() })
				io.OnConnection(func(context.Context, *socketio.Socket) error { t.Error("called after the failure"); return nil })
				io.OnEvent("event", func(context.Context, *socketio.Event) error { t.Error("handled"); return nil })
				ends := reasons(io)
				c := dial(t, io)
				c.Emit("event") // before the failure, for all the client knows
				settle()
				if reason := c.Disconnected(); reason != "io server disconnect" || c.Closed() {
					t.Errorf("disconnected: %s, closed: %v", reason, c.Closed())
				}
				ends.want(t, "server namespace disconnect")
				io.logs.want(t, row.logged)
			})
		})
	}
}

// A client may join again as soon as it is told that it was made to leave.
func TestTheClientComesBackAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		io.OnConnection(func(_ context.Context, s *socketio.Socket) error { return s.Disconnect(false) })
		ends := reasons(io)
		c := dial(t, io)
		for range 100 {
			if reason := c.Disconnected(); reason != "io server disconnect" {
				t.Fatal(reason)
			}
			must(t, c.Connect())
		}
		settle()
		if n := len(ends.got()); n != 101 || c.Closed() {
			t.Errorf("%d disconnects, closed: %v", n, c.Closed())
		}
	})
}

func TestPacketsThatCrossADisconnectAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		io.OnEvent("event", func(context.Context, *socketio.Event) error { t.Error("handled"); return nil })
		c := dial(t, io)
		settle()
		s := socketOf(t, io.Namespace, c)
		must(t, s.Disconnect(false))
		if err := s.Disconnect(false); !errors.Is(err, socketio.ErrDisconnected) {
			t.Errorf("second Disconnect: %v", err)
		}
		c.SendRaw(`42["event"]`, `421["event"]`, `431[]`, "41", `451-["event",{"_placeholder":true,"num":0}]`, []byte{1})
		settle()
		if c.Closed() {
			t.Fatal("closed")
		}
		must(t, c.Connect())
		c.SendRaw("41", `42["event"]`) // now it left by itself, and knows
		settle()
		if !c.Closed() {
			t.Error("an event after the client's own disconnect is let pass")
		}
	})
}

func TestSocketsOfOneConnectionAreIndependent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		chat := io.Of("/chat")
		mainEnds, chatEnds := reasons(io), reasons(chat)
		c := dial(t, io)
		c.SendRaw("40/chat,")
		settle()
		if a, b := len(io.Socket(c.ID()).Conn().ID()), io.Stats().Sockets; a != 20 || b != 2 {
			t.Fatalf("id of %d characters, %d sockets", a, b)
		}
		must(t, chat.Emit("hello"))
		c.SendRaw("41/chat,")
		settle()
		chatEnds.want(t, "client namespace disconnect")
		mainEnds.want(t)
		must(t, io.Emit("still here"))
		settle()
		wantEvents(t, "the main socket", c, "still here")
		c.SendRaw("40/chat,")
		settle()
		must(t, io.Socket(c.ID()).Disconnect(true))
		settle()
		mainEnds.want(t, "server namespace disconnect")
		chatEnds.want(t, "client namespace disconnect", "server namespace disconnect")
	})
}

// Events cross a disconnect by the server all the time; the connection stays.
func TestEventsThatCrossADisconnect(t *testing.T) {
	io := serve(t, socketio.Config{})
	c := dial(t, io)
	for range 200 {
		s := socketOf(t, io.Namespace, c)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for range 20 {
				c.SendRaw(`42["event"]`)
			}
		}()
		must(t, s.Disconnect(false))
		<-sent
		for c.Unread() > 0 && !c.Closed() {
			time.Sleep(time.Millisecond)
		}
		if err := c.Connect(); err != nil {
			t.Fatal(err)
		}
	}
}
