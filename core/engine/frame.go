package engine

import (
	"encoding/base64"
	"sync"
	"sync/atomic"

	"github.com/kawat-go/kawat/core/engine/eio"
)

// headroom is what a frame keeps free in front of its payload for the longest
// header that a server puts before a WebSocket message (RFC 6455, section 5.2).
const headroom = 10

// A Frame is one outgoing Engine.IO packet, encoded once and shared by all its
// receivers. It is immutable: a broadcast hands the same Frame to every
// session, whatever their transports.
//
// Its WebSocket form, header included, is ready from the start; other forms are
// made when they are first asked for.
type Frame struct {
	buf      []byte // headroom, which ends with the WebSocket header, then the payload
	head     int    // where the WebSocket header starts in buf
	binary   bool
	compress bool
	once     bool      // it is OnceFrame's
	alone    [1]*Frame // the list of it

	deflateOnce sync.Once
	deflated    []byte

	rev3 atomic.Pointer[Frame] // what it is for older clients, if it is binary and was sent to one
}

// FrameBuffer returns a buffer to append a text message to, for [MessageFrame].
// size is a guess of the message's length.
func FrameBuffer(size int) []byte { return new(Frame).Buffer(size) }

// MessageFrame makes a text message of a buffer that was begun by [FrameBuffer].
// The buffer belongs to the frame from then on.
func MessageFrame(buf []byte) *Frame { return new(Frame).SetMessage(buf) }

// List returns the list of just this frame, which costs no allocation. It has room
// for attachments more, where there are any.
func (f *Frame) List(attachments int) []*Frame {
	if attachments > 0 {
		return append(make([]*Frame, 0, 1+attachments), f)
	}
	f.alone[0] = f
	return f.alone[:]
}

// BinaryFrame makes a binary message that holds a copy of data.
func BinaryFrame(data []byte) *Frame { return new(Frame).SetBinary(data) }

// packetFrame makes a text packet of any type.
func packetFrame(t eio.Type, data string) *Frame {
	buf := make([]byte, headroom+1, headroom+1+len(data))
	buf[headroom] = t.Digit()
	return newFrame(append(buf, data...), false)
}

func newFrame(buf []byte, binary bool) *Frame {
	f := new(Frame)
	f.init(buf, binary)
	return f
}

func (f *Frame) init(buf []byte, binary bool) {
	f.buf, f.binary, f.compress = buf, binary, true
	f.head = putWebSocketHeader(buf, binary)
}

// text returns the frame as a text packet, in which binary is base64.
func (f *Frame) text() *Frame {
	if !f.binary {
		return f
	}
	buf := make([]byte, headroom, headroom+1+base64.StdEncoding.EncodedLen(len(f.Payload())))
	text := newFrame(base64.StdEncoding.AppendEncode(append(buf, 'b'), f.Payload()), false)
	text.compress = f.compress
	return text
}

// NoCompress says that no transport should compress the frame. It must be called
// before the frame is sent.
func (f *Frame) NoCompress() *Frame {
	f.compress = false
	return f
}

// Binary reports whether the frame is a binary message.
func (f *Frame) Binary() bool { return f.binary }

// Compress reports whether a transport may compress the frame.
func (f *Frame) Compress() bool { return f.compress }

// Payload returns the packet as a message connection carries it: for a text
// packet the type's digit and the data, for a binary message the data alone.
// The caller must not change it.
func (f *Frame) Payload() []byte { return f.buf[headroom:] }

// WebSocket returns the packet as an unmasked, uncompressed WebSocket frame.
// The caller must not change it.
func (f *Frame) WebSocket() []byte { return f.buf[f.head:] }

// Deflated returns what deflate makes of the payload, computed by the first
// caller and shared with all the others.
func (f *Frame) Deflated(deflate func(payload []byte) []byte) []byte {
	f.deflateOnce.Do(func() { f.deflated = deflate(f.Payload()) })
	return f.deflated
}

// putWebSocketHeader writes the header so that it ends where the payload starts,
// and returns where it starts.
func putWebSocketHeader(buf []byte, binary bool) int {
	const fin, text, bin = 0x80, 0x1, 0x2
	first := byte(fin | text)
	if binary {
		first = fin | bin
	}
	n := len(buf) - headroom
	switch {
	case n <= 125:
		buf[headroom-2], buf[headroom-1] = first, byte(n)
		return headroom - 2
	case n <= 0xffff:
		buf[headroom-4], buf[headroom-3] = first, 126
		buf[headroom-2], buf[headroom-1] = byte(n>>8), byte(n)
		return headroom - 4
	default:
		buf[0], buf[1] = first, 127
		for i := range 8 {
			buf[2+i] = byte(uint64(n) >> (56 - 8*i))
		}
		return 0
	}
}

// PacketFrame makes a frame of what another server's frame had for a Payload, a copy of
// it: of a text packet of any type or of a binary message.
func PacketFrame(payload []byte, binary, compress bool) *Frame {
	buf := make([]byte, headroom, headroom+len(payload))
	f := newFrame(append(buf, payload...), binary)
	f.compress = compress
	return f
}
