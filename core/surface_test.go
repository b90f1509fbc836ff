package socketio_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

func TestSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		a, b, _ := dial(t, io), dial(t, io), dial(t, io)
		dialIn(t, io, "/")
		sockets := io.Sockets()
		found := map[string]*socketio.Socket{}
		for _, s := range sockets {
			found[s.ID()] = s
		}
		if len(found) != 4 || io.SocketCount() != 4 || found[a.ID()] != io.Socket(a.ID()) || found[b.ID()] == nil {
			t.Errorf("%d sockets, %v", io.SocketCount(), found)
		}
		clear(sockets) // is the caller's
		must(t, io.Emit("event"))
		a.Close()
		settle()
		wantEvents(t, "b", b, "event")
		if len(io.Sockets()) != 3 || io.SocketCount() != 3 || io.Of("/none").Sockets() != nil {
			t.Errorf("%d sockets are left", io.SocketCount())
		}
	})
}

func TestSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		a, b := dial(t, io), dial(t, io)
		s := socketOf(t, io.Namespace, a)
		remote, err := io.In(a.ID()).FetchSockets(t.Context())
		must(t, err)
		settle()
		a.Raw()
		b.Raw()
		for name, row := range map[string]struct {
			send func(args ...any) error
			toB  bool
		}{
			"server": {io.Send, true}, "namespace": {io.Of("/").Send, true}, "broadcast": {io.Except("x").Send, true},
			"socket": {s.Send, false}, "direct": {s.Compress(false).Send, false}, "remote": {remote[0].Send, false},
		} {
			must(t, row.send("hi", 1))
			settle()
			wantRaw(t, name+", a", a, `42["message","hi",1]`)
			if row.toB {
				wantRaw(t, name+", b", b, `42["message","hi",1]`)
			} else {
				wantRaw(t, name+", b", b)
			}
		}
	})
}

func TestRemoteSocketTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		c := dial(t, io)
		c.On("answered", func(e siotest.Event) { e.Ack(1) })
		remote, err := io.FetchSockets(t.Context())
		must(t, err)
		bounded := remote[0].Timeout(time.Second)
		for who, want := range map[*socketio.RemoteSocket]time.Duration{bounded: time.Second, remote[0]: time.Minute} {
			start := time.Now()
			_, err := who.EmitWithAck(t.Context(), "event")
			if !errors.Is(err, socketio.ErrAckTimeout) || time.Since(start) != want {
				t.Error(err, time.Since(start))
			}
		}
		if v, err := socketio.EmitWithAck[int](t.Context(), bounded, "answered"); v != 1 || err != nil {
			t.Error(v, err)
		}
		must(t, bounded.Disconnect(false))
	})
}
