package scenario

import (
	"fmt"
	"strings"
	"time"

	"github.com/kawat-go/kawat/bench/internal/load"
)

const (
	messageHead = `2["message","`
	messageTail = `"]`
	messageSize = len(messageHead) + textSize + len(messageTail)

	// A text is a number, a time and a room, and dots up to its size.
	textSize   = 64
	timeAt     = 11
	roomAt     = 31
	numberSize = 10
	timeSize   = 19
	roomSize   = 4
)

// A publication is the arguments of publish, made once and changed in place.
type publication struct {
	args, room, text []byte
}

func newPublication(burst int) *publication {
	head, middle := `["publish",{"room":"room `, fmt.Sprintf(`","n":%d,"text":"`, burst)
	args := []byte(head + "0000" + middle + strings.Repeat(".", textSize) + `"}]`)
	return &publication{args: args, room: args[len(head):][:roomSize], text: args[len(head)+roomSize+len(middle):][:textSize]}
}

// set fills in what is published.
func (p *publication) set(number int64, at time.Duration, room int) []byte {
	load.PutNumber(p.room, uint64(room))
	load.PutNumber(p.text[:numberSize], uint64(number))
	load.PutNumber(p.text[timeAt:][:timeSize], uint64(at))
	copy(p.text[roomAt:], p.room)
	return p.args
}

// published reads a message that came of it.
func published(packet []byte) (number int64, at time.Duration, room int, ok bool) {
	if len(packet) != messageSize || string(packet[:len(messageHead)]) != messageHead {
		return 0, 0, 0, false
	}
	text := packet[len(messageHead):]
	n, _ := load.Number(text[:numberSize])
	t, _ := load.Number(text[timeAt:][:timeSize])
	r, _ := load.Number(text[roomAt:][:roomSize])
	return int64(n), time.Duration(t), int(r), true
}

func roomName(room int) string { return fmt.Sprintf("room %04d", room) }
