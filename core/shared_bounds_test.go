package socketio_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

// What is claimed is looked at before it costs.
func TestHostileClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := durableLines(nil)
		io := durableNodes(t, 2, socketio.Config{Backplane: ls})[0]
		for _, row := range []struct {
			auth string
			asks int
		}{
			{`{"pid":"` + strings.Repeat("x", 65) + `","offset":"1-0"}`, 0},
			{`{"pid":"x","offset":"` + strings.Repeat("1", 100_000) + `"}`, 0},
			{`{"pid":"x","offset":"1-0\u0000"}`, 0},
			{`{"pid":"x","offset":7}`, 0},
			{`{"pid":7,"offset":"1-0"}`, 0},
			{`{"pid":"x","offset":"99999999999999999999-0"}`, 0},
			{`{"pid":"x","offset":"18446744073709551615-18446744073709551615"}`, 2},
			{`{"pid":"x,/\u0000*","offset":"1-0"}`, 2},
			{`{"pid":"x"}`, 2},
		} {
			before := ls.asked.Load()
			c := siotest.Open(t, io, siotest.Options{})
			c.SendRaw("40" + row.auth)
			time.Sleep(5 * time.Second)
			synctest.Wait()
			if n := int(ls.asked.Load() - before); n != row.asks {
				t.Errorf("%.50s: asked %d times", row.auth, n)
			}
			c.Close()
			synctest.Wait()
		}
		if stats := io.Stats(); stats.Recovery.Recovered != 0 || stats.IgnoredMail != 0 {
			t.Errorf("%+v", stats)
		}
	})
}

// More than may wait for a client is not replayed, nor the same over and over.
func TestReplaysBetweenNodesAreBounded(t *testing.T) {
	for name, row := range map[string]struct {
		cfg    socketio.Config
		events int
		bytes  int
		after  bool // it comes when the session has been restored
	}{
		"messages":         {socketio.Config{MaxQueuedMessages: 100}, 100, 1, false},
		"bytes":            {socketio.Config{MaxQueuedBytes: 10_000}, 10, 1000, false},
		"messages, behind": {socketio.Config{MaxQueuedMessages: 100}, 100, 1, true},
		"bytes, behind":    {socketio.Config{MaxQueuedBytes: 10_000}, 10, 1000, true},
		"the tail":         {socketio.Config{ConnectionStateRecovery: &socketio.Recovery{MaxPackets: 50}}, 60, 1, true},
		"the tail's bytes": {socketio.Config{ConnectionStateRecovery: &socketio.Recovery{MaxBytes: 50_000}}, 60, 1000, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := durableNodes(t, 2, row.cfg)
				all[1].Use(func(ctx context.Context, _ *socketio.Socket) (context.Context, error) {
					time.Sleep(time.Second)
					return ctx, nil
				})
				p := call(t, all[0], siotest.Options{})
				must(t, all[0].Emit("one"))
				p.cut()
				send := func() {
					for range row.events {
						must(t, all[0].Emit("more", strings.Repeat("x", row.bytes)))
						synctest.Wait()
					}
				}
				if !row.after {
					send()
					p.moveTo(all[1], false)
					return
				}
				c := siotest.Open(t, all[1], siotest.Options{})
				c.SendRaw(fmt.Sprintf(`40{"pid":%q,"offset":%q}`, p.pid, p.offset))
				time.Sleep(500 * time.Millisecond)
				send()
				time.Sleep(time.Second)
				if !c.Closed() || all[1].SocketCount() != 0 {
					t.Error("it goes on with a hole")
				}
				p.moveTo(all[1], row.cfg.ConnectionStateRecovery != nil) // then it is not too much
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		all := durableNodes(t, 2, socketio.Config{MaxQueuedBytes: 10_000})
		p := call(t, all[0], siotest.Options{})
		must(t, all[0].Emit("one"))
		p.hear()
		first := p.offset
		for range 8 {
			must(t, all[0].Emit("more", strings.Repeat("x", 1000)))
		}
		for i := range 10 {
			p.cut()
			p.offset = first
			p.io = all[i%2]
			must(t, p.connect())
			if want := i < 5; p.recovered != want {
				t.Fatalf("at the %dth time: %v", i+1, p.recovered)
			}
			if !p.recovered {
				break
			}
		}
	})
}
