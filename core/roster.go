package socketio

import "slices"

// A roster knows sockets by their ids and by the rooms that they are in. The
// namespace that it belongs to guards it by its mu.
type roster struct {
	sockets map[string]*Socket
	all     everyone
	rooms   map[string]*members // without those that every socket has to itself

	changed func(room string, there bool) // is told of rooms that come and go; nil if nobody wants to know
}

func newRoster() roster {
	return roster{sockets: make(map[string]*Socket), rooms: make(map[string]*members)}
}

// has reports whether this very socket is here; another may have its id.
func (r *roster) has(s *Socket) bool { return r.sockets[s.id] == s }

// exists reports whether anybody is in a room.
func (r *roster) exists(room string) bool { return r.sockets[room] != nil || r.rooms[room] != nil }

// entered reports whether a socket is in a room other than its own.
func (r *roster) entered(s *Socket, room string) bool {
	m := r.rooms[room]
	return m != nil && m.has(s)
}

// noteRoom tells of a room that has come or gone.
func (r *roster) noteRoom(room string, before bool) {
	if r.changed != nil && r.exists(room) != before {
		r.changed(room, !before)
	}
}

// add files a socket under its id and its rooms.
func (r *roster) add(s *Socket) {
	before := r.exists(s.id)
	r.sockets[s.id] = s
	r.noteRoom(s.id, before)
	r.all.add(s)
	for name := range s.rooms {
		r.enter(s, name)
	}
}

// remove takes a socket out of everything. The socket's own list of its rooms
// stays as it is.
func (r *roster) remove(s *Socket) {
	for name := range s.rooms {
		r.leave(s, name)
	}
	if r.has(s) {
		delete(r.sockets, s.id)
		r.noteRoom(s.id, true)
	}
	r.all.remove(s)
}

func (r *roster) enter(s *Socket, name string) {
	room := r.rooms[name]
	if room == nil {
		room = new(members)
		before := r.exists(name)
		r.rooms[name] = room
		r.noteRoom(name, before)
	}
	room.add(s)
}

// leave takes a socket out of a room, and the room away with its last socket.
func (r *roster) leave(s *Socket, name string) {
	if room := r.rooms[name]; room != nil && room.remove(s) && room.len() == 0 {
		if delete(r.rooms, name); len(r.rooms) == 0 {
			r.rooms = make(map[string]*members) // one that was large stays large
		}
		r.noteRoom(name, true)
	}
}

// targets returns the sockets in any of the rooms, or all where none is named,
// without those in any of the rooms in except. Each comes once, and the list does
// not change.
func (r *roster) targets(rooms, except []string) []*Socket {
	found := r.all.snapshot
	if len(rooms) > 0 {
		found = func() []*Socket { return r.union(rooms) }
	}
	if len(except) == 0 {
		return found()
	}
	return without(found(), except)
}

// union returns the sockets in any of the rooms.
func (r *roster) union(rooms []string) []*Socket {
	if len(rooms) == 1 {
		room, owner := r.rooms[rooms[0]], r.sockets[rooms[0]]
		switch {
		case owner == nil && room != nil:
			return room.snapshot()
		case room == nil && owner != nil:
			return []*Socket{owner}
		case room == nil:
			return nil
		}
	}
	var all members
	for _, name := range rooms {
		if owner := r.sockets[name]; owner != nil {
			all.add(owner)
		}
		if room := r.rooms[name]; room != nil {
			for _, s := range room.list {
				all.add(s)
			}
		}
	}
	return all.list
}

// without returns the sockets that are in none of the rooms.
func without(sockets []*Socket, rooms []string) []*Socket {
	kept := make([]*Socket, 0, len(sockets))
	for _, s := range sockets {
		if !slices.ContainsFunc(rooms, s.in) {
			kept = append(kept, s)
		}
	}
	return kept
}
