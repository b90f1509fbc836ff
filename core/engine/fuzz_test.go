package engine_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// Whatever is asked, the answer is one of ours, and whoever else is connected does
// not notice.
func FuzzServePoll(f *testing.F) {
	const sid = "fuzzed-session"
	for _, seed := range []struct{ method, query, body, contentType, origin string }{
		{"GET", polling, "", "", ""},
		{"POST", polling + "&sid=" + sid, "4hello", "text/plain;charset=UTF-8", ""},
		{"POST", polling + "&sid=" + sid, "4a\x1eb\x1ebAQID\x1e3\x1e1", "", ""},
		{"POST", polling + "&sid=" + sid, "2", "", ""},
		{"POST", polling + "&sid=" + sid, "\x00\x01\xff4", "application/octet-stream", ""},
		{"GET", polling + "&sid=" + sid, "", "", ""},
		{"OPTIONS", polling, "", "", "https://app.example"},
		{"GET", "EIO=3&transport=polling&j=1;alert(1)", "", "", "https://a\x01b"},
		{"PUT", polling + "&sid=" + sid + "&sid=x", "", "", "null"},
		{"GET", "%zz&;EIO=4", "", "", "\x00"},
	} {
		f.Add(seed.method, seed.query, []byte(seed.body), seed.contentType, seed.origin, int64(len(seed.body)))
	}
	statuses := []int{200, 204, 400, 403, 405, 413}
	f.Fuzz(func(t *testing.T, method, query string, payload []byte, contentType, origin string, length int64) {
		ids := []string{sid, "witness"}
		srv := newServer(t, engine.Config{MaxPayload: 1000, AllowedOrigins: []string{"https://app.example"}, HTTPCompression: engine.Compression{Threshold: 1},
			GenerateID: func(*engine.Request) (string, error) {
				if len(ids) == 0 {
					return "another", nil
				}
				id := ids[0]
				ids = ids[1:]
				return id, nil
			}})
		srv.OnConnection(func(s *engine.Session) engine.Receiver {
			return engine.Funcs{OnMessage: func(data []byte, _ bool) { _ = s.SendBinary(data) }}
		})
		do(srv, "GET", polling, "")
		do(srv, "GET", polling, "")

		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond) // polls hang
		defer cancel()
		r := request(method, query, string(payload), "Content-Type", contentType, "Origin", origin, "Accept-Encoding", origin)
		if r.Body != nil && length >= -1 {
			r.ContentLength = length
		}
		reply := srv.ServePoll(ctx, r)
		if !slices.Contains(statuses, reply.Status) {
			t.Errorf("status %d", reply.Status)
		}
		if reply.Header.Get("Content-Type") == "application/json" {
			var e struct{ Code *int }
			if err := json.Unmarshal(reply.Body, &e); err != nil || e.Code == nil || *e.Code < 0 || *e.Code > 5 {
				t.Errorf("error body %q: %v", reply.Body, err)
			}
		}
		for field, values := range reply.Header {
			if strings.ContainsAny(field+strings.Join(values, ""), "\r\n\x00") {
				t.Errorf("header %q: %q", field, values)
			}
		}
		if strings.Contains(query, "witness") {
			return // addressed after all
		}
		wantStatus(t, "the witness", do(srv, "POST", polling+"&sid=witness", "4x"), 200, "ok")
		wantStatus(t, "the witness", do(srv, "GET", polling+"&sid=witness", ""), 200, "beA==")
		if n := srv.Stats().Panics; n != 0 {
			t.Errorf("%d panics", n)
		}
	})
}

// Whatever arrives over a WebSocket, the session ends in order or goes on.
func FuzzWebSocket(f *testing.F) {
	for _, seed := range []string{"4hello", "2", "2probe\n5\n4x", "\x00binary\n4x", "9", "", "3\n6\n5\n1\n0{}"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, texts string, takesOver bool) {
		h := serve(t, engine.Config{})
		query := webSocket
		if takesOver {
			query += "&sid=" + h.connect().sid
		}
		u, _ := h.AcceptUpgrade(t.Context(), upgradeRequest(query))
		p := newPipe(t)
		for text := range strings.SplitSeq(texts, "\n") {
			p.send(message(text))
		}
		p.end(errBroken)
		u.Serve(pipeEnd(p))
		if n := h.Stats().Panics; n != 0 {
			t.Errorf("%d panics", n)
		}
	})
}
