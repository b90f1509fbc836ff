package socketio_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

func TestFetchSocketsOfAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := spread(t, 3, socketio.Config{})
		type user struct {
			Name string
			Key  []byte
		}
		n.socket("a1").SetData(user{"ann", []byte{1, 2}})
		n.socket("b1").SetData(make(chan int)) // cannot be told
		must(t, n.socket("a1").Join("x", "*"))
		io := n.nodes[0]
		all, err := io.FetchSockets(t.Context())
		if err != nil || len(all) != 6 {
			t.Fatal(len(all), err)
		}
		if local, err := io.Local().FetchSockets(t.Context()); err != nil || len(local) != 2 {
			t.Error(len(local), err)
		}
		found, err := io.To("*").FetchSockets(t.Context())
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		a1, here := found[0], n.socket("a1")
		if u, ok := socketio.Data[user](a1); !ok || u.Name != "ann" || string(u.Key) != "\x01\x02" {
			t.Error(u, ok)
		}
		if _, ok := socketio.Data[int](a1); ok {
			t.Error("the user is an int")
		}
		if m, ok := a1.Data().(map[string]any); !ok || m["Name"] != "ann" {
			t.Errorf("%#v", a1.Data())
		}
		h, want := a1.Handshake(), here.Handshake()
		if h.Address != want.Address || h.URL != want.URL || h.Issued.UnixMilli() != want.Issued.UnixMilli() || h.Query.Get("EIO") != "4" ||
			!slices.Equal(a1.Rooms(), here.Rooms()) || a1.ID() != here.ID() || len(h.Headers) != len(want.Headers) {
			t.Errorf("%+v, want %+v; rooms %q", h, want, a1.Rooms())
		}
		if err := h.BindAuth(new(int)); err != nil {
			t.Error("there was no auth:", err)
		}
		n.reached()
		must(t, a1.Join("y"))
		must(t, a1.Leave("x"))
		must(t, a1.Emit("event"))
		if got := n.reached(); got != "a1" {
			t.Errorf("reached %q", got)
		}
		if rooms := here.Rooms()[1:]; !slices.Equal(rooms, []string{"*", "y"}) {
			t.Errorf("rooms %q", rooms)
		}
		n.clients["a1"].On("ask", func(e siotest.Event) { e.Ack("yes") })
		start := time.Now()
		if v, err := socketio.EmitWithAck[string](t.Context(), a1, "ask"); v != "yes" || err != nil || time.Since(start) != 0 {
			t.Error(v, err, time.Since(start))
		}
		must(t, a1.Disconnect(true))
		settle()
		if !n.clients["a1"].Closed() {
			t.Error("still connected")
		}
		if _, err := socketio.EmitWithAck[string](t.Context(), a1, "ask"); err != socketio.ErrDisconnected {
			t.Error(err)
		}
		n.nodes[1].logs.want(t, "the data of a socket cannot be encoded")
	})
}

func TestFetchSocketsIsPatientButNotForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := spread(t, 3, socketio.Config{BackplaneTimeout: 3 * time.Second})
		release := make(chan struct{})
		n.socket("a1").SetData(slowData{release})
		for name, row := range map[string]struct {
			fetch func() ([]*socketio.RemoteSocket, error)
			took  time.Duration
			err   error
		}{
			"default": {func() ([]*socketio.RemoteSocket, error) { return n.nodes[0].FetchSockets(t.Context()) }, 3 * time.Second, socketio.ErrAckTimeout},
			"Timeout": {func() ([]*socketio.RemoteSocket, error) {
				return n.nodes[0].Timeout(2 * time.Second).FetchSockets(t.Context())
			}, 2 * time.Second, socketio.ErrAckTimeout},
			"deadline": {func() ([]*socketio.RemoteSocket, error) {
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
				defer cancel()
				return n.nodes[0].FetchSockets(ctx)
			}, 4 * time.Second, context.DeadlineExceeded},
		} {
			start := time.Now()
			sockets, err := row.fetch()
			var missing *socketio.NodesError
			if len(sockets) != 4 || !errors.Is(err, row.err) || !errors.As(err, &missing) || missing.Expected != 2 || missing.Answered != 1 || time.Since(start) != row.took {
				t.Error(name, len(sockets), err, time.Since(start))
			}
		}
		time.AfterFunc(time.Second, func() { _ = n.nodes[1].Close() }) // who has gone is not waited for
		start := time.Now()
		if sockets, err := n.nodes[0].FetchSockets(t.Context()); len(sockets) != 4 || err != nil || time.Since(start) != time.Second {
			t.Error(len(sockets), err, time.Since(start))
		}
		close(release)
	})
}

// slowData is encoded when it may be.
type slowData struct{ release chan struct{} }

func (d slowData) MarshalJSON() ([]byte, error) { <-d.release; return []byte("1"), nil }

func TestManySocketsAtOnceOnAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := spread(t, 2, socketio.Config{})
		io := n.nodes[0]
		var rooms list
		n.nodes[1].OnCreateRoom(func(room string) {
			if _, err := n.nodes[1].FetchSockets(t.Context()); err != nil { // may wait for other nodes
				t.Error(err)
			}
			rooms.add("+%s", room)
		})
		n.nodes[1].OnDeleteRoom(func(room string) { rooms.add("-%s", room) })
		must(t, io.SocketsJoin("x", "'; DROP"))
		settle()
		must(t, io.Except(n.clients["b1"].ID()).SocketsLeave("x"))
		must(t, io.Local().SocketsJoin("here"))
		settle()
		for name, want := range map[string]string{"a0": "'; DROP here", "b0": "'; DROP here", "a1": "'; DROP", "b1": "'; DROP x"} {
			if got := strings.Join(n.socket(name).Rooms()[1:], " "); got != want {
				t.Errorf("%s is in %q, want %q", name, got, want)
			}
		}
		must(t, io.To("x").DisconnectSockets(false))
		settle()
		if n.nodes[1].SocketCount() != 1 || n.clients["b1"].Closed() {
			t.Error("b1 is still there, or its connection not")
		}
		must(t, io.DisconnectSockets(true))
		settle()
		for name, c := range n.clients {
			if c.Closed() == (name == "b1") { // it was no socket any more
				t.Errorf("%s closed: %v", name, c.Closed())
			}
		}
		rooms.want(t, "+x", "+'; DROP", "-"+n.clients["b1"].ID(), "-x", "-"+n.clients["a1"].ID(), "-'; DROP")
	})
}

// A RemoteSocket has one client, and its ack is enough, whoever else is in its room.
func TestARemoteSocketsAckIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := spread(t, 2, socketio.Config{})
		for _, name := range []string{"b0", "b1"} {
			must(t, n.socket(name).Join(n.clients["a1"].ID()))
		}
		n.clients["a1"].On("ask", func(e siotest.Event) { e.Ack("yes") })
		found, err := n.nodes[0].In(n.clients["a1"].ID()).FetchSockets(t.Context())
		must(t, err)
		i := slices.IndexFunc(found, func(r *socketio.RemoteSocket) bool { return r.ID() == n.clients["a1"].ID() })
		start := time.Now()
		if v, err := socketio.EmitWithAck[string](t.Context(), found[i], "ask"); v != "yes" || err != nil || time.Since(start) != 0 {
			t.Error(v, err, time.Since(start))
		}
		if owed := n.nodes[0].Stats().PendingAcks; owed != 0 {
			t.Errorf("%d acks are pending", owed)
		}
	})
}
