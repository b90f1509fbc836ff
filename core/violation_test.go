package socketio_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
)

// A polling client that breaks the protocol is told that this was the end: the
// connection closes in the orderly way.
func TestViolationsByPolling(t *testing.T) {
	for name, row := range map[string]struct {
		send   []string
		reason []string // of the socket's end, where there was one
	}{
		"a second CONNECT":        {[]string{"40", "40"}, []string{"forced close"}},
		"an event before CONNECT": {[]string{`42["some event"]`}, nil},
		"no packet":               {[]string{"40", "4abc"}, []string{"forced close"}},
		"an empty message":        {[]string{"40", "4"}, []string{"forced close"}},
		"no attachments":          {[]string{"40", "45"}, []string{"forced close"}},
		"binary out of place":     {[]string{"40", "bAQID"}, []string{"forced close"}},
		"a CONNECT_ERROR":         {[]string{"40", `44["handle me please"]`}, []string{"forced close"}},
		"a CONNECT_ERROR's text":  {[]string{"40", `44"handle me please"`}, []string{"forced close"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				ends := reasons(io)
				request := func(method, sid, body string) engine.Reply {
					return io.Engine().ServePoll(t.Context(), &engine.Request{
						Method: method, Path: "/socket.io/", RawQuery: "EIO=4&transport=polling" + sid,
						Body: strings.NewReader(body), ContentLength: int64(len(body)),
					})
				}
				_, rest, _ := strings.Cut(string(request("GET", "", "").Body), `"sid":"`)
				sid := "&sid=" + rest[:20]
				for _, packet := range row.send {
					if reply := request("POST", sid, packet); string(reply.Body) != "ok" {
						t.Errorf("POST %s: %d %q", packet, reply.Status, reply.Body)
					}
					settle()
				}
				if row.reason != nil {
					if got := string(request("GET", sid, "").Body); !strings.HasPrefix(got, `40{"sid":"`) || strings.Contains(got, "\x1e") {
						t.Errorf("first poll: %q", got)
					}
				}
				if got := string(request("GET", sid, "").Body); got != "1" {
					t.Errorf("last poll: %q", got)
				}
				if reply := request("GET", sid, ""); reply.Status != 400 {
					t.Errorf("a poll after that: %d %q", reply.Status, reply.Body)
				}
				settle()
				ends.want(t, row.reason...)
				if stats := io.Stats(); stats.Sockets != 0 || stats.Engine.Sessions != 0 {
					t.Errorf("left: %s", fmt.Sprint(stats))
				}
			})
		})
	}
}

// Clients that have namespaces made, and are made to leave them, without end do not
// fill the memory with the names; what was on its way for the last of them is ignored.
func TestNamespacesLeftAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{MaxNamespaces: 3, CleanupEmptyChildNamespaces: true})
		io.OfRegexp(regexp.MustCompile(`^/r`))
		c := dial(t, io)
		for i := range 10 {
			name := "/r" + strconv.Itoa(i)
			c.SendRaw("40" + name + ",")
			settle()
			must(t, io.Of(name).DisconnectSockets(false))
		}
		for _, i := range []string{"9", "9"} {
			c.SendRaw("42/r" + i + `,["late"]`)
			synctest.Wait()
			if n := io.Stats().Engine.Sessions; n != 1 {
				t.Fatalf("%d sessions", n)
			}
		}
		for i := range 10 {
			c.SendRaw("42/r" + strconv.Itoa(i) + `,["late"]`)
		}
		synctest.Wait()
		if n := io.Stats().Engine.Sessions; n != 0 {
			t.Errorf("%d sessions after packets for namespaces long left", n)
		}
	})
}

// What is decided on at the same time is counted, too.
func TestRefusalsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{MaxNamespaces: 3})
		io.OfFunc(func(context.Context, string, *socketio.Handshake) (bool, error) {
			time.Sleep(time.Second)
			return false, nil
		})
		c := open(t, io)
		for i := range 2 {
			c.SendRaw("40/a" + strconv.Itoa(i) + ",")
		}
		time.Sleep(2 * time.Second)
		for i := range 3 {
			c.SendRaw("40/b" + strconv.Itoa(i) + ",")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		refusals := 0
		for _, m := range c.Raw() {
			if text, _ := m.(string); strings.HasPrefix(text, "44") {
				refusals++
			}
		}
		if n := io.Stats().Engine.Sessions; refusals < 2 || refusals > 3 || n != 0 { // the end may overtake the third
			t.Errorf("%d refusals, %d sessions", refusals, n)
		}
	})
}
