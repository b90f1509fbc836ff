package load

import (
	"encoding/binary"
	"errors"
)

// The opcodes of WebSocket frames.
const (
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8
	opPing   = 0x9
	opPong   = 0xa
)

var (
	errFragmented = errors.New("load: a fragmented, compressed or masked frame from the server")
	errTooLong    = errors.New("load: a frame or a response of more than 128 KB from the server")
)

const maxFrame = 128 << 10 // less than what one read brings

// appendHeader appends the header of a client's frame. The masking key is zero, so
// the payload goes behind it as it is.
func appendHeader(dst []byte, op byte, length int) []byte {
	switch {
	case length < 126:
		dst = append(dst, 0x80|op, 0x80|byte(length))
	case length < 1<<16:
		dst = append(dst, 0x80|op, 0x80|126, byte(length>>8), byte(length))
	default:
		dst = append(dst, 0x80|op, 0x80|127)
		dst = binary.BigEndian.AppendUint64(dst, uint64(length))
	}
	return append(dst, 0, 0, 0, 0)
}

func appendFrame(dst []byte, op byte, payload []byte) []byte {
	return append(appendHeader(dst, op, len(payload)), payload...)
}

// nextFrame splits the first frame off what a server sent. used is 0 while the
// frame is not there in full.
func nextFrame(data []byte) (op byte, payload []byte, used int, err error) {
	if len(data) < 2 {
		return 0, nil, 0, nil
	}
	op = data[0] & 0xf
	if data[0]&0xf0 != 0x80 || data[1]&0x80 != 0 || op == 0 {
		return 0, nil, 0, errFragmented
	}
	head, length := 2, uint64(data[1])
	switch length {
	case 126:
		if len(data) < 4 {
			return 0, nil, 0, nil
		}
		head, length = 4, uint64(binary.BigEndian.Uint16(data[2:]))
	case 127:
		if len(data) < 10 {
			return 0, nil, 0, nil
		}
		head, length = 10, binary.BigEndian.Uint64(data[2:])
		if length > maxFrame {
			return 0, nil, 0, errTooLong
		}
	}
	used = head + int(length)
	if len(data) < used {
		return 0, nil, 0, nil
	}
	return op, data[head:used], used, nil
}

// digits returns how many decimal digits n has.
func digits(n uint64) int {
	count := 1
	for n >= 10 {
		n /= 10
		count++
	}
	return count
}

// Number reads the decimal digits that data begins with, and returns how many
// they are.
func Number(data []byte) (n uint64, count int) {
	for count < len(data) && data[count] >= '0' && data[count] <= '9' {
		n = n*10 + uint64(data[count]-'0')
		count++
	}
	return n, count
}

// PutNumber fills dst with the decimal digits of n, zeros first.
func PutNumber(dst []byte, n uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = '0' + byte(n%10)
		n /= 10
	}
}
