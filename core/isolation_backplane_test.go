package socketio_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/packet"
)

// What the program sends from a goroutine of its own is an error if the codec panics.
func TestACodecThatPanicsWhileTheProgramEmits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		codec := panickyCodec{packet.JSON()}
		io := serve(t, socketio.Config{Codec: codec, Backplane: backplane.NewMemory()})
		s := socketOf(t, io.Namespace, dial(t, io))
		_, ackErr := s.EmitWithAck(t.Context(), "bad")
		for what, err := range map[string]error{
			"Emit": s.Emit("bad"), "broadcast": io.Emit("bad"), "EmitWithAck": ackErr,
		} {
			if !errors.Is(err, socketio.ErrPanic) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if stats := io.Stats(); stats.Panics != 3 || stats.PendingAcks != 0 {
			t.Errorf("%d counted, %d acks are pending", stats.Panics, stats.PendingAcks)
		}
	})
}

type panickyCodec struct{ packet.Codec }

func (c panickyCodec) Encode(dst []byte, p packet.Outgoing) (packet.Encoded, error) {
	if p.Event == "bad" {
		panic("oops")
	}
	return c.Codec.Encode(dst, p)
}

// A rudePlane is a backplane whose nodes do something when they are to leave.
type rudePlane struct {
	backplane.Backplane
	leave func()
}

func (p rudePlane) Join(ctx context.Context, h backplane.Host) (backplane.Node, error) {
	n, err := p.Backplane.Join(ctx, h)
	return rudeNode{n, p.leave}, err
}

type rudeNode struct {
	backplane.Node
	leave func()
}

func (n rudeNode) Close() error {
	defer n.Node.Close()
	n.leave()
	return nil
}

func TestABackplaneThatMisbehaves(t *testing.T) {
	for name, mishap := range mishaps {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{Backplane: rudePlane{backplane.NewMemory(), mishap}})
				c := dial(t, io)
				must(t, io.Shutdown(t.Context()))
				synctest.Wait()
				if !c.Closed() || io.Stats().Engine.Panics != 1 || !strings.Contains(io.logs.String(), "isolation_backplane_test.go") {
					t.Errorf("closed: %v, %d panics, log %s", c.Closed(), io.Stats().Engine.Panics, io.logs)
				}
			})
		})
	}
	t.Run("block", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			io := serve(t, socketio.Config{Backplane: rudePlane{backplane.NewMemory(), func() { <-release }}})
			dial(t, io)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			if err := io.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "the backplane has not let go") {
				t.Errorf("Shutdown: %v", err)
			}
			if took := time.Since(began); took != time.Second {
				t.Errorf("took %v", took)
			}
			close(release)
		})
	})
}
