package socketio

import (
	"container/list"
	"sync"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A memory knows the events that [Deduplicate] has seen. It has no timer: what is
// over is forgotten when the next event comes, or when there is too much.
type memory struct {
	cfg DedupeConfig

	mu       sync.Mutex
	attempts map[attemptKey]*attempt
	finished *list.List // of those whose handlers have returned, oldest first
	bytes    int        // of those
}

type attemptKey struct {
	server                      *Server
	namespace, event, scope, id string
}

// An attempt is the handling of an event, and what came of it. The memory's mu
// guards it.
type attempt struct {
	memory   *memory
	key      attemptKey
	size     int
	ack      []*engine.Frame // nil while there is none
	waiting  []waiter        // repeats that have no answer yet
	returned time.Time
	element  *list.Element // of memory.finished; nil while the handler runs, and when it is forgotten
}

// A waiter is a repeat that will be answered with the first one's ack.
type waiter struct {
	socket *Socket
	id     int64
}

// maxWaiters bounds the repeats of one event that wait; a client looks for the
// answer to its latest.
const maxWaiters = 16

// attemptSize is what an attempt takes beside its key and its ack.
const attemptSize = 400

func newMemory(cfg DedupeConfig) *memory {
	return &memory{cfg: cfg, attempts: make(map[attemptKey]*attempt), finished: list.New()}
}

// attempt returns the one attempt at an event, and whether it is new.
func (m *memory) attempt(key attemptKey) (a *attempt, first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetSome()
	if a := m.attempts[key]; a != nil {
		return a, false
	}
	a = &attempt{memory: m, key: key, size: attemptSize + len(key.event) + len(key.scope) + len(key.id)}
	m.attempts[key] = a
	return a, true
}

// finish notes that the handler has returned. An attempt that has been
// acknowledged is kept in any case: the client may have been told.
func (m *memory) finish(a *attempt, keep bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !keep && a.ack == nil {
		delete(m.attempts, a.key)
		return
	}
	a.returned = time.Now()
	a.element = m.finished.PushBack(a)
	m.bytes += a.size
	m.forgetSome()
}

// forgetSome forgets what is over or too much. The caller holds m.mu.
func (m *memory) forgetSome() {
	for el := m.finished.Front(); el != nil; el = m.finished.Front() {
		a := el.Value.(*attempt)
		if m.finished.Len() <= m.cfg.MaxEntries && m.bytes <= m.cfg.MaxBytes && time.Since(a.returned) < m.cfg.Window {
			return
		}
		m.finished.Remove(el)
		delete(m.attempts, a.key)
		m.bytes -= a.size
		a.element = nil
	}
}

// ackOrWait returns the ack of an attempt, or has w wait for it.
func (m *memory) ackOrWait(a *attempt, w waiter) []*engine.Frame {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a.ack == nil {
		if len(a.waiting) == maxWaiters {
			a.waiting = append(a.waiting[:0], a.waiting[1:]...)
		}
		a.waiting = append(a.waiting, w)
	}
	return a.ack
}

// acknowledged remembers the ack of an attempt, whether or not it reaches the
// client that is there now, and answers those who wait.
func (a *attempt) acknowledged(ack []*engine.Frame) {
	for _, w := range a.remember(ack) {
		w.socket.replay(w.id, ack)
	}
}

func (a *attempt) remember(ack []*engine.Frame) (waiting []waiter) {
	size := 0
	for _, f := range ack {
		size += len(f.Payload())
	}
	m := a.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	a.ack, waiting, a.waiting = ack, a.waiting, nil
	a.size += size
	if a.element != nil { // else it is counted when the handler returns, or is forgotten
		m.bytes += size
		m.forgetSome()
	}
	return waiting
}
