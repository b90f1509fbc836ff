package packet

import (
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonDecoder is the decoder of [JSONCodec].
type jsonDecoder struct {
	limits  *Limits     // not to be changed
	pending *unfinished // a packet that waits for attachments

	// The last names, because a client uses few and their strings can then be
	// shared between packets. They are kept if short.
	namespace, event string
}

// unfinished is a packet whose attachments have not all come.
type unfinished struct {
	packet Incoming
	count  int // of attachments
	bytes  int // that came so far
}

// unfinisheds are those of packets that are complete: most are within a read.
var unfinisheds = sync.Pool{New: func() any { return new(unfinished) }}

// Pending implements [Decoder].
func (d *jsonDecoder) Pending() bool { return d.pending != nil }

// Add implements [Decoder].
func (d *jsonDecoder) Add(data []byte, binary bool) (p Incoming, complete bool, err error) {
	switch {
	case binary:
		return d.attach(data)
	case d.pending != nil:
		return Incoming{}, false, ErrUnexpectedText
	}
	h, rest, err := d.header(data)
	if err != nil {
		return Incoming{}, false, err
	}
	p = Incoming{Type: h.kind, Namespace: h.namespace, ID: h.id}
	if err := d.payload(&p, rest, h.attachments); err != nil {
		return Incoming{}, false, err
	}
	if h.attachments == 0 {
		return p, true, nil
	}
	p.Args.attachments = make([][]byte, 0, min(h.attachments, 4))
	d.pending = unfinisheds.Get().(*unfinished)
	*d.pending = unfinished{packet: p, count: h.attachments}
	return Incoming{}, false, nil
}

// attach adds a binary message to the packet that waits for it.
func (d *jsonDecoder) attach(data []byte) (Incoming, bool, error) {
	u := d.pending
	if u == nil {
		return Incoming{}, false, ErrUnexpectedBinary
	}
	if u.bytes += len(data); u.bytes > d.limits.AttachmentBytes {
		return Incoming{}, false, ErrAttachmentBytes
	}
	args := &u.packet.Args
	args.attachments = append(args.attachments, append([]byte{}, data...)) // never nil
	if len(args.attachments) < u.count {
		return Incoming{}, false, nil
	}
	d.pending = nil
	p := u.packet
	*u = unfinished{}
	unfinisheds.Put(u)
	return p, true, nil
}

// payload checks what is behind the header and takes its arguments.
func (d *jsonDecoder) payload(p *Incoming, data []byte, attachments int) error {
	s := scanner{data: data, depth: d.limits.Depth}
	if len(data) == 0 {
		// An event without any payload is accepted, as in the reference.
		if attachments > 0 {
			return ErrInvalidPayload
		}
		return nil
	}
	switch p.Type {
	case Event, Ack:
		return d.array(p, &s, attachments)
	case Connect, ConnectError:
		c := s.space()
		if c != '{' && (c != '"' || p.Type == Connect) {
			return ErrInvalidPayload
		}
		only := span{start: s.pos}
		if !s.value() {
			return s.err
		}
		if only.end = s.pos; !s.end() {
			return s.err
		}
		p.Args = ownArgs(data, []span{only})
		return nil
	}
	return ErrInvalidPayload // DISCONNECT has none
}

// array takes the name and the arguments of an EVENT, or the arguments of an ACK.
func (d *jsonDecoder) array(p *Incoming, s *scanner, attachments int) error {
	var few [8]span
	spans, ok := s.array(few[:0], d.limits.Args)
	if !ok {
		return s.err
	}
	if p.Type == Event {
		if len(spans) == 0 {
			return ErrInvalidPayload
		}
		name, ok := d.eventName(s.data[spans[0].start:spans[0].end])
		if !ok || Reserved(name) {
			return ErrInvalidPayload
		}
		p.Event, spans = name, spans[1:]
	}
	if attachments > 0 && !placeholdersValid(s.data, attachments) {
		return ErrPlaceholder
	}
	p.Args = ownArgs(s.data, spans)
	return nil
}

// eventName returns an event's name from the array's first element: a string's
// value or a number's text.
func (d *jsonDecoder) eventName(raw []byte) (name string, ok bool) {
	switch c := raw[0]; {
	case c == '-' || c >= '0' && c <= '9':
		return string(raw), true
	case c != '"':
		return "", false
	case slices.Contains(raw, '\\'):
		text, _ := jsontext.AppendUnquote(nil, raw) // fails on lone surrogates only
		return string(text), true
	}
	return shared(&d.event, raw[1:len(raw)-1]), true
}

// ownArgs copies the arguments out of the message, all in one piece.
func ownArgs(data []byte, spans []span) Args {
	if len(spans) == 0 {
		return Args{}
	}
	start, end := spans[0].start, spans[len(spans)-1].end
	text := append(make([]byte, 0, end-start), data[start:end]...)
	args := Args{bind: bindJSON}
	if len(spans) == 1 {
		args.one = text
		return args
	}
	args.many = make([][]byte, len(spans))
	for i, at := range spans {
		from, to := at.start-start, at.end-start
		args.many[i] = text[from:to:to]
	}
	return args
}
