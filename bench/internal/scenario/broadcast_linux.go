package scenario

import (
	"fmt"
	"strings"
	"time"

	"github.com/kawat-go/kawat/bench/internal/load"
)

const (
	eventHead  = `2["message","`
	eventTail  = `"]`
	textSize   = 64
	seqDigits  = 10
	timeDigits = 19
	// maxBehind is how many publishes may not have reached everybody. A server that
	// answers long before it delivers would else have to drop clients.
	maxBehind = 64
)

// A broadcast is a room of receivers and one client beside it that publishes to it.
type broadcast struct {
	crowd
	receivers int
	burst     int // messages in a publish
	window    int // publishes that are not answered
	text      []byte
	args      []byte // of a publish; text is a part of it
	joined    int
	got       []int64 // messages, by receiver
	published int64
	answered  int64
	delivered int64
}

// broadcasting makes a run in which a room of receivers gets all it can.
func broadcasting(receivers, burst, window int) func(*stage) error {
	return func(s *stage) error {
		b, err := newBroadcast(s, receivers, burst)
		if err != nil {
			return err
		}
		b.window = window
		b.publishMore()
		return b.measure(b.missing)
	}
}

// newBroadcast fills the room.
func newBroadcast(s *stage, receivers, burst int) (*broadcast, error) {
	b := &broadcast{crowd: crowd{stage: s}, receivers: receivers, burst: burst, got: make([]int64, receivers)}
	head := fmt.Sprintf(`["publish",{"room":"hall","n":%d,"text":"`, burst)
	b.args = []byte(head + strings.Repeat(".", textSize) + `"}]`)
	b.text = b.args[len(head):][:textSize]
	if err := b.gather(receivers+1, receivers+1, 256, load.WebSocket, b); err != nil {
		return nil, err
	}
	for i := range receivers {
		b.clients[i].Emit(0, []byte(`["join","hall"]`))
	}
	if err := b.await("not all have joined", func() bool { return b.joined == receivers }); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *broadcast) missing() int64 {
	return b.published*int64(b.receivers*b.burst) - b.delivered + b.published - b.answered
}

// publish sends the next publish. Its text carries its number and a time.
func (b *broadcast) publish(at int64) {
	load.PutNumber(b.text[:seqDigits], uint64(b.published))
	load.PutNumber(b.text[seqDigits+1:][:timeDigits], uint64(at))
	b.clients[b.receivers].Emit(int(b.published), b.args)
	b.published++
}

func (b *broadcast) publishMore() {
	for !b.ending && b.published-b.answered < int64(b.window) &&
		b.published*int64(b.receivers*b.burst)-b.delivered < maxBehind*int64(b.receivers*b.burst) {
		b.publish(int64(b.loop.Now()))
	}
}

// Packet implements load.Handler.
func (b *broadcast) Packet(c *load.Client, packet []byte) {
	if packet[0] == '3' {
		b.acknowledged(c, packet)
		return
	}
	const size = len(eventHead) + textSize + len(eventTail)
	if len(packet) != size || string(packet[:len(eventHead)]) != eventHead || c.ID >= b.receivers {
		b.unexpected(c, packet, "not the message that was published")
		return
	}
	text := packet[len(eventHead):]
	number, _ := load.Number(text[:seqDigits])
	at, _ := load.Number(text[seqDigits+1:][:timeDigits])
	if int64(number) != b.got[c.ID]/int64(b.burst) {
		b.unexpected(c, packet, fmt.Sprintf("it got %d before", b.got[c.ID]))
		return
	}
	b.got[c.ID]++
	b.delivered++
	b.ops++
	b.latency.Record(b.loop.Seen() - time.Duration(at))
	if b.delivered%int64(b.receivers) == 0 {
		b.publishMore()
	}
}

func (b *broadcast) acknowledged(c *load.Client, packet []byte) {
	id, _, ok := ackID(packet, "3")
	switch {
	case ok && c.ID < b.receivers && id == 0:
		b.joined++
	case ok && c.ID == b.receivers && int64(id) < b.published:
		b.answered++
		b.publishMore()
	default:
		b.unexpected(c, packet, "not an acknowledgement that was due")
	}
}
