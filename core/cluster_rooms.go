package socketio

import "github.com/kawat-go/kawat/core/backplane"

// tellsRooms lets the backplane know which rooms a namespace has, if it wants to. Those
// of clients that are away are among them: what is sent there is kept. It is called
// before the namespace has any.
func (n *Namespace) tellsRooms(c *cluster) {
	w, wants := c.node.(backplane.RoomWatcher)
	if !wants {
		return
	}
	tell := func(room string, there bool) {
		if there {
			w.RoomCreated(n.name, room)
		} else {
			w.RoomDeleted(n.name, room)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.history == nil {
		n.present.changed = tell
		return
	}
	among := func(other *roster) func(string, bool) {
		return func(room string, there bool) {
			if !other.exists(room) {
				tell(room, there)
			}
		}
	}
	n.present.changed, n.history.away.changed = among(&n.history.away), among(&n.present)
}
