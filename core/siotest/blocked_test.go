package siotest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// A handler that takes its time, and a queue of events that is full: the server
// does not read. Time passes all the same, for whoever else wants to send.
func TestTimePassesWhileAHandlerKeepsTheServerFromReading(t *testing.T) {
	for name, do := range map[string]func(c *siotest.Client){
		"a ping":    func(*siotest.Client) { time.Sleep(time.Minute) },
		"an emit":   func(c *siotest.Client) { go c.Emit("slow", -1); time.Sleep(time.Minute) },
		"a move":    func(c *siotest.Client) { go c.Upgrade(); time.Sleep(time.Minute) },
		"its close": func(c *siotest.Client) { go c.Close(); time.Sleep(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, transport := range []string{engine.WebSocket, engine.Polling} {
				if name == "a move" && transport == engine.WebSocket {
					continue
				}
				synctest.Test(t, func(t *testing.T) {
					io := serve(t, socketio.Config{MaxQueuedEvents: 2})
					handled := 0
					socketio.On(io, "slow", func(context.Context, *socketio.Socket, int) error {
						time.Sleep(time.Hour)
						handled++
						return nil
					})
					c := siotest.Dial(t, io, siotest.Options{Transport: transport, Timeout: 24 * time.Hour})
					go func() {
						for n := range 6 {
							c.Emit("slow", n)
						}
					}()
					time.Sleep(time.Second)
					do(c)
					time.Sleep(10 * time.Hour)
					synctest.Wait()
					if handled < 3 {
						t.Errorf("%s: %d events were handled", transport, handled)
					}
				})
			}
		})
	}
}
