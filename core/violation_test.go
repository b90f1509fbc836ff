package socketio_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

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
