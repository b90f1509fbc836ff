package notepack

import (
	"math"
	"strconv"
	"time"
)

// AppendJSON appends a value as JSON, the way JavaScript writes it: what JSON has no
// word for is null. It is not for strings, binary, arrays and maps.
func (i Item) AppendJSON(dst []byte) []byte {
	switch i.Kind {
	case Bool:
		return strconv.AppendBool(dst, i.Num == 1)
	case Int:
		return strconv.AppendInt(dst, int64(i.Num), 10)
	case Uint:
		return strconv.AppendUint(dst, i.Num, 10)
	case Float:
		if f := i.Float(); i.IsFinite() {
			format := byte('f') // so that one without a fraction goes into an integer
			if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
				format = 'e'
			}
			return strconv.AppendFloat(dst, f, format, -1, 64)
		}
	case Date, Timestamp:
		if i.IsDate() {
			return append(i.AppendISO(append(dst, '"')), '"')
		}
	}
	return append(dst, "null"...)
}

// IsFinite reports whether an item is none of the numbers that JSON has no word for.
func (i Item) IsFinite() bool {
	f := math.Float64frombits(i.Num)
	return i.Kind != Float || !math.IsNaN(f) && !math.IsInf(f, 0)
}

// maxDate is how far JavaScript's dates go, in milliseconds from 1970.
const maxDate = 8_640_000_000_000_000

// IsDate reports whether a date is one of JavaScript's.
func (i Item) IsDate() bool { return -maxDate <= int64(i.Num) && int64(i.Num) <= maxDate }

// AppendISO appends one of JavaScript's dates as its toISOString writes it.
func (i Item) AppendISO(dst []byte) []byte {
	t := time.UnixMilli(int64(i.Num)).UTC()
	switch y := t.Year(); {
	case y < 0:
		dst = appendYear(append(dst, '-'), -y)
	case y > 9999:
		dst = appendYear(append(dst, '+'), y)
	default:
		return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	}
	return t.AppendFormat(dst, "-01-02T15:04:05.000Z")
}

// appendYear appends six digits.
func appendYear(dst []byte, y int) []byte {
	for unit := 100_000; unit > 0; unit /= 10 {
		dst = append(dst, '0'+byte(y/unit%10))
	}
	return dst
}
