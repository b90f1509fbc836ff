package relay

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A peer is another node, as far as there are streams.
type peer struct {
	relay *Relay
	node  string

	// Guarded by the relay's mu.
	mine   map[uint64]*stream // of which this node is the door
	theirs map[uint64]*stream // of which it is the owner
	calls  callState

	unacked atomic.Int64 // bytes on their way to it

	mu      sync.Mutex
	waiting map[*stream]struct{} // for unacked to fall; nil if none is
}

// peer returns the node's peer. The caller holds x.mu.
func (x *Relay) peer(node string) *peer {
	p := x.peers[node]
	if p == nil {
		p = &peer{relay: x, node: node, mine: make(map[uint64]*stream), theirs: make(map[uint64]*stream)}
		p.calls = callState{heard: time.Now(), empty: true}
		x.peers[node] = p
	}
	return p
}

// open begins a stream to a node, or fails with one of the router's errors.
func (x *Relay) open(node, session string, polls, upgrades bool) (*stream, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, engine.ErrNoSession
	}
	p := x.peer(node)
	if len(p.mine) >= x.cfg.MaxStreams || p.unacked.Load() >= x.cfg.MaxBytes {
		x.stats.refused.Add(1)
		return nil, engine.ErrRouterBusy
	}
	x.last++
	st := newStream(x, p, x.last, true)
	st.session, st.polls, st.upgrades = session, polls, upgrades
	p.calls.empty = false
	p.mine[st.id] = st
	x.startCalling()
	return st, nil
}

// admit begins a stream that a door has opened, or returns nil.
func (x *Relay) admit(node string, id uint64) *stream {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil
	}
	p := x.peer(node)
	if p.theirs[id] != nil {
		return nil
	}
	st := newStream(x, p, id, false)
	p.theirs[id] = st
	p.calls.heard = time.Now()
	x.startCalling()
	return st
}

// forget takes a stream off the peer, once.
func (x *Relay) forget(st *stream) {
	x.mu.Lock()
	streams := st.peer.theirs
	if st.mine {
		streams = st.peer.mine
	}
	if streams[st.id] == st {
		delete(streams, st.id)
	}
	x.mu.Unlock()
}

// failAll ends all streams. The peer has been taken off the relay.
func (p *peer) failAll(err error) {
	p.relay.mu.Lock()
	var all []*stream
	for _, streams := range []map[uint64]*stream{p.mine, p.theirs} {
		for _, st := range streams {
			all = append(all, st)
		}
	}
	p.relay.mu.Unlock()
	for _, st := range all {
		st.fail(err)
	}
}

// mayTake returns how many of so many more bytes may be sent by a stream that has so
// many on their way. Who has taken all that it was sent is not to suffer for those who
// have not.
func (p *peer) mayTake(n int, behind bool) bool {
	limit := p.relay.cfg.MaxBytes
	if !behind {
		limit *= 2
	}
	return p.unacked.Load()+int64(n) <= limit
}

// add notes bytes that are on their way, or that are not any more.
func (p *peer) add(n int64) {
	p.relay.stats.bytes.Add(n)
	if p.unacked.Add(n); n >= 0 {
		return
	}
	p.mu.Lock()
	waiting := p.waiting
	p.waiting = nil
	p.mu.Unlock()
	for st := range waiting {
		wake(st.credited)
	}
}

// await has a stream woken when there is room.
func (p *peer) await(st *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting == nil {
		p.waiting = make(map[*stream]struct{})
	}
	p.waiting[st] = struct{}{}
}
