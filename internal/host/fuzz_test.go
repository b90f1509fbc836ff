package host

import (
	"bufio"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

// What may begin a session is not taken for a request of one: it would lack what the
// framework knows of it.
func FuzzHandshake(f *testing.F) {
	for _, query := range []string{
		"", "EIO=4&transport=polling", "sid=abc", "sid=", "sid=&sid=x", "EIO=4&%73id=abc", "sid=abc&%zz", "xsid=abc", "sid=%zz", "a;sid=b", "sid=+", "sid&sid=0", "sid=a;b", "&sid==",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		begins := !(&engine.Request{RawQuery: query}).Query().Has("sid") // for the engine
		if begins && !Handshake(query) {
			t.Errorf("%q may begin a session", query)
		}
	})
}

// Only what can be answered as we answer is an offer of compression, and one offer
// does not spoil another.
func FuzzOffersDeflate(f *testing.F) {
	for _, offer := range []string{
		"", "permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate;server_max_window_bits=10", "foo, permessage-deflate",
		`permessage-deflate; client_max_window_bits="15"`, "permessage-deflate; a; a", "permessage-deflate;", ";", "permessage-deflate,,",
	} {
		f.Add(offer)
	}
	f.Fuzz(func(t *testing.T, offer string) {
		offered := OffersDeflate([]string{offer})
		if offered && !strings.Contains(offer, "permessage-deflate") {
			t.Errorf("%q", offer)
		}
		if offered && strings.Contains(offer, "server_max_window_bits") && !strings.Contains(offer, ",") {
			t.Errorf("%q asks for what cannot be promised", offer)
		}
		if !OffersDeflate([]string{offer, "permessage-deflate"}) || !OffersDeflate([]string{"permessage-deflate, " + offer}) ||
			OffersDeflate([]string{"x-other", offer}) != offered {
			t.Errorf("%q counts with others, or others do not count with it", offer)
		}
	})
}

// Whatever request net/http lets through is answered with one of our statuses and
// with fields that are some; and the engine is given the request that it was.
func FuzzRequest(f *testing.F) {
	const rest = " HTTP/1.1\r\nHost: kawat.example\r\n"
	for _, text := range []string{
		"GET /socket.io/?EIO=4&transport=polling" + rest + "\r\n",
		"GET /socket.io/?EIO=4&transport=websocket" + rest + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		"POST /socket.io/?EIO=4&transport=polling&sid=x" + rest + "Content-Length: 2\r\n\r\n4x",
		"POST /socket.io/?EIO=4&transport=polling&sid=x" + rest + "Transfer-Encoding: chunked\r\n\r\n2\r\n4x\r\n0\r\n\r\n",
		"OPTIONS http://a/socket.io/?EIO=3%zz" + rest + "Origin: https://app.example\r\nAccess-Control-Request-Headers: x\r\n\r\n",
		"GET /socket.io/?EIO=4&transport=polling HTTP/1.0\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\n", "TRACE //x" + rest + "Accept-Encoding: gzip\r\n\r\n",
	} {
		f.Add(text)
	}
	srv, err := engine.New(engine.Config{AllowedOrigins: []string{"https://app.example"}, Cookie: &engine.Cookie{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = srv.Close() })
	var seen *engine.Request
	srv.OnConnectionError(func(e engine.ConnectionError) { seen = e.Request })
	srv.OnConnection(func(s *engine.Session) engine.Receiver {
		seen = s.Request()
		s.Abort()
		return engine.Funcs{}
	})
	h := New(srv)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			return
		}
		seen = nil
		w := httptest.NewRecorder()
		_ = h.Serve(w, r, Extras{})
		if !slices.Contains([]int{200, 204, 400, 403, 405, 413, 426, 500}, w.Code) {
			t.Errorf("%q is answered %d", text, w.Code)
		}
		for key, values := range w.Header() {
			if strings.ContainsAny(key+strings.Join(values, ""), "\r\n\x00") {
				t.Errorf("%q is answered with %q: %q", text, key, values)
			}
		}
		if seen == nil {
			return
		}
		query, _ := url.ParseQuery(r.URL.RawQuery)
		if seen.Method != r.Method || seen.Path != r.URL.Path || seen.Host != r.Host || query.Get("sid") != "" && seen.Query().Get("sid") == "" {
			t.Errorf("%q is handed over as %+v", text, seen)
		}
	})
}
