//go:build linux

package peers

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"go.uber.org/goleak"

	"github.com/kawat-go/kawat/internal/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestContract has every server in Go do all that the scenarios ask of it, frame by
// frame. For Node's the suite in e2e does that: here npm is not needed.
func TestContract(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	dir, inGo := t.TempDir(), All()
	inGo = slices.DeleteFunc(inGo, func(p Peer) bool { return p.Name == Node })
	var log bytes.Buffer
	if err := Build(t.Context(), root, dir, inGo, &log); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	for _, p := range inGo {
		t.Run(p.Name, func(t *testing.T) {
			server, err := process.Start(t.Context(), p.Spec(root, dir, "-ping-interval", "200ms", "-ping-timeout", "60s"))
			if err != nil {
				t.Fatal(err)
			}
			speak(t, server.Addr())
			if got := polls(t, server.Addr()); got != p.Polling {
				t.Errorf("it answers a poll: %v, want %v", got, p.Polling)
			}
			if err := server.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A client sees what a server sends. Pings it answers and counts.
type client struct {
	t     *testing.T
	ws    *websocket.Conn
	pings int
}

func (c *client) send(frames ...string) {
	c.t.Helper()
	for _, frame := range frames {
		kind := websocket.TextMessage
		if frame[0] > 127 {
			kind = websocket.BinaryMessage
		}
		if err := c.ws.WriteMessage(kind, []byte(frame)); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *client) next() (string, error) {
	for {
		_, data, err := c.ws.ReadMessage()
		if err != nil || string(data) != "2" {
			return string(data), err
		}
		c.pings++
		c.send("3")
	}
}

// gets expects the frames, in any order.
func (c *client) gets(want ...string) {
	c.t.Helper()
	var got []string
	for range want {
		frame, err := c.next()
		if err != nil {
			c.t.Fatalf("got %q, want %q: %v", got, want, err)
		}
		got = append(got, frame)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		c.t.Errorf("got %q, want %q", got, want)
	}
}

func speak(t *testing.T, addr string) {
	ws, response, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+addr+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	defer ws.Close()
	_ = ws.SetReadDeadline(time.Now().Add(time.Minute))
	c := &client{t: t, ws: ws}
	if open, err := c.next(); err != nil || !strings.HasPrefix(open, "0{") ||
		!strings.Contains(open, `"pingInterval":200,"pingTimeout":60000,"maxPayload":1000000`) {
		t.Errorf("the handshake is %q, %v", open, err)
	}
	c.send("40")
	if connected, err := c.next(); err != nil || !strings.HasPrefix(connected, `40{"sid":"`) {
		t.Errorf("the connect packet is %q, %v", connected, err)
	}
	const object, kilobyte = `{"id":7,"name":"ann","on":true}`, 1024
	blob := strings.Repeat("\xff\x00\x80\x41", kilobyte/4)
	c.send(`420["echo","text"]`, `421["object",`+object+`]`, `4212["raw","text"]`)
	c.gets(`430["text"]`, `431[`+object+`]`, `4312["text"]`)
	c.send(`451-3["binary",{"_placeholder":true,"num":0}]`, blob)
	c.gets(`461-3[{"_placeholder":true,"num":0}]`, blob)
	c.send(`424["join","r"]`)
	c.gets(`434[true]`)
	c.send(`425["publish",{"room":"r","n":3,"text":"hi"}]`)
	c.gets(`42["message","hi"]`, `42["message","hi"]`, `42["message","hi"]`, `435[true]`)
	c.send(`426["publish",{"room":"other","n":1,"text":"hi"}]`, `427["leave","r"]`)
	c.gets(`436[true]`, `437[true]`)
	c.send(`428["publish",{"room":"r","n":1,"text":"hi"}]`, `42["quiet"]`)
	c.gets(`438[true]`)
	for end := time.Now().Add(30 * time.Second); c.pings < 3 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		c.send(`429["echo","still there"]`)
		c.gets(`439["still there"]`)
	}
	if c.pings < 3 {
		t.Errorf("there were %d pings", c.pings)
	}
	c.send("41")
	if err := ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")); err != nil {
		t.Error(err)
	}
	if frame, err := c.next(); err == nil {
		t.Errorf("after the end there is %q", frame)
	}
}

// polls reports whether a server opens a session for a client that polls.
func polls(t *testing.T, addr string) bool {
	t.Helper()
	defer http.DefaultClient.CloseIdleConnections()
	response, err := http.Get(fmt.Sprintf("http://%s/socket.io/?EIO=4&transport=polling", addr))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return err == nil && response.StatusCode == http.StatusOK && bytes.HasPrefix(body, []byte("0{"))
}

func TestNodeIsStartedFromItsFolder(t *testing.T) {
	node, err := Find(Node)
	if err != nil {
		t.Fatal(err)
	}
	spec := node[0].Spec("/root", "/bin", "-ping-interval", "5s")
	if got := append([]string{spec.Path}, spec.Args...); !slices.Equal(got, []string{"node", "/root/bench/servers/node/server.mjs", "-ping-interval", "5s"}) {
		t.Errorf("it is started by %q", got)
	}
}

func TestFind(t *testing.T) {
	names := func(peers []Peer) (names string) {
		for _, p := range peers {
			names += p.Name + " "
		}
		return names
	}
	all, err := Find()
	if err != nil || names(all) != "nethttp gin echo fiber node floor " {
		t.Errorf("all are %s, error %v", names(all), err)
	}
	some, err := Find(Node, "gin")
	if err != nil || names(some) != "gin node " {
		t.Errorf("some are %s, error %v", names(some), err)
	}
	if _, err := Find("express"); err == nil || !strings.Contains(err.Error(), `no server "express": there are nethttp, gin,`) {
		t.Errorf("one that is not there: %v", err)
	}
}
