package packet

import "unicode/utf8"

func (s *scanner) literal(text string) bool {
	if len(s.data)-s.pos < len(text) || string(s.data[s.pos:s.pos+len(text)]) != text {
		return s.fail(ErrInvalidPayload)
	}
	s.pos += len(text)
	return true
}

// str scans a string, from quote to quote.
func (s *scanner) str() bool {
	data, i := s.data, s.pos+1
	for i < len(data) {
		switch c := data[i]; {
		case c == '"':
			s.pos = i + 1
			return true
		case c == '\\':
			n := escape(data[i:])
			if n == 0 {
				return s.fail(ErrInvalidPayload)
			}
			i += n
		case c < ' ':
			return s.fail(ErrInvalidPayload)
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && n == 1 {
				return s.fail(ErrInvalidPayload)
			}
			i += n
		}
	}
	return s.fail(ErrInvalidPayload)
}

// escape returns the length of the escape sequence that data starts with, 0 if
// it is none.
func escape(data []byte) int {
	if len(data) < 2 {
		return 0
	}
	switch data[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(data) < 6 {
			return 0
		}
		for _, c := range data[2:6] {
			if c|0x20 < 'a' || c|0x20 > 'f' {
				if c < '0' || c > '9' {
					return 0
				}
			}
		}
		return 6
	}
	return 0
}

// number scans -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *scanner) number() bool {
	if s.at('-') {
		s.pos++
	}
	if s.at('0') {
		s.pos++
	} else if !s.digits() {
		return false
	}
	if s.at('.') {
		s.pos++
		if !s.digits() {
			return false
		}
	}
	if s.at('e') || s.at('E') {
		s.pos++
		if s.at('+') || s.at('-') {
			s.pos++
		}
		return s.digits()
	}
	return true
}

func (s *scanner) at(c byte) bool { return s.pos < len(s.data) && s.data[s.pos] == c }

// digits scans one digit or more.
func (s *scanner) digits() bool {
	n := digits(s.data[s.pos:])
	s.pos += n
	return n > 0 || s.fail(ErrInvalidPayload)
}

// digits returns how many digits data starts with.
func digits(data []byte) int {
	for i, c := range data {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(data)
}
