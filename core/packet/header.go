package packet

import (
	"bytes"
	"unicode/utf8"
)

// header is what stands in front of a packet's payload.
type header struct {
	kind        Type
	attachments int
	namespace   string
	id          int64
}

// header reads <type>[<n attachments>-][<namespace>,][<ack id>].
func (d *jsonDecoder) header(data []byte) (h header, rest []byte, err error) {
	h = header{namespace: "/", id: NoID}
	if h.kind, err = kindOf(data); err != nil {
		return h, nil, err
	}
	rest = data[1:]
	if h.kind == BinaryEvent || h.kind == BinaryAck {
		h.kind -= BinaryEvent - Event
		if h.attachments, rest, err = attachmentCount(rest, d.limits.Attachments); err != nil {
			return h, nil, err
		}
	}
	if len(rest) > 0 && rest[0] == '/' {
		var name []byte
		name, rest, _ = bytes.Cut(rest, []byte{','})
		if len(name) > d.limits.NamespaceLength || !utf8.Valid(name) {
			return h, nil, ErrNamespace
		}
		if len(name) > 1 {
			h.namespace = shared(&d.namespace, name)
		}
	}
	h.id, rest, err = ackID(rest)
	return h, rest, err
}

func kindOf(data []byte) (Type, error) {
	if digits(data[:min(1, len(data))]) == 0 {
		return 0, unknownType + "NaN" // as the reference has it
	}
	if c := data[0]; c > '6' {
		return 0, unknownType + Error(rune(c))
	}
	return Type(data[0] - '0'), nil
}

// attachmentCount reads the count of attachments, [1-9][0-9]*, and the dash.
func attachmentCount(data []byte, limit int) (count int, rest []byte, err error) {
	n := digits(data)
	if n == 0 || data[0] == '0' || n == len(data) || data[n] != '-' {
		return 0, nil, ErrAttachmentCount
	}
	for _, c := range data[:n] {
		if count = 10*count + int(c-'0'); count > limit {
			return 0, nil, ErrTooManyAttachments
		}
	}
	return count, data[n+1:], nil
}

// ackID reads the digits of an ack id, if there are any.
func ackID(data []byte) (id int64, rest []byte, err error) {
	n := digits(data)
	if n == 0 {
		return NoID, data, nil
	}
	for _, c := range data[:n] {
		if id = 10*id + int64(c-'0'); id > MaxID {
			return 0, nil, ErrID
		}
	}
	return id, data[n:], nil
}

// shared returns text as a string, the last one if it is the same.
func shared(last *string, text []byte) string {
	const keep = 64
	if string(text) == *last {
		return *last
	}
	s := string(text)
	if len(s) <= keep {
		*last = s
	}
	return s
}
