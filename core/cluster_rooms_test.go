package socketio_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
)

// A watchful backplane is told of rooms.
type watchful struct {
	backplane.Backplane
	list *list
}

func (b watchful) Join(ctx context.Context, h backplane.Host) (backplane.Node, error) {
	n, err := b.Backplane.Join(ctx, h)
	return watchfulNode{n, b.list}, err
}

type watchfulNode struct {
	backplane.Node
	list *list
}

func (n watchfulNode) RoomCreated(namespace, room string) { n.list.add("+%s %s", namespace, room) }
func (n watchfulNode) RoomDeleted(namespace, room string) { n.list.add("-%s %s", namespace, room) }

// A backplane that wants to know is told of all rooms, those of clients that are away
// included.
func TestBackplanesAreToldOfRooms(t *testing.T) {
	for name, recovery := range map[string]*socketio.Recovery{"plain": nil, "recovery": {MaxDisconnectionDuration: time.Minute}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told list
				take := func() []string {
					settle()
					told.mu.Lock()
					defer told.mu.Unlock()
					items := told.items
					told.items = nil
					return items
				}
				want := func(want ...string) {
					t.Helper()
					(&list{items: take()}).want(t, want...)
				}
				io := serve(t, socketio.Config{Backplane: watchful{backplane.NewMemory(), &told}, ConnectionStateRecovery: recovery})
				other := io.Of("/other")
				a, b := dial(t, io), dialIn(t, io, "/other")
				want("+/ "+a.ID(), "+/other "+b.ID())
				s := socketOf(t, io.Namespace, a)
				must(t, s.Join("x", "y", "x"))
				must(t, other.SocketsJoin("x"))
				must(t, s.Join(b.ID())) // of another namespace, so nobody's own
				want("+/ x", "+/ y", "+/other x", "+/ "+b.ID())
				must(t, s.Leave("x"))
				must(t, s.Leave(b.ID()))
				want("-/ x", "-/ "+b.ID())
				b.Leave()
				want("-/other x", "-/other "+b.ID())
				must(t, io.Emit("something"))
				settle()
				a.Abort()
				gone := take()
				there := map[string]bool{}
				for _, item := range gone {
					there[item[1:]] = item[0] == '+'
				}
				if away := recovery != nil; there["/ y"] != away || there["/ "+a.ID()] != away || len(there) != 2 {
					t.Errorf("at the end: %q", gone)
				}
				if recovery == nil {
					return
				}
				must(t, io.SocketsLeave("y"))
				must(t, io.SocketsJoin("z"))
				want("-/ y", "+/ z")
				must(t, a.Reconnect())
				settle()
				there = map[string]bool{"/ z": true, "/ " + a.ID(): true}
				for _, item := range take() {
					there[item[1:]] = item[0] == '+'
				}
				if !a.Recovered() || !there["/ z"] || !there["/ "+a.ID()] {
					t.Errorf("when it is back: %v", there)
				}
				beside := dial(t, io) // is in a room with the one that is away, for a while
				must(t, socketOf(t, io.Namespace, beside).Join("z"))
				a.Abort()
				settle()
				take()
				beside.Leave()
				want("-/ " + beside.ID())
				time.Sleep(time.Hour)
				want("-/ z", "-/ "+a.ID())
			})
		})
	}
}
