package socketio

// A crowd is a list of sockets that broadcasts can walk without a lock: it is never
// changed where a snapshot of it may be looked at. The owner's lock guards the
// methods.
type crowd struct {
	list   []*Socket
	shared bool // a snapshot of list is about
}

// push adds a socket and returns its place. Appending never disturbs a snapshot,
// which ends before.
func (c *crowd) push(s *Socket) int {
	c.list = append(c.list, s)
	return len(c.list) - 1
}

// removeAt removes the socket at a place. The last one comes there, and is returned
// unless it was the one.
func (c *crowd) removeAt(i int) (moved *Socket) {
	last := len(c.list) - 1
	if c.shared {
		c.list = append(make([]*Socket, 0, last+1), c.list...)
		c.shared = false
	}
	if i != last {
		moved = c.list[last]
		c.list[i] = moved
	}
	c.list[last] = nil
	c.list = c.list[:last]
	return moved
}

func (c *crowd) len() int { return len(c.list) }

// snapshot returns the sockets as they are now, to be read at leisure.
func (c *crowd) snapshot() []*Socket {
	c.shared = true
	return c.list[:len(c.list):len(c.list)]
}

// members is a crowd as a set.
type members struct {
	crowd
	index map[*Socket]int // of each socket in list
}

// add adds a socket, once.
func (m *members) add(s *Socket) {
	if _, ok := m.index[s]; ok {
		return
	}
	if m.index == nil {
		m.index = make(map[*Socket]int)
	}
	m.index[s] = m.push(s)
}

// remove reports whether the socket was there.
func (m *members) remove(s *Socket) bool {
	i, ok := m.index[s]
	if !ok {
		return false
	}
	delete(m.index, s)
	if moved := m.removeAt(i); moved != nil {
		m.index[moved] = i
	}
	return true
}

func (m *members) has(s *Socket) bool {
	_, ok := m.index[s]
	return ok
}

// everyone is a crowd as a set, too, of which a socket is in one at most: it knows
// its place there itself, which costs it nothing. An index would take 40 bytes.
type everyone struct{ crowd }

func (e *everyone) add(s *Socket) {
	if s.place == 0 {
		s.place = int32(e.push(s)) + 1
	}
}

func (e *everyone) remove(s *Socket) {
	if s.place == 0 {
		return
	}
	if moved := e.removeAt(int(s.place) - 1); moved != nil {
		moved.place = s.place
	}
	s.place = 0
}
