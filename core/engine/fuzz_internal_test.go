package engine

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func fuzzServer(t *testing.T, cfg Config) *Server {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// What the protocol looks up in a query is what Query would have found, and there
// are no more parameters than ampersands allow.
func FuzzQuery(f *testing.F) {
	for _, raw := range []string{
		"", "EIO=4&transport=polling&sid=abc&t=x1", "sid=a&sid=b&EIO=3&EIO=4", "EIO&transport&sid&j&b64", "&&sid=a&", "=x&sid==a=b",
		"%73id=abc&transport=poll%69ng", "sid=a+b&EIO=%34", "sid=a;b&EIO=4", "sid=%zz&EIO=4", "token=a;b&sid=50%", "s%00id=\x00",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r := &Request{RawQuery: raw}
		q, all := r.query(), r.Query()
		for name, got := range map[string]param{
			"transport": q.transport, "sid": q.sid, "EIO": q.revision, "j": q.j, "b64": q.b64,
		} {
			if want := (param{all.Get(name), len(all[name])}); got != want {
				t.Errorf("%q: %s is %v, want %v", raw, name, got, want)
			}
		}
		n := 0
		for _, values := range all {
			n += len(values)
		}
		if n > strings.Count(raw, "&")+1 {
			t.Errorf("%q has %d parameters", raw, n)
		}
	})
}

// A body is taken as a whole or not at all, and costs no more than the limit
// allows, however it arrives and whatever is said about it.
func FuzzBody(f *testing.F) {
	f.Add([]byte("4hello"), int64(6), int64(100), byte(3), false)
	f.Add([]byte("4hello"), int64(7), int64(100), byte(0), false)
	f.Add([]byte("4hello"), int64(-1), int64(6), byte(1), true)
	f.Add([]byte("4hello"), int64(-1), int64(5), byte(1), false)
	f.Add([]byte(""), int64(0), int64(1), byte(1), false)
	f.Fuzz(func(t *testing.T, content []byte, declared, limit int64, chunk byte, breaks bool) {
		if limit < 1 || limit > 1<<20 {
			return
		}
		s := &Session{server: &Server{cfg: Config{MaxPayload: limit}}}
		in := &chunks{content: content, size: int(chunk) + 1}
		if breaks {
			in.end = errors.New("it breaks off")
		}
		buf := make([]byte, 0, 16)
		body, err := s.readBody(&Request{Body: in, ContentLength: declared}, &buf)
		fits := int64(len(content)) <= limit && (declared < 0 || declared == int64(len(content))) && !breaks
		if (err == nil) != fits || err == nil && !bytes.Equal(body, content) || err != nil && body != nil {
			t.Errorf("%d bytes, said to be %d, limit %d, broken off %v: %q, %v", len(content), declared, limit, breaks, body, err)
		}
		if n := int64(cap(buf)); n > 4*min(limit+1, int64(len(content)))+64 {
			t.Errorf("a buffer of %d bytes for %d, limit %d", n, len(content), limit)
		}
	})
}

// chunks is a body that arrives in pieces.
type chunks struct {
	content []byte
	size    int
	end     error // nil for io.EOF
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.content) == 0 && c.end == nil {
		return 0, io.EOF
	} else if len(c.content) == 0 {
		return 0, c.end
	}
	n := copy(p[:min(len(p), c.size)], c.content)
	c.content = c.content[n:]
	return n, nil
}

var (
	scriptHead = regexp.MustCompile(`^___eio\[[0-9]*\]\($`)
	formEscape = strings.NewReplacer(`\n`, `\\n`)
)

// What JSONP brings is what the client meant, or nothing; what it takes back is one
// call with one string, whatever is in it.
func FuzzJSONP(f *testing.F) {
	f.Add("0", "d=4hello", "4hello")
	f.Add("1;alert(1)", `d=4a%5C%5Cn%5Cn`, "4\u2028</script>\n\x00\\n\\\\n")
	f.Add("", "d=a&d=b", "\xff")
	f.Add("٣", "d=%zz;x", "😀")
	f.Fuzz(func(t *testing.T, j, form, text string) {
		head := jsonpHead(j)
		if !scriptHead.MatchString(head) {
			t.Fatalf("%q becomes %q", j, head)
		}
		if body := jsonpBody([]byte(form)); len(body) > len(form) {
			t.Fatalf("%q becomes %q", form, body)
		}
		if back := jsonpBody([]byte("d=" + url.QueryEscape(formEscape.Replace(text)))); string(back) != text {
			t.Fatalf("%q comes as %q", text, back)
		}
		reply := (&legacy{jsonp: head}).script(&Request{}, Reply{Status: statusOK, Body: []byte(text)})
		literal := strings.TrimSuffix(strings.TrimPrefix(string(reply.Body), head), ");")
		if strings.ContainsAny(literal, "\u2028\u2029\r\n<>") || len(literal)+len(head)+2 != len(reply.Body) {
			t.Fatalf("%q is sent as %q", text, reply.Body)
		}
		var back string
		if err := json.Unmarshal([]byte(literal), &back); err != nil || back != strings.ToValidUTF8(text, "\ufffd") && utf8.ValidString(text) {
			t.Fatalf("%q is sent as %q, which means %q: %v", text, reply.Body, back, err)
		}
	})
}

// A page of another host does not get in, nor does what is no origin; and whatever
// is answered has no field that the client has made.
func FuzzOrigin(f *testing.F) {
	f.Add("https://app.example", "kawat.example", "", "")
	f.Add("https://kawat.example:443", "KAWAT.example", "cross-site", "https://evil.example/x")
	f.Add("https://kawat.example.evil", "kawat.example", "same-origin", "")
	f.Add("null", "null", "none", "null")
	f.Add("https://a\r\nX: y", "[::1]:80", "", "http://[::1]/")
	f.Add("//\xc0", "\x80", "", "")
	f.Add("//\xc0", "\xc0", "", "")
	f.Add("https://\u212aawat.example", "kawat.example", "", "https://\u212aawat.example/")
	f.Add("//kawat.example", "kawat.example", "", "http://kawat.example@evil.example/")
	f.Fuzz(func(t *testing.T, origin, host, site, page string) {
		s := fuzzServer(t, Config{AllowedOrigins: []string{"https://app.example"}, CORS: CORS{Credentials: true}, AllowEIO3: true})
		r := &Request{Method: "OPTIONS", Host: host, Header: Header{"Origin": {origin}, "Access-Control-Request-Headers": {page}}}
		why := s.checkOrigin(r)
		if why == nil {
			same := ownHost(origin, host)
			if strings.ToLower(origin) != "https://app.example" && !same || strings.ContainsFunc(origin, notInHeader) {
				t.Errorf("%q may connect to %q", origin, host)
			}
		}
		for key, values := range s.preflight(r).Header {
			if strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") || why != nil && key == "Access-Control-Allow-Origin" && values[0] == origin {
				t.Errorf("%q of %q is answered %q: %q", origin, host, key, values)
			}
		}
		script := &Request{Host: host, Header: Header{"Sec-Fetch-Site": {site}, "Referer": {page}}}
		if s.checkScript(script, &query{j: param{"0", 1}}) == nil && site != "same-origin" && site != "none" && page != "" {
			u, err := url.Parse(page)
			if err != nil || !ownHost(page, host) && !strings.EqualFold(u.Scheme+"://"+u.Host, "https://app.example") {
				t.Errorf("the page %q may load scripts of %q", page, host)
			}
		}
	})
}

// ownHost says it in another way than sameOrigin does.
func ownHost(address, host string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	plain := func(s string) string {
		for c := 'A'; c <= 'Z'; c++ {
			s = strings.ReplaceAll(s, string(c), string(c+'a'-'A'))
		}
		return strings.TrimSuffix(strings.TrimSuffix(s, ":80"), ":443")
	}
	return u.Host != "" && plain(u.Host) == plain(host)
}

var validID = regexp.MustCompile(`\A[A-Za-z0-9_-]{1,64}\z`)

// Of what a program makes for an id only what is one is used, and its cookie is one
// cookie.
func FuzzGenerateID(f *testing.F) {
	for _, id := range []string{"", "abc", "a b", "x\r\nSet-Cookie: y", strings.Repeat("x", 64), strings.Repeat("x", 65), "é", "__proto__", "a;b"} {
		f.Add(id, false)
	}
	f.Fuzz(func(t *testing.T, id string, secure bool) {
		s := fuzzServer(t, Config{GenerateID: func(*Request) (string, error) { return id, nil }, Cookie: &Cookie{}})
		reply := s.ServePoll(context.Background(), &Request{Method: "GET", RawQuery: "EIO=4&transport=polling", Secure: secure})
		if ok := validID.MatchString(id); ok != (reply.Status == statusOK) || ok != (s.session(id) != nil) {
			t.Fatalf("%q: %d %s", id, reply.Status, reply.Body)
		}
		if reply.Status != statusOK {
			if len(reply.Header["Set-Cookie"]) > 0 {
				t.Errorf("%q is in a cookie", id)
			}
			return
		}
		cookie, err := http.ParseSetCookie(reply.Header.Get("Set-Cookie"))
		if err != nil || cookie.Value != id || cookie.Name != "io" || !cookie.HttpOnly || cookie.Secure != secure || len(cookie.Unparsed) > 0 {
			t.Errorf("%q: %+v, %v", id, cookie, err)
		}
	})
}

// What clients say about encodings chooses among those that there are, and what is
// compressed is what was to be sent.
func FuzzAcceptEncoding(f *testing.F) {
	for _, list := range []string{"", "gzip", "deflate, gzip;q=0.5", "*;q=0", "identity;q=0, *", "gzip;q=2", "gzip;q=NaN", "GZIP ; Q=1", "gzip;q=-0", ";;,,"} {
		f.Add(list, []byte("4hello hello hello hello"))
	}
	s, err := New(Config{HTTPCompression: Compression{Threshold: 1}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, list string, body []byte) {
		r := &Request{Header: Header{"Accept-Encoding": {list}}}
		for _, coding := range []string{"gzip", "deflate", "identity", "br"} {
			if w := r.weight(coding); !(w >= 0 && w <= 1) {
				t.Errorf("%q gives %s the weight %v", list, coding, w)
			}
		}
		chosen := r.AcceptsEncoding("gzip", "deflate")
		if chosen != "" && r.weight(chosen) == 0 {
			t.Errorf("%q chooses %q", list, chosen)
		}
		reply := Reply{Status: statusOK, Body: body, kind: payloadReply}
		s.compress(&reply, r)
		if len(body) == 0 {
			chosen = ""
		}
		if reply.Header.Get("Content-Encoding") != chosen || !bytes.Equal(decompress(t, chosen, reply.Body), body) {
			t.Errorf("%q: %q, %q", list, reply.Header, reply.Body)
		}
	})
}

// Whatever fields functions of the program add, and clients ask for, what is sent
// are fields.
func FuzzHeaders(f *testing.F) {
	f.Add("X-Name", "value", "chat, other", "13", "websocket")
	f.Add("X\r\nY", "a\r\nb", "a\r\nb, c", " 8 , 13", "WebSocket, x")
	f.Add("", "", "\x00", "", "")
	f.Fuzz(func(t *testing.T, key, value, protocols, version, upgrade string) {
		log := slog.New(slog.DiscardHandler)
		s := &Server{cfg: Config{Logger: log}, log: log}
		h := Header{key: {value, "plain"}}
		s.sanitize(h)
		for key, values := range h {
			if !isToken(key) || slices.ContainsFunc(values, func(v string) bool { return strings.ContainsAny(v, "\r\n\x00") }) || !slices.Contains(values, "plain") {
				t.Errorf("%q: %q is kept", key, values)
			}
		}
		r := &Request{Method: "GET", Header: Header{
			"Sec-Websocket-Protocol": {protocols}, "Sec-Websocket-Version": {version}, "Upgrade": {upgrade}, "Connection": {upgrade + ", upgrade"},
			"Sec-Websocket-Key": {value},
		}}
		if chosen := r.subprotocol(); chosen != "" && (!isToken(chosen) || !strings.Contains(protocols, chosen)) {
			t.Errorf("%q: %q", protocols, chosen)
		}
		if r.IsUpgrade() && !strings.Contains(strings.ToLower(upgrade), "websocket") {
			t.Errorf("%q is an upgrade", upgrade)
		}
		if r.completeUpgrade() && (!strings.Contains(version, "13") || len(value) < 22) {
			t.Errorf("version %q, key %q", version, value)
		}
	})
}

func decompress(t *testing.T, coding string, body []byte) []byte {
	t.Helper()
	var r io.Reader = bytes.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}
