package app

import (
	"context"
	"errors"
	"sync"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

// A chat connects the hall to the sockets: it answers the pages, and tells
// everybody in a room what happened there.
type chat struct {
	io   *socketio.Server
	hall *hall
	now  func() time.Time

	clustered bool // other chats are told, see peers.go

	// telling is held from reading who is where until it is emitted, so that no
	// page is left with an older list than the one before.
	telling sync.Mutex
}

func newChat(io *socketio.Server, now func() time.Time) *chat {
	c := &chat{io: io, hall: newHall(now, "lobby", "random"), now: now}
	io.OnConnection(func(_ context.Context, s *socketio.Socket) error {
		s.SetData(new(pace))
		return nil
	})
	io.OnDisconnect(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) { c.gone(s.ID()) })
	Join.On(io, c.join)
	Send.On(io, c.send)
	Picture.On(io, c.picture)
	Typing.On(io, c.typing)
	return c
}

// channel is the Socket.IO room of a chat room. The prefix keeps a room that
// somebody names after a socket's id apart from that socket's own.
func channel(room string) string { return "room:" + room }

func (c *chat) join(_ context.Context, s *socketio.Socket, r JoinRequest) (JoinReply, error) {
	if err := r.clean(); err != nil {
		return JoinReply{}, err
	}
	// Before the history is read: a message in between then comes twice, and the
	// page drops the second one. The other way round it would be missing.
	if err := s.Join(channel(r.Room)); err != nil {
		return JoinReply{}, err
	}
	e, err := c.hall.join(s.ID(), r)
	if err != nil {
		return JoinReply{}, errors.Join(err, s.Leave(channel(r.Room)))
	}
	err = c.tell(seatTaken, sitting{Socket: s.ID(), Client: r.Client, Name: e.reply.Name, Room: e.reply.Room})
	if e.replaced != "" {
		err = errors.Join(err, c.io.In(e.replaced).DisconnectSockets(true))
	}
	for _, left := range e.left {
		err = errors.Join(err, s.Leave(channel(left)), c.present(left, Presence{Went: e.reply.Name}))
	}
	return e.reply, errors.Join(err, c.present(r.Room, Presence{Came: e.reply.Name}), c.listRooms())
}

func (c *chat) send(_ context.Context, s *socketio.Socket, r SendRequest) (SendReply, error) {
	if err := r.clean(); err != nil {
		return SendReply{}, err
	}
	if p, ok := socketio.Data[*pace](s); ok {
		if err := p.spend(c.now()); err != nil {
			return SendReply{}, err
		}
	}
	post, fresh, err := c.hall.post(s.ID(), r)
	if err != nil {
		return SendReply{}, err
	}
	if fresh {
		err = errors.Join(c.tell(posted, post), Posted.Emit(c.io.To(channel(post.Room)), post))
	}
	return SendReply{ID: post.ID, At: post.At}, err
}

func (c *chat) picture(_ context.Context, s *socketio.Socket, r PictureRequest) (Image, error) {
	return c.hall.picture(s.ID(), r.Key)
}

func (c *chat) typing(_ context.Context, s *socketio.Socket, on bool) error {
	names, known := c.hall.typing(s.ID(), on)
	if !known {
		return nil
	}
	return errors.Join(c.tell(typing, sign{Socket: s.ID(), On: on}), NowTyping.Emit(s.To(channel(names.Room)), names))
}

func (c *chat) gone(socket string) {
	if seat, ok := c.hall.leave(socket); ok {
		_ = c.tell(seatLeft, socket)
		// Nobody waits for an answer here, and a page that missed it hears the next one.
		_ = c.present(seat.room, Presence{Went: seat.name})
		_ = c.listRooms()
	}
}

// expireTyping tells the rooms when somebody has stopped typing without saying so.
func (c *chat) expireTyping(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, names := range c.hall.expired() { // each chat tells its own pages
				_ = NowTyping.Emit(c.io.To(channel(names.Room)).Local(), names)
			}
		}
	}
}

func (c *chat) present(room string, p Presence) error {
	return c.presentTo(c.io.To(channel(room)), room, p)
}

func (c *chat) presentTo(pages socketio.Broadcast, room string, p Presence) error {
	c.telling.Lock()
	defer c.telling.Unlock()
	p.Room, p.People = room, c.hall.people(room)
	return NowPresent.Emit(pages, p)
}

func (c *chat) listRooms() error {
	c.telling.Lock()
	defer c.telling.Unlock()
	return RoomsListed.Emit(c.io, c.hall.listed())
}
