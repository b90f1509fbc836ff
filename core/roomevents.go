package socketio

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
)

// OnCreateRoom adds a function that is called when a room has come into being,
// with its first socket. The returned function takes it away again.
//
// This one, OnDeleteRoom, OnJoinRoom and OnLeaveRoom see the room that each socket
// has to itself, named by the socket's id, as they do others. Of one namespace
// they are called one after another, in the order in which things happened: soon
// after, and for Join and Leave usually before those return, so that a caller must
// hold no lock that a function of these takes. They may call anything. While a
// socket's middleware runs it is in no room. At most Config.MaxQueuedRoomEvents
// wait for functions that are too slow.
func (n *Namespace) OnCreateRoom(f func(room string)) (remove func()) {
	return n.onRoom(roomCreated, func(room, _ string) { f(room) })
}

// OnDeleteRoom adds a function that is called when a room has lost its last
// socket, and so is no more: see [Namespace.OnCreateRoom].
func (n *Namespace) OnDeleteRoom(f func(room string)) (remove func()) {
	return n.onRoom(roomDeleted, func(room, _ string) { f(room) })
}

// OnJoinRoom adds a function that is called when the socket with that id has
// joined a room: see [Namespace.OnCreateRoom].
func (n *Namespace) OnJoinRoom(f func(room, id string)) (remove func()) {
	return n.onRoom(roomJoined, f)
}

// OnLeaveRoom adds a function that is called when the socket with that id has left
// a room: see [Namespace.OnCreateRoom].
func (n *Namespace) OnLeaveRoom(f func(room, id string)) (remove func()) {
	return n.onRoom(roomLeft, f)
}

type roomEventKind uint8

const (
	roomCreated roomEventKind = iota
	roomJoined
	roomLeft
	roomDeleted
)

func (k roomEventKind) String() string {
	return [...]string{"OnCreateRoom", "OnJoinRoom", "OnLeaveRoom", "OnDeleteRoom"}[k]
}

// A roomEvent is what happened to a room, for those who listened at the time.
type roomEvent struct {
	kind      roomEventKind
	room, id  string
	listeners []*roomListener
}

type roomListener struct {
	kind    roomEventKind
	f       func(room, id string)
	removed atomic.Bool
}

// A roomWatch is what a namespace has for those who listen to what happens to its
// rooms. Namespace.mu guards all of it but the reading of listeners.
type roomWatch struct {
	listeners atomic.Pointer[[]*roomListener]
	queue     []roomEvent
	telling   int  // how many are off the queue because somebody is at them
	dropping  bool // the queue has been full since it was last empty
}

func (n *Namespace) onRoom(kind roomEventKind, f func(room, id string)) (remove func()) {
	l := &roomListener{kind: kind, f: f}
	n.mu.Lock()
	defer n.mu.Unlock()
	appendTo(&n.watch.listeners, l)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		l.removed.Store(true)
		left := slices.DeleteFunc(slices.Clone(load(&n.watch.listeners)), func(other *roomListener) bool { return other == l })
		n.watch.listeners.Store(&left)
	}
}

func (w *roomWatch) heard() bool { return len(load(&w.listeners)) > 0 }

// note queues what has happened to a room. The caller holds n.mu.
func (n *Namespace) note(kind roomEventKind, room, id string) {
	w := &n.watch
	if len(w.queue)+w.telling < n.server.cfg.MaxQueuedRoomEvents {
		w.queue = append(w.queue, roomEvent{kind: kind, room: room, id: id, listeners: load(&w.listeners)})
		return
	}
	n.server.droppedRoomEvents.Add(1)
	if !w.dropping {
		w.dropping = true
		go n.logDropping()
	}
}

func (n *Namespace) logDropping() {
	defer n.server.recovered("Config.Logger")
	n.server.say(context.Background(), lineRoomEvents, slog.LevelError,
		"events of rooms are dropped: a function of OnJoinRoom or its like is too slow", "namespace", logName(n.name))
}

// arrive, depart, enterRoom and leaveRoom change who is present, and note what that
// does to rooms. The caller holds n.mu.
func (n *Namespace) arrive(s *Socket) {
	if n.watch.heard() {
		for _, room := range s.roomNames() {
			n.noteJoin(room, s.id)
		}
	}
	n.present.add(s)
}

func (n *Namespace) depart(s *Socket) {
	noted := n.watch.heard() && n.present.has(s)
	n.present.remove(s)
	if noted {
		for _, room := range s.roomNames() {
			n.noteLeave(room, s.id)
		}
	}
}

func (n *Namespace) enterRoom(s *Socket, room string) {
	if n.watch.heard() && !n.present.entered(s, room) {
		n.noteJoin(room, s.id)
	}
	n.present.enter(s, room)
}

func (n *Namespace) leaveRoom(s *Socket, room string) {
	noted := n.watch.heard() && n.present.entered(s, room)
	n.present.leave(s, room)
	if noted {
		n.noteLeave(room, s.id)
	}
}

// noteJoin is called before the socket enters a room, with n.mu held.
func (n *Namespace) noteJoin(room, id string) {
	if !n.present.exists(room) {
		n.note(roomCreated, room, id)
	}
	n.note(roomJoined, room, id)
}

// noteLeave is called after the socket has left a room, with n.mu held.
func (n *Namespace) noteLeave(room, id string) {
	n.note(roomLeft, room, id)
	if !n.present.exists(room) {
		n.note(roomDeleted, room, id)
	}
}

// tellRooms calls the functions for what has been noted, unless somebody else is
// doing so. What comes in meanwhile is left to another goroutine, so that nobody is
// kept for long.
func (n *Namespace) tellRooms() {
	if n.watch.heard() {
		n.tellRoomEvents(n.takeRoomEvents(true))
	}
}

// tellRoomsSoon is for those who must not wait for the functions.
func (n *Namespace) tellRoomsSoon() {
	if !n.watch.heard() {
		return
	}
	if events := n.takeRoomEvents(true); events != nil {
		n.server.workers.add()
		go n.tellRoomEventsAlone(events)
	}
}

// takeRoomEvents returns what is queued; nil means that the caller has nothing to
// do. It is first who is not at it already.
func (n *Namespace) takeRoomEvents(first bool) []roomEvent {
	n.mu.Lock()
	defer n.mu.Unlock()
	w := &n.watch
	if first && w.telling > 0 {
		return nil
	}
	events := w.queue
	w.queue = nil
	w.telling = len(events)
	if w.telling == 0 {
		w.dropping = false
	}
	return events
}

// tellRoomEvents calls the functions. One that ends the goroutine does not end the
// telling.
func (n *Namespace) tellRoomEvents(events []roomEvent) {
	if events == nil {
		return
	}
	defer func() {
		if len(events) == 0 {
			events = n.takeRoomEvents(false)
		}
		if events != nil {
			n.server.workers.add()
			go n.tellRoomEventsAlone(events)
		}
	}()
	for len(events) > 0 {
		e := &events[0]
		if len(e.listeners) == 0 {
			events = events[1:]
			continue
		}
		l := e.listeners[0]
		e.listeners = e.listeners[1:] // before the call, since it may not return
		if l.kind == e.kind && !l.removed.Load() {
			n.server.guard(e.kind.String(), func() { l.f(e.room, e.id) })
		}
	}
}

func (n *Namespace) tellRoomEventsAlone(events []roomEvent) {
	defer n.server.workers.done()
	n.tellRoomEvents(events)
}
