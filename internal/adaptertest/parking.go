package adaptertest

import (
	"runtime"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/internal/epoll"
)

// parking counts the goroutines of WebSockets that are silent: none where they can
// be parked, one each without that, and over TLS.
func parking(t *testing.T, host Host) {
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			s := start(t, host, App{Secure: secure}, engine.Config{})
			const n = 20
			var all []*ws
			for i := range n {
				sid := ""
				if i%2 == 0 {
					sid = s.open()
				}
				c := s.dial(sid)
				if sid == "" {
					sidOf(t, c.receive())
				} else {
					c.send("2probe")
					c.expect("3probe")
					c.send("5")
				}
				c.send("4hello")
				c.expect("4hello")
				all = append(all, c)
			}
			want := n
			if epoll.Supported() && !host.unparked && !secure {
				want = 0
			}
			eventually(t, "the silent connections have the goroutines that they need", func() bool { return readers() == want })
			for _, c := range all {
				c.send("4again")
				c.expect("4again")
			}
		})
	}
}

// readers counts the goroutines that read a WebSocket, of all servers in the process.
func readers() int {
	stacks := make([]byte, 1<<20)
	n := 0
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(stack, "/core/engine.(*reader)") {
			n++
		}
	}
	return n
}
