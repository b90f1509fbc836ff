package websocket

import (
	"bytes"
	"net"
	"slices"
	"testing"
	"unicode/utf8"
)

// A scriptedConn reads what it is given, in slices of a given size, and takes
// every write.
type scriptedConn struct {
	net.Conn // a closed pipe, for what is not here
	in       []byte
	size     int
	out      bytes.Buffer
}

func newScriptedConn(in []byte, size int) *scriptedConn {
	a, b := net.Pipe()
	a.Close()
	b.Close()
	return &scriptedConn{Conn: a, in: in, size: max(1, size)}
}

func (s *scriptedConn) Read(p []byte) (int, error) {
	if len(s.in) == 0 {
		return s.Conn.Read(p)
	}
	n := copy(p[:min(len(p), s.size)], s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *scriptedConn) Write(p []byte) (int, error) { return s.out.Write(p) }

// FuzzReadMessages reads anything; what it delivers is within the bounds, does not
// depend on how the bytes were sliced, and survives a trip to a client and back.
func FuzzReadMessages(f *testing.F) {
	for _, tt := range slices.Concat(framingCases, rangeCases()) {
		if len(tt.send) < 1000 {
			f.Add(tt.send, 3, false)
		}
	}
	f.Add(testFrame(text|0x40, squeeze(f, "hello hello")), 100, true)
	f.Add(testFrame(bin|0x40, squeeze(f, string(make([]byte, 10_000)))), 100, true)
	f.Fuzz(func(t *testing.T, in []byte, size int, deflate bool) {
		cfg := Config{Deflate: deflate, DeflateThreshold: 20, MaxPayload: 2000, MaxFragments: 5}
		got := <-readAll(New(newScriptedConn(in, size), nil, cfg))
		for _, m := range got.messages {
			if len(m)-2 > 2000 || m[0] == 't' && !utf8.ValidString(m) {
				t.Fatalf("delivered %d bytes: %.100q", len(m)-2, m)
			}
		}
		whole := <-readAll(New(newScriptedConn(nil, 0), in, cfg))
		if !slices.Equal(got.messages, whole.messages) || got.err.Error() != whole.err.Error() {
			t.Fatalf("in slices %.200q, %v; whole %.200q, %v", got.messages, got.err, whole.messages, whole.err)
		}
		roundTrip(t, cfg, got.messages)
	})
}

// roundTrip sends messages from a client to a server.
func roundTrip(t *testing.T, cfg Config, messages []string) {
	wire := newScriptedConn(nil, 0)
	cfg.Client = true
	client := New(wire, nil, cfg)
	for _, m := range messages {
		if err := client.WriteMessage(m[0] == 'b', []byte(m[2:])); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Client = false
	server := New(newScriptedConn(wire.out.Bytes(), 11), nil, cfg)
	if got := <-readAll(server); !slices.Equal(got.messages, messages) {
		t.Fatalf("sent %.200q, got %.200q", messages, got.messages)
	}
}
