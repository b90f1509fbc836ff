package wire

import (
	"fmt"

	"github.com/kawat-go/kawat/core/backplane"
)

// Decode reads a message: JSON if it begins with a brace, else MessagePack. Parts of
// the message are parts of payload, which must not be changed any more.
//
// Members that are not known are skipped. A message without a namespace, or without a
// sender, has "" there.
func Decode(payload []byte, l Limits) (backplane.Message, error) {
	r := NewReader(payload, l)
	m := r.envelope()
	if err := r.End(); err != nil {
		return backplane.Message{}, err
	}
	return m, nil
}

// DecodeData reads what is under "data" in a message of some kind, as
// [AppendDataJSON] or [AppendDataMsgpack] writes it.
func DecodeData(kind backplane.Kind, data []byte, l Limits) (backplane.Message, error) {
	if !known(kind) {
		return backplane.Message{}, fmt.Errorf("%w: %d", ErrUnknownKind, kind)
	}
	m := backplane.Message{Kind: kind}
	if !hasData(kind) {
		return m, nil
	}
	r := NewReader(data, l)
	r.data(&m)
	if err := r.End(); err != nil {
		return backplane.Message{}, err
	}
	return m, nil
}

func (r *Reader) envelope() (m backplane.Message) {
	var late *Reader // the data, if it came before its type
	var unknown error
	has := false
	twice := func(already bool) {
		if already { // what was checked for one kind could be taken for another
			r.fail(ErrMalformed)
		}
	}
	for members := r.Object(); r.Next(&members); {
		switch string(r.Key()) {
		case keyType:
			twice(m.Kind != 0 || unknown != nil)
			if n := r.Int(); n > 0 && n < 256 && known(backplane.Kind(n)) {
				m.Kind = backplane.Kind(n)
			} else {
				unknown = fmt.Errorf("%w: %d", ErrUnknownKind, n)
			}
		case keyData:
			twice(has || late != nil)
			switch {
			case hasData(m.Kind):
				has = true
				r.data(&m)
			case m.Kind == 0 && unknown == nil:
				at := *r
				late = &at
				late.b = r.raw()
			default:
				r.Skip()
			}
		case keyFrom:
			m.From = r.name()
		case keyNamespace:
			m.Namespace = r.name()
		default:
			r.Skip()
		}
	}
	switch {
	case r.err != nil:
	case unknown != nil:
		r.fail(unknown)
	case m.Kind == 0:
		r.fail(ErrMalformed)
	case hasData(m.Kind) && !has:
		if late == nil {
			r.fail(ErrMalformed)
			return m
		}
		late.data(&m)
		if late.err != nil {
			r.fail(late.err)
		}
	}
	return m
}

// name reads a string, or null, which is none.
func (r *Reader) name() string {
	if r.Null() {
		return ""
	}
	return r.String()
}

// data reads what is under "data", and checks that what the kind must have is there:
// else what was damaged might be for everyone.
func (r *Reader) data(m *backplane.Message) {
	var options, rooms bool
	for members := r.Object(); r.Next(&members); {
		key := r.Key()
		if !belongs(m.Kind, key) {
			r.Skip()
			continue
		}
		switch string(key) {
		case keyPacket:
			switch m.Kind {
			case backplane.Broadcast:
				r.packet(m)
			case backplane.ServerSideEmit:
				m.Data = r.array()
			default:
				m.Data = r.Value()
			}
		case keyRequest:
			m.Request = r.name()
		case keyOptions:
			m.Options = r.Options()
			options = true
		case keyRooms:
			m.Rooms = r.Names()
			rooms = true
		case keyClose:
			m.Close = r.Bool()
		case keySockets:
			m.Sockets = r.Sockets()
		case keyCount:
			m.Count = r.count()
		case keyFailed:
			m.Failed = r.Bool()
		}
	}
	var ok bool
	switch m.Kind {
	case backplane.Broadcast:
		ok = options && m.Data.JSON != nil
	case backplane.SocketsJoin, backplane.SocketsLeave:
		ok = options && rooms
	case backplane.DisconnectSockets:
		ok = options
	case backplane.FetchSockets:
		ok = options && m.Request != ""
	case backplane.ServerSideEmit:
		ok = m.Data.JSON != nil
	default:
		ok = m.Request != ""
	}
	if !ok {
		r.fail(ErrMalformed)
	}
}

// belongs reports whether messages of a kind have a member in their data.
func belongs(k backplane.Kind, key []byte) bool {
	switch string(key) {
	case keyPacket:
		return k == backplane.Broadcast || k == backplane.ServerSideEmit || k == backplane.ServerSideEmitResponse || k == backplane.Ack
	case keyRequest:
		return k == backplane.Broadcast || k >= backplane.FetchSockets
	case keyOptions:
		return k <= backplane.FetchSockets
	case keyRooms:
		return k == backplane.SocketsJoin || k == backplane.SocketsLeave
	case keyClose:
		return k == backplane.DisconnectSockets
	case keySockets:
		return k == backplane.FetchSocketsResponse
	case keyCount:
		return k == backplane.ClientCount
	case keyFailed:
		return k == backplane.ServerSideEmitResponse
	}
	return false
}

// packet reads the packet of a broadcast.
func (r *Reader) packet(m *backplane.Message) {
	event := false
	for members := r.Object(); r.Next(&members); {
		switch string(r.Key()) {
		case keyType:
			n := r.Int()
			event = n == eventType || n == binaryEventType
		case keyData:
			m.Data = r.array()
		default:
			r.Skip()
		}
	}
	if !event {
		r.fail(ErrMalformed)
	}
}

// count reads how many there are of something.
func (r *Reader) count() int {
	n := r.Int()
	if n < 0 || n > 1<<31-1 {
		r.fail(ErrMalformed)
		return 0
	}
	return int(n)
}
