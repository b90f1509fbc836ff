package host

import (
	"bufio"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

func TestHandshake(t *testing.T) {
	for query, want := range map[string]bool{
		"":                            true,
		"EIO=4&transport=polling":     true,
		"sid=abc":                     false,
		"EIO=4&sid=abc&t=1":           false,
		"sid=":                        true,
		"EIO=4&xsid=abc":              true,
		"EIO=4&%73id=abc":             true, // in doubt
		"EIO=4&sid=abc&%zz=malformed": false,
	} {
		if got := Handshake(query); got != want {
			t.Errorf("%q: %v", query, got)
		}
	}
}

func TestOwns(t *testing.T) {
	for path, want := range map[string]bool{
		"/socket.io": true, "/socket.io/": true, "/socket.io/x": true,
		"/socket.iox": false, "/": false, "/v1/socket.io/": false,
	} {
		if got := Owns("/socket.io", path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}

func TestOffersDeflate(t *testing.T) {
	for offer, want := range map[string]bool{
		"":                   false,
		"permessage-deflate": true,
		"permessage-deflate; client_max_window_bits":                                true,
		"permessage-deflate ; server_no_context_takeover; client_max_window_bits=9": true,
		"foo, permessage-deflate":                                                   true,
		"permessage-deflate; server_max_window_bits=10":                             false,
		"permessage-deflate; server_max_window_bits=10, permessage-deflate":         true,
		"permessage-deflate; nonsense":                                              false,
		"x-permessage-deflate":                                                      false,
		"permessage-deflate; client_max_window_bits=\"15\"":                         true,
		"permessage-deflate; client_max_window_bits=16":                             false,
		"permessage-deflate; client_max_window_bits=":                               false,
		"permessage-deflate; server_no_context_takeover=1":                          false,
		"permessage-deflate; client_max_window_bits; client_max_window_bits=9":      false,
		"permessage-deflate; server_max_window_bits=15":                             false,
	} {
		if got := OffersDeflate([]string{offer}); got != want {
			t.Errorf("%q: %v", offer, got)
		}
	}
}

func TestWriteMergesHeaders(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Add("Vary", "Origin")
	w.Header().Set("Access-Control-Allow-Origin", "http://theirs.example")
	w.Header().Set("Content-Type", "text/theirs")
	Write(w, engine.Reply{Status: 200, Body: []byte("ok"), Header: engine.Header{
		"Vary":                             {"origin", "Accept-Encoding"},
		"Access-Control-Allow-Origin":      {"*"},
		"Access-Control-Allow-Credentials": {"true"},
		"Content-Type":                     {"text/ours"},
		"Set-Cookie":                       {"a=1", "b=2"},
	}})
	want := http.Header{
		"Vary":                        {"Origin", "Accept-Encoding"},
		"Access-Control-Allow-Origin": {"http://theirs.example"},
		"Content-Type":                {"text/ours"},
		"Content-Length":              {"2"},
		"Set-Cookie":                  {"a=1", "b=2"},
	}
	for key := range want {
		if !slices.Equal(w.Header()[key], want[key]) {
			t.Errorf("%s: %q", key, w.Header()[key])
		}
	}
	if len(w.Header()) != len(want) || w.Body.String() != "ok" {
		t.Errorf("%v %q", w.Header(), w.Body)
	}
}

// A blind writer has no Hijack; the others stand for frameworks' writers.
type blind struct{ http.ResponseWriter }

type honest struct{ http.ResponseWriter }

func (w honest) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A boaster is like Gin's writer behind a middleware that has no Unwrap method.
type boaster struct{ http.ResponseWriter }

func (w boaster) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.ResponseWriter.(http.Hijacker).Hijack()
}

func TestServeNamesTheCulprit(t *testing.T) {
	srv, err := engine.New(engine.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	for _, test := range []struct {
		name, want string
		wrap       func(http.ResponseWriter) http.ResponseWriter
	}{
		{"visible", "host.blind gives", func(w http.ResponseWriter) http.ResponseWriter { return honest{honest{blind{w}}} }},
		{"hidden", "host.blind is not", func(w http.ResponseWriter) http.ResponseWriter { return honest{boaster{blind{w}}} }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/engine.io/?EIO=4&transport=websocket", nil)
			r.Header = http.Header{
				"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
				"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
			}
			w := httptest.NewRecorder()
			err := New(srv).Serve(test.wrap(w), r, Extras{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
			if w.Body.Len() > 0 || len(w.Header()) > 0 {
				t.Errorf("written: %v %q", w.Header(), w.Body)
			}
		})
	}
}

// A 304 has no body, so it says nothing of its length (RFC 9110, section 15.4.5).
func TestWriteNotModified(t *testing.T) {
	w := httptest.NewRecorder()
	Write(w, engine.Reply{Status: 304, Header: engine.Header{"Etag": {`"a"`}}})
	if w.Code != 304 || len(w.Header()["Content-Length"]) > 0 || w.Header().Get("Etag") != `"a"` {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
