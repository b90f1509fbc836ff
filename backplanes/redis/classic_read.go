package redis

import (
	"fmt"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/wire"
)

// readBroadcast reads a broadcast that wants no acks. One that self has sent is not
// read to its end: its kind is 0.
func readBroadcast(payload []byte, self string, l wire.Limits) (m backplane.Message, err error) {
	r := wire.NewReader(payload, l)
	elements := r.Array()
	var parts int
	for ; r.Next(&elements); parts++ {
		switch parts {
		case 0:
			if m.From = r.String(); m.From == self && r.Err() == nil {
				return backplane.Message{}, nil
			}
		case 1:
			readPacket(&r, &m)
		case 2:
			m.Options = r.Options()
		default:
			r.Skip()
		}
	}
	if err := r.End(); err != nil {
		return m, err
	}
	if parts < 3 || m.Data.JSON == nil {
		return m, wire.ErrMalformed
	}
	m.Kind = backplane.Broadcast
	return m, nil
}

// readPacket reads the packet of a broadcast. If there is no namespace in it, that is
// the main one; if it is no event, there is no data.
func readPacket(r *wire.Reader, m *backplane.Message) {
	kind := int64(-1)
	m.Namespace = "/"
	for members := r.Object(); r.Next(&members); {
		switch string(r.Key()) {
		case "type":
			kind = r.Int()
		case "data":
			m.Data = readArray(r)
		case "nsp":
			if !r.Null() {
				m.Namespace = r.String()
			}
		default:
			r.Skip()
		}
	}
	if kind != eventType {
		m.Data = backplane.Data{}
	}
}

// readArray reads a value, of which there is nothing if it is no array.
func readArray(r *wire.Reader) backplane.Data {
	d := r.Value()
	if len(d.JSON) == 0 || d.JSON[0] != '[' {
		return backplane.Data{}
	}
	return d
}

// A classicRequest is a request as it came.
type classicRequest struct {
	kind    int64
	message backplane.Message
	legacy  bool // it aims at one socket, and may want to know that it was there
}

// readRequest reads a request. Its namespace is only set if the request says it.
func readRequest(payload []byte, l wire.Limits) (q classicRequest, err error) {
	r := wire.NewReader(payload, l)
	q.kind = -1
	m := &q.message
	var sid, room string
	var options, rooms bool
	for members := r.Object(); r.Next(&members); {
		key := string(r.Key())
		if r.Null() {
			continue
		}
		switch key {
		case "type":
			q.kind = r.Int()
		case "uid":
			m.From = r.String()
		case "requestId":
			m.Request = r.String()
		case "opts":
			m.Options, options = r.Options(), true
		case "rooms":
			m.Rooms, rooms = r.Names(), true
		case "close":
			m.Close = r.Bool()
		case "data":
			m.Data = readArray(&r)
		case "packet":
			readPacket(&r, m)
		case "sid":
			sid = r.String()
		case "room":
			room = r.String()
		default:
			r.Skip()
		}
	}
	if err := r.End(); err != nil {
		return q, err
	}
	if m.From == "" {
		m.From = emitterID
	}
	if !options && sid != "" && q.kind >= classicJoin && q.kind <= classicDisconnect {
		q.legacy, options = true, true
		m.Options.Rooms, m.Rooms, rooms = []string{sid}, []string{room}, true
	}
	return q, q.check(options, rooms)
}

// check finds out what a request is, and whether all is there that it needs: else
// what was damaged might be for everyone.
func (q *classicRequest) check(options, rooms bool) error {
	m := &q.message
	var ok bool
	switch q.kind {
	case classicSockets, classicRooms:
		m.Kind = backplane.FetchSockets
		m.Options, m.Rooms = backplane.Options{Rooms: m.Rooms}, nil
		ok = m.Request != ""
	case classicJoin, classicLeave:
		m.Kind = backplane.SocketsJoin + backplane.Kind(q.kind-classicJoin)
		ok = options && rooms
	case classicDisconnect:
		m.Kind = backplane.DisconnectSockets
		ok = options
	case classicFetch: // without options it is for all
		m.Kind = backplane.FetchSockets
		ok = m.Request != ""
	case classicServerSideEmit:
		m.Kind = backplane.ServerSideEmit
		ok = m.Data.JSON != nil
	case classicBroadcast:
		m.Kind = backplane.Broadcast
		ok = options && m.Data.JSON != nil && m.Request != ""
	default:
		return fmt.Errorf("%w: %d", wire.ErrUnknownKind, q.kind)
	}
	if !ok {
		return wire.ErrMalformed
	}
	return nil
}

// readResponse reads an answer. What is no answer to anything that is ever asked has
// the kind 0.
func readResponse(payload []byte, l wire.Limits) (m backplane.Message, err error) {
	r := wire.NewReader(payload, l)
	kind := int64(-1)
	var sockets bool
	var data, packet backplane.Data
	for members := r.Object(); r.Next(&members); {
		switch string(r.Key()) {
		case "type":
			kind = r.Int()
		case "requestId":
			m.Request = r.String()
		case "sockets":
			m.Sockets, sockets = r.Sockets(), true
		case "clientCount":
			m.Count = int(r.Int())
		case "data":
			data = r.Value()
		case "packet":
			packet = r.Value()
		case "failed":
			m.Failed = r.Bool()
		default:
			r.Skip()
		}
	}
	if err := r.End(); err != nil {
		return m, err
	}
	switch {
	case kind == classicServerSideEmit:
		m.Kind, m.Data = backplane.ServerSideEmitResponse, data
	case kind == classicCount && m.Count >= 0:
		m.Kind = backplane.ClientCount
	case kind == classicAck:
		m.Kind, m.Data = backplane.Ack, packet
	case kind == -1 && sockets:
		m.Kind = backplane.FetchSocketsResponse
	case kind != -1:
		return m, fmt.Errorf("%w: %d", wire.ErrUnknownKind, kind)
	}
	if m.Request == "" {
		return m, wire.ErrMalformed
	}
	return m, nil
}
