package app

import (
	"context"
	"slices"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

// Several chats in a cluster show the same rooms: each tells the others who takes a
// seat or gives it up, and what is said, and each keeps all of that in its own hall.
// Who joins later asks the others for what they know. The pages notice nothing: they
// may reach now this chat, now that.

// What chats tell each other.
const (
	seatTaken = "seat taken" // a sitting
	seatLeft  = "seat left"  // a socket's id
	posted    = "posted"     // a Post
	typing    = "typing"     // a sign
	theState  = "state"      // asks for a state
)

// A sitting is somebody in a room.
type sitting struct {
	Socket string `json:"socket"`
	Client string `json:"client"`
	Name   string `json:"name"`
	Room   string `json:"room"`
}

// A sign says that somebody is writing, or has stopped.
type sign struct {
	Socket string `json:"socket"`
	On     bool   `json:"on"`
}

// A state is all that a chat knows.
type state struct {
	Sittings []sitting `json:"sittings"`
	Posts    []Post    `json:"posts"`
}

// replicate has the chat hear what others say. run stands for the cluster's.
func (c *chat) replicate(run string) {
	c.clustered = true
	c.hall.run = run
	hear(c, seatTaken, c.hall.seat)
	hear(c, seatLeft, func(socket string) { c.hall.leave(socket) })
	hear(c, posted, c.hall.keep)
	hear(c, typing, func(s sign) { c.hall.typing(s.Socket, s.On) })
	c.io.OnServerSide(theState, func(_ context.Context, e *socketio.ServerSideEvent) error { return e.Ack(c.hall.state()) })
}

func hear[T any](c *chat, event string, f func(T)) {
	c.io.OnServerSide(event, func(_ context.Context, e *socketio.ServerSideEvent) error {
		var v T
		if err := e.Bind(&v); err != nil {
			return err
		}
		f(v)
		return nil
	})
}

// tell tells the other chats, if there are any.
func (c *chat) tell(event string, v any) error {
	if !c.clustered {
		return nil
	}
	return c.io.ServerSideEmit(event, v)
}

const (
	greeting = 300 * time.Millisecond // how soon the others are asked, and again if they do not answer
	review   = 2 * time.Second        // how often it is looked who is still there
)

// keepUp asks the others for what was before this chat began, and gives up the seats
// of sockets that are nowhere any more because their chat was killed.
func (c *chat) keepUp(ctx context.Context) {
	if !c.clustered {
		return
	}
	c.catchUp(ctx)
	missing := map[string]bool{}
	for tick := time.NewTicker(review); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			missing = c.dismiss(ctx, missing)
		}
	}
}

// catchUp tries a few times, since the others may be starting, too.
func (c *chat) catchUp(ctx context.Context) {
	for range 5 {
		select {
		case <-ctx.Done():
			return
		case <-time.After(greeting):
		}
		limited, cancel := context.WithTimeout(ctx, time.Second)
		replies, _ := c.io.ServerSideEmitWithAck(limited, theState)
		cancel()
		for _, r := range replies {
			var s state
			if r.Bind(&s) == nil {
				c.hall.merge(s)
			}
		}
		if len(replies) > 0 || ctx.Err() != nil {
			return
		}
	}
}

// dismiss gives up the seats of those who were missing already, and returns who is
// missing now.
func (c *chat) dismiss(ctx context.Context, before map[string]bool) map[string]bool {
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	sockets, err := c.io.FetchSockets(limited)
	if err != nil {
		return before // some chat has not answered: it may be just these sockets' own
	}
	there := make([]string, len(sockets))
	for i, s := range sockets {
		there[i] = s.ID()
	}
	missing := map[string]bool{}
	for _, s := range c.hall.state().Sittings {
		switch {
		case slices.Contains(there, s.Socket):
		case before[s.Socket]:
			if seat, ok := c.hall.leave(s.Socket); ok { // each chat finds out, and tells its own pages
				_ = c.presentTo(c.io.To(channel(seat.room)).Local(), seat.room, Presence{Went: seat.name})
				_ = RoomsListed.Emit(c.io.Local(), c.hall.listed())
			}
		default:
			missing[s.Socket] = true
		}
	}
	return missing
}

// seat takes over who sits where from another chat.
func (h *hall) seat(s sitting) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, err := h.open(s.Room)
	if err != nil {
		return // there are more rooms than this chat has place for; its list is shorter then
	}
	h.stand(s.Socket)
	if old := h.sockets[s.Client]; old != "" && old != s.Socket {
		h.stand(old)
	}
	r.people[s.Socket] = s.Name
	h.seats[s.Socket] = seat{client: s.Client, room: s.Room, name: s.Name}
	h.sockets[s.Client] = s.Socket
}

// keep takes over a post from another chat, unless it is there.
func (h *hall) keep(p Post) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, err := h.open(p.Room)
	if err != nil {
		return
	}
	if _, known := r.find(func(other Post) bool { return other.Key == p.Key }); known {
		return
	}
	delete(r.typing, p.From)
	r.keep(p)
}

func (h *hall) state() state {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := state{Sittings: []sitting{}, Posts: []Post{}}
	for socket, seat := range h.seats {
		s.Sittings = append(s.Sittings, sitting{Socket: socket, Client: seat.client, Name: seat.name, Room: seat.room})
	}
	for _, r := range h.rooms {
		s.Posts = append(s.Posts, r.posts...)
	}
	return s
}

func (h *hall) merge(s state) {
	for _, one := range s.Sittings {
		h.seat(one)
	}
	slices.SortStableFunc(s.Posts, func(a, b Post) int { return int(a.At - b.At) })
	for _, p := range s.Posts {
		h.keep(p)
	}
}
