package scenario

import (
	"bytes"
	"fmt"
	"time"

	"github.com/kawat-go/kawat/bench/internal/load"
)

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
	sent    []time.Duration // by client and place in the window; or free
	ids     []int           // likewise
	waiting []int           // by client: the place of the attachment that must come next, or -1
	flying  int64
	paced   bool // calls are made by the clock, not when an answer comes
}

// free is in sent where no call is on its way.
const free = time.Duration(-1)

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

// pacing makes a run in which all clients together make so many calls a second, at
// times that do not depend on the answers. Latency is counted from those times.
func pacing(clients, perSecond int, calls func(client int) []call) func(*stage) error {
	// A client that waits for so many answers is seconds behind.
	const window = 256
	return func(s *stage) error {
		e := newExchange(s, clients, window, calls)
		e.paced = true
		if err := e.gather(clients, clients, 1024, load.WebSocket, e); err != nil {
			return err
		}
		e.loop.Nap = 0 // it would be counted as latency
		n := 0
		err := e.loop.Every(time.Second/time.Duration(perSecond), func(due time.Duration) {
			if !e.ending {
				e.call(&e.clients[n%clients], n/clients%window, due)
				n++
			}
		})
		if err != nil {
			return err
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
		e.sent[i] = free
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
	if e.sent[slot] != free {
		e.loop.Fail(fmt.Errorf("client %d has %d calls without an answer", c.ID, e.window))
		return
	}
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
	if slot := c.ID*e.window + place; e.ids[slot] != id || e.sent[slot] == free || len(want.answer) > 0 && !bytes.Equal(rest, want.answer) {
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
	now, slot := e.loop.Seen(), c.ID*e.window+place
	e.latency.Record(now - e.sent[slot])
	e.sent[slot] = free
	e.ops++
	e.flying--
	if !e.ending && !e.paced {
		e.call(c, place, now)
	}
}
