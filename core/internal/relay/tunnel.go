package relay

import (
	"errors"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A tunnel is the door's end of a WebSocket.
type tunnel struct {
	stream *stream
	timer  *time.Timer // that gives it up
	conn   engine.Conn
	ended  func()

	out []byte // messages of the client; used by the reader only
	in  assembler

	mu      sync.Mutex
	decided bool // Start or Cancel was called
	writing bool // somebody writes to conn
}

// forgotten is how long the opening handshake of a WebSocket may take; an adapter may
// fail, or forget.
const forgotten = time.Minute

func newTunnel(st *stream) *tunnel {
	t := &tunnel{stream: st, in: assembler{limit: maxMessage}}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer = time.AfterFunc(forgotten, t.Cancel)
	return t
}

// Cancel implements [engine.Tunnel].
func (t *tunnel) Cancel() {
	if t.decide() {
		t.stream.finish(errCancelled)
	}
}

// decide reports whether it is the first call.
func (t *tunnel) decide() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := !t.decided
	t.decided = true
	if t.timer != nil {
		t.timer.Stop()
	}
	return first
}

// Start implements [engine.Tunnel].
func (t *tunnel) Start(c engine.Conn, ended func()) {
	t.conn, t.ended = c, ended
	t.stream.relay.stats.tunnels.Add(1)
	t.decide() // else the stream has ended, and the connection will
	t.stream.send(start, nil)
	t.stream.onArrival(t.arrived)
	if parking, ok := c.(engine.ParkingConn); ok && parking.Park(func() { t.awake(parking) }) {
		return
	}
	go t.run()
}

// Leave implements [engine.Tunnel].
func (t *tunnel) Leave() { t.stream.send(moveOn, nil) }

// run passes on what the client sends.
func (t *tunnel) run() {
	for {
		err := t.conn.ReadMessages(t.deliver)
		t.flush()
		if err != nil {
			t.readEnded(err)
			return
		}
	}
}

// awake passes on what has arrived from the client. While the owner has no room for it,
// nothing more is read.
func (t *tunnel) awake(c engine.ParkingConn) {
	for {
		more, err := c.ReadAvailable(t.deliver)
		t.flush()
		if err != nil {
			t.readEnded(err)
			return
		}
		if !more && c.Rest() {
			return
		}
	}
}

func (t *tunnel) deliver(binary bool, data []byte) error {
	var flags uint64
	if binary {
		flags = isBinary
	}
	t.out = append(appendHead(t.out, len(data), flags), data...)
	if len(t.out) >= piece {
		t.flush()
	}
	return nil
}

// flush passes on what was read. If that fails, the stream has ended, and somebody ends
// the connection.
func (t *tunnel) flush() {
	if len(t.out) > 0 {
		_ = t.stream.write(t.out, 0)
		t.out = nil
	}
}

// readEnded tells the owner how the connection has ended.
func (t *tunnel) readEnded(err error) {
	e := ending{how: endWell, text: short(err.Error())}
	if broken, ok := errors.AsType[*engine.ConnError](err); ok {
		e = ending{how: endBroken, code: broken.Code, text: short(broken.Reason)}
	}
	t.stream.sendEnding(e)
	t.stream.finish(errReleased)
	t.stream.relay.stats.tunnels.Add(-1)
	t.ended()
}

// short bounds a text that a client may have a part in.
func short(text string) string { return text[:min(len(text), 256)] }

// arrived has what the owner has sent written to the client.
func (t *tunnel) arrived() {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch there, broken := t.stream.hasOutput(); {
	case broken:
		go t.conn.Abort() // also while somebody writes; the reader sees to the rest
	case there && !t.writing:
		t.writing = true
		go t.write()
	}
}

// hasOutput reports whether there is something for the client, be it the close frame,
// or that there will be nothing more.
func (st *stream) hasOutput() (there, broken bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	return len(st.chunks) > 0 || st.close != nil, st.failed != nil && st.failed != errReleased
}

// write writes what is there, and what comes meanwhile.
func (t *tunnel) write() {
	for t.writeSome() {
	}
}

// writeSome reports whether there may be more to write. Else nobody writes any more.
func (t *tunnel) writeSome() bool {
	st := t.stream
	if st.err() != nil {
		return false // and nobody writes again
	}
	frames, taken, err := t.frames()
	if err == nil && len(frames) > 0 {
		err = t.conn.WriteFrames(frames)
	}
	st.took(taken)
	if err != nil {
		t.conn.Abort()
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	st.mu.Lock()
	left, last := len(st.chunks) > 0, st.close
	st.mu.Unlock()
	if !left && last != nil {
		t.conn.Close(last.code, last.reason)
		st.mu.Lock()
		st.close = nil
		st.mu.Unlock()
	}
	t.writing = left
	return left
}

// frames returns the messages that are there in full, and how many bytes were taken.
func (t *tunnel) frames() (frames []*engine.Frame, taken int, err error) {
	for chunk := t.stream.read(); chunk != nil; chunk = t.stream.read() {
		for len(chunk) > 0 {
			n, data, flags, ok, err := t.in.next(chunk)
			if err != nil {
				return nil, taken, err
			}
			chunk = chunk[n:]
			taken += n
			if ok {
				frames = append(frames, engine.PacketFrame(data, flags&isBinary != 0, flags&isPlain == 0))
			}
		}
	}
	return frames, taken, nil
}
