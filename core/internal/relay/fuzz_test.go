package relay

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"slices"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

// A bare relay, whose messages go nowhere.
func bare(tb testing.TB) *Relay {
	srv, err := engine.New(engine.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	x, err := New(Config{
		Node: "0123456789abcdef", Nodes: func() []string { return []string{other} }, Server: srv, MaxStreams: 100, MaxBytes: 1 << 20,
		Post: func(string, []byte) error { return nil }, Failed: func(string, error) {}, Ignored: func() {},
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { x.Close(); _ = srv.Close() })
	return x
}

const other = "fedcba9876543210"

// Whatever another node sends, nothing panics, nothing is kept beyond the bounds, and
// what is there can be ended.
func FuzzTake(f *testing.F) {
	text := func(parts ...any) (m []byte) {
		for _, part := range parts {
			switch part := part.(type) {
			case kind:
				m = append(m, byte(part))
			case int:
				m = binary.AppendUvarint(m, uint64(part))
			case string:
				m = appendText(m, part)
			}
		}
		return m
	}
	get := text(request, 1, 0, int(isWhole), "GET", "/engine.io/", "EIO=4&transport=polling&sid=x", "192.0.2.1:1", 0, 1, "Accept-Encoding", 1, "gzip")
	post := text(request, 2, 0, int(waits), "POST", "/engine.io/", "EIO=4&transport=polling&sid=x", "192.0.2.1:1", 8, 0)
	for _, seed := range [][][]byte{
		{get}, {get, get}, {post, text(upData, 2, 1, "4abc"), text(upEnd, 2, 2, 0, 0, "")},
		{text(reply, 1, 0, isComplete, 200, 0, "body")}, {text(goOn, 1, 0), text(downData, 1, 1, "x"), text(downEnd, 1, 2)},
		{text(roll, 0, 9, 1, 1, 0, 1)}, {text(answer, 1, 1, 1, 1, 5, 1)}, {text(reset, 1, 1, "x")}, {text(abort, 1)}, {text(accepted, 1, 0)},
		{text(upAck, 1, 1<<40)}, {text(start, 1, 0), text(moveOn, 1, 1)}, {{}}, {{0xff}}, {{byte(roll), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
		{text(closing, 1, 0, 4000, "bye")},
	} {
		var all []byte
		for _, m := range seed {
			all = append(append(all, byte(len(m))), m...)
		}
		f.Add(all)
	}
	x := bare(f)
	f.Fuzz(func(t *testing.T, all []byte) {
		x.mu.Lock()
		x.last = 0 // so that the seeds fit
		x.mu.Unlock()
		st, err := x.open(other, "x", true, false)
		if err != nil {
			t.Fatal(err)
		}
		st.ask(&engine.Request{Method: "GET"}, isWhole, nil)
		for len(all) > 0 {
			n := min(int(all[0]), len(all)-1)
			x.Take(other, bytes.Clone(all[1:1+n]))
			all = all[1+n:]
		}
		x.Left(other)
		if st.err() == nil {
			t.Error("a stream goes on without its node")
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.left, "_ty6mHZU")
		if len(x.peers) > 0 || x.stats.bytes.Load() != 0 {
			t.Errorf("%d peers and %d bytes are left", len(x.peers), x.stats.bytes.Load())
		}
	})
}

// Messages survive being cut into pieces, and what is none is an error, not memory.
func FuzzAssembler(f *testing.F) {
	f.Add([]byte("\x14hello\x00\x05x"), uint8(3))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, uint8(1))
	f.Add(appendFrame(appendFrame(nil, engine.BinaryFrame(make([]byte, 300))), engine.PacketFrame([]byte("4x"), false, false)), uint8(7))
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		type message struct {
			data  string
			flags uint64
		}
		run := func(size int) (all []message, failed bool) {
			a := assembler{limit: 1000}
			for piece := range slices.Chunk(data, size) {
				for len(piece) > 0 {
					n, m, flags, ok, err := a.next(piece)
					if err != nil {
						return all, true
					}
					if n == 0 || cap(a.got) > 4*len(data)+64 {
						t.Fatalf("%d bytes are taken, and %d kept", n, cap(a.got))
					}
					if ok {
						all = append(all, message{string(m), flags})
					}
					piece = piece[n:]
				}
			}
			return all, false
		}
		whole, wrong := run(max(len(data), 1))
		pieces, failed := run(int(size)%16 + 1)
		if !slices.Equal(whole, pieces) || wrong != failed {
			t.Errorf("%v %v in one, %v %v in pieces", whole, wrong, pieces, failed)
		}
	})
}

// A request is what it was when it arrives.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/", "a=b", "1.2.3.4:5", int64(-1), "Accept", "x", "y")
	f.Fuzz(func(t *testing.T, method, path, query, remote string, length int64, name, a, b string) {
		r := &engine.Request{Method: method, Path: path, RawQuery: query, RemoteAddr: remote, ContentLength: length, Header: engine.Header{name: {a, b}}}
		p := parser{rest: append(appendRequest(nil, r), "body"...)}
		got := p.request()
		if p.err != nil || string(p.rest) != "body" || got.Method != method || got.Path != path || got.RawQuery != query || got.RemoteAddr != remote ||
			got.ContentLength != length || !slices.Equal(got.Header[name], r.Header[name]) || len(got.Header) != 1 {
			t.Errorf("%+v is read as %+v", r, got)
		}
	})
}
