package adaptertest

import (
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	socketio "github.com/kawat-go/kawat/core"
)

// clientFiles checks that pages get the client from wherever the endpoint is.
func clientFiles(t *testing.T, host Host) {
	under := map[string]App{
		"all middlewares": {Place: Group, Logger: true, Recovery: true, CORS: true, Gzip: true},
		"own path":        {Place: Root},
	}
	for name, app := range places {
		under[name] = app
	}
	for name, app := range under {
		t.Run(name, func(t *testing.T) {
			cfg := socketio.Config{Logger: slog.New(slog.DiscardHandler), ClientFiles: fstest.MapFS{
				"socket.io.js":        {Data: []byte(script)},
				"socket.io.min.js":    {Data: []byte("min")},
				"socket.io.min.js.br": {Data: []byte("brotli")},
				"package.json":        {Data: []byte("secret")},
			}}
			if name == "own path" {
				cfg.Path = "/live/io"
			}
			srv, err := socketio.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			app.Endpoint = srv
			s := serve(t, host, app)
			t.Run("file", s.sub(testFile))
			if !app.Gzip { // which compresses itself
				t.Run("encodings", s.sub(testFileEncodings))
			}
			t.Run("others", s.sub(testNoFile))
			t.Run("handshake", s.sub(func(s *site) { s.open(user) }))
		})
	}
}

var script = strings.Repeat("client;", 1000)

func testFile(s *site) {
	get := s.do("GET", s.path+"/socket.io.js?v=1", "", user, "Origin: "+Origin)
	tag := get.header.Get("ETag")
	if get.status != 200 || get.body != script || len(tag) < 10 || get.header.Get("Content-Encoding") != "" {
		s.t.Fatalf("%d %.50q %v", get.status, get.body, get.header)
	}
	for key, want := range map[string]string{
		"Content-Type":  "application/javascript; charset=utf-8",
		"Cache-Control": "public, max-age=0",
		"Set-Cookie":    "",
	} {
		if got := strings.Join(get.header.Values(key), "|"); got != want {
			s.t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	head := s.do("HEAD", s.path+"/socket.io.js", "", user)
	if head.status != 200 || head.body != "" || head.header.Get("ETag") != tag ||
		head.header.Get("Content-Length") != strconv.Itoa(len(script)) {
		s.t.Errorf("HEAD: %d %.50q %v", head.status, head.body, head.header)
	}
	for _, method := range []string{"GET", "HEAD"} {
		r := s.do(method, s.path+"/socket.io.js", "", user, "If-None-Match: \"x\", W/"+tag)
		if r.status != 304 || r.body != "" || r.header.Get("ETag") != tag || r.header.Get("Content-Length") != "" {
			s.t.Errorf("%s of what is there: %d %.50q %v", method, r.status, r.body, r.header)
		}
	}
	if r := s.do("POST", s.path+"/socket.io.js", "4x", user); r.status != 405 || r.header.Get("Allow") != "GET, HEAD" {
		s.t.Errorf("POST: %d %.50q", r.status, r.body)
	}
	s.wantNoSession()
}

func testFileEncodings(s *site) {
	tags := map[string]string{}
	for accept, want := range map[string]string{"": "", "gzip, br": "gzip", "br;q=1, *;q=0.1": "gzip", "identity, gzip;q=0": ""} {
		r := s.do("GET", s.path+"/socket.io.js", "", user, "Accept-Encoding: "+accept)
		if plain(s.t, r) != script || r.header.Get("Content-Encoding") != want || r.header.Get("Vary") == "" {
			s.t.Errorf("%q: %d %.50q %v", accept, r.status, r.body, r.header)
		}
		tags[want] = r.header.Get("ETag")
	}
	if tags["gzip"] == tags[""] {
		s.t.Errorf("two forms have the same strong tag: %v", tags)
	}
	if r := s.do("GET", s.path+"/socket.io.min.js", "", user, "Accept-Encoding: gzip, br"); r.body != "brotli" || r.header.Get("Content-Encoding") != "br" {
		s.t.Errorf("precompressed: %.50q %v", r.body, r.header)
	}
}

// testNoFile: nothing else is there, and none of it is taken for a handshake.
func testNoFile(s *site) {
	if r := s.do("GET", s.path+"/socket.io.esm.min.js?EIO=4&transport=polling", "", user); r.status != 404 || r.body != "" {
		s.t.Errorf("a name that the package lacks: %d %q", r.status, r.body)
	}
	for _, end := range []string{"/", "/package.json", "/socket.io.js/x", "/%2e%2e/package.json", "/dist/", "/socket.io.min.js.br"} {
		if r := s.do("GET", s.path+end, "", user); r.status == 200 || strings.Contains(r.body, "secret") {
			s.t.Errorf("%s: %d %q", end, r.status, r.body)
		}
	}
	s.wantNoSession()
}

// wantNoSession checks that nothing that was asked has been taken for a handshake.
func (s *site) wantNoSession() {
	s.t.Helper()
	if n := s.io.ClientsCount(); n != 0 {
		s.t.Errorf("%d sessions", n)
	}
}
