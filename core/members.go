package socketio

// members is a set of sockets that broadcasts can walk without a lock: a list that
// is never changed where a snapshot of it may be looked at. The owner's lock
// guards the methods.
type members struct {
	list   []*Socket
	index  map[*Socket]int // of each socket in list
	shared bool            // a snapshot of list is about
}

// add adds a socket, once. Appending never disturbs a snapshot, which ends before.
func (m *members) add(s *Socket) {
	if _, ok := m.index[s]; ok {
		return
	}
	if m.index == nil {
		m.index = make(map[*Socket]int)
	}
	m.index[s] = len(m.list)
	m.list = append(m.list, s)
}

// remove reports whether the socket was there. The last one takes its place.
func (m *members) remove(s *Socket) bool {
	i, ok := m.index[s]
	if !ok {
		return false
	}
	delete(m.index, s)
	last := len(m.list) - 1
	if m.shared {
		m.list = append(make([]*Socket, 0, last+1), m.list...)
		m.shared = false
	}
	if i != last {
		m.list[i] = m.list[last]
		m.index[m.list[i]] = i
	}
	m.list[last] = nil
	m.list = m.list[:last]
	return true
}

func (m *members) has(s *Socket) bool {
	_, ok := m.index[s]
	return ok
}

func (m *members) len() int { return len(m.list) }

// snapshot returns the sockets as they are now, to be read at leisure.
func (m *members) snapshot() []*Socket {
	m.shared = true
	return m.list[:len(m.list):len(m.list)]
}
