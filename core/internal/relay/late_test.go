package relay

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
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

// What belongs to a request is not touched behind its end: gin and Echo use it again,
// for another client.
func TestNothingBehindTheEnd(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		var late atomic.Int64
		for range 300 {
			sid := owner.open()
			ctx, cancel := context.WithCancel(context.Background())
			var over atomic.Bool
			door.srv.ServePoll(ctx, &engine.Request{
				Method: "POST", Path: "/engine.io/", RawQuery: "EIO=4&transport=polling&sid=" + sid, RemoteAddr: "192.0.2.1:1234",
				Header: engine.Header{}, Body: lateBody{strings.NewReader("4"), cancel}, ContentLength: 10,
				SetReadDeadline: func(time.Time) error {
					if over.Load() {
						late.Add(1)
					}
					return nil
				},
			})
			over.Store(true)
			synctest.Wait()
		}
		if n := late.Load(); n > 0 {
			t.Errorf("%d of 300 requests were touched behind their end", n)
		}
	})
}

// A watchedBody notes that it was read to its end.
type watchedBody struct {
	*strings.Reader
	read *atomic.Bool
}

func (b watchedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.read.Store(err != nil)
	return n, err
}

// From when a body has been read its deadline is left alone: net/http watches the
// connection then, and would take all its later clients for gone.
func TestNothingBehindTheBody(t *testing.T) {
	for _, body := range []string{"4x", "4" + strings.Repeat("x", small)} {
		inWorld(t, 2, nil, func(t *testing.T, w *world) {
			door, owner := w.nodes[0], w.nodes[1]
			var read atomic.Bool
			sid := owner.open()
			ctx, cancel := context.WithCancel(context.Background())
			w.lose = func([]byte) bool {
				if read.Load() { // the request is on its way
					cancel()
					for range 1000 { // a lock is held, so that time stands still
						runtime.Gosched()
					}
				}
				return false
			}
			defer cancel()
			var late atomic.Int64
			door.srv.ServePoll(ctx, &engine.Request{
				Method: "POST", Path: "/engine.io/", RawQuery: "EIO=4&transport=polling&sid=" + sid, RemoteAddr: "192.0.2.1:1234",
				Header: engine.Header{}, Body: watchedBody{strings.NewReader(body), &read}, ContentLength: int64(len(body)),
				SetReadDeadline: func(at time.Time) error {
					if read.Load() && !at.IsZero() {
						late.Add(1)
					}
					return nil
				},
			})
			if !read.Load() || late.Load() > 0 {
				t.Errorf("read: %v, interrupted %d times behind that", read.Load(), late.Load())
			}
		})
	}
}
