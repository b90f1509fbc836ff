package membership

import (
	"log/slog"
	"runtime/debug"
)

// tell queues what the host is told. It reports whether that is the first in a while
// that found no room. The caller holds m.mu.
func (m *Members) tell(i item) (lost bool) {
	// Who comes and goes must be known, and is bounded by how many nodes there are.
	if i.what == relay && (len(m.queue) >= m.cfg.MaxItems || len(i.data) > m.cfg.MaxBytes-m.bytes) {
		lost, m.lossy = !m.lossy, true
		return lost
	}
	m.queue = append(m.queue, i)
	m.bytes += len(i.data)
	if !m.handing {
		m.handing = true
		go m.handOver()
	}
	return false
}

// handOver gives items to the host until there are none. A host that ends the
// goroutine does not end that.
func (m *Members) handOver() {
	done := false
	defer func() {
		if !done {
			go m.handOver()
		}
	}()
	for {
		i, ok := m.take()
		if !ok {
			done = true
			return
		}
		m.give(i)
	}
}

// take returns what has waited for longest. If there is nothing, nobody hands over any
// more.
func (m *Members) take() (i item, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 {
		m.queue, m.bytes, m.handing, m.lossy = nil, 0, false, false
		return item{}, false
	}
	i = m.queue[0]
	m.queue[0] = item{}
	m.queue = m.queue[1:]
	m.bytes -= len(i.data)
	return i, true
}

func (m *Members) give(i item) {
	defer func() {
		if v := recover(); v != nil {
			m.logger().Error("membership: a host panicked", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	from := i.from.String()
	switch i.what {
	case hello:
		m.cfg.Joined(from)
	case relay:
		m.cfg.Host.Relay(from, i.data)
	case bye:
		m.cfg.Host.Left(from)
	}
}

func (m *Members) logger() *slog.Logger {
	if m.cfg.Host.Logger != nil {
		return m.cfg.Host.Logger
	}
	return slog.Default()
}
