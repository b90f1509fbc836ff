package app

import (
	"cmp"
	"crypto/rand"
	"slices"
	"sync"
	"time"
)

// A hall holds the rooms and who sits where. It knows nothing of sockets but
// their ids, sends nothing, and can be tested by itself.
type hall struct {
	run string // this process's run, which ends with its memory
	now func() time.Time

	mu      sync.Mutex
	rooms   map[string]*room
	seats   map[string]seat   // by socket
	sockets map[string]string // socket by client
}

type seat struct{ client, room, name string }

// An entry is what came of somebody joining.
type entry struct {
	reply    JoinReply
	left     []string // rooms that were left for this one
	replaced string   // the socket of the same client that lost its seat
}

func newHall(now func() time.Time, permanent ...string) *hall {
	h := &hall{run: rand.Text(), now: now, rooms: map[string]*room{}, seats: map[string]seat{}, sockets: map[string]string{}}
	for _, name := range permanent {
		h.rooms[name] = newRoom(name, true)
	}
	return h
}

// join seats a socket in a room. The request has been cleaned.
func (h *hall) join(socket string, r JoinRequest) (entry, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	room, err := h.open(r.Room)
	if err != nil {
		return entry{}, err
	}
	var e entry
	if old, ok := h.sockets[r.Client]; ok && old != socket {
		e.replaced = old
	}
	for _, before := range []string{e.replaced, socket} {
		if from, ok := h.stand(before); ok && from.room != r.Room {
			e.left = append(e.left, from.room)
		}
	}
	name := room.freeName(r.Name)
	room.people[socket] = name
	h.seats[socket] = seat{client: r.Client, room: r.Room, name: name}
	h.sockets[r.Client] = socket
	e.reply = JoinReply{
		Run: h.run, Name: name, Room: r.Room, People: room.names(), Rooms: h.list(), History: room.history(),
		Limits: Limits{Text: maxText, Image: maxImage},
	}
	return e, nil
}

// leave gives up the socket's seat, if it has one.
func (h *hall) leave(socket string) (seat, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stand(socket)
}

// post adds a message to the room where the socket sits. A message that was
// posted before, by its key, is returned as it was, and is not fresh.
func (h *hall) post(socket string, r SendRequest) (p Post, fresh bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.seats[socket]
	if !ok || s.room != r.Room {
		return Post{}, false, refuse("You are not in %s.", r.Room)
	}
	room := h.rooms[s.room]
	if p, ok := room.find(func(p Post) bool { return p.Key == r.Key }); ok {
		return p, false, nil
	}
	delete(room.typing, s.name)
	return room.add(Post{Key: r.Key, From: s.name, Text: r.Text, Image: r.Image, At: h.now().UnixMilli()}), true, nil
}

// picture returns an image of the room where the socket sits.
func (h *hall) picture(socket string, key string) (Image, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if room, ok := h.rooms[h.seats[socket].room]; ok {
		p, _ := room.find(func(p Post) bool { return p.Key == key })
		if pictureSize(p) > 0 {
			return *p.Image, nil
		}
	}
	return Image{}, refuse("This image is not kept any more.")
}

// typing notes that somebody is writing, or has stopped. known is false for a
// socket that sits nowhere.
func (h *hall) typing(socket string, on bool) (names TypingNames, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.seats[socket]
	if !ok {
		return TypingNames{}, false
	}
	room := h.rooms[s.room]
	delete(room.typing, s.name)
	if on {
		room.typing[s.name] = h.now().Add(typingFor)
	}
	writing, _ := room.stillTyping(h.now())
	return TypingNames{Room: s.room, Names: writing}, true
}

// expired returns the rooms in which somebody has stopped typing without saying so.
func (h *hall) expired() (changed []TypingNames) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, room := range h.rooms {
		if names, some := room.stillTyping(h.now()); some {
			changed = append(changed, TypingNames{Room: room.name, Names: names})
		}
	}
	return changed
}

func (h *hall) people(name string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if room, ok := h.rooms[name]; ok {
		return room.names()
	}
	return []string{}
}

func (h *hall) listed() []RoomInfo {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.list()
}

// open finds or makes a room. When there are too many, the one that has been
// empty for the longest time makes place.
func (h *hall) open(name string) (*room, error) {
	if r, ok := h.rooms[name]; ok {
		return r, nil
	}
	if len(h.rooms) >= maxRooms {
		var oldest *room
		for _, r := range h.rooms {
			if !r.permanent && len(r.people) == 0 && (oldest == nil || r.emptied.Before(oldest.emptied)) {
				oldest = r
			}
		}
		if oldest == nil {
			return nil, refuse("There are %d rooms already. Please join one of them.", maxRooms)
		}
		delete(h.rooms, oldest.name)
	}
	r := newRoom(name, false)
	h.rooms[name] = r
	return r, nil
}

func (h *hall) stand(socket string) (seat, bool) {
	s, ok := h.seats[socket]
	if !ok {
		return s, false
	}
	room := h.rooms[s.room]
	delete(room.people, socket)
	delete(room.typing, s.name)
	room.emptied = h.now()
	delete(h.seats, socket)
	delete(h.sockets, s.client)
	return s, true
}

// list names the permanent rooms first, then the others in the order of their names.
func (h *hall) list() []RoomInfo {
	rooms := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	slices.SortFunc(rooms, func(a, b *room) int {
		if a.permanent != b.permanent {
			if a.permanent {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.name, b.name)
	})
	infos := make([]RoomInfo, len(rooms))
	for i, r := range rooms {
		infos[i] = RoomInfo{Name: r.name, People: len(r.people)}
	}
	return infos
}
