package relay

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// A lateBody begins, and does not come to its end in time: with that the host cancels
// the request's context, as net/http does.
type lateBody struct {
	begin  *strings.Reader
	cancel func()
}

func (b lateBody) Read(p []byte) (int, error) {
	if b.begin.Len() > 0 {
		return b.begin.Read(p)
	}
	time.Sleep(time.Second)
	b.cancel()
	return 0, fmt.Errorf("read: %w", os.ErrDeadlineExceeded)
}

// A body that comes too late is answered as the node answers that has the session,
// though it seems that the client has gone.
func TestLateBody(t *testing.T) {
	for _, length := range []int{10, 100_000, -1} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			inWorld(t, 2, nil, func(t *testing.T, w *world) {
				door, owner := w.nodes[0], w.nodes[1]
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				r := door.do(ctx, "POST", "&sid="+owner.open(), lateBody{strings.NewReader("4x"), cancel}, length)
				if r.Status != 408 || r.Header.Get("Connection") != "close" {
					t.Errorf("%d %v", r.Status, r.Header)
				}
			})
		})
	}
}
