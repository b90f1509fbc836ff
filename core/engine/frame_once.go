package engine

import (
	"sync"

	"github.com/kawat-go/kawat/core/engine/eio"
)

// maxOnce keeps the pool from holding on to the memory of rare large frames.
const maxOnce = 4 << 10

var onceFrames = sync.Pool{New: func() any { return new(Frame) }}

// OnceFrame returns a frame, to be filled by SetMessage or SetBinary, that one session is
// sent once, such as an acknowledgement: over a WebSocket its memory serves another
// as soon as it is written, which makes an echo a tenth cheaper. So whoever has
// handed it to a session must not look at it again.
func OnceFrame() *Frame {
	f := onceFrames.Get().(*Frame)
	f.once = true
	return f
}

// Buffer returns a buffer to append a text message to, for SetMessage. size is a guess
// of the message's length.
func (f *Frame) Buffer(size int) []byte {
	if cap(f.buf) < headroom+1+size {
		f.buf = make([]byte, 0, headroom+1+size)
	}
	buf := f.buf[:headroom+1]
	buf[headroom] = eio.Message.Digit()
	return buf
}

// SetMessage makes the frame a text message of a buffer that was begun by its Buffer.
func (f *Frame) SetMessage(buf []byte) *Frame {
	f.init(buf, false)
	return f
}

// SetBinary makes the frame a binary message that holds a copy of data.
func (f *Frame) SetBinary(data []byte) *Frame {
	f.init(append(f.Buffer(len(data))[:headroom], data...), true)
	return f
}

// recycle takes back a frame that has been written.
func (f *Frame) recycle() {
	if cap(f.buf) <= maxOnce {
		*f = Frame{buf: f.buf[:0]}
		onceFrames.Put(f)
	}
}
