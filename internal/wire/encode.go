package wire

import (
	"fmt"

	"github.com/kawat-go/kawat/core/backplane"
)

// The keys of messages.
const (
	keyType      = "type"
	keyData      = "data"
	keyFrom      = "uid"
	keyNamespace = "nsp"
	keyPacket    = "packet"
	keyRequest   = "requestId"
	keyOptions   = "opts"
	keyRooms     = "rooms"
	keyClose     = "close"
	keySockets   = "sockets"
	keyCount     = "clientCount"
	keyFailed    = "failed" // Kawat's own: the answer is an error
)

// eventType is the type of the packet in a broadcast, and binaryEventType the one
// that it never has but could.
const eventType, binaryEventType = 2, 5

// HasBinary reports whether there is binary in a message, where the reference looks
// for it.
func HasBinary(m backplane.Message) bool {
	switch m.Kind {
	case backplane.Broadcast, backplane.ServerSideEmit, backplane.ServerSideEmitResponse, backplane.Ack:
		return len(m.Data.Attachments) > 0
	case backplane.FetchSocketsResponse:
		for i := range m.Sockets {
			if len(m.Sockets[i].Data.Attachments) > 0 || len(m.Sockets[i].Handshake.Auth.Attachments) > 0 {
				return true
			}
		}
	}
	return false
}

// Append appends a message as JSON or, if there is binary in it, as MessagePack. The
// error is about the message: a kind that is not known, an event without a name, a
// room's name that is not UTF-8.
func Append(dst []byte, m backplane.Message) ([]byte, error) {
	return appendEnvelope(dst, m, HasBinary(m))
}

// AppendJSON appends a message as JSON. It is an error if there is binary in it.
func AppendJSON(dst []byte, m backplane.Message) ([]byte, error) {
	return appendEnvelope(dst, m, false)
}

// AppendMsgpack appends a message as MessagePack.
func AppendMsgpack(dst []byte, m backplane.Message) ([]byte, error) {
	return appendEnvelope(dst, m, true)
}

// AppendDataJSON appends what is under "data" in a message, as JSON. It appends
// nothing if a message of that kind has no data.
func AppendDataJSON(dst []byte, m backplane.Message) ([]byte, error) {
	return appendData(dst, m, false)
}

// AppendDataMsgpack appends what is under "data" in a message, as MessagePack.
func AppendDataMsgpack(dst []byte, m backplane.Message) ([]byte, error) {
	return appendData(dst, m, true)
}

func appendEnvelope(dst []byte, m backplane.Message, msgpack bool) ([]byte, error) {
	w := NewWriter(dst, msgpack)
	members := 3
	if hasData(m.Kind) {
		members++
	}
	w.Object(members)
	w.Key(keyType)
	w.Int(int64(m.Kind))
	if hasData(m.Kind) {
		w.Key(keyData)
		w.data(&m)
	} else {
		w.checkKind(m.Kind)
	}
	w.Key(keyFrom)
	w.String(m.From)
	w.Key(keyNamespace)
	w.String(m.Namespace)
	w.EndObject()
	return w.Bytes()
}

func appendData(dst []byte, m backplane.Message, msgpack bool) ([]byte, error) {
	w := NewWriter(dst, msgpack)
	if hasData(m.Kind) {
		w.data(&m)
	} else {
		w.checkKind(m.Kind)
	}
	return w.Bytes()
}

func known(k backplane.Kind) bool { return k >= InitialHeartbeat && k <= backplane.NodeLeft }

// hasData reports whether messages of a kind have data.
func hasData(k backplane.Kind) bool { return k > Heartbeat && k < backplane.NodeLeft }

func (w *Writer) checkKind(k backplane.Kind) {
	if !known(k) {
		w.fail(fmt.Errorf("%w: %d", ErrUnknownKind, k))
	}
}

// data writes what is under "data".
func (w *Writer) data(m *backplane.Message) {
	switch m.Kind {
	case backplane.Broadcast:
		members := 2
		if m.Request != "" {
			members++
		}
		w.Object(members)
		w.Key(keyPacket)
		w.Object(2)
		w.Key(keyType)
		w.Int(eventType)
		w.Key(keyData)
		w.event(m)
		w.EndObject()
		w.request(m)
		w.options(m)
	case backplane.SocketsJoin, backplane.SocketsLeave:
		w.Object(2)
		w.options(m)
		w.Key(keyRooms)
		w.Names(m.Rooms)
	case backplane.DisconnectSockets:
		w.Object(2)
		w.options(m)
		w.Key(keyClose)
		w.Bool(m.Close)
	case backplane.FetchSockets:
		w.Object(2)
		w.options(m)
		w.mustRequest(m)
	case backplane.FetchSocketsResponse:
		w.Object(2)
		w.mustRequest(m)
		w.Key(keySockets)
		w.Sockets(m.Sockets)
	case backplane.ServerSideEmit:
		members := 1
		if m.Request != "" {
			members++
		}
		w.Object(members)
		w.request(m)
		w.Key(keyPacket)
		w.event(m)
	case backplane.ServerSideEmitResponse, backplane.Ack:
		w.answer(m)
	case backplane.ClientCount:
		w.Object(2)
		w.mustRequest(m)
		w.Key(keyCount)
		w.Int(int64(m.Count))
	}
	w.EndObject()
}

// answer writes a single value, which may be missing.
func (w *Writer) answer(m *backplane.Message) {
	members := 1
	if m.Data.JSON != nil {
		members++
	}
	if m.Failed {
		members++
	}
	w.Object(members)
	w.mustRequest(m)
	if m.Data.JSON != nil {
		w.Key(keyPacket)
		w.Value(m.Data)
	}
	if m.Failed {
		w.Key(keyFailed)
		w.Bool(true)
	}
}

// event writes an array of an event's name and its arguments.
func (w *Writer) event(m *backplane.Message) {
	if len(m.Data.JSON) == 0 || m.Data.JSON[0] != '[' {
		w.fail(fmt.Errorf("wire: the data of a message of kind %d must be an array", m.Kind))
	}
	w.Value(m.Data)
}

// request writes the id of a request, if it is one.
func (w *Writer) request(m *backplane.Message) {
	if m.Request != "" {
		w.Key(keyRequest)
		w.String(m.Request)
	}
}

func (w *Writer) mustRequest(m *backplane.Message) {
	if m.Request == "" {
		w.fail(fmt.Errorf("wire: a message of kind %d must have a request", m.Kind))
	}
	w.request(m)
}

func (w *Writer) options(m *backplane.Message) {
	w.Key(keyOptions)
	w.Options(m.Options, true)
}
