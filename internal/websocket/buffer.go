package websocket

import "sync"

const (
	// bufferSize is what one read or one coalesced write moves at most.
	bufferSize = 32 << 10
	// waitSize is the buffer of a connection that must offer one to wait.
	waitSize = 1 << 10
)

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// newBuffer returns an empty buffer with room for size bytes or more, a pooled
// one if that will do.
func newBuffer(size int) []byte {
	if size <= bufferSize {
		return buffers.Get().(*[bufferSize]byte)[:0]
	}
	return make([]byte, 0, size)
}

// freeBuffer takes back what newBuffer returned.
func freeBuffer(b []byte) {
	if cap(b) == bufferSize {
		buffers.Put((*[bufferSize]byte)(b[:bufferSize]))
	}
}

// input is what a connection has read and not yet decoded.
type input struct {
	buf  []byte // up to its length filled
	pos  int    // the first byte that is not decoded
	need int    // the size of the frame at pos, or of the longest header
	ping []byte // the last ping's payload, in buf, to be answered; or nil
	err  error  // of the last read
	done bool   // nothing will be delivered any more
}

// adopt begins with a copy of b.
func (in *input) adopt(b []byte) {
	if len(b) > 0 {
		in.buf = append(make([]byte, 0, len(b)), b...)
	}
}

// rest returns what is not decoded.
func (in *input) rest() []byte { return in.buf[in.pos:] }

// free returns the room that the next read may fill.
func (in *input) free() []byte { return in.buf[len(in.buf):cap(in.buf)] }

// makeRoom prepares the buffer for a read: size bytes if nothing is left over.
// A frame that is longer than the buffer gets one twice as long each time it has
// filled it, whatever length its header claims.
func (in *input) makeRoom(size int) {
	rest := in.rest()
	switch {
	case len(rest) == 0 && cap(in.buf) == size:
		in.buf, in.pos = in.buf[:0], 0
	case len(rest) == 0:
		in.replace(size)
	case len(rest) == cap(in.buf):
		in.replace(max(bufferSize, min(2*len(rest), in.need)))
	case in.need > cap(in.buf) && cap(in.buf) < bufferSize:
		in.replace(bufferSize)
	case in.need <= bufferSize && cap(in.buf) > bufferSize:
		in.replace(bufferSize)
	case in.pos > 0:
		in.buf, in.pos = in.buf[:copy(in.buf, rest)], 0
	}
}

// replace moves what is not decoded to a buffer of another size.
func (in *input) replace(size int) {
	var b []byte
	if size == waitSize {
		b = make([]byte, 0, waitSize) // held as long as the connection is
	} else {
		b = newBuffer(size)
	}
	b = append(b, in.rest()...)
	freeBuffer(in.buf)
	in.buf, in.pos = b, 0
}

// park is called before a wait for which no buffer is needed. It keeps what is
// not decoded, and as little more as is cheap.
func (in *input) park() {
	rest := in.rest()
	if len(rest) == 0 {
		in.release()
		return
	}
	if len(rest) > cap(in.buf)/4 {
		return
	}
	kept := append(make([]byte, 0, len(rest)), rest...)
	freeBuffer(in.buf)
	in.buf, in.pos = kept, 0
}

// release gives the buffer up, with what is in it.
func (in *input) release() {
	freeBuffer(in.buf)
	in.buf, in.pos = nil, 0
}
