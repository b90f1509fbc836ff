// Package membership knows who of Kawat's nodes is there, and carries what they say to
// each other in private, over a bus that has one channel that all of them hear and one
// for each of them.
package membership

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// Config says who a node is and how it is heard. ID, Send and Host must be set.
type Config struct {
	// ID is the node's own: 16 hexadecimal digits.
	ID string
	// Send sends data on the channel of the node with that id, or on that of all nodes if
	// to is "". It does not wait. What comes on these channels is for Received.
	Send func(to string, data []byte) error
	// Host is told what comes: by Relay and Left, one call after another, and by
	// Observe of what cannot be understood or is too much.
	Host backplane.Host
	// Joined is told of a node that was not known, or had been taken for dead, before
	// Host.Relay is. May be nil.
	Joined func(node string)

	// Interval is how often the node says that it is alive, Timeout how long another one
	// may be silent. Defaults: 2 s and 7 s.
	Interval, Timeout time.Duration

	// MaxNodes bounds the nodes that are known, MaxItems and MaxBytes what waits for the
	// host. Defaults: 10,000, 10,000 and 64 MiB.
	MaxNodes, MaxItems, MaxBytes int
}

// What nodes say: a byte for the version, one for the kind, the sender's id, and the
// payload of a relay.
const (
	version    = 1
	headerSize = 2 + idSize
	idSize     = 8
)

type kind byte

const (
	hello kind = 1 // answered by alive
	alive kind = 2
	relay kind = 3
	bye   kind = 4
)

// Why a message is ignored.
var (
	errVersion  = errors.New("membership: a message of a version that is not known")
	errMessage  = errors.New("membership: damaged message")
	errNodes    = errors.New("membership: too many nodes")
	errKeepPace = errors.New("membership: the host does not keep pace")
)

type id [idSize]byte

func (i id) String() string { return hex.EncodeToString(i[:]) }

// parseID reads what String has written, and nothing else.
func parseID(text string) (i id, ok bool) {
	if len(text) == 2*idSize {
		_, err := hex.Decode(i[:], []byte(text))
		ok = err == nil && i.String() == text
	}
	return i, ok
}

// Members are the nodes of Kawat's, without the own. The methods may be called from any
// goroutine, and by the functions of the host.
type Members struct {
	cfg Config
	id  id

	mu     sync.Mutex
	nodes  map[id]time.Time // when it was heard last
	gone   map[id]time.Time // who has said bye, and when: something may still be on its way
	timer  *time.Timer
	ticked time.Time // when the timer went off
	spoken bool      // the timer goes off twice in an Interval: it has said so
	down   bool
	closed bool

	queue   []item // for the host
	bytes   int
	lossy   bool // something did not find room in the queue
	handing bool // a goroutine gives it items
}

// An item is what the host is told.
type item struct {
	what kind // hello: joined; relay; bye: left
	from id
	data []byte
}

// New says hello. It panics if the id is none. The Members are to be closed. Who
// listens on the channels after that only is to call Up then.
func New(c Config) *Members {
	own, ok := parseID(c.ID)
	if !ok {
		panic(fmt.Sprintf("membership: %q is no node's id", c.ID))
	}
	c.Interval, c.Timeout = orDefault(c.Interval, 2*time.Second), orDefault(c.Timeout, 7*time.Second)
	c.MaxNodes, c.MaxItems, c.MaxBytes = orDefault(c.MaxNodes, 10_000), orDefault(c.MaxItems, 10_000), orDefault(c.MaxBytes, 64<<20)
	m := &Members{cfg: c, id: own, nodes: make(map[id]time.Time), gone: make(map[id]time.Time), ticked: time.Now()}
	m.mu.Lock()
	m.timer = time.AfterFunc(c.Interval/2, m.tick)
	m.mu.Unlock()
	_ = m.say("", hello, nil)
	return m
}

func orDefault[T int | time.Duration](n, byDefault T) T {
	if n <= 0 {
		return byDefault
	}
	return n
}

// say sends a message. That it was not sent is no matter: it is said again, or may be
// lost.
func (m *Members) say(to string, k kind, payload []byte) error {
	data := make([]byte, 0, headerSize+len(payload))
	data = append(data, version, byte(k))
	data = append(data, m.id[:]...)
	return m.cfg.Send(to, append(data, payload...))
}

// Received takes what came on the channel of all nodes, or on the node's own. data must
// not be changed any more.
func (m *Members) Received(data []byte) {
	if err := m.received(data); err != nil {
		m.cfg.Host.Observe(backplane.Event{Kind: backplane.Ignored, Err: err})
	}
}

func (m *Members) received(data []byte) error {
	if len(data) == 0 || data[0] != version {
		return errVersion
	}
	if len(data) < headerSize {
		return errMessage
	}
	what, from, payload := kind(data[1]), id(data[2:headerSize]), data[headerSize:]
	if from == m.id {
		return nil
	}
	switch {
	case what < hello || what > bye:
		return errVersion
	case what != relay && len(payload) > 0:
		return errMessage
	}
	answer, lost, err := m.heard(what, from, payload)
	if answer {
		_ = m.say(from.String(), alive, nil)
	}
	if lost {
		m.cfg.Host.Observe(backplane.Event{Kind: backplane.Gap, Lost: -1, Err: errKeepPace})
	}
	return err
}

// heard notes what a node has said.
func (m *Members) heard(what kind, from id, payload []byte) (answer, lost bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, known := m.nodes[from]
	_, gone := m.gone[from]
	switch {
	case m.closed, gone:
		return false, false, nil
	case what == bye:
		if known {
			m.leave(from)
		}
		if len(m.gone) < m.cfg.MaxNodes {
			m.gone[from] = time.Now()
		}
		return false, false, nil
	case !known && len(m.nodes) >= m.cfg.MaxNodes:
		return false, false, errNodes
	}
	m.nodes[from] = time.Now()
	if !known && m.cfg.Joined != nil {
		m.tell(item{what: hello, from: from})
	}
	if what == relay {
		lost = m.tell(item{what: relay, from: from, data: payload})
	}
	return what == hello, lost, nil
}

// leave forgets a node. The caller holds m.mu.
func (m *Members) leave(who id) {
	delete(m.nodes, who)
	m.tell(item{what: bye, from: who})
}

// tick looks who is alive and, every other time, says that the node is.
func (m *Members) tick() {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return
	}
	now := time.Now()
	late := now.Sub(m.ticked) - m.cfg.Interval/2
	m.ticked = now
	m.timer.Reset(m.cfg.Interval / 2)
	m.expire(now, late)
	m.spoken = !m.spoken
	speak := (m.spoken || late > m.cfg.Interval) && !m.down // the others may take us for dead
	m.mu.Unlock()
	if speak {
		_ = m.say("", alive, nil)
	}
}

// expire takes those who are silent for dead. While the link is cut all are silent, and
// when this process was not run, what they said may not have been read yet. The caller
// holds m.mu.
func (m *Members) expire(now time.Time, late time.Duration) {
	if m.down || late > m.cfg.Interval {
		m.heardAll(now)
		return
	}
	for who, last := range m.nodes {
		if now.Sub(last) > m.cfg.Timeout {
			m.leave(who)
		}
	}
	for who, last := range m.gone {
		if now.Sub(last) > 2*m.cfg.Timeout {
			delete(m.gone, who)
		}
	}
}

// heardAll gives everyone the whole time again. The caller holds m.mu.
func (m *Members) heardAll(now time.Time) {
	for who := range m.nodes {
		m.nodes[who] = now
	}
}

// Down says that the link is cut: nobody is taken for dead until it is Up.
func (m *Members) Down() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = true
}

// Up says that the link is back, or that the channels are listened on only now.
func (m *Members) Up() {
	m.mu.Lock()
	closed := m.closed
	m.down = false
	m.heardAll(time.Now())
	m.mu.Unlock()
	if !closed {
		_ = m.say("", hello, nil)
	}
}

// Nodes returns the ids of the other nodes, in order.
func (m *Members) Nodes() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	nodes := make([]string, 0, len(m.nodes))
	for who := range m.nodes {
		nodes = append(nodes, who.String())
	}
	slices.Sort(nodes)
	return nodes
}

// Relay sends data to the node with that id, or to all if it is "". That there is none
// is no error.
func (m *Members) Relay(to string, data []byte) error {
	m.mu.Lock()
	closed := m.closed
	m.mu.Unlock()
	who, ok := parseID(to)
	switch {
	case closed:
		return backplane.ErrClosed
	case to != "" && (!ok || who == m.id):
		return nil
	}
	return m.say(to, relay, data)
}

// Close says bye. The host is told nothing more, but for a call that is under way.
func (m *Members) Close() {
	m.mu.Lock()
	closed := m.closed
	m.closed = true
	m.queue = nil
	m.timer.Stop()
	clear(m.nodes)
	m.mu.Unlock()
	if !closed {
		_ = m.say("", bye, nil)
	}
}
