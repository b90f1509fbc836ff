package packet

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// defaultMaxAttachments is what stock clients take.
const defaultMaxAttachments = 10

// Encode implements [Codec].
//
// The arguments are only read, and not after Encode has returned, but for the
// attachments. An error says which argument could not be encoded and why: a type
// that JSON does not know, NaN or an infinity, a cycle, invalid UTF-8 in a
// string, more binary values than allowed, or what a method of the user's type
// returned or panicked with.
func (c JSONCodec) Encode(dst []byte, p Outgoing) (out Encoded, err error) {
	defer caught(&err)
	start := len(dst)
	if dst, err = appendHeader(dst, p); err != nil {
		return Encoded{}, err
	}
	e := encoders.Get().(*encoder)
	e.max = orDefault(c.MaxAttachments, defaultMaxAttachments)
	dst, err = e.payload(dst, p)
	attachments := e.reset()
	if err != nil {
		return Encoded{}, fmt.Errorf("encode %v packet: %w", p.Type, err)
	}
	if n := len(attachments); n > 0 {
		dst = markBinary(dst, start, n)
	}
	return Encoded{Head: dst, Attachments: attachments}, nil
}

// appendHeader appends <type>[<namespace>,][<ack id>].
func appendHeader(dst []byte, p Outgoing) ([]byte, error) {
	if p.Type > ConnectError {
		return nil, fmt.Errorf("encode %v packet: not a type to be sent", p.Type)
	}
	dst = append(dst, '0'+byte(p.Type))
	if name := p.Namespace; name != "" && name != "/" {
		if name[0] != '/' || strings.IndexByte(name, ',') >= 0 {
			return nil, fmt.Errorf("encode %v packet: namespace %q must start with a slash and have no comma", p.Type, name)
		}
		dst = append(append(dst, name...), ',')
	}
	if p.ID >= 0 && (p.Type == Event || p.Type == Ack) {
		dst = strconv.AppendInt(dst, p.ID, 10)
	}
	return dst, nil
}

// markBinary makes the packet that starts at start one with n attachments:
// 2["a",... becomes 51-["a",...
func markBinary(dst []byte, start, n int) []byte {
	dst[start] += byte(BinaryEvent - Event)
	var count [20]byte
	digits := append(strconv.AppendInt(count[:0], int64(n), 10), '-')
	end := len(dst)
	dst = append(dst, digits...) // makes the room
	copy(dst[start+1+len(digits):], dst[start+1:end])
	copy(dst[start+1:], digits)
	return dst
}

// payload appends what is behind the header.
func (e *encoder) payload(dst []byte, p Outgoing) ([]byte, error) {
	switch p.Type {
	case Event, Ack:
		return e.array(dst, p)
	case Connect, ConnectError:
		if len(p.Args) > 0 {
			return e.object(dst, p)
		}
		return dst, nil
	}
	if len(p.Args) > 0 {
		return nil, errors.New("it takes no arguments")
	}
	return dst, nil
}

// array appends the name, if it is an event, and the arguments.
func (e *encoder) array(dst []byte, p Outgoing) (_ []byte, err error) {
	dst = append(dst, '[')
	if p.Type == Event {
		if dst, err = jsontext.AppendQuote(dst, p.Event); err != nil {
			return nil, fmt.Errorf("event name: %w", err)
		}
		dst = append(dst, ',')
	}
	for i, arg := range p.Args {
		if dst, err = e.value(dst, arg); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i, err)
		}
		dst = append(dst, ',')
	}
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = ']'
		return dst, nil
	}
	return append(dst, ']'), nil
}

// object appends the only argument of a CONNECT or CONNECT_ERROR.
func (e *encoder) object(dst []byte, p Outgoing) ([]byte, error) {
	start := len(dst)
	dst, err := e.value(dst, p.Args[0])
	if err != nil {
		return nil, err
	}
	// Behind the header a number would be taken for an ack id.
	c := dst[start]
	right := c == '{' || p.Type == ConnectError && (c == '[' || c == '"')
	if !right || len(p.Args) > 1 || len(e.attachments) > 0 {
		return nil, errors.New("its one argument must be an object without binary")
	}
	return dst, nil
}

var encoders = sync.Pool{New: func() any { return newEncoder() }}
