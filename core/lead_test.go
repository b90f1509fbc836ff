package socketio_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

// The pause before the OnConnection functions ends with the socket. If it did not,
// it would be left over at the bubble's end, after which no time passes.
func TestTheLeadEndsWithTheSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, seen := serve(t, socketio.Config{}), new(list)
		io.OnConnection(func(context.Context, *socketio.Socket) error { seen.add("connection"); return nil })
		io.OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) { seen.add("disconnect") })
		start := time.Now()
		dial(t, io).Abort()
		synctest.Wait()
		seen.want(t, "connection", "disconnect")
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}
