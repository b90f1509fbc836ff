package packet

// A scanner walks over JSON text (RFC 8259) and accepts or refuses it, without
// building anything: what a value means is found out when it is bound. It accepts
// what JSON.parse accepts, among it duplicate names and escapes of lone
// surrogates, which JavaScript writes when a text was cut within an emoji.
//
// It keeps no stack of calls, so that hostile nesting costs a bit a level.
type scanner struct {
	data  []byte
	pos   int
	depth int   // how deep arrays and objects may still be nested
	err   Error // what was wrong, "" as long as nothing was
}

// span is where a value stands in the text.
type span struct{ start, end int }

func (s *scanner) fail(err Error) bool {
	s.err = err
	return false
}

// space skips white space and returns the byte behind it, 0 at the end.
func (s *scanner) space() byte {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		if c > ' ' || c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
		s.pos++
	}
	return 0
}

// end reports whether nothing but white space is left.
func (s *scanner) end() bool {
	s.space()
	return s.pos == len(s.data) || s.fail(ErrInvalidPayload)
}

// array scans an array that must be all there is, of at most limit elements, and
// appends where they stand to spans.
func (s *scanner) array(spans []span, limit int) ([]span, bool) {
	if s.space() != '[' {
		return nil, s.fail(ErrInvalidPayload)
	}
	s.pos++
	s.depth--
	if s.space() == ']' {
		s.pos++
		return spans, s.end()
	}
	for {
		s.space()
		if len(spans) == limit {
			return nil, s.fail(ErrTooManyArgs)
		}
		start := s.pos
		if !s.value() {
			return nil, false
		}
		spans = append(spans, span{start, s.pos})
		switch s.space() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			return spans, s.end()
		default:
			return nil, s.fail(ErrInvalidPayload)
		}
	}
}

// value scans the value that starts at pos.
func (s *scanner) value() bool {
	var open nesting
	for {
		entered, ok := s.scalarOrOpen(&open)
		if !ok {
			return false
		}
		if entered {
			continue
		}
		more, ok := s.next(&open)
		if !ok || !more {
			return ok
		}
	}
}

// scalarOrOpen scans a scalar or an empty container, or enters a container up to
// its first value.
func (s *scanner) scalarOrOpen(open *nesting) (entered, ok bool) {
	if s.pos == len(s.data) {
		return false, s.fail(ErrInvalidPayload)
	}
	switch c := s.data[s.pos]; c {
	case '"':
		return false, s.str()
	case '{', '[':
		if open.depth == s.depth {
			return false, s.fail(ErrTooDeep)
		}
		s.pos++
		if s.space() == c+2 { // the closing one, in ASCII
			s.pos++
			return false, true
		}
		open.push(c == '{')
		return true, c == '[' || s.name()
	case 't':
		return false, s.literal("true")
	case 'f':
		return false, s.literal("false")
	case 'n':
		return false, s.literal("null")
	}
	return false, s.number()
}

// next goes from the end of a value to the start of the one behind it, closing
// containers on the way. more is false when none is open any longer.
func (s *scanner) next(open *nesting) (more, ok bool) {
	for open.depth > 0 {
		object := open.object()
		switch c := s.space(); {
		case c == ',':
			s.pos++
			s.space()
			return true, !object || s.name()
		case c == '}' && object, c == ']' && !object:
			s.pos++
			open.pop()
		default:
			return false, s.fail(ErrInvalidPayload)
		}
	}
	return false, true
}

// name scans the name of an object's member, the colon and what space is behind.
func (s *scanner) name() bool {
	if s.pos == len(s.data) || s.data[s.pos] != '"' {
		return s.fail(ErrInvalidPayload)
	}
	if !s.str() {
		return false
	}
	if s.space() != ':' {
		return s.fail(ErrInvalidPayload)
	}
	s.pos++
	s.space()
	return true
}

// nesting remembers which of the containers that are open are objects.
type nesting struct {
	depth int
	top   uint64   // a bit for each of the innermost, the innermost lowest
	below []uint64 // the others, by 64
}

func (n *nesting) push(object bool) {
	if n.depth > 0 && n.depth%64 == 0 {
		n.below = append(n.below, n.top)
	}
	n.depth++
	n.top <<= 1
	if object {
		n.top |= 1
	}
}

func (n *nesting) pop() {
	n.depth--
	n.top >>= 1
	if n.depth > 0 && n.depth%64 == 0 {
		last := len(n.below) - 1
		n.top, n.below = n.below[last], n.below[:last]
	}
}

func (n *nesting) object() bool { return n.top&1 == 1 }
