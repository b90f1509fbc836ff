package load

import (
	"bytes"
	"fmt"
)

var (
	headEnd       = []byte("\r\n\r\n")
	statusOK      = []byte("HTTP/1.1 200 ")
	contentLength = []byte("content-length:")
)

// nextResponse splits the first response off what a server sent. used is 0 while
// it is not there in full. Only 200 with a Content-Length is not an error.
func nextResponse(data []byte) (body []byte, used int, err error) {
	end := bytes.Index(data, headEnd)
	if end < 0 {
		if len(data) > maxFrame {
			return nil, 0, errTooLong
		}
		return nil, 0, nil
	}
	head := data[:end+2]
	if !bytes.HasPrefix(head, statusOK) {
		return nil, 0, fmt.Errorf("load: the server answered %q", data)
	}
	length := -1
	for length < 0 {
		at := bytes.IndexByte(head, '\n')
		if at < 0 || at+1 == len(head) {
			return nil, 0, fmt.Errorf("load: a response without a Content-Length: %q", data)
		}
		head = head[at+1:]
		if value, ok := cutFold(head, contentLength); ok {
			n, _ := Number(bytes.TrimLeft(value, " "))
			length = int(min(n, maxFrame+1))
		}
	}
	if length > maxFrame {
		return nil, 0, errTooLong
	}
	body = data[end+4:]
	if len(body) < length {
		return nil, 0, nil
	}
	return body[:length], end + 4 + length, nil
}

// cutFold cuts a prefix of lower-case letters, whatever the case in s.
func cutFold(s, prefix []byte) ([]byte, bool) {
	if len(s) < len(prefix) || !bytes.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
