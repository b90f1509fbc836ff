package backplane

import (
	"context"
	"time"
)

// NewDurableMemory makes a backplane for servers of this process that keeps broadcasts
// and sessions: with it, clients that lose their connection, or their server, go on with
// another one. Its nodes are [Durable]. Of each namespace it keeps the last 10,000
// messages, and of sessions the last 10,000.
func NewDurableMemory() *Memory {
	return &Memory{kept: &memoryKept{logs: make(map[string]*memoryLog), sessions: make(map[string]*memorySession)}}
}

// maxKept bounds the messages of a namespace, and the sessions, that are kept.
const maxKept = 10_000

// memoryKept is what a durable Memory keeps. The Memory's mu guards it.
type memoryKept struct {
	logs     map[string]*memoryLog
	sessions map[string]*memorySession // by namespace and pid
	order    []*memorySession          // the oldest first; some are gone
}

// A memoryLog has the last messages of a namespace. Their offsets count from 2 on: the
// one before the first is not zero.
type memoryLog struct {
	first    uint64 // of those in messages
	messages []Message
}

func (l *memoryLog) last() Offset { return Offset{Major: l.first + uint64(len(l.messages)) - 1} }

type memorySession struct {
	session Session
	until   time.Time
	gone    bool
}

func (s *memorySession) key() string { return s.session.Namespace + "," + s.session.PID }

func (s *memorySession) over() bool { return s.gone || !time.Now().Before(s.until) }

func (k *memoryKept) log(namespace string) *memoryLog {
	l := k.logs[namespace]
	if l == nil {
		l = &memoryLog{first: 2}
		k.logs[namespace] = l
	}
	return l
}

// logged reports whether a message has a place in the order of its namespace.
func (m *Message) logged() bool {
	switch m.Kind {
	case Broadcast:
		return m.Request == "" && !m.Options.Flags.Volatile
	case SocketsJoin, SocketsLeave, DisconnectSockets:
		return true
	}
	return false
}

// keep gives a message its offset.
func (k *memoryKept) keep(m *Message) {
	l := k.log(m.Namespace)
	m.Offset = Offset{Major: l.last().Major + 1}
	l.messages = append(l.messages, *m)
	if len(l.messages) > maxKept {
		l.messages[0] = Message{}
		l.messages = l.messages[1:]
		l.first++
	}
}

// A durableMemoryNode is a memoryNode that is [Durable].
type durableMemoryNode struct{ *memoryNode }

// Head implements [Durable].
func (n durableMemoryNode) Head(namespace string) Offset {
	n.memory.mu.Lock()
	defer n.memory.mu.Unlock()
	return n.heads[namespace]
}

// SaveSession implements [Durable].
func (n durableMemoryNode) SaveSession(_ context.Context, s Session, lasts time.Duration) error {
	m := n.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if n.closed {
		return ErrClosed
	}
	saved := &memorySession{session: s, until: time.Now().Add(lasts)}
	_ = m.kept.take(saved.key())
	m.kept.sessions[saved.key()] = saved
	m.kept.order = append(m.kept.order, saved)
	for len(m.kept.order) > 0 && (m.kept.order[0].over() || len(m.kept.order) > maxKept) {
		first := m.kept.order[0]
		if !first.gone {
			delete(m.kept.sessions, first.key())
		}
		m.kept.order[0] = nil
		m.kept.order = m.kept.order[1:]
	}
	return nil
}

// take takes a session out, if there is one.
func (k *memoryKept) take(key string) *memorySession {
	s := k.sessions[key]
	if s == nil {
		return nil
	}
	delete(k.sessions, key)
	over := s.over()
	s.gone = true
	if over {
		return nil
	}
	return s
}

// RestoreSession implements [Durable].
func (n durableMemoryNode) RestoreSession(_ context.Context, namespace, pid string, seen Offset) (Session, []Message, error) {
	s, log, err := n.restore(namespace, pid, seen)
	if err != nil {
		return Session{}, nil, err
	}
	return s.Replay(log)
}

// restore returns a session and the log behind what it knows.
func (n durableMemoryNode) restore(namespace, pid string, seen Offset) (Session, []Message, error) {
	m := n.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if n.closed {
		return Session{}, nil, ErrClosed
	}
	saved := m.kept.take(namespace + "," + pid)
	if saved == nil {
		return Session{}, nil, ErrNoSession
	}
	s := saved.session
	log := m.kept.log(namespace)
	after, ok := s.After(seen)
	if !ok || after.Minor != 0 || after.Major+1 < log.first || after.Compare(log.last()) > 0 {
		return Session{}, nil, ErrNoSession
	}
	return s, log.messages[after.Major+1-log.first:], nil
}
