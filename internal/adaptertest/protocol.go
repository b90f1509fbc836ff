package adaptertest

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

// places are those where every adapter can be.
var places = map[string]App{
	"root":       {Place: Root},
	"group":      {Place: Group},
	"middleware": {Place: InMiddleware},
}

// user passes the auth middleware of a group.
const user = UserHeader + ": alice"

func protocol(t *testing.T, host Host) {
	for name, app := range places {
		for _, path := range []string{"", "/live/io"} {
			t.Run(name+path, func(t *testing.T) {
				s := start(t, host, app, engine.Config{Path: path})
				t.Run("handshake", s.sub(testHandshake))
				t.Run("neighbours", s.sub(testNeighbours))
				t.Run("methods", s.sub(testMethods))
			})
		}
	}
	t.Run("errors", func(t *testing.T) { testErrors(t, host) })
	t.Run("HTTP/1.0", func(t *testing.T) { testHTTP10(t, host) })
	t.Run("preflight", func(t *testing.T) { testPreflight(t, host) })
}

// sub makes a subtest of f, with the site's failures going there.
func (s *site) sub(f func(*site)) func(*testing.T) {
	return func(t *testing.T) {
		sub := *s
		sub.t = t
		f(&sub)
	}
}

func testHandshake(s *site) {
	for _, end := range []string{"", "/", "/below"} {
		r := s.do("GET", s.path+end+"?EIO=4&transport=polling", "", user)
		if r.status != 200 {
			s.t.Fatalf("%s: %d %q", s.path+end, r.status, r.body)
		}
		sid := sidOf(s.t, r.body)
		want := map[string]string{
			"Content-Type":                "text/plain; charset=UTF-8",
			"Cache-Control":               "no-store",
			"Content-Length":              strconv.Itoa(len(r.body)),
			"Access-Control-Allow-Origin": "",
			"Content-Encoding":            "",
		}
		for key, value := range want {
			if got := strings.Join(r.header.Values(key), "|"); got != value {
				s.t.Errorf("%s: %q, want %q", key, got, value)
			}
		}
		s.exchange(sid, user)
		if r := s.do("POST", s.path+end+"?EIO=4&transport=polling&sid="+sid, "4x", user); r.body != "ok" ||
			r.header.Get("Content-Type") != "text/html" || r.header.Get("Content-Length") != "2" {
			s.t.Errorf("POST to %s: %d %q %v", s.path+end, r.status, r.body, r.header)
		}
	}
}

func testNeighbours(s *site) {
	if r := s.do("GET", s.prefix+"/hello", "", user); r.status != 200 || r.body != "hello" {
		s.t.Errorf("the application's route: %d %q", r.status, r.body)
	}
	if r := s.do("GET", s.path+"x", "", user); r.status != 200 || r.body != "neighbour" {
		s.t.Errorf("a route whose path begins like ours: %d %q", r.status, r.body)
	}
}

func testMethods(s *site) {
	sid := s.open(user)
	for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS"} {
		r := s.do(method, s.query(sid), "", user)
		if r.status != 405 || r.body != "" || r.header.Get("Allow") != "GET, POST" {
			s.t.Errorf("%s: %d %q, Allow %q", method, r.status, r.body, r.header.Get("Allow"))
		}
	}
	if r := s.do("HEAD", s.query(""), "", user); r.status != 400 || r.body != "" {
		s.t.Errorf("HEAD: %d %q", r.status, r.body)
	}
	s.exchange(sid, user)
}

//go:embed testdata/errors.json
var errorsFile []byte

// testErrors compares with what the reference server answers, to the byte.
func testErrors(t *testing.T, host Host) {
	var golden []struct {
		Case, Type, Body string
		Status           int
	}
	if err := json.Unmarshal(errorsFile, &golden); err != nil {
		t.Fatal(err)
	}
	s := start(t, host, App{}, engine.Config{AllowRequest: func(_ context.Context, r *engine.Request) error {
		_, reason, _ := strings.Cut(r.RawQuery, "forbid=")
		switch reason {
		case "":
			return nil
		case "default":
			return errors.New("Forbidden") // the protocol's words
		}
		return errors.New("my reason")
	}})
	requests := map[string][2]string{
		"no transport":          {"GET", "EIO=4"},
		"bad transport":         {"GET", "EIO=4&transport=abc"},
		"webtransport via http": {"GET", "EIO=4&transport=webtransport"},
		"unknown sid":           {"GET", "EIO=4&transport=polling&sid=xxx"},
		"POST handshake":        {"POST", "EIO=4&transport=polling"},
		"websocket w/o upgrade": {"GET", "EIO=4&transport=websocket"},
		"EIO=3 not allowed":     {"GET", "EIO=3&transport=polling"},
		"no EIO":                {"GET", "transport=polling"},
		"EIO=5":                 {"GET", "EIO=5&transport=polling"},
		"forbidden default":     {"GET", "EIO=4&transport=polling&forbid=default"},
		"forbidden msg":         {"GET", "EIO=4&transport=polling&forbid=msg"},
		"OPTIONS no cors":       {"OPTIONS", "EIO=4&transport=polling"},
		"PUT":                   {"PUT", "EIO=4&transport=polling"},
		"ws unknown sid":        {"WS", "EIO=4&transport=websocket&sid=xxx"},
		"ws forbidden":          {"WS", "EIO=4&transport=websocket&forbid=msg"},
	}
	for _, want := range golden {
		t.Run(want.Case, func(t *testing.T) {
			request := requests[want.Case]
			var headers []string
			if request[0] == "WS" {
				request[0], headers = "GET", opening
			}
			r := s.do(request[0], s.path+"/?"+request[1], "", headers...)
			if r.status != want.Status || r.header.Get("Content-Type") != want.Type || r.body != want.Body {
				t.Errorf("%d %q %q", r.status, r.header.Get("Content-Type"), r.body)
			}
		})
	}
}

func testHTTP10(t *testing.T, host Host) {
	s := start(t, host, App{}, engine.Config{})
	r := s.raw(fmt.Sprintf("GET %s HTTP/1.0\r\nHost: x\r\n\r\n", s.query("")))
	if !strings.Contains(r, " 200 OK\r\n") || !strings.Contains(r, `0{"sid":`) {
		t.Errorf("handshake: %q", r)
	}
	r = s.raw("GET " + s.path + "/?EIO=4&transport=websocket HTTP/1.0\r\nHost: x\r\n" + strings.Join(opening, "\r\n") + "\r\n\r\n")
	if !strings.Contains(r, " 400 ") || !strings.Contains(r, `"code":3`) {
		t.Errorf("HTTP/1.0 has no upgrades: %q", r)
	}
}

func testPreflight(t *testing.T, host Host) {
	s := start(t, host, App{Place: Group}, engine.Config{AllowedOrigins: []string{Origin}})
	r := s.do("OPTIONS", s.query(""), "", "Origin: "+Origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-user")
	if r.status != 204 || r.body != "" {
		t.Errorf("%d %q", r.status, r.body)
	}
	for key, want := range map[string]string{
		"Access-Control-Allow-Origin":  Origin,
		"Access-Control-Allow-Methods": "GET,POST,OPTIONS",
		"Access-Control-Allow-Headers": "x-user",
	} {
		if got := strings.Join(r.header.Values(key), "|"); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if n := s.io.ClientsCount(); n != 0 {
		t.Errorf("%d sessions", n)
	}
}
