// Package smoke has the smallest Socket.IO client that can prove an example: bare
// HTTP long polling, so that what goes over the wire stands in the test.
package smoke

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Serve runs an example's server on a free port until the test ends, and returns
// its address, such as "http://127.0.0.1:41234".
func Serve(t *testing.T, serve func(ctx context.Context, ln net.Listener) error) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error("server:", err)
		}
	})
	return "http://" + ln.Addr().String()
}

// A Client is one Engine.IO session over polling.
type Client struct {
	t       *testing.T
	url     string
	header  http.Header
	packets []string // received, not asked for yet
	ended   bool     // the server ends the session
}

// Connect opens a session at an address such as "http://127.0.0.1:3000/socket.io"
// and joins the default namespace. The session is closed when the test ends.
func Connect(t *testing.T, address string, header http.Header) *Client {
	t.Helper()
	c := &Client{t: t, url: address + "/?EIO=4&transport=polling", header: header}
	open := c.Next("0{")
	_, rest, _ := strings.Cut(open, `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	c.url += "&sid=" + sid
	c.Send("40")
	c.Next("40{")
	t.Cleanup(func() {
		if !c.ended {
			c.Send("41\x1e1")
		}
	})
	return c
}

// Lost says that the client's session may be gone, and need not be ended.
func (c *Client) Lost() { c.ended = true }

// Send posts packets, separated by "\x1e" if there are several.
func (c *Client) Send(packets string) {
	c.t.Helper()
	if body, err := c.do(http.MethodPost, strings.NewReader(packets)); err != nil || body != "ok" {
		c.t.Fatalf("POST %q was answered %q, %v", packets, body, err)
	}
}

// Next returns the next packet that begins with the prefix. It passes over others.
func (c *Client) Next(prefix string) string {
	c.t.Helper()
	packet := c.next(prefix)
	if packet == "" {
		c.t.FailNow()
	}
	return packet
}

// next is for any goroutine: where something goes wrong, the test has failed and the
// packet is empty.
func (c *Client) next(prefix string) string {
	for {
		for i, packet := range c.packets {
			if strings.HasPrefix(packet, prefix) {
				c.packets = c.packets[i+1:]
				return packet
			}
		}
		body, err := c.do(http.MethodGet, nil)
		if err != nil {
			c.t.Error(err)
			return ""
		}
		c.packets = strings.Split(body, "\x1e")
	}
}

// Call sends an event and returns the arguments of its acknowledgement. args is
// JSON without the brackets.
func (c *Client) Call(id, event, args string) string {
	c.t.Helper()
	c.Send("42" + id + `["` + event + `",` + args + "]")
	return strings.TrimPrefix(c.Next("43"+id+"["), "43"+id)
}

func (c *Client) do(method string, body io.Reader) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.url, body)
	if err != nil {
		return "", err
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	return try(req, http.StatusOK)
}

// Do sends a request, checks the status of its response and returns the body.
func Do(t *testing.T, req *http.Request, status int) string {
	t.Helper()
	text, err := try(req, status)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func try(req *http.Request, status int) (string, error) {
	// A connection of its own for each request: none stays open that a server
	// would wait for when it shuts down.
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != status {
		err = fmt.Errorf("%s %s: status %d, want %d: %s", req.Method, req.URL, resp.StatusCode, status, text)
	}
	return string(text), err
}
