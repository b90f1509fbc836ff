package socketio

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"reflect"
	"strings"
	"sync"

	"github.com/kawat-go/kawat/core/engine"
)

// clientFileNames are what the npm package socket.io-client has for browsers.
func clientFileNames() []string {
	return []string{
		"socket.io.js", "socket.io.js.map",
		"socket.io.min.js", "socket.io.min.js.map",
		"socket.io.esm.min.js", "socket.io.esm.min.js.map",
		"socket.io.msgpack.min.js", "socket.io.msgpack.min.js.map",
	}
}

// maxClientFile bounds one of the files: the largest has 300 kB.
const maxClientFile = 4 << 20

// clientFiles serve the client to browsers, from memory: they are read once, so that
// a request costs no look at the file system, and that a script and its tag belong
// together. Names other than those known are not looked for.
type clientFiles map[string]*clientFile // nil where the package lacks the file

// A clientFile is one of them, in the forms in which it can be sent.
type clientFile struct {
	contentType string
	tag         string // of the content, without quotes
	plain       []byte
	brotli      []byte // nil if there is none
	gzip        func() []byte
}

// readClientFiles reads what there is of the files, in the root of fsys or, if that
// is the package's, in its folder dist.
func readClientFiles(fsys fs.FS) (clientFiles, error) {
	var missing error
	for _, dir := range []string{".", "dist"} {
		files, found := clientFiles{}, false
		for _, name := range clientFileNames() {
			file, err := readClientFile(fsys, path.Join(dir, name))
			switch {
			case err == nil:
				found = true
			case !errors.Is(err, fs.ErrNotExist):
				return nil, fmt.Errorf("socketio: Config.ClientFiles%s: %w", whereabouts(fsys), err)
			case missing == nil:
				missing = err
			}
			files[name] = file
		}
		if found {
			return files, nil
		}
	}
	return nil, fmt.Errorf("socketio: Config.ClientFiles%s has none of %s; run npm install socket.io-client, and set it to "+
		`os.DirFS("node_modules/socket.io-client/dist"): %w`, whereabouts(fsys), strings.Join(clientFileNames(), ", "), missing)
}

// whereabouts tell the folder of an os.DirFS, whose errors do not.
func whereabouts(fsys fs.FS) string {
	if v := reflect.ValueOf(fsys); v.Kind() == reflect.String {
		return fmt.Sprintf(" (%s)", v.String())
	}
	return ""
}

// readClientFile reads a file and what stands compressed beside it.
func readClientFile(fsys fs.FS, name string) (*clientFile, error) {
	plain, err := readBounded(fsys, name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(plain)
	f := &clientFile{
		contentType: "application/javascript; charset=utf-8",
		tag:         base64.RawURLEncoding.EncodeToString(sum[:15]),
		plain:       plain,
	}
	if strings.HasSuffix(name, ".map") {
		f.contentType = "application/json; charset=utf-8"
	}
	if f.brotli, err = readOptional(fsys, name+".br"); err != nil {
		return nil, err
	}
	zipped, err := readOptional(fsys, name+".gz")
	if err != nil {
		return nil, err
	}
	f.gzip = sync.OnceValue(func() []byte {
		if zipped == nil {
			zipped = gzipped(plain)
		}
		return zipped
	})
	return f, nil
}

func readOptional(fsys fs.FS, name string) ([]byte, error) {
	b, err := readBounded(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

func readBounded(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxClientFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > maxClientFile:
		return nil, fmt.Errorf("%s has more than %d bytes, so it is not the client's", name, maxClientFile)
	}
	return b, nil
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // fails for unknown levels only
	_, _ = w.Write(b)                                       // a buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

// serve answers a request for one of the files. An adapter may be mounted below a
// group whose prefix nobody knows here, so the end of the path decides.
func (files clientFiles) serve(r *engine.Request) (engine.Reply, bool) {
	f, ours := files[r.Path[strings.LastIndexByte(r.Path, '/')+1:]]
	switch {
	case !ours || r.Method == "OPTIONS": // a preflight is the engine's
		return engine.Reply{}, false
	case f == nil:
		return engine.Reply{Status: 404}, true
	case r.Method != "GET" && r.Method != "HEAD":
		return engine.Reply{Status: 405, Header: engine.Header{"Allow": {"GET, HEAD"}}}, true
	}
	body, coding := f.form(r)
	tag := f.tag
	if coding != "" {
		tag += "-" + coding // each form has its own, as a strong one must
	}
	h := engine.Header{
		"Cache-Control": {"public, max-age=0"},
		"Etag":          {`"` + tag + `"`},
		"Vary":          {"Accept-Encoding"},
	}
	if hasTag(r.Header["If-None-Match"], tag) {
		return engine.Reply{Status: 304, Header: h}, true
	}
	h.Set("Content-Type", f.contentType)
	if coding != "" {
		h.Set("Content-Encoding", coding)
	}
	return engine.Reply{Status: 200, Header: h, Body: body}, true
}

// form returns the form that the client wants most, and its content coding.
func (f *clientFile) form(r *engine.Request) (body []byte, coding string) {
	offers := []string{"br", "gzip"}
	if f.brotli == nil {
		offers = offers[1:]
	}
	switch coding = r.AcceptsEncoding(offers...); coding {
	case "br":
		return f.brotli, coding
	case "gzip":
		return f.gzip(), coding
	}
	return f.plain, ""
}

// hasTag reports whether If-None-Match fields name the tag, weak or strong, or are
// "*" (RFC 9110, section 13.1.2). Ours has no comma in it.
func hasTag(fields []string, tag string) bool {
	for _, field := range fields {
		for item := range strings.SplitSeq(field, ",") {
			item = strings.TrimSpace(item)
			if item == "*" || strings.TrimPrefix(item, "W/") == `"`+tag+`"` {
				return true
			}
		}
	}
	return false
}
