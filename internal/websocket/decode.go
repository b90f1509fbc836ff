package websocket

import (
	"unicode/utf8"

	"github.com/kawat-go/kawat/core/engine"
)

// A message is one that arrives in fragments.
type message struct {
	op         opcode
	compressed bool
	fragments  int
	data       []byte
}

// A deliverError keeps an error of the user's apart from those of ours.
type deliverError struct{ error }

// decode takes every complete frame out of the input. delivered says whether a
// message was among them.
func (c *Conn) decode(deliver func(bool, []byte) error) (delivered bool, _ error) {
	for {
		b := c.in.rest()
		h, fault := c.header(b)
		if fault != nil {
			return delivered, fault
		}
		if h.size == 0 {
			c.in.need = maxHeader
			return delivered, nil
		}
		size := h.size + int(h.length)
		if len(b) < size {
			c.in.need = size
			return delivered, nil
		}
		c.in.pos += size
		payload := b[h.size:size]
		if h.masked {
			mask(payload, h.key)
		}
		ok, err := c.frame(&h, payload, deliver)
		delivered = delivered || ok
		if err != nil {
			return delivered, err
		}
	}
}

// header reads the header that b begins with, as far as it is there. What is wrong
// is found at the first byte that says so, however the bytes come.
func (c *Conn) header(b []byte) (h header, fault *engine.ConnError) {
	if len(b) < 2 {
		return h, nil
	}
	h.readStart(b)
	if fault = c.checkStart(&h); fault != nil {
		return h, fault
	}
	if fault = h.readRest(b); fault != nil {
		return h, fault
	}
	return h, c.checkLength(&h)
}

// checkStart judges the first two bytes of a header.
func (c *Conn) checkStart(h *header) *engine.ConnError {
	control := h.op.isControl()
	switch {
	case h.reserved:
		return protocolError("reserved bit set")
	case h.compressed && (!c.cfg.Deflate || control || h.op == opContinuation):
		return protocolError("reserved bit set")
	case !h.op.isKnown():
		return protocolError("unknown opcode")
	case h.masked && c.cfg.Client:
		return protocolError("masked frame")
	case !h.masked && !c.cfg.Client:
		return protocolError("unmasked frame")
	case control && !h.fin:
		return protocolError("fragmented control frame")
	case control && h.short > maxControl:
		return protocolError("control frame too long")
	case control:
		return nil
	case h.op == opContinuation && c.assembly == nil:
		return protocolError("continuation without a start")
	case h.op != opContinuation && c.assembly != nil:
		return protocolError("message within a message")
	case c.assembly != nil && c.assembly.fragments >= c.cfg.MaxFragments:
		return &engine.ConnError{Code: codePolicyViolation, Reason: "too many fragments"}
	}
	return nil
}

// checkLength judges a frame's length before any of its payload is kept.
func (c *Conn) checkLength(h *header) *engine.ConnError {
	room := uint64(c.cfg.MaxPayload)
	if c.assembly != nil {
		room -= uint64(len(c.assembly.data))
	}
	if !h.op.isControl() && h.length > room {
		return tooBig()
	}
	return nil
}

// frame handles one complete frame.
func (c *Conn) frame(h *header, payload []byte, deliver func(bool, []byte) error) (bool, error) {
	switch h.op {
	case opPing:
		c.in.ping = payload
		return false, nil
	case opPong:
		return false, nil
	case opClose:
		return false, parseClose(payload)
	case opContinuation:
		return c.fragment(h.fin, payload, deliver)
	}
	if !h.fin {
		c.assembly = &message{op: h.op, compressed: h.compressed}
		return c.fragment(false, payload, deliver)
	}
	return c.message(h.op == opBinary, h.compressed, payload, deliver)
}

// fragment adds one to the message in arrival, and delivers it with its last.
func (c *Conn) fragment(last bool, payload []byte, deliver func(bool, []byte) error) (bool, error) {
	m := c.assembly
	m.fragments++
	m.data = append(m.data, payload...)
	if !last {
		return false, nil
	}
	c.assembly = nil
	return c.message(m.op == opBinary, m.compressed, m.data, deliver)
}

// message checks and delivers a complete message, unless we are closing.
func (c *Conn) message(binary, compressed bool, data []byte, deliver func(bool, []byte) error) (bool, error) {
	if c.closing.Load() {
		return false, nil
	}
	if compressed {
		z := inflaters.Get().(*inflater)
		defer z.free()
		var fault *engine.ConnError
		if data, fault = z.inflate(data, int(c.cfg.MaxPayload)); fault != nil {
			return false, fault
		}
	}
	if !binary && !utf8.Valid(data) {
		return false, &engine.ConnError{Code: codeInvalidPayload, Reason: "text is not UTF-8"}
	}
	if err := deliver(binary, data); err != nil {
		return true, &deliverError{err}
	}
	return true, nil
}
