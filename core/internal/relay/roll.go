package relay

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"
)

const (
	rollInterval = 2 * time.Second
	// answerTime is how long an owner may leave roll calls unanswered, and silenceTime
	// how long a door may call none, before all their streams are lost.
	answerTime  = 6 * time.Second
	silenceTime = 15 * time.Second
	// rollSize is how many streams one message is about.
	rollSize = 4096
)

// A callState is how it stands with the roll calls of a peer.
type callState struct {
	asked time.Time // when the first roll was sent that is not answered; zero if there is none
	heard time.Time // the last roll of the peer
	empty bool      // it knows that there are no streams of this node there
}

// startCalling has the roll called as long as there are streams. The caller holds x.mu.
func (x *Relay) startCalling() {
	if !x.calling {
		x.calling = true
		time.AfterFunc(rollInterval, x.call)
	}
}

// A call is what is to be done about one peer.
type call struct {
	peer *peer
	mine []*stream
	lost []*stream
	call bool
	asks []*stream // polls that should be answered
}

// call calls the roll at all peers, and gives those up that do not answer.
func (x *Relay) call() {
	now := time.Now()
	var calls []call
	x.mu.Lock()
	x.calling = false
	// Of younger streams the request may still be on its way to being sent.
	covered, last := x.covered, x.last
	x.covered = last
	for node, p := range x.peers {
		c := call{peer: p}
		for _, st := range p.mine {
			c.mine = append(c.mine, st)
		}
		switch {
		case !p.calls.asked.IsZero() && now.Sub(p.calls.asked) > answerTime:
			c.lost, c.mine = c.mine, nil
			p.calls.asked = time.Time{}
		case !p.calls.empty:
			c.call = true
			if p.calls.empty = len(c.mine) == 0 && covered == last; !p.calls.empty && p.calls.asked.IsZero() {
				p.calls.asked = now
			}
		}
		if x.leaving {
			c.asks = slices.DeleteFunc(slices.Clone(c.mine), func(st *stream) bool { return !st.isPoll() })
		}
		c.mine = slices.DeleteFunc(c.mine, func(st *stream) bool { return st.id > covered })
		if now.Sub(p.calls.heard) > silenceTime {
			for _, st := range p.theirs {
				c.lost = append(c.lost, st)
			}
		}
		if len(p.mine)+len(p.theirs) == 0 && p.calls.empty && p.unacked.Load() == 0 {
			delete(x.peers, node)
		} else {
			x.startCalling()
		}
		calls = append(calls, c)
	}
	x.mu.Unlock()
	for _, c := range calls {
		c.do(covered)
	}
}

func (c call) do(covered uint64) {
	for _, st := range c.lost {
		st.fail(errSilent)
	}
	if c.call {
		c.peer.sendRoll(c.mine, covered)
	}
	release(c.asks)
}

// sendRoll tells the owner which streams there are, and how much of each was taken. One
// message is about the streams whose ids are in a range; covered is the highest of all.
func (p *peer) sendRoll(streams []*stream, covered uint64) {
	slices.SortFunc(streams, func(a, b *stream) int { return cmp.Compare(a.id, b.id) })
	for from := uint64(0); ; {
		n := min(len(streams), rollSize)
		to := covered
		if n < len(streams) {
			to = streams[n-1].id
		}
		m := append(make([]byte, Room, Room+32+8*n), byte(roll))
		m = binary.AppendUvarint(binary.AppendUvarint(m, from), to)
		_ = p.relay.cfg.Post(p.node, appendStreams(m, streams[:n]))
		if streams, from = streams[n:], to+1; len(streams) == 0 {
			return
		}
	}
}

// A standing is how it stands with a stream on one side.
type standing struct {
	taken int64  // bytes
	sends uint64 // messages, before this one
}

// compare takes note of the other side's standing. Since nothing overtakes, what the
// other side has sent before is here, or lost.
func (st *stream) compare(there standing) {
	st.wasTaken(there.taken)
	st.mu.Lock()
	lost := there.sends > st.expects
	st.mu.Unlock()
	if lost {
		st.fail(errLost)
	}
}

// appendStreams writes how it stands with each stream.
func appendStreams(m []byte, streams []*stream) []byte {
	m = binary.AppendUvarint(m, uint64(len(streams)))
	for _, st := range streams {
		st.mu.Lock()
		st.told, st.called = st.taken, st.sends
		m = binary.AppendUvarint(binary.AppendUvarint(binary.AppendUvarint(m, st.id), uint64(st.taken)), st.sends)
		st.mu.Unlock()
	}
	return m
}

// takeRoll ends what the door does not have any more, and answers.
func (x *Relay) takeRoll(from string, p *parser) {
	lowest, highest := p.number(), p.number()
	there := p.streams()
	if p.err != nil {
		return
	}
	var gone, known []*stream
	x.mu.Lock()
	var theirs map[uint64]*stream
	if peer := x.peers[from]; peer != nil {
		peer.calls.heard = time.Now()
		theirs = peer.theirs
	}
	for id, st := range theirs {
		if _, ok := there[id]; !ok && id >= lowest && id <= highest {
			gone = append(gone, st)
		}
	}
	var unknown []uint64
	for id, its := range there {
		if st := theirs[id]; st != nil {
			known = append(known, st)
			defer st.compare(its)
		} else {
			unknown = append(unknown, id)
		}
	}
	x.mu.Unlock()
	for _, st := range gone {
		st.fail(errGivenUp)
	}
	m := binary.AppendUvarint(append(make([]byte, Room), byte(answer)), uint64(len(unknown)))
	for _, id := range unknown {
		m = binary.AppendUvarint(m, id)
	}
	_ = x.cfg.Post(from, appendStreams(m, untold(known)))
}

// untold returns the streams of which more was taken or sent than the other side knows.
func untold(streams []*stream) []*stream {
	return slices.DeleteFunc(streams, func(st *stream) bool {
		st.mu.Lock()
		defer st.mu.Unlock()
		return st.told == st.taken && st.called == st.sends
	})
}

// streams reads what appendStreams has written.
func (p *parser) streams() map[uint64]standing {
	n := p.count()
	streams := make(map[uint64]standing, min(n, rollSize))
	for range n {
		id := p.number()
		streams[id] = standing{taken: int64(min(p.number(), 1<<62)), sends: p.number()}
		if p.err != nil {
			break
		}
	}
	return streams
}

// takeAnswer ends the streams that the owner does not have: their request or their
// reply was lost, or was refused for lack of order.
func (x *Relay) takeAnswer(from string, p *parser) {
	var unknown []uint64
	for range p.count() {
		unknown = append(unknown, p.number())
	}
	known := p.streams()
	if p.err != nil {
		return
	}
	var lost []*stream
	x.mu.Lock()
	var mine map[uint64]*stream
	if peer := x.peers[from]; peer != nil {
		peer.calls.asked = time.Time{}
		mine = peer.mine
	}
	for _, id := range unknown {
		if st := mine[id]; st != nil && !st.isWhole() {
			lost = append(lost, st)
		}
	}
	for id, its := range known {
		if st := mine[id]; st != nil {
			defer st.compare(its)
		}
	}
	x.mu.Unlock()
	for _, st := range lost {
		st.fail(errLost)
	}
}

// isWhole reports whether the reply is there, and somebody is about to take it.
func (st *stream) isWhole() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.whole
}
