package packet

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// In the text of a packet, {"_placeholder":true,"num":0} stands for the binary
// value that the first attachment is.
const (
	placeholderMark = "_placeholder"
	placeholderNum  = "num"
)

// placeholder is one that was read.
type placeholder struct {
	Mark bool `json:"_placeholder"`
	Num  int  `json:"num"`
}

// of returns the attachment that the placeholder stands for. Its capacity ends
// with it, for an argument may be bound twice.
func (p placeholder) of(attachments [][]byte) ([]byte, error) {
	if p.Num < 0 || p.Num >= len(attachments) {
		return nil, ErrPlaceholder
	}
	data := attachments[p.Num]
	return data[:len(data):len(data)], nil
}

// appendPlaceholder appends what stands for attachment num.
func appendPlaceholder(dst []byte, num int) []byte {
	dst = append(dst, `{"`+placeholderMark+`":true,"`+placeholderNum+`":`...)
	return append(strconv.AppendInt(dst, int64(num), 10), '}')
}

// readPlaceholder reads one that text begins with, in the form in which clients and
// we write it, and returns its attachment's number and where it ends: 0 if there is
// none in that form.
func readPlaceholder(text []byte) (num, end int) {
	const start = `{"` + placeholderMark + `":true,"` + placeholderNum + `":`
	if len(text) < len(start)+2 || string(text[:len(start)]) != start {
		return 0, 0
	}
	n := digits(text[len(start):])
	end = len(start) + n
	if n == 0 || n > 3 || n > 1 && text[len(start)] == '0' || end == len(text) || text[end] != '}' {
		return 0, 0
	}
	for _, c := range text[len(start):end] {
		num = num*10 + int(c-'0')
	}
	return num, end + 1
}

// A tally notes which attachments placeholders stand for.
type tally struct {
	few  uint64
	many map[int]bool
}

// first reports whether a number had not been noted before.
func (t *tally) first(num int) bool {
	if num < 64 {
		before := t.few
		t.few |= 1 << num
		return t.few != before
	}
	if t.many == nil {
		t.many = make(map[int]bool)
	}
	before := len(t.many)
	t.many[num] = true
	return len(t.many) > before
}

// placeholdersPlain reports whether every placeholder in a text is written as
// clients write them, and means one of n attachments, each another. It costs a
// twentieth of a look at the tokens.
func placeholdersPlain(text []byte, n int) bool {
	if bytes.IndexByte(text, '\\') >= 0 {
		return false
	}
	var seen tally
	for {
		i := bytes.Index(text, []byte(`"`+placeholderMark+`"`))
		if i < 0 {
			return true
		}
		if i == 0 {
			return false
		}
		num, end := readPlaceholder(text[i-1:])
		if end == 0 || num >= n || !seen.first(num) {
			return false
		}
		text = text[i-1+end:]
	}
}

// candidate is an object, or an array, that is being read.
type candidate struct {
	member   string // its current one's name, if of interest
	members  int
	marked   bool
	numbered bool // with the number of an attachment
	num      int  // which is this
}

func (c *candidate) legal(seen *tally) bool {
	return !c.marked || c.numbered && c.members == 2 && seen.first(c.num)
}

// placeholdersValid reports whether every placeholder in a text, which a scanner
// has accepted, is well-formed and means one of n attachments, each another: clients
// write no other, and thousands that stand for one attachment would become as many
// attachments when a program passes on what it was sent. It reads tokens, because a
// name may be written with escapes.
func placeholdersValid(text []byte, n int) bool {
	if placeholdersPlain(text, n) {
		return true
	}
	r := tokenReaders.Get().(*tokenReader)
	defer tokenReaders.Put(r)
	dec := r.start(text)
	defer r.stop()
	var seen tally
	open := append(make([]candidate, 0, 8), candidate{})
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return errors.Is(err, io.EOF)
		}
		top := &open[len(open)-1]
		switch token.Kind() {
		case jsontext.KindBeginObject, jsontext.KindBeginArray:
			open = append(open, candidate{})
		case jsontext.KindEndObject, jsontext.KindEndArray:
			if !top.legal(&seen) {
				return false
			}
			open = open[:len(open)-1]
		case jsontext.KindString:
			if in, length := dec.StackIndex(dec.StackDepth()); in == jsontext.KindBeginObject && length%2 == 1 {
				top.members++
				top.member = token.String()
			}
		case jsontext.KindTrue:
			top.marked = top.marked || top.member == placeholderMark
		case jsontext.KindNumber:
			if top.member == placeholderNum {
				num, err := token.Int()
				top.numbered, top.num = err == nil && num >= 0 && num < int64(n), int(num)
			}
		}
	}
}

// tokenReader is a pooled decoder of tokens.
type tokenReader struct {
	text bytes.Buffer
	dec  jsontext.Decoder
}

var tokenReaders = sync.Pool{New: func() any { return new(tokenReader) }}

func (r *tokenReader) start(text []byte) *jsontext.Decoder {
	r.text = *bytes.NewBuffer(text)
	r.dec.Reset(&r.text, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return &r.dec
}

// stop lets go of the text.
func (r *tokenReader) stop() { r.start(nil) }
