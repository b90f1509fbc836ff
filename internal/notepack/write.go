package notepack

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"

	"github.com/tinylib/msgp/msgp"
)

// AppendInt appends an integer the way notepack.io does, which is the shortest.
func AppendInt(dst []byte, n int64) []byte {
	if n >= 0 {
		return msgp.AppendUint64(dst, uint64(n))
	}
	return msgp.AppendInt64(dst, n)
}

// AppendFloat appends a number: as an integer if it is one that JavaScript counts
// exactly, for JavaScript knows no difference.
func AppendFloat(dst []byte, f float64) []byte {
	if n := int64(f); math.Abs(f) <= 1<<53 && float64(n) == f && (n != 0 || !math.Signbit(f)) {
		return AppendInt(dst, n)
	}
	return msgp.AppendFloat64(dst, f)
}

// AppendNumber appends a number that is JSON text: as an integer if it is one. Beside
// an error that wraps [strconv.ErrRange] stands the infinity that JavaScript takes such
// a number for; with others nothing is appended.
func AppendNumber(dst, text []byte) ([]byte, error) {
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil && (n != 0 || text[0] != '-') {
		return AppendInt(dst, n), nil
	}
	if n, err := strconv.ParseUint(string(text), 10, 64); err == nil {
		return msgp.AppendUint64(dst, n), nil
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return dst, err
	}
	return AppendFloat(dst, f), err
}

// AppendDate appends a Date, in milliseconds from 1970.
func AppendDate(dst []byte, ms int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, fixext8, notepackType), uint64(ms))
}
