package echo

import (
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// A Config says whom messages are given to, and how long they wait for their place.
type Config struct {
	// Give is the host's Receive. It is called for one message after another, in the
	// order in which they were sent.
	Give func(m backplane.Message)
	// Patience is how long a message waits for its place in the log. Default 100 ms.
	Patience time.Duration
	// Calm is how long the log must keep up before messages wait again. It is doubled,
	// up to sixteen times, whenever that was too early. Default 2 s.
	Calm time.Duration
	// Max bounds the messages that wait to be given. Default 100,000.
	Max int
}

// Echoes are the messages of a node that it has yet to meet in a log.
type Echoes struct {
	cfg Config

	// turn is taken by whoever gives one of the node's own messages to the host.
	turn chan struct{}

	mu     sync.Mutex // held for a few instructions, and while a message is queued
	number uint64     // of the last message
	sent   []item     // those that the reader has not met, in order
	early  []backplane.Message
	giving bool // a goroutine gives what is early
	late   *time.Timer
	armed  bool // late runs
	closed bool
	health health
}

// An item is a message that was sent and not met.
type item struct {
	number  uint64
	at      time.Time
	given   bool // without an offset
	message backplane.Message
}

// New makes Echoes.
func New(c Config) *Echoes {
	if c.Patience <= 0 {
		c.Patience = 100 * time.Millisecond
	}
	if c.Calm <= 0 {
		c.Calm = 2 * time.Second
	}
	if c.Max <= 0 {
		c.Max = 100_000
	}
	return &Echoes{cfg: c, turn: make(chan struct{}, 1), health: health{least: c.Calm, calm: c.Calm}}
}

// Send numbers a message and has it queued, and given back if it asks for an Echo.
// Numbers begin with 1, and queue, which must not wait, is called in their order.
// What it fails with is returned; the message is not given back then.
func (e *Echoes) Send(m backplane.Message, queue func(number uint64) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return backplane.ErrClosed
	}
	if m.Echo && len(e.early) >= e.cfg.Max {
		return backplane.ErrQueueFull
	}
	if err := queue(e.number + 1); err != nil {
		return err
	}
	e.number++
	if m.Echo {
		e.add(m)
	}
	return nil
}

// add has a message given back. The caller holds e.mu.
func (e *Echoes) add(m backplane.Message) {
	now := time.Now()
	behind := len(e.sent) > 0 && now.Sub(e.sent[0].at) > e.cfg.Patience
	// What is sent now must not overtake what is still to be given.
	wait := e.health.wait(now, behind) && !e.giving
	if len(e.sent) >= e.cfg.Max {
		e.fail(now)
		e.sent, wait = e.sent[1:], false
	}
	if !wait {
		e.sent = append(e.sent, item{number: e.number, at: now, given: true})
		e.give(m)
		return
	}
	e.sent = append(e.sent, item{number: e.number, at: now, message: m})
	if !e.armed {
		e.arm(e.cfg.Patience)
	}
}

func (e *Echoes) arm(d time.Duration) {
	e.armed = true
	if e.late == nil {
		e.late = time.AfterFunc(d, e.check)
		return
	}
	e.late.Reset(d)
}

// check looks whether what waits for longest is late.
func (e *Echoes) check() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.armed = false
	if e.closed || e.health.bad || len(e.sent) == 0 {
		return
	}
	now := time.Now()
	if rest := e.sent[0].at.Add(e.cfg.Patience).Sub(now); rest > 0 {
		e.arm(rest)
		return
	}
	e.fail(now)
}

// Fail says that the link is bad: nothing waits any more.
func (e *Echoes) Fail() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.fail(time.Now())
	}
}

// fail has all that waits given. The caller holds e.mu.
func (e *Echoes) fail(now time.Time) {
	e.health.fail(now)
	for i := range e.sent {
		if it := &e.sent[i]; !it.given {
			e.give(it.message)
			it.given, it.message = true, backplane.Message{}
		}
	}
}

// give has a message given without an offset. The caller holds e.mu.
func (e *Echoes) give(m backplane.Message) {
	e.early = append(e.early, m)
	if !e.giving {
		e.giving = true
		go e.handOver()
	}
}

// handOver gives what is early until there is no more. A host that ends the
// goroutine does not end that.
func (e *Echoes) handOver() {
	done := false
	defer func() {
		if !done {
			go e.handOver()
		}
	}()
	for e.handOne() {
	}
	done = true
}

func (e *Echoes) handOne() bool {
	e.turn <- struct{}{}
	defer func() { <-e.turn }()
	e.mu.Lock()
	if e.closed || len(e.early) == 0 {
		e.early, e.giving = nil, false
		e.mu.Unlock()
		return false
	}
	m := e.early[0]
	e.early[0] = backplane.Message{}
	e.early = e.early[1:]
	e.mu.Unlock()
	e.cfg.Give(m)
	return true
}

// Met says that the reader has come to a message of the node's own. It is given to
// the host, unless it was before, and the host has it when Met returns.
func (e *Echoes) Met(number uint64, at backplane.Offset) {
	e.turn <- struct{}{}
	defer func() { <-e.turn }()
	for {
		m, ok := e.take(number, at)
		if !ok {
			return
		}
		e.cfg.Give(m)
	}
}

// take returns the next message that is to be given, now that one has been met:
// those before it have been lost on their way to the log.
func (e *Echoes) take(number uint64, at backplane.Offset) (m backplane.Message, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for !e.closed && len(e.sent) > 0 && e.sent[0].number <= number {
		it := e.sent[0]
		e.sent[0] = item{}
		e.sent = e.sent[1:]
		if it.number == number {
			now := time.Now()
			e.health.met(now, now.Sub(it.at) <= e.cfg.Patience)
			it.message.Offset = at
		}
		if !it.given {
			return it.message, true
		}
	}
	return backplane.Message{}, false
}

// Waiting returns how many messages wait for their place.
func (e *Echoes) Waiting() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for i := range e.sent {
		if !e.sent[i].given {
			n++
		}
	}
	return n
}

// Close ends it: nothing more is given.
func (e *Echoes) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.sent, e.early = nil, nil
	if e.late != nil {
		e.late.Stop()
	}
}
