package relay

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

// said is what an owner says about a stream.
func said(k kind, stream, number uint64, rest ...string) []byte {
	b := binary.AppendUvarint(binary.AppendUvarint([]byte{byte(k)}, stream), number)
	return append(b, strings.Join(rest, "")...)
}

func repliesWith(status uint64, name, value string) string {
	b := append(binary.AppendUvarint([]byte{isComplete}, status), 1)
	return string(appendText(append(appendText(b, name), 1), value)) + "hello"
}

// A reply that no node of ours would give is none: the host might not be able to write
// it, or it would be taken for more than it is.
func TestStrangeReplies(t *testing.T) {
	const whole = "\x01\xc8\x01\x00hello"
	for _, test := range []struct {
		name   string
		says   func(stream uint64) [][]byte
		served string // "" for not at all
	}{
		{"a good one", func(s uint64) [][]byte { return [][]byte{said(reply, s, 0, repliesWith(200, "X-A", "b"))} }, "hello"},
		{"status 0", func(s uint64) [][]byte { return [][]byte{said(reply, s, 0, repliesWith(0, "X-A", "b"))} }, ""},
		{"status 101", func(s uint64) [][]byte { return [][]byte{said(reply, s, 0, repliesWith(101, "X-A", "b"))} }, ""},
		{"status 600", func(s uint64) [][]byte { return [][]byte{said(reply, s, 0, repliesWith(600, "X-A", "b"))} }, ""},
		{"status 2^64-1", func(s uint64) [][]byte { return [][]byte{said(reply, s, 0, repliesWith(1<<64-1, "X-A", "b"))} }, ""},
		{"a value with a line break", func(s uint64) [][]byte { return [][]byte{said(reply, s, 0, repliesWith(200, "X-A", "b\r\nX-B: c"))} }, ""},
		{"a name with a line break", func(s uint64) [][]byte { return [][]byte{said(reply, s, 0, repliesWith(200, "X-A: b\nX-B", "c"))} }, ""},
		{"no name", func(s uint64) [][]byte { return [][]byte{said(reply, s, 0, repliesWith(200, "", "c"))} }, ""},
		{"cut short", func(s uint64) [][]byte { return [][]byte{said(reply, s, 0, "\x01\xc8\x01\x02\x01a\x00")} }, ""},
		{"an end before it", func(s uint64) [][]byte { return [][]byte{said(downEnd, s, 0), said(reply, s, 1, whole)} }, ""},
		{"behind a yes", func(s uint64) [][]byte { return [][]byte{said(accepted, s, 0), said(reply, s, 1, whole)} }, ""},
		{"two", func(s uint64) [][]byte { return [][]byte{said(reply, s, 0, whole), said(reply, s, 1, whole)} }, "hello"},
		{"more behind it", func(s uint64) [][]byte { return [][]byte{said(reply, s, 0, whole), said(downData, s, 1, "more")} }, "hello"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := bare(t)
			st, err := x.open(other, "x", true, false)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range test.says(st.id) {
				x.Take(other, m)
			}
			r, err := st.awaitReply(context.Background())
			if test.served == "" && err != engine.ErrNoSession || test.served != "" && (err != nil || r.Status != 200 || string(r.Body) != test.served) {
				t.Errorf("%d %q, %v", r.Status, r.Body, err)
			}
		})
	}
}
