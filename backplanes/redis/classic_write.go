package redis

import (
	"fmt"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/wire"
)

// The types of the classic adapter's requests, and of some answers.
const (
	classicSockets        = 0
	classicRooms          = 1
	classicJoin           = 2
	classicLeave          = 3
	classicDisconnect     = 4
	classicFetch          = 5
	classicServerSideEmit = 6
	classicBroadcast      = 7
	classicCount          = 8
	classicAck            = 9
)

// eventType is the type of the packet in a broadcast.
const eventType = 2

// writeBroadcast writes a broadcast that wants no acks. The emitter has the flags
// before except.
func writeBroadcast(m *backplane.Message, emitter bool) ([]byte, error) {
	w := wire.NewWriter(nil, true)
	w.Array(3)
	w.String(m.From)
	writePacket(&w, m)
	if emitter {
		w.Object(3)
		w.Key("rooms")
		w.Names(m.Options.Rooms)
		w.Key("flags")
		w.Flags(m.Options.Flags)
		w.Key("except")
		w.Names(m.Options.Except)
	} else {
		w.Options(m.Options, true)
	}
	return written(&w, m)
}

func writePacket(w *wire.Writer, m *backplane.Message) {
	w.Object(3)
	w.Key("type")
	w.Int(eventType)
	w.Key("data")
	w.Value(m.Data)
	w.Key("nsp")
	w.String(m.Namespace)
	w.EndObject()
}

// writeRequest writes what goes to all nodes of a namespace beside broadcasts. Where
// there is no sender it has none: the emitter's have none where nodes would look at it.
func writeRequest(m *backplane.Message) ([]byte, error) {
	packed := m.Kind == backplane.Broadcast || wire.HasBinary(*m)
	w := wire.NewWriter(nil, packed)
	members := 0
	for _, has := range []bool{m.From != "", m.Request != ""} {
		if has {
			members++
		}
	}
	begin := func(kind, more int) {
		w.Object(members + 1 + more)
		if m.From != "" {
			w.Key("uid")
			w.String(m.From)
		}
		if m.Request != "" {
			w.Key("requestId")
			w.String(m.Request)
		}
		w.Key("type")
		w.Int(int64(kind))
	}
	options := func(flags bool) {
		w.Key("opts")
		w.Options(m.Options, flags)
	}
	switch m.Kind {
	case backplane.SocketsJoin, backplane.SocketsLeave:
		begin(classicJoin+int(m.Kind-backplane.SocketsJoin), 2)
		options(false)
		w.Key("rooms")
		w.Names(m.Rooms)
	case backplane.DisconnectSockets:
		begin(classicDisconnect, 2)
		options(false)
		w.Key("close")
		w.Bool(m.Close)
	case backplane.FetchSockets:
		begin(classicFetch, 1)
		options(false)
	case backplane.ServerSideEmit:
		begin(classicServerSideEmit, 1)
		w.Key("data")
		w.Value(m.Data)
	case backplane.Broadcast:
		begin(classicBroadcast, 2)
		w.Key("packet")
		writePacket(&w, m)
		options(true)
	default:
		return nil, errKind(m)
	}
	w.EndObject()
	return written(&w, m)
}

// writeResponse writes an answer to a request of one of the last kinds.
func writeResponse(m *backplane.Message) ([]byte, error) {
	w := wire.NewWriter(nil, m.Kind == backplane.Ack || wire.HasBinary(*m))
	begin := func(kind, more int) {
		w.Object(2 + more)
		w.Key("type")
		w.Int(int64(kind))
		w.Key("requestId")
		w.String(m.Request)
	}
	value := func(kind int, name string) {
		more := 0
		if m.Data.JSON != nil {
			more++
		}
		if m.Failed {
			more++
		}
		begin(kind, more)
		if m.Data.JSON != nil {
			w.Key(name)
			w.Value(m.Data)
		}
		if m.Failed { // Kawat's own
			w.Key("failed")
			w.Bool(true)
		}
	}
	switch m.Kind {
	case backplane.FetchSocketsResponse:
		w.Object(2)
		w.Key("requestId")
		w.String(m.Request)
		w.Key("sockets")
		w.Sockets(m.Sockets)
	case backplane.ServerSideEmitResponse:
		value(classicServerSideEmit, "data")
	case backplane.ClientCount:
		begin(classicCount, 1)
		w.Key("clientCount")
		w.Int(int64(m.Count))
	case backplane.Ack:
		value(classicAck, "packet")
	default:
		return nil, errKind(m)
	}
	w.EndObject()
	return written(&w, m)
}

// writeList writes the answer to a request of the first two types, or to a legacy one
// if there is no name.
func writeList(request, name string, list []string) ([]byte, error) {
	w := wire.NewWriter(nil, false)
	w.Object(2)
	w.Key("requestId")
	w.String(request)
	if name != "" {
		w.Key(name)
		w.Names(list)
	}
	w.EndObject()
	return w.Bytes()
}

// written checks a message that was written.
func written(w *wire.Writer, m *backplane.Message) ([]byte, error) {
	event := m.Kind == backplane.Broadcast || m.Kind == backplane.ServerSideEmit
	if event && (len(m.Data.JSON) == 0 || m.Data.JSON[0] != '[') {
		return nil, fmt.Errorf("redis: the data of a message of kind %d must be an array", m.Kind)
	}
	return w.Bytes()
}

func errKind(m *backplane.Message) error {
	return fmt.Errorf("redis: a message of kind %d cannot be sent", m.Kind)
}
