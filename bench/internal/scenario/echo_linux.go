package scenario

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/kawat-go/kawat/bench/internal/load"
)

// text64 is the string of 64 bytes that client i sends: each its own, so that no
// answer can be another's.
func text64(i int) string { return fmt.Sprintf("%04d %s", i, strings.Repeat("kawat wire ", 6))[:64] }

// A call is what one client sends in one place of its window, and the answer that
// it must get. An empty answer stands for any.
type call struct {
	args, answer []byte
	attachment   []byte // goes with both
}

// An exchange is a number of clients that call and wait for the acknowledgement,
// each with several calls on their way.
type exchange struct {
	crowd
	window  int
	calls   [][]call        // by client, and in turn within it
	sent    []time.Duration // by client and place in the window
	ids     []int           // likewise; -1: free
	waiting []int           // by client: the place of the attachment that must come next, or -1
	flying  int64
}

// placeholders is what stands for an attachment.
const placeholders = `{"_placeholder":true,"num":0}`

// exchanging makes a scenario's run of the calls that a client makes.
func exchanging(clients, window int, t load.Transport, calls func(client int) []call) func(*stage) error {
	return func(s *stage) error {
		e := newExchange(s, clients, window, calls)
		if err := e.gather(clients, clients, e.outSize(), t, e); err != nil {
			return err
		}
		for i := range e.clients {
			for place := range window {
				e.call(&e.clients[i], place, s.loop.Now())
			}
		}
		return e.measure(func() int64 { return e.flying })
	}
}

func newExchange(s *stage, clients, window int, calls func(client int) []call) *exchange {
	e := &exchange{
		crowd:   crowd{stage: s},
		window:  window,
		calls:   make([][]call, clients),
		sent:    make([]time.Duration, clients*window),
		ids:     make([]int, clients*window),
		waiting: make([]int, clients),
	}
	for i := range e.calls {
		e.calls[i] = calls(i)
		e.waiting[i] = -1
	}
	for i := range e.ids {
		e.ids[i] = i%window - window // so that the first id is the place
	}
	return e
}

// outSize is what a client may have to send at once: all calls of its window, and
// a request's head where it polls.
func (e *exchange) outSize() int {
	size := 0
	for _, c := range e.calls[0] {
		size = max(size, len(c.args)+len(c.attachment)+64)
	}
	return max(size*e.window, 512)
}

// call makes the next call of a place in the window. Its id says the place: the
// remainder by the window's size.
func (e *exchange) call(c *load.Client, place int, at time.Duration) {
	slot := c.ID*e.window + place
	id := e.ids[slot] + e.window
	e.ids[slot], e.sent[slot] = id, at
	e.flying++
	turns := e.calls[c.ID]
	next := &turns[id/e.window%len(turns)]
	if next.attachment != nil {
		c.EmitBinary(id, next.args, next.attachment)
		return
	}
	c.Emit(id, next.args)
}

// expected returns what a call has in a place.
func (e *exchange) expected(client, place int) *call {
	turns := e.calls[client]
	return &turns[e.ids[client*e.window+place]/e.window%len(turns)]
}

// Packet implements load.Handler.
func (e *exchange) Packet(c *load.Client, packet []byte) {
	head := "3"
	if e.calls[c.ID][0].attachment != nil {
		head = "61-"
	}
	id, rest, ok := ackID(packet, head)
	if !ok || e.waiting[c.ID] >= 0 {
		e.unexpected(c, packet, "not the acknowledgement that was due")
		return
	}
	place := id % e.window
	want := e.expected(c.ID, place)
	if e.ids[c.ID*e.window+place] != id || len(want.answer) > 0 && !bytes.Equal(rest, want.answer) {
		e.unexpected(c, packet, fmt.Sprintf("want the answer %q", want.answer))
		return
	}
	if want.attachment != nil {
		e.waiting[c.ID] = place
		return
	}
	e.answered(c, place)
}

// Attachment implements load.Handler.
func (e *exchange) Attachment(c *load.Client, data []byte) {
	place := e.waiting[c.ID]
	if place < 0 || !bytes.Equal(data, e.expected(c.ID, place).attachment) {
		e.unexpected(c, data, "not the attachment that was sent")
		return
	}
	e.waiting[c.ID] = -1
	e.answered(c, place)
}

func (e *exchange) answered(c *load.Client, place int) {
	now := e.loop.Seen()
	e.latency.Record(now - e.sent[c.ID*e.window+place])
	e.ops++
	e.flying--
	if !e.ending {
		e.call(c, place, now)
	}
}

func echoCalls(event string) func(int) []call {
	return func(client int) []call {
		text := text64(client)
		return []call{{args: fmt.Appendf(nil, `[%q,%q]`, event, text), answer: fmt.Appendf(nil, `[%q]`, text)}}
	}
}

func objectCalls(client int) []call {
	object := fmt.Sprintf(`{"id":%d,"name":"client %d","on":true}`, client, client)
	return []call{{args: fmt.Appendf(nil, `["object",%s]`, object), answer: fmt.Appendf(nil, `[%s]`, object)}}
}

func binaryCalls(client int) []call {
	blob := make([]byte, 1024)
	for i := range blob {
		blob[i] = byte(i + client)
	}
	return []call{{
		args:       []byte(`["binary",` + placeholders + `]`),
		answer:     []byte(`[` + placeholders + `]`),
		attachment: blob,
	}}
}

// roomCalls are those of a client that joins one room after another and leaves it
// again. Of 50 rooms, each has about a twelfth of all clients.
func roomCalls(client int) []call {
	var calls []call
	for i := range 4 {
		room := fmt.Sprintf("room %d", (client*7+i)%50)
		calls = append(calls, call{args: fmt.Appendf(nil, `["join",%q]`, room)}, call{args: fmt.Appendf(nil, `["leave",%q]`, room)})
	}
	return calls
}
