package scenario

import (
	"fmt"
	"time"

	"github.com/kawat-go/kawat/bench/internal/load"
)

// A broadcast is receivers in rooms, and one client beside them that publishes.
type broadcast struct {
	crowd
	receivers int
	perRoom   int
	burst     int // messages in a publish
	window    int // publishes that may be without an answer
	behind    int64
	next      func() (room int)
	member    func(client, room int) bool

	message   *publication
	joined    int
	last      []int64 // by receiver: the number of the last message
	repeats   []int   // by receiver: how many times that has come
	published int64
	answered  int64
	delivered int64
}

// maxBehind is how many publishes to a large room may not have reached everybody.
// A server that answers long before it delivers would else have to drop clients.
const maxBehind = 64

// broadcasting makes a run in which a room of receivers gets all it can.
func broadcasting(receivers, burst, window int) func(*stage) error {
	return func(s *stage) error {
		b, err := newHall(s, receivers, burst)
		if err != nil {
			return err
		}
		b.window, b.behind = window, maxBehind
		b.publishMore()
		return b.measure(b.missing)
	}
}

// broadcastPaced makes a run in which a room of receivers gets so many broadcasts
// a second. Latency is counted from the time that each was due.
func broadcastPaced(receivers, perSecond int) func(*stage) error {
	return func(s *stage) error {
		b, err := newHall(s, receivers, 1)
		if err != nil {
			return err
		}
		b.loop.Nap = 0 // it would be counted as latency
		err = b.loop.Every(time.Second/time.Duration(perSecond), func(due time.Duration) {
			if !b.ending {
				b.publish(due)
			}
		})
		if err != nil {
			return err
		}
		return b.measure(b.missing)
	}
}

// newHall makes a broadcast with one room for all.
func newHall(s *stage, receivers, burst int) (*broadcast, error) {
	b := &broadcast{
		receivers: receivers, perRoom: receivers, burst: burst,
		next:   func() int { return 0 },
		member: func(_, room int) bool { return room == 0 },
	}
	return b, b.fill(s, 1, func(int, int) int { return 0 })
}

// fill connects all, and puts the receivers into their rooms.
func (b *broadcast) fill(s *stage, roomsEach int, room func(client, i int) int) error {
	b.crowd = crowd{stage: s}
	b.message = newPublication(b.burst)
	b.last, b.repeats = make([]int64, b.receivers), make([]int, b.receivers)
	for i := range b.last {
		b.last[i], b.repeats[i] = -1, b.burst
	}
	if err := b.gather(b.receivers+1, b.receivers+1, 256, load.WebSocket, b); err != nil {
		return err
	}
	for i := range b.receivers {
		for k := range roomsEach {
			b.clients[i].Emit(k, fmt.Appendf(nil, `["join",%q]`, roomName(room(i, k))))
		}
	}
	return b.await("not all have joined", func() bool { return b.joined == b.receivers*roomsEach })
}

// missing is what is on its way: messages, and answers to publishes.
func (b *broadcast) missing() int64 {
	return b.published*int64(b.perRoom*b.burst) - b.delivered + b.published - b.answered
}

func (b *broadcast) publish(at time.Duration) {
	b.clients[b.receivers].Emit(int(b.published), b.message.set(b.published, at, b.next()))
	b.published++
}

func (b *broadcast) publishMore() {
	for !b.ending && b.published-b.answered < int64(b.window) &&
		b.published*int64(b.perRoom*b.burst)-b.delivered < b.behind*int64(b.perRoom*b.burst) {
		b.publish(b.loop.Now())
	}
}

// Packet implements load.Handler.
func (b *broadcast) Packet(c *load.Client, packet []byte) {
	number, at, room, ok := published(packet)
	switch {
	case !ok:
		b.acknowledged(c, packet)
		return
	case c.ID == b.receivers || !b.member(c.ID, room):
		b.unexpected(c, packet, "it is not in that room")
		return
	}
	// In a room for all, no number may be left out; among many rooms, none may come late.
	last := &b.last[c.ID]
	switch {
	case number == *last && b.repeats[c.ID] < b.burst:
		b.repeats[c.ID]++
	case b.repeats[c.ID] == b.burst && (number == *last+1 || number > *last && b.perRoom < b.receivers):
		*last, b.repeats[c.ID] = number, 1
	default:
		b.unexpected(c, packet, fmt.Sprintf("message %d came before, %d times", *last, b.repeats[c.ID]))
		return
	}
	b.delivered++
	b.ops++
	b.latency.Record(b.loop.Seen() - at)
	if b.window > 0 && b.delivered%int64(b.perRoom) == 0 {
		b.publishMore()
	}
}

func (b *broadcast) acknowledged(c *load.Client, packet []byte) {
	id, _, ok := ackID(packet, "3")
	switch {
	case ok && c.ID < b.receivers:
		b.joined++
	case ok && c.ID == b.receivers && int64(id) < b.published:
		b.answered++
		b.publishMore()
	default:
		b.unexpected(c, packet, "neither a message nor an acknowledgement that was due")
	}
}
