package packet

import "slices"

// What servers pass on to each other is the array of an event's name and arguments,
// without the header that a client's packet has.

// ReadEvent checks the array of an Event that another server has sent, with the count
// of its attachments, and returns the event's name. It keeps nothing of the text.
func ReadEvent(text []byte, attachments int, limits Limits) (event string, err error) {
	limits = limits.Default()
	if attachments > limits.Attachments {
		return "", ErrTooManyAttachments
	}
	s := scanner{data: text, depth: limits.Depth}
	var few [8]span
	spans, ok := s.array(few[:0], limits.Args)
	switch {
	case !ok:
		return "", s.err
	case len(spans) == 0:
		return "", ErrInvalidPayload
	}
	var d jsonDecoder
	event, ok = d.eventName(text[spans[0].start:spans[0].end])
	switch {
	case !ok, Reserved(event):
		return "", ErrInvalidPayload
	case attachments > 0 && !placeholdersValid(text, attachments):
		return "", ErrPlaceholder
	}
	return event, nil
}

// EventText returns the array in the first message of an Event that Encode has made:
// a part of it, so neither must be changed. It fails if what looks like binary among
// the arguments is not: another server could not tell.
func (c JSONCodec) EventText(head []byte, namespace string, id int64, attachments int) ([]byte, error) {
	var room [512]byte
	header, err := appendHeader(room[:0], Outgoing{Type: Event, Namespace: namespace, ID: id})
	if err != nil {
		return nil, err
	}
	if attachments == 0 {
		return head[len(header):], nil
	}
	text := head[len(markBinary(header, 0, attachments)):]
	if !placeholdersValid(text, attachments) {
		return nil, ErrPlaceholder
	}
	return text, nil
}

// AppendEvent appends the first message of an Event with the array that EventText has
// returned, which is not looked at.
func (c JSONCodec) AppendEvent(dst []byte, namespace string, id int64, text []byte, attachments int) ([]byte, error) {
	if attachments > orDefault(c.MaxAttachments, defaultMaxAttachments) {
		return nil, ErrTooManyAttachments
	}
	start := len(dst)
	dst, err := appendHeader(slices.Grow(dst, len(namespace)+len(text)+24), Outgoing{Type: Event, Namespace: namespace, ID: id})
	if err != nil {
		return nil, err
	}
	if attachments > 0 {
		dst = markBinary(dst, start, attachments)
	}
	return append(dst, text...), nil
}
