package socketio_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// A polled is an answer that the reference gave to an older client.
type polled struct {
	Case   string   `json:"case"`
	Status int      `json:"status"`
	Type   string   `json:"ct"`
	Body   string   `json:"body"`
	Hex    string   `json:"hex"`
	Cookie []string `json:"cookie"`
	Frames []string `json:"m"`
}

// An oldClient exchanges the requests that were recorded.
type oldClient struct {
	t        *testing.T
	io       *server
	query    string
	recorded map[string]polled
}

// oldServer is the one that was recorded.
func oldServer(t *testing.T) (*server, *list) {
	io := serve(t, socketio.Config{
		PingInterval: time.Second, PingTimeout: 500 * time.Millisecond, AllowEIO3: true, Cookie: &engine.Cookie{},
	})
	seen := new(list)
	note := func(_ context.Context, s *socketio.Socket) error {
		auth := map[string]string{}
		if err := s.Handshake().BindAuth(&auth); err != nil {
			return err
		}
		seen.add("%s %v %s", strings.ReplaceAll(s.ID(), s.Conn().ID(), "SID"), auth, s.Handshake().Query.Encode())
		return nil
	}
	io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) {
		switch s.Handshake().Query.Get("fail") {
		case "message":
			return nil, &socketio.Error{Message: "nope"}
		case "data":
			return nil, &socketio.Error{Message: "nope", Data: map[string]int{"code": 7}}
		}
		return nil, nil
	})
	io.OnConnection(note)
	io.Of("/chat").OnConnection(note)
	socketio.OnWithAck(io, "msg", func(_ context.Context, _ *socketio.Socket, text string) (string, error) {
		seen.add("msg %s", text)
		return "é", nil
	})
	socketio.On(io, "bin", func(_ context.Context, s *socketio.Socket, data []byte) error {
		seen.add("bin %x", data)
		return s.Emit("bin", data, "é€😀")
	})
	return io, seen
}

// open shakes hands as in a recorded case.
func openOld(t *testing.T, io *server, recorded map[string]polled, name, query string) *oldClient {
	t.Helper()
	c := &oldClient{t: t, io: io, query: query, recorded: recorded}
	reply := c.do("GET", "")
	sid := string(reply.Body)
	_, sid, _ = strings.Cut(strings.ReplaceAll(sid, `\"`, `"`), `"sid":"`)
	sid, _, _ = strings.Cut(sid, `"`)
	c.query += "&sid=" + sid
	c.compare(name, reply)
	return c
}

func (c *oldClient) do(method, body string, headers ...string) engine.Reply {
	r := &engine.Request{Method: method, Path: "/socket.io/", RawQuery: c.query, Host: "kawat.test", RemoteAddr: "192.0.2.1:1", Header: engine.Header{}}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if method == "POST" {
		r.Body, r.ContentLength = strings.NewReader(body), int64(len(body))
	}
	return c.io.Engine().ServePoll(c.t.Context(), r)
}

func (c *oldClient) post(name, body string, headers ...string) {
	c.t.Helper()
	c.compare(name, c.do("POST", body, headers...))
	settle()
}

func (c *oldClient) poll(name string) {
	c.t.Helper()
	settle()
	c.compare(name, c.do("GET", ""))
}

// compare compares with what was recorded, to the byte but for the session's id.
func (c *oldClient) compare(name string, got engine.Reply) {
	c.t.Helper()
	want, ok := c.recorded[name]
	if !ok {
		c.t.Fatalf("%s: not recorded", name)
	}
	body := string(got.Body)
	if want.Hex != "" {
		body, want.Body = hex.EncodeToString(got.Body), want.Hex
	}
	if maskID(body) != maskID(want.Body) || got.Status != want.Status || got.Header.Get("Content-Type") != want.Type {
		c.t.Errorf("%s:\n got %d %q %s\nwant %d %q %s", name, got.Status, got.Header.Get("Content-Type"), body, want.Status, want.Type, want.Body)
	}
	if want.Cookie != nil && maskCookie(got.Header.Get("Set-Cookie")) != maskCookie(want.Cookie[0]) {
		c.t.Errorf("%s: cookie %q", name, got.Header.Get("Set-Cookie"))
	}
}

func maskID(body string) string {
	before, after, found := strings.Cut(body, `sid\":\"`)
	if !found {
		if before, after, found = strings.Cut(body, `sid":"`); !found {
			return body
		}
	}
	return before + fmt.Sprint(len(strings.SplitN(after, `"`, 2)[0])) + strings.SplitN(after, `"`, 2)[1]
}

func maskCookie(cookie string) string {
	_, attributes, _ := strings.Cut(cookie, ";")
	return attributes
}

func (p polled) name() string { return p.Case }

func TestOlderClientsLikeTheReference(t *testing.T) {
	recorded := goldenCases[polled](t, "eio3.json")
	for name, story := range map[string]func(t *testing.T, io *server, seen *list){
		"base64": func(t *testing.T, io *server, seen *list) {
			c := openOld(t, io, recorded, "EIO3 handshake b64=1", "EIO=3&transport=polling&b64=1")
			c.poll("next poll")
			c.post("POST string payload", `15:421["msg","é€"]`)
			c.poll("poll ack")
			c.post("POST with surrogate (length in UTF-16 units)", `15:42["msg","a😀"]`)
			c.post("POST binary event as base64 payload", `41:451-["bin",{"_placeholder":true,"num":0}]6:b4AQID`)
			c.poll("poll binary b64")
			c.post("client ping", "1:21:2")
			c.poll("poll pong")
			c.post("connect /chat with query (right length)", "18:40/chat?token=abc,")
			c.poll("poll")
			seen.want(t, "SID map[] EIO=3&b64=1&transport=polling", "msg é€", "msg a😀", "bin 010203",
				"/chat#SID map[token:abc] EIO=3&b64=1&transport=polling")
		},
		"binary": func(t *testing.T, io *server, seen *list) {
			c := openOld(t, io, recorded, "EIO3 handshake without b64", "EIO=3&transport=polling")
			c.poll("next poll")
			text := `451-["bin",{"_placeholder":true,"num":0}]`
			c.post("POST binary payload octet-stream", "\x00\x04\x01\xff"+text+"\x01\x04\xff\x04\x01\x02\x03", "Content-Type", "application/octet-stream")
			c.poll("poll binary payload")
			seen.want(t, "SID map[] EIO=3&transport=polling", "bin 010203")
		},
		"JSONP": func(t *testing.T, io *server, _ *list) {
			c := openOld(t, io, recorded, "JSONP handshake", "EIO=3&transport=polling&j=0&b64=1")
			c.poll("JSONP poll")
			c.post("JSONP POST d=", "d="+url.QueryEscape(`13:42["msg","x"]`), "Content-Type", "application/x-www-form-urlencoded")
			openOld(t, io, recorded, "JSONP with EIO4", "EIO=4&transport=polling&j=1")
		},
		"refused": func(t *testing.T, io *server, _ *list) {
			for name, fail := range map[string]string{"EIO3 middleware error (no data)": "message", "EIO3 middleware error (data)": "data"} {
				c := openOld(t, io, recorded, "EIO3 handshake without b64", "EIO=3&transport=polling&fail="+fail)
				c.poll(name)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io, seen := oldServer(t)
				story(t, io, seen)
			})
		})
	}
}

func TestOlderWebSocketsLikeTheReference(t *testing.T) {
	recorded := goldenCases[polled](t, "eio3.json")
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		io, _ := oldServer(t)
		ends := reasons(io)
		c := siotest.Open(t, io, siotest.Options{Query: url.Values{"EIO": {"3"}}})
		settle()
		wantRaw(t, "opening", c, recorded["EIO3 ws"].Frames[1])
		c.SendRaw(`451-["bin",{"_placeholder":true,"num":0}]`, []byte{4, 9, 8})
		settle()
		wantRaw(t, "binary", c, recorded["EIO3 ws binary frames (04 prefix)"].Frames[0], []byte{4, 9, 8})
		time.Sleep(time.Until(start.Add(1499 * time.Millisecond)))
		synctest.Wait()
		ends.want(t)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		ends.want(t, "ping timeout")
	})
}
