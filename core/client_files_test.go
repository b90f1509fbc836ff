package socketio_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
)

func file(content string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(content)} }

func serveFiles(t *testing.T, cfg socketio.Config) *engine.Server {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	io, err := socketio.New(cfg)
	must(t, err)
	t.Cleanup(func() { must(t, io.Close()) })
	return io.Engine()
}

func fetch(srv *engine.Server, method, target string, headers ...string) engine.Reply {
	path, query, _ := strings.Cut(target, "?")
	r := &engine.Request{Method: method, Path: path, RawQuery: query, Host: "kawat.example", Header: engine.Header{}}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return srv.ServePoll(context.Background(), r)
}

func TestClientFiles(t *testing.T) {
	content := strings.Repeat("let a;", 500)
	dist := fstest.MapFS{
		"socket.io.js":                 file(content),
		"socket.io.js.map":             file("{}"),
		"socket.io.min.js":             file("min"),
		"socket.io.min.js.br":          file("BR"),
		"socket.io.min.js.gz":          file("GZ"),
		"socket.io.esm.min.js":         file("esm"),
		"socket.io.msgpack.min.js":     file("msgpack"),
		"socket.io.msgpack.min.js.map": file("msgpack map"),
		"index.js":                     file("secret"),
	}
	inPackage := fstest.MapFS{"package.json": file("{}")}
	for name, f := range dist {
		inPackage["dist/"+name] = f
	}
	for root, fsys := range map[string]fs.FS{"dist": dist, "package": inPackage} {
		srv := serveFiles(t, socketio.Config{ClientFiles: fsys})
		srv.Use(func(context.Context, *engine.Request) error { return errors.New("no") })
		for _, c := range []struct {
			target, body, kind string
		}{
			{"/socket.io/socket.io.js", content, "application/javascript; charset=utf-8"},
			{"/socket.io/socket.io.js?v=4", content, "application/javascript; charset=utf-8"},
			{"/socket.io/socket.io.js?EIO=4&transport=polling", content, "application/javascript; charset=utf-8"},
			{"/v1/socket.io/socket.io.js.map", "{}", "application/json; charset=utf-8"},
			{"/socket.io/socket.io.min.js", "min", "application/javascript; charset=utf-8"},
			{"/socket.io/socket.io.esm.min.js", "esm", "application/javascript; charset=utf-8"},
			{"/socket.io/socket.io.msgpack.min.js", "msgpack", "application/javascript; charset=utf-8"},
			{"/socket.io/socket.io.msgpack.min.js.map", "msgpack map", "application/json; charset=utf-8"},
		} {
			reply := fetch(srv, "GET", c.target)
			if reply.Status != 200 || string(reply.Body) != c.body || reply.Header.Get("Content-Type") != c.kind {
				t.Errorf("%s, %s: %d %.40q %v", root, c.target, reply.Status, reply.Body, reply.Header)
			}
		}
		for target, status := range map[string]int{
			"/socket.io/socket.io.min.js.map": 404, // the package lacks it
			"/socket.io/index.js":             400, "/socket.io/": 400, "/socket.io/socket.io.js/": 400,
			"/socket.io/package.json": 400, "/socket.io/SOCKET.IO.js": 400, "/socket.io/socket.io.min.js.gz": 400,
		} {
			if reply := fetch(srv, "GET", target); reply.Status != status {
				t.Errorf("%s, %s: %d %.40q", root, target, reply.Status, reply.Body)
			}
		}
	}
	off := serveFiles(t, socketio.Config{})
	if reply := fetch(off, "GET", "/socket.io/socket.io.js"); reply.Status != 400 {
		t.Errorf("without Config.ClientFiles: %d", reply.Status)
	}
}

func TestClientFileForms(t *testing.T) {
	content := strings.Repeat("let a;", 500)
	srv := serveFiles(t, socketio.Config{ClientFiles: fstest.MapFS{
		"socket.io.js": file(content), "socket.io.min.js": file("min"),
		"socket.io.min.js.br": file("BR"), "socket.io.min.js.gz": file("GZ"),
	}})
	tags := map[string]string{}
	for _, c := range []struct{ name, accept, coding, body string }{
		{"js", "", "", content}, {"js", "br", "", content}, {"js", "br, gzip;q=0.2", "gzip", content},
		{"js", "gzip;q=0", "", content}, {"js", "*", "gzip", content}, {"js", "identity;q=0, *", "gzip", content},
		{"min.js", "gzip, deflate, br, zstd", "br", "BR"}, {"min.js", "gzip, br;q=0.9", "gzip", "GZ"}, {"min.js", "deflate", "", "min"},
	} {
		for range 2 {
			reply := fetch(srv, "GET", "/socket.io/socket.io."+c.name, "Accept-Encoding", c.accept)
			h, body := reply.Header, reply.Body
			if c.coding == "gzip" && c.body == content {
				z, err := gzip.NewReader(bytes.NewReader(body))
				must(t, err)
				body, err = io.ReadAll(z)
				must(t, err)
			}
			if reply.Status != 200 || h.Get("Content-Encoding") != c.coding || string(body) != c.body ||
				h.Get("Vary") != "Accept-Encoding" || h.Get("Cache-Control") != "public, max-age=0" {
				t.Fatalf("%s, %q: %d %v %.40q", c.name, c.accept, reply.Status, h, body)
			}
			tag := h.Get("Etag")
			if known := tags[c.name+c.coding]; known != "" && known != tag || len(tag) < 20 || tag[0] != '"' {
				t.Errorf("%s, %q: tag %s, was %s", c.name, c.accept, tag, known)
			}
			tags[c.name+c.coding] = tag
		}
	}
	seen := map[string]bool{}
	for _, tag := range tags {
		seen[tag] = true
	}
	if len(seen) != 5 {
		t.Errorf("tags: %v", tags)
	}
	for field, status := range map[string]int{
		tags["js"]: 304, "W/" + tags["js"]: 304, `"a", ` + tags["js"]: 304, `W/"a","b" , W/` + tags["js"] + `,"c"`: 304, "*": 304,
		tags["jsgzip"]: 200, `"x"`: 200, strings.Trim(tags["js"], `"`): 200, "": 200,
	} {
		reply := fetch(srv, "GET", "/socket.io/socket.io.js", "If-None-Match", field)
		if reply.Status != status || status == 304 && (len(reply.Body) > 0 || reply.Header.Get("Etag") != tags["js"]) {
			t.Errorf("If-None-Match: %s: %d %v", field, reply.Status, reply.Header)
		}
	}
	if reply := fetch(srv, "GET", "/socket.io/socket.io.js", "If-None-Match", tags["jsgzip"], "Accept-Encoding", "gzip"); reply.Status != 304 {
		t.Errorf("the compressed form is fetched again: %d", reply.Status)
	}
}

// Pages of any origin may load the script; which may read it is said as for the rest.
func TestClientFilesAndOrigins(t *testing.T) {
	files := fstest.MapFS{"socket.io.js": file("x")}
	for origin, want := range map[string]string{"https://app.example": "https://app.example", "https://evil.example": ""} {
		srv := serveFiles(t, socketio.Config{ClientFiles: files, AllowedOrigins: []string{"https://app.example"}})
		reply := fetch(srv, "GET", "/socket.io/socket.io.js", "Origin", origin)
		if reply.Status != 200 || reply.Header.Get("Access-Control-Allow-Origin") != want ||
			strings.Join(reply.Header["Vary"], ",") != "Accept-Encoding,Origin" {
			t.Errorf("%s: %d %v", origin, reply.Status, reply.Header)
		}
		if reply := fetch(srv, "OPTIONS", "/socket.io/socket.io.js", "Origin", origin); reply.Status != 204 {
			t.Errorf("preflight of %s: %d", origin, reply.Status)
		}
	}
	reply := fetch(serveFiles(t, socketio.Config{ClientFiles: files}), "GET", "/socket.io/socket.io.js", "Origin", "https://app.example")
	if reply.Status != 200 || reply.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without AllowedOrigins: %d %v", reply.Status, reply.Header)
	}
}

func TestClientFilesThatAreNot(t *testing.T) {
	big := file(strings.Repeat("x", 4<<20+1))
	for name, c := range map[string]struct {
		fsys fs.FS
		want string
	}{
		"empty":       {fstest.MapFS{"other.js": file("x")}, "none of socket.io.js, socket.io.js.map"},
		"no folder":   {os.DirFS(filepath.Join(t.TempDir(), "nothing")), "nothing) has none of"},
		"a folder":    {fstest.MapFS{"socket.io.js/x": file("x")}, "socket.io.js"},
		"too big":     {fstest.MapFS{"socket.io.js": big}, "socket.io.js has more than"},
		"too big, br": {fstest.MapFS{"socket.io.js": file("x"), "socket.io.js.br": big}, "socket.io.js.br has more than"},
	} {
		if _, err := socketio.New(socketio.Config{ClientFiles: c.fsys}); err == nil ||
			!strings.Contains(err.Error(), "Config.ClientFiles") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
