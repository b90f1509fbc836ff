package faultproxy

import (
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"
)

const (
	smallBuffer = 512
	largeBuffer = 32 << 10
)

// A way forwards the bytes of one direction. Its plan is guarded by the connection's
// lock; what comes before is its goroutine's.
type way struct {
	conn   *Conn
	random *rand.Rand
	piece  int          // how many bytes of a slice are still to come
	bytes  atomic.Int64 // that have been forwarded
	total  *atomic.Int64

	dst      *net.TCPConn // nil until connected
	plan     Way
	left     int64     // bytes until plan.Then
	next     time.Time // when the piece may pass
	until    time.Time // a stall's end
	finished bool      // the rest is dropped
}

func (w *way) init(c *Conn, direction uint64, total *atomic.Int64) {
	w.conn, w.total = c, total
	w.random = rand.New(rand.NewPCG(c.proxy.opts.Seed, uint64(c.number)<<1|direction))
}

// set changes the plan. The caller holds the connection's lock.
func (w *way) set(plan Way) {
	w.plan, w.left, w.next, w.until = plan, plan.After, time.Time{}, time.Time{}
}

// act performs the plan's action if its time has come.
func (w *way) act() {
	w.conn.mu.Lock()
	a, d := w.plan.Then, w.plan.For
	due := a != None && w.left == 0
	if due {
		w.plan.Then = None
	}
	w.conn.mu.Unlock()
	if due {
		w.perform(a, d)
	}
}

func (w *way) perform(a Action, d time.Duration) {
	c := w.conn
	if a == Cut || a == Reset {
		c.end(a == Reset)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch a {
	case Finish:
		w.finish()
	case Vanish:
		c.vanished = true
	case Stall:
		w.until = time.Now().Add(d)
	}
}

// finish ends the way for its receiver. The caller holds the connection's lock.
func (w *way) finish() {
	w.finished = true
	if w.dst != nil {
		_ = w.dst.CloseWrite()
	}
}

// pump forwards until the sender has ended, or the connection has.
func (w *way) pump(src, dst *net.TCPConn) {
	w.connected(dst)
	buf := make([]byte, smallBuffer)
	for {
		n, err := src.Read(buf)
		if !w.forward(buf[:n], dst) {
			return
		}
		switch {
		case err == io.EOF:
			w.ended()
			return
		case err != nil: // reset, or closed by the other way
			if w.wait() {
				w.conn.end(true)
			}
			return
		case n == len(buf) && n < largeBuffer:
			buf = make([]byte, 2*n)
		}
	}
}

// connected tells the way where it leads to, and catches up with a Finish that could
// not be done before.
func (w *way) connected(dst *net.TCPConn) {
	w.conn.mu.Lock()
	defer w.conn.mu.Unlock()
	w.dst = dst
	if w.finished {
		w.finish()
	}
}

// ended passes on that the sender has nothing more to say, when that is its turn.
func (w *way) ended() {
	if !w.wait() {
		return
	}
	w.conn.mu.Lock()
	defer w.conn.mu.Unlock()
	w.finish()
}

// forward forwards what has been read, in pieces. It reports false when the
// connection has ended.
func (w *way) forward(data []byte, dst *net.TCPConn) bool {
	for len(data) > 0 {
		if w.piece == 0 {
			w.begin(len(data))
		}
		if !w.wait() {
			return false
		}
		n, dropped := w.grant(len(data))
		now := data[:n]
		data = data[n:]
		if dropped {
			continue
		}
		w.bytes.Add(int64(n)) // first, since who has received them may ask
		w.total.Add(int64(n))
		_, err := dst.Write(now)
		w.act()
		if err != nil && w.failed() {
			return false
		}
	}
	return true
}

// begin begins a piece, and decides how long it waits.
func (w *way) begin(available int) {
	w.conn.mu.Lock()
	defer w.conn.mu.Unlock()
	w.piece = available
	if w.plan.Slice > 0 {
		w.piece = 1 + w.random.IntN(w.plan.Slice)
	}
	delay := w.plan.Delay
	if w.plan.Jitter > 0 {
		delay += time.Duration(w.random.Int64N(int64(w.plan.Jitter)))
	}
	if delay > 0 {
		w.next = time.Now().Add(delay)
	}
}

// grant says how many bytes go on now, and whether into the void. The plan's action
// is due when they have passed. If it is about both ways, the other one stops now:
// nothing may pass there that answers these bytes.
func (w *way) grant(available int) (n int, dropped bool) {
	c := w.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	n = min(available, w.piece)
	if w.plan.Then != None {
		n = int(min(int64(n), w.left))
		w.left -= int64(n)
		c.vanished = c.vanished || w.left == 0 && w.plan.Then.ofBothWays()
	}
	w.piece -= n
	return n, w.finished
}

// failed ends a connection whose receiver takes no more, when that is its turn. It
// reports false if the way has been finished meanwhile: then the rest is dropped.
func (w *way) failed() bool {
	if !w.wait() {
		return true
	}
	w.conn.mu.Lock()
	finished := w.finished
	w.conn.mu.Unlock()
	if !finished {
		w.conn.end(true)
	}
	return !finished
}

// wait waits until the piece may pass, and for as long as the way stalls or the peer
// has vanished. It reports false when the connection has ended.
func (w *way) wait() bool {
	c := w.conn
	for {
		c.mu.Lock()
		ended, vanished, changed := c.ended, c.vanished, c.changed
		rest := max(time.Until(w.next), time.Until(w.until))
		c.mu.Unlock()
		switch {
		case ended:
			return false
		case vanished:
			<-changed
		case rest <= 0:
			return true
		default:
			sleep(rest, changed)
		}
	}
}

// sleep sleeps for that long, or until something has changed.
func sleep(d time.Duration, changed <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-changed:
	}
}
