package quiet

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The most bytes of a text in the log, and of a value or an error, before what cannot
// be printed is escaped.
const (
	MaxText  = 128
	MaxValue = 1024
)

// Text returns a text that a client may have chosen as it may stand in the log:
// bounded, and without characters that could look like something else, such as the
// end of a line.
func Text(s string) string { return clip(s, MaxText) }

// Value is Text for a value, such as an error or what was given to panic. Its own
// methods may panic.
func Value(v any) string { return clip(fmt.Sprint(v), MaxValue) }

func clip(s string, most int) string {
	cut := len(s) > most
	if cut {
		s = s[:most]
		for len(s) > most-utf8.UTFMax && !endsWhole(s) {
			s = s[:len(s)-1]
		}
	}
	if !isPlain(s) {
		s = escape(s)
	}
	if cut {
		s += "..."
	}
	return s
}

// endsWhole reports whether a text does not end in the middle of a character.
func endsWhole(s string) bool {
	r, size := utf8.DecodeLastRuneInString(s)
	return r != utf8.RuneError || size != 1
}

func isPlain(s string) bool {
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd") || !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// escape writes what cannot be printed as Go does in a string.
func escape(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if strconv.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			b.WriteString(s[:size])
		} else {
			quoted := strconv.Quote(s[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[size:]
	}
	return b.String()
}
