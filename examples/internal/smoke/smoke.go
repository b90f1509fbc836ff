// Package smoke has the smallest Socket.IO client that can prove an example: bare
// HTTP long polling, so that what goes over the wire stands in the test.
package smoke

import (
	"context"
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
	t.Cleanup(func() { c.Send("41\x1e1") })
	return c
}

// Send posts packets, separated by "\x1e" if there are several.
func (c *Client) Send(packets string) {
	c.t.Helper()
	if body := c.do(http.MethodPost, strings.NewReader(packets)); body != "ok" {
		c.t.Fatalf("POST %q was answered %q", packets, body)
	}
}

// Next returns the next packet that begins with the prefix. It passes over others.
func (c *Client) Next(prefix string) string {
	c.t.Helper()
	for {
		for i, packet := range c.packets {
			if strings.HasPrefix(packet, prefix) {
				c.packets = c.packets[i+1:]
				return packet
			}
		}
		c.packets = strings.Split(c.do(http.MethodGet, nil), "\x1e")
	}
}

// Call sends an event and returns the arguments of its acknowledgement. args is
// JSON without the brackets.
func (c *Client) Call(id, event, args string) string {
	c.t.Helper()
	c.Send("42" + id + `["` + event + `",` + args + "]")
	return strings.TrimPrefix(c.Next("43"+id+"["), "43"+id)
}

func (c *Client) do(method string, body io.Reader) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.url, body)
	if err != nil {
		c.t.Fatal(err)
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	return Do(c.t, req, http.StatusOK)
}

// Do sends a request, checks the status of its response and returns the body.
func Do(t *testing.T, req *http.Request, status int) string {
	t.Helper()
	// A connection of its own for each request: none stays open that a server
	// would wait for when it shuts down.
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status {
		t.Fatalf("%s %s: status %d, want %d: %s", req.Method, req.URL, resp.StatusCode, status, text)
	}
	return string(text)
}
