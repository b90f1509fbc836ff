package relay

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A Config is what a Relay needs.
type Config struct {
	Node   string                                // this node's id: 16 hexadecimal digits
	Nodes  func() []string                       // the others
	Post   func(to string, message []byte) error // sends; the first Room bytes are the caller's to fill
	Server *engine.Server                        // that has the sessions of this node

	MaxStreams int   // requests and WebSockets of here that one other node may have
	MaxBytes   int64 // that may be on their way to one other node

	// Failed is told of each stream that ended because something was lost, or because
	// the other node has gone or does not answer.
	Failed func(node string, err error)
	// Ignored is told of messages that make no sense.
	Ignored func()
}

// Room is how many bytes a message begins with that are not the relay's.
const Room = 1

// Why streams fail.
var (
	errLost     = errors.New("relay: a message between the nodes was lost")
	errLeft     = errors.New("relay: the other node has left")
	errSilent   = errors.New("relay: the other node does not answer")
	errStalled  = errors.New("relay: the other side has accepted nothing for too long")
	errWindow   = errors.New("relay: the other node sends more than it may")
	errUnserved = errors.New("relay: the serving of a request has ended without a reply")
	errGivenUp  = errors.New("relay: the other node has given up")
	errClosed   = errors.New("relay: this node has left")
	errReleased = errors.New("relay: the stream has ended")
)

// A Relay is an [engine.Router].
type Relay struct {
	cfg Config
	tag string // what the ids of this node's sessions begin with

	mu      sync.Mutex
	closed  bool
	last    uint64 // the id of a stream
	covered uint64 // what last was at the roll call before
	peers   map[string]*peer
	left    map[string]struct{} // the tags of nodes that have left
	calling bool                // a roll call is to come
	leaving bool                // Release was called

	seeking atomic.Int32 // requests that wait for a node to become known
	stats   counters
}

type counters struct {
	sent, served, tunnels, waiting, failed, refused, bytes atomic.Int64
}

// Stats are a Relay's counters at one moment.
type Stats struct {
	Sent       int64 // requests of clients that other nodes were asked to serve
	Served     int64 // requests that other nodes have asked this one to serve
	Serving    int   // of them, those that are not over, and WebSockets
	Waiting    int   // requests here that wait for other nodes
	WebSockets int   // here whose sessions are at other nodes
	Bytes      int64 // sent to other nodes, and not taken yet
	Refused    int64 // requests that were refused because too much was on its way
	Failed     int64 // requests and WebSockets that have ended because something between nodes went wrong
}

// New makes a Relay.
func New(cfg Config) (*Relay, error) {
	tag, err := tagOf(cfg.Node)
	if err != nil {
		return nil, err
	}
	return &Relay{cfg: cfg, tag: tag, peers: make(map[string]*peer), left: make(map[string]struct{})}, nil
}

// idBytes are the bytes of a session's id, and tagBytes those that stand for its node;
// both are multiples of three, so that they are whole characters.
const (
	idBytes  = 15
	tagBytes = 6
	tagChars = tagBytes / 3 * 4
	idChars  = idBytes / 3 * 4
)

var errNode = errors.New("relay: a node's id must be 16 hexadecimal digits")

func tagOf(node string) (string, error) {
	id, err := hex.DecodeString(node)
	if err != nil || len(id) != 8 {
		return "", errNode
	}
	return base64.RawURLEncoding.EncodeToString(id[:tagBytes]), nil
}

// NewID implements [engine.Router]: 72 of the id's 120 bits are random.
func (x *Relay) NewID() string {
	var b [idBytes - tagBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	return x.tag + base64.RawURLEncoding.EncodeToString(b[:])
}

// Stats returns the counters.
func (x *Relay) Stats() Stats {
	c, serving := &x.stats, 0
	x.mu.Lock()
	for _, p := range x.peers {
		serving += len(p.theirs)
	}
	x.mu.Unlock()
	return Stats{
		Sent: c.sent.Load(), Served: c.served.Load(), Serving: serving, Waiting: int(c.waiting.Load()), WebSockets: int(c.tunnels.Load()),
		Bytes: c.bytes.Load(), Refused: c.refused.Load(), Failed: c.failed.Load(),
	}
}

// What has just joined may not be known everywhere yet: for so long, in so many steps,
// a request to a session there waits, and so many do.
const (
	seekTime   = 300 * time.Millisecond
	seekSteps  = 10
	maxSeeking = 1000
)

// owner returns the node that has the session of that id, if there is one.
func (x *Relay) owner(ctx context.Context, id string) (node string, ok bool) {
	if len(id) != idChars || id[:tagChars] == x.tag {
		return "", false
	}
	if node, ok = x.tagged(id[:tagChars]); ok || x.hasLeft(id[:tagChars]) {
		return node, ok
	}
	if b, err := base64.RawURLEncoding.DecodeString(id); err != nil || len(b) != idBytes {
		return "", false
	}
	defer x.seeking.Add(-1)
	if x.seeking.Add(1) > maxSeeking {
		return "", false
	}
	for range seekSteps {
		select {
		case <-time.After(seekTime / seekSteps):
		case <-ctx.Done():
			return "", false
		}
		if node, ok = x.tagged(id[:tagChars]); ok {
			return node, true
		}
	}
	return "", false
}

// tagged returns the node that a tag stands for.
func (x *Relay) tagged(tag string) (node string, ok bool) {
	for _, node := range x.cfg.Nodes() {
		if t, err := tagOf(node); err == nil && t == tag {
			return node, true
		}
	}
	return "", false
}

func (x *Relay) hasLeft(tag string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, left := x.left[tag]
	return left || x.closed
}

// maxLeft is how many tags of nodes that have left are remembered.
const maxLeft = 1000

// Left ends all streams of a node that has left.
func (x *Relay) Left(node string) {
	x.mu.Lock()
	p := x.peers[node]
	delete(x.peers, node)
	if tag, err := tagOf(node); err == nil {
		for old := range x.left {
			if len(x.left) < maxLeft {
				break
			}
			delete(x.left, old)
		}
		x.left[tag] = struct{}{}
	}
	x.mu.Unlock()
	if p != nil {
		p.failAll(errLeft)
	}
}

// Close ends all streams. Whom they are with hears of it by what Post still sends, or
// as the node leaves.
func (x *Relay) Close() {
	x.mu.Lock()
	x.closed = true
	peers := x.peers
	x.peers = make(map[string]*peer)
	x.mu.Unlock()
	for _, p := range peers {
		p.failAll(errClosed)
	}
}

// Release implements [engine.Router].
func (x *Relay) Release() {
	x.mu.Lock()
	x.leaving = true
	var polls []*stream
	for _, p := range x.peers {
		for _, st := range p.mine {
			if st.isPoll() {
				polls = append(polls, st)
			}
		}
	}
	x.mu.Unlock()
	release(polls)
}

// release asks the owners to answer polls. One that does not hang yet is asked about
// again at the next roll call.
func release(polls []*stream) {
	for _, st := range polls {
		st.send(moveOn, nil)
	}
}

func (st *stream) isPoll() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.polls
}

// Take takes a message of another node. It does not wait.
func (x *Relay) Take(from string, message []byte) {
	p := parser{rest: message}
	k := kind(p.byte())
	switch {
	case k == roll && p.err == nil:
		x.takeRoll(from, &p)
	case k == answer && p.err == nil:
		x.takeAnswer(from, &p)
	case k >= request && k < roll, k >= reply && k < answer:
		x.takeStream(from, k, &p)
	default:
		p.fail()
	}
	if p.err != nil {
		x.cfg.Ignored()
	}
}

func (x *Relay) takeStream(from string, k kind, p *parser) {
	id, number := p.number(), uint64(0)
	if k.numbered() {
		number = p.number()
	}
	if p.err != nil {
		return
	}
	if k == request {
		x.requested(from, id, p)
		return
	}
	st := x.stream(from, id, !k.upwards())
	if st == nil {
		if k == reset {
			x.resetUnknown(p)
		}
		return // one that has ended
	}
	st.take(k, number, p)
}

// resetUnknown ends the session of a stream that is complete here, but has not come to
// its end at the door.
func (x *Relay) resetUnknown(p *parser) {
	if p.byte() == isLost {
		if id := p.text(); p.err == nil {
			go x.cfg.Server.EndRouted(id, errLost)
		}
	}
}

func (x *Relay) stream(node string, id uint64, mine bool) *stream {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.peers[node]
	switch {
	case p == nil:
		return nil
	case mine:
		return p.mine[id]
	}
	return p.theirs[id]
}

var _ engine.Router = (*Relay)(nil)
