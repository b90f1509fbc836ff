package relay

import (
	"encoding/binary"

	"github.com/kawat-go/kawat/core/engine"
)

// The messages of a WebSocket travel as bytes: for each its length, four times that and
// its flags, and then what it has.
const (
	isBinary   = 1
	isPlain    = 2 // it is not to be compressed
	flagBits   = 2
	maxMessage = 1 << 40
)

func appendHead(dst []byte, size int, flags uint64) []byte {
	return binary.AppendUvarint(dst, uint64(size)<<flagBits|flags)
}

func appendFrame(dst []byte, f *engine.Frame) []byte {
	var flags uint64
	if f.Binary() {
		flags = isBinary
	}
	if !f.Compress() {
		flags |= isPlain
	}
	return append(appendHead(dst, len(f.Payload()), flags), f.Payload()...)
}

// An assembler makes messages of bytes again.
type assembler struct {
	limit int64 // of one message
	head  []byte
	begun bool // the head is complete
	size  uint64
	flags uint64
	got   []byte // of a message that is not complete
}

// next takes bytes until a message is complete, and returns how many those were. The
// data is valid until the next call. What a head says of the size costs nothing yet.
func (a *assembler) next(b []byte) (n int, data []byte, flags uint64, ok bool, err error) {
	for !a.begun {
		if n == len(b) {
			return n, nil, 0, false, nil
		}
		a.head = append(a.head, b[n])
		n++
		if len(a.head) > binary.MaxVarintLen64 {
			return n, nil, 0, false, errMessage
		}
		if a.head[len(a.head)-1] < 0x80 {
			v, size := binary.Uvarint(a.head)
			a.head = a.head[:0]
			a.size, a.flags = v>>flagBits, v&(1<<flagBits-1)
			if size <= 0 || a.size > uint64(a.limit) {
				return n, nil, 0, false, errMessage
			}
			a.begun, a.got = true, nil
		}
	}
	missing := int(a.size) - len(a.got)
	if len(b)-n < missing {
		a.got = append(a.got, b[n:]...)
		return len(b), nil, 0, false, nil
	}
	data = b[n : n+missing]
	if len(a.got) > 0 {
		data = append(a.got, data...)
	}
	a.begun, a.got = false, nil
	return n + missing, data, a.flags, true, nil
}
