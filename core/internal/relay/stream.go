package relay

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

const (
	window = 256 << 10  // the most bytes of a stream that are on their way in one direction
	piece  = 64 << 10   // the most of them in one message
	lazily = window / 4 // how many may have been taken before the other side is told
)

// A stream is a request, or a WebSocket, and its answer.
type stream struct {
	relay *Relay
	peer  *peer
	id    uint64
	mine  bool // this node is its door

	// Set before the first message, or with mu held.
	polls    bool   // it is a GET
	upgrades bool   // it asks for a WebSocket
	session  string // whose it is

	// These have room for one signal: something has come, or may be sent.
	arrived, credited chan struct{}

	mu      sync.Mutex
	failed  error  // why it has ended
	notify  func() // called when something has arrived, without mu; nil if nobody wants that
	sends   uint64 // the number of the next message
	expects uint64 // the other side's
	sent    int64  // bytes, in all
	acked   int64  // of them, those that the other side has taken
	chunks  [][]byte
	got     int64  // bytes, in all
	taken   int64  // of them, those that somebody has taken
	told    int64  // of them, those that the other side knows of
	called  uint64 // what sends was at the last roll call

	// What the other side has said.
	reply    *engine.Reply // without its body
	whole    bool          // the body is there
	goesOn   bool
	accepted bool
	ended    *ending // what comes up has an end
	close    *closeFrame

	// At the owner.
	upgrade  *engine.Upgrade
	conn     *conn
	cancel   func() // of the request's context
	replied  bool
	finished bool // nothing is to be done for it any more
}

type ending struct {
	how  byte
	code int
	text string
}

type closeFrame struct {
	code   int
	reason string
}

func newStream(x *Relay, p *peer, id uint64, mine bool) *stream {
	return &stream{relay: x, peer: p, id: id, mine: mine, arrived: make(chan struct{}, 1), credited: make(chan struct{}, 1)}
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// message begins a message of the stream. The caller holds st.mu.
func (st *stream) message(k kind, size int) []byte {
	b := make([]byte, Room, Room+1+2*binary.MaxVarintLen64+size)
	b = binary.AppendUvarint(append(b, byte(k)), st.id)
	if k.numbered() {
		b = binary.AppendUvarint(b, st.sends)
		st.sends++
	}
	return b
}

// post sends a message. The order of what is posted is that of its numbers, so the
// caller holds st.mu; a node's Relay does not wait. What cannot be sent is lost, and
// the stream with it.
func (st *stream) post(message []byte) error {
	err := st.relay.cfg.Post(st.peer.node, message)
	if err != nil && st.failed == nil {
		go st.fail(err)
	}
	return err
}

// send sends a message that is not of bytes.
func (st *stream) send(k kind, payload []byte) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.failed == nil {
		_ = st.post(append(st.message(k, len(payload)), payload...))
	}
}

// dataKind is that of the bytes which this side sends.
func (st *stream) dataKind() kind {
	if st.mine {
		return upData
	}
	return downData
}

// tryWrite sends as many bytes as may be, and returns how many those are.
func (st *stream) tryWrite(data []byte) (n int, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for n < len(data) {
		if st.failed != nil {
			return n, st.failed
		}
		size := min(len(data)-n, piece, int(window-(st.sent-st.acked)))
		if size <= 0 {
			break
		}
		behind := st.sent-st.acked >= lazily
		if !st.peer.mayTake(size, behind) {
			st.peer.await(st)
			if !st.peer.mayTake(size, behind) { // else the wake may have been before
				break
			}
		}
		if err := st.post(append(st.message(st.dataKind(), size), data[n:n+size]...)); err != nil {
			return n, err
		}
		st.count(size)
		n += size
	}
	return n, nil
}

// count notes bytes that were sent. The caller holds st.mu.
func (st *stream) count(n int) {
	st.sent += int64(n)
	st.peer.add(int64(n))
}

// write sends all of it. It fails if nothing of it is taken for as long as patience is,
// unless that is 0.
func (st *stream) write(data []byte, patience time.Duration) error {
	var late <-chan time.Time
	var timer *time.Timer
	if patience > 0 {
		timer = time.NewTimer(patience)
		defer timer.Stop()
		late = timer.C
	}
	for {
		n, err := st.tryWrite(data)
		if err != nil {
			return err
		}
		if data = data[n:]; len(data) == 0 {
			return nil
		}
		if n > 0 && timer != nil {
			timer.Reset(patience)
		}
		select {
		case <-st.credited:
			if timer != nil {
				timer.Reset(patience)
			}
		case <-late:
			return errStalled
		}
	}
}

// read returns what has arrived and was not read, or nil.
func (st *stream) read() []byte {
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.chunks) == 0 {
		return nil
	}
	chunk := st.chunks[0]
	st.chunks[0] = nil
	if st.chunks = st.chunks[1:]; len(st.chunks) == 0 {
		st.chunks = nil
	}
	return chunk
}

// took says that bytes of what was read have been taken, so that more may come.
func (st *stream) took(n int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.taken += int64(n)
	if st.failed == nil && st.taken-st.told >= lazily {
		st.told = st.taken
		k := upAck
		if !st.mine {
			k = downAck
		}
		_ = st.post(binary.AppendUvarint(st.message(k, binary.MaxVarintLen64), uint64(st.taken)))
	}
}

// wasTaken notes how many bytes the other side has taken.
func (st *stream) wasTaken(n int64) {
	st.mu.Lock()
	more := n - st.acked
	if more <= 0 || n > st.sent || st.finished {
		st.mu.Unlock()
		return
	}
	st.acked = n
	st.mu.Unlock()
	st.peer.add(-more)
	wake(st.credited)
}

// take takes a message of the other side.
func (st *stream) take(k kind, number uint64, p *parser) {
	if k == upAck || k == downAck {
		if n := p.number(); p.err == nil {
			st.wasTaken(int64(min(n, 1<<62)))
		}
		return
	}
	st.mu.Lock()
	if st.failed != nil {
		st.mu.Unlock()
		return
	}
	err := error(nil)
	if k.numbered() {
		if number != st.expects {
			err = errLost
		}
		st.expects++
	}
	if err == nil {
		err = st.understand(k, p)
	}
	st.mu.Unlock()
	if err != nil {
		st.fail(err)
		return
	}
	st.signal()
}

// signal tells who waits for what arrives.
func (st *stream) signal() {
	wake(st.arrived)
	st.mu.Lock()
	notify := st.notify
	st.mu.Unlock()
	if notify != nil {
		notify()
	}
}

// understand notes what a message says. The caller holds st.mu.
func (st *stream) understand(k kind, p *parser) error {
	switch k {
	case upData, downData:
		if st.whole {
			return errMessage
		}
		return st.add(p.rest)
	case upEnd:
		st.ended = &ending{how: p.byte(), code: int(p.number()), text: p.text()}
	case start:
		st.startHere()
	case moveOn:
		st.moveOn()
	case reset:
		lost := p.byte() == isLost
		if st.cancel != nil {
			st.cancel()
		}
		if id := p.text(); lost && p.err == nil {
			go st.relay.cfg.Server.EndRouted(id, errLost)
		}
		return errGivenUp
	case reply:
		complete := p.byte() == isComplete
		r := p.reply()
		if p.err != nil || st.reply != nil || st.accepted {
			return errMessage
		}
		if err := st.add(p.rest); err != nil {
			return err
		}
		st.reply, st.whole = r, complete
	case downEnd:
		if st.reply == nil {
			return errMessage
		}
		st.whole = true
	case goOn:
		st.goesOn = true
	case accepted:
		st.accepted = true
	case closing:
		st.close = &closeFrame{code: int(p.number()), reason: p.text()}
	case abort:
		return errGivenUp
	}
	return p.err
}

// add keeps bytes until they are read. The caller holds st.mu.
func (st *stream) add(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if st.got += int64(len(data)); st.got-st.taken > window+piece {
		return errWindow
	}
	st.chunks = append(st.chunks, data)
	return nil
}

// fail ends the stream because something is wrong, and tells the other side.
func (st *stream) fail(err error) {
	if !st.finish(err) {
		return
	}
	switch err {
	case errGivenUp, errClosed, errReleased, errStalled:
	default:
		st.relay.stats.failed.Add(1)
		st.relay.cfg.Failed(st.peer.node, err)
	}
}

// finish ends the stream, once, for whatever reason.
func (st *stream) finish(err error) bool {
	st.mu.Lock()
	if st.finished {
		st.mu.Unlock()
		return false
	}
	if err != errGivenUp && err != errLeft && err != errReleased {
		st.farewell(err)
	}
	st.failed, st.finished = err, true
	outstanding := st.sent - st.acked
	st.acked = st.sent
	cancel, upgrade := st.cancel, st.upgrade
	st.mu.Unlock()
	st.peer.add(-outstanding)
	st.relay.forget(st)
	if cancel != nil {
		cancel()
	}
	if upgrade != nil {
		upgrade.Cancel() // which does nothing if it has started
	}
	wake(st.credited)
	st.signal()
	return true
}

// farewell tells the other side that the stream has ended here. The caller holds st.mu.
func (st *stream) farewell(err error) {
	if !st.mine {
		_ = st.relay.cfg.Post(st.peer.node, st.message(abort, 0))
		return
	}
	m := st.message(reset, 32)
	if err == errCancelled || err == errClosed || st.upgrades { // whose end ends the session, if it has it
		m = append(m, 0, 0)
	} else {
		m = appendText(append(m, isLost), st.session)
	}
	_ = st.relay.cfg.Post(st.peer.node, m)
}

// err returns why the stream has ended, or nil.
func (st *stream) err() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.failed
}
