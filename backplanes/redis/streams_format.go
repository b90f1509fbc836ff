package redis

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/seal"
	"github.com/kawat-go/kawat/internal/wire"
)

// The fields of an entry. Those of Node's adapter are the first four; it pays no heed
// to the others.
const (
	fieldFrom      = "uid"
	fieldNamespace = "nsp"
	fieldKind      = "type"
	fieldData      = "data"
	// fieldNumber has the sender's own number of the entry, which rises. An entry that
	// was written twice, because the server's answer to the first was lost, is known by
	// it. An emitter, which is one of many with the same uid, puts its id before it.
	fieldNumber = "kid"
)

// An entryFormat is how messages become entries.
type entryFormat struct {
	secret []byte
	limits wire.Limits
}

func (c StreamsConfig) entries() entryFormat {
	return entryFormat{secret: []byte(c.Secret), limits: wire.Limits{Bytes: 2 * c.MaxMessageBytes}} // as JSON it may be longer than it came
}

// inStream reports whether a message goes into the stream, and not to those alone who
// listen right now. Node's adapter does not put a ServerSideEmit there, but reads it;
// its emitter does.
func inStream(m backplane.Message) bool {
	switch m.Kind {
	case backplane.Broadcast, backplane.ServerSideEmit:
		return m.Request == ""
	case backplane.SocketsJoin, backplane.SocketsLeave, backplane.DisconnectSockets, backplane.NodeLeft:
		return true
	}
	return false
}

// encode returns the data of a message's entry: JSON or, if there is binary in it, the
// base64 of MessagePack.
func encode(m backplane.Message) ([]byte, error) {
	if !wire.HasBinary(m) {
		return wire.AppendDataJSON(nil, m)
	}
	data, err := wire.AppendDataMsgpack(nil, m)
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.AppendEncode(make([]byte, 0, base64.StdEncoding.EncodedLen(len(data))), data), nil
}

// A draft is a message that is to become an entry.
type draft struct {
	kind      backplane.Kind
	from      string
	namespace string
	number    string
	data      []byte
}

// command is the XADD of a draft.
func (f entryFormat) command(stream string, maxLen int, d draft) []any {
	kind := strconv.Itoa(int(d.kind))
	data := d.data
	if len(f.secret) > 0 {
		data = seal.Seal(nil, f.secret, sealedFor(stream, d.from, d.namespace, kind, d.number), data)
		data = base64.StdEncoding.AppendEncode(nil, data)
	}
	args := append(make([]any, 0, 16), "xadd", stream, "maxlen", "~", maxLen, "*",
		fieldFrom, d.from, fieldNamespace, d.namespace, fieldKind, kind)
	if len(data) > 0 {
		args = append(args, fieldData, data)
	}
	return append(args, fieldNumber, d.number)
}

// sealedFor is what is sealed beside the data. The parts have their lengths before them.
func sealedFor(parts ...string) string {
	var all strings.Builder
	for _, part := range parts {
		fmt.Fprintf(&all, "%d:%s", len(part), part)
	}
	return all.String()
}

var errNoEntry = errors.New("redis: an entry of a kind that has no place in a stream")

// decode reads an entry. What it returns has no part in the server's answer.
func (f entryFormat) decode(stream string, e *entry) (m backplane.Message, err error) {
	kind, ok := parseNumber(e.kind)
	if !ok || kind > 255 {
		return m, fmt.Errorf("%w: %.20q", wire.ErrUnknownKind, e.kind)
	}
	switch k := backplane.Kind(kind); k {
	case backplane.Broadcast, backplane.SocketsJoin, backplane.SocketsLeave, backplane.DisconnectSockets,
		backplane.ServerSideEmit, backplane.NodeLeft:
	case backplane.FetchSockets, backplane.FetchSocketsResponse, backplane.ServerSideEmitResponse, backplane.ClientCount, backplane.Ack:
		return m, fmt.Errorf("%w: %d", errNoEntry, kind)
	default:
		return m, fmt.Errorf("%w: %d", wire.ErrUnknownKind, kind)
	}
	data, err := f.open(stream, e)
	if err == nil {
		data, err = plain(data)
	}
	if err == nil {
		m, err = wire.DecodeData(backplane.Kind(kind), data, f.limits)
	}
	m.Namespace, m.Offset = string(e.namespace), e.id
	return m, err
}

// open returns the data that was sealed, if there is a secret.
func (f entryFormat) open(stream string, e *entry) ([]byte, error) {
	if len(f.secret) == 0 {
		return e.data, nil
	}
	data, err := base64.StdEncoding.AppendDecode(nil, e.data)
	if err != nil {
		return nil, seal.ErrNotSealed
	}
	return seal.Open(f.secret, sealedFor(stream, string(e.from), string(e.namespace), string(e.kind), string(e.number)), data)
}

// plain returns the data as JSON or MessagePack, in memory of its own.
func plain(data []byte) ([]byte, error) {
	if len(data) == 0 || data[0] == '{' {
		return bytes.Clone(data), nil
	}
	return base64.StdEncoding.AppendDecode(nil, data)
}

// numbering takes a number apart: whose it is, and which.
func numbering(e *entry) (who []byte, n uint64, ok bool) {
	who, number := e.from, e.number
	if i := bytes.LastIndexByte(number, '.'); i >= 0 {
		who, number = number[:i], number[i+1:]
	}
	n, ok = parseNumber(number)
	return who, n, ok
}

// streamNumber returns the number of the stream that a namespace has among so many,
// as Node's adapter finds it: it can be negative.
func streamNumber(namespace string, count int) int {
	var hash int32
	for _, unit := range utf16.Encode([]rune(namespace)) {
		hash = hash*31 + int32(unit)
	}
	return int(hash) % count
}
