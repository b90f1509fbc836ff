package backplane

import (
	"encoding/json"
	"maps"
	"slices"
)

// A Session is what a client that was cut leaves behind for the node that it comes
// back to.
type Session struct {
	Namespace string
	ID        string // of the socket
	PID       string // the client's key to it, a secret
	Rooms     []string
	Data      Data // what the socket's SetData has set

	// Marks are nil where a server has saved the session that is none of Kawat's.
	Marks *Marks
}

// Marks say where in the order of its namespace a session was what. A backplane keeps
// them beside the rest as the text that MarshalText makes, under the name "kawat"; the
// servers of others pay no heed to it.
type Marks struct {
	// Start is the last message before the session began.
	Start Offset
	// Blind is the last message of which nobody knows any more whether it was for the
	// session; zero as a rule.
	Blind Offset
	// Sent is the last message that its client was sent, and End the last one of the
	// namespace when its socket ended.
	Sent, End Offset
	// Since has the last message before a room was joined, for those that were not joined
	// at the very beginning.
	Since map[string]Offset
	// Left are times in rooms that it has left.
	Left []Stay
	// Replayed is how far messages were sent to it anew, and Repeated how many bytes of
	// them were so more than once.
	Replayed Offset
	Repeated int
}

// A Stay is a time in a room: for the messages behind From, up to Until.
type Stay struct {
	Room        string
	From, Until Offset
}

// marksText is the text form of Marks: short names, and nothing that is zero.
type marksText struct {
	Start    Offset            `json:"start,omitzero"`
	Blind    Offset            `json:"blind,omitzero"`
	Sent     Offset            `json:"sent,omitzero"`
	End      Offset            `json:"end,omitzero"`
	Since    map[string]Offset `json:"since,omitempty"`
	Left     []stayText        `json:"left,omitempty"`
	Replayed Offset            `json:"replayed,omitzero"`
	Repeated int               `json:"repeated,omitzero"`
}

type stayText struct {
	Room  string `json:"room"`
	From  Offset `json:"from,omitzero"`
	Until Offset `json:"until"`
}

// MarshalText writes the marks as JSON.
func (m Marks) MarshalText() ([]byte, error) {
	text := marksText{m.Start, m.Blind, m.Sent, m.End, m.Since, nil, m.Replayed, m.Repeated}
	for _, s := range m.Left {
		text.Left = append(text.Left, stayText(s))
	}
	return json.Marshal(text)
}

// UnmarshalText reads what MarshalText has written. What it does not know it ignores.
func (m *Marks) UnmarshalText(data []byte) error {
	var text marksText
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*m = Marks{text.Start, text.Blind, text.Sent, text.End, text.Since, nil, text.Replayed, max(text.Repeated, 0)}
	for _, s := range text.Left {
		m.Left = append(m.Left, Stay(s))
	}
	return nil
}

// After returns the offset behind which those messages are that the session's client
// may have missed, if seen is that of the last one that it knows, or zero. It can be
// far behind seen: who had everything when the socket ended begins there. It reports
// false if that offset is not known.
func (s Session) After(seen Offset) (after Offset, ok bool) {
	m := s.Marks
	if m == nil {
		return seen, !seen.IsZero()
	}
	if seen.Compare(m.Sent) >= 0 && !m.End.IsZero() {
		return m.End, true
	}
	if after = seen; after.Compare(m.Start) < 0 {
		after = m.Start
	}
	return after, !after.IsZero() && after.Compare(m.Blind) >= 0
}

// Replay returns the session as it is now, and what its client has missed. log has the
// messages of the namespace behind what After has returned, in order, of the kinds
// Broadcast, SocketsJoin, SocketsLeave and DisconnectSockets, each with its Offset;
// others do no harm, nor does the same again. It fails with [ErrNoSession] if the session
// was ended meanwhile.
func (s Session) Replay(log []Message) (now Session, missed []Message, err error) {
	r := replay{session: s, rooms: make(map[string]Offset, len(s.Rooms)+1)}
	for _, room := range s.Rooms {
		r.rooms[room] = Offset{}
	}
	if s.Marks != nil {
		r.marks = *s.Marks
		r.marks.Left = slices.Clip(r.marks.Left)
		for room, since := range s.Marks.Since {
			if _, in := r.rooms[room]; in {
				r.rooms[room] = since
			}
		}
	}
	r.rooms[s.ID] = Offset{}
	for _, m := range log {
		if !r.take(m) {
			return Session{}, nil, ErrNoSession
		}
	}
	return r.now(), r.missed, nil
}

// A replay goes through the log for a session.
type replay struct {
	session Session
	marks   Marks
	rooms   map[string]Offset // each with the last message before it was joined
	missed  []Message
}

// take reports false if the message is the session's end.
func (r *replay) take(m Message) bool {
	switch m.Kind {
	case Broadcast:
		if m.Request == "" && !m.Options.Flags.Volatile && m.Options.aimAt(func(room string) bool { return r.wasIn(room, m.Offset) }) {
			r.missed = append(r.missed, m)
		}
		return true
	case SocketsJoin, SocketsLeave, DisconnectSockets:
	default:
		return true
	}
	// What came before the socket's end has reached it, and what it does since to a
	// session of Node's is nothing.
	if r.marks.End.IsZero() || m.Offset.Compare(r.marks.End) <= 0 ||
		!m.Options.aimAt(func(room string) bool { return r.wasIn(room, m.Offset) }) {
		return true
	}
	for _, room := range m.Rooms {
		if m.Kind == SocketsJoin {
			r.join(room, m.Offset)
		} else {
			r.leave(room, m.Offset)
		}
	}
	return m.Kind != DisconnectSockets
}

func (r *replay) join(room string, at Offset) {
	if _, in := r.rooms[room]; !in {
		r.rooms[room] = at
	}
}

func (r *replay) leave(room string, at Offset) {
	if since, in := r.rooms[room]; in && room != r.session.ID {
		delete(r.rooms, room)
		if stay := (Stay{Room: room, From: since, Until: at}); !slices.Contains(r.marks.Left, stay) {
			r.marks.Left = append(r.marks.Left, stay)
		}
	}
}

// wasIn reports whether the session was in a room when a message was sent.
func (r *replay) wasIn(room string, at Offset) bool {
	if since, in := r.rooms[room]; in && at.Compare(since) > 0 {
		return true
	}
	return slices.ContainsFunc(r.marks.Left, func(s Stay) bool {
		return s.Room == room && at.Compare(s.From) > 0 && at.Compare(s.Until) <= 0
	})
}

// now returns the session as it has become.
func (r *replay) now() Session {
	s := r.session
	s.Rooms = slices.Sorted(maps.Keys(r.rooms))
	if s.Marks == nil {
		return s
	}
	r.marks.Since = make(map[string]Offset)
	for room, since := range r.rooms {
		if !since.IsZero() {
			r.marks.Since[room] = since
		}
	}
	s.Marks = &r.marks
	return s
}

// aimAt reports whether the options aim at who is in the rooms that in knows.
func (o Options) aimAt(in func(room string) bool) bool {
	return (len(o.Rooms) == 0 || slices.ContainsFunc(o.Rooms, in)) && !slices.ContainsFunc(o.Except, in)
}
