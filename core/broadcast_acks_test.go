package socketio_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

func TestEmitWithAckAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		for i := range 5 {
			c := dial(t, io)
			c.On("ask", func(e siotest.Event) { e.Ack(i) })
		}
		got, err := socketio.EmitWithAckAll[int](t.Context(), io, "ask")
		slices.Sort(got)
		if err != nil || !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
			t.Errorf("%v, %v", got, err)
		}
		if n := io.Stats().PendingAcks; n != 0 {
			t.Errorf("%d acks are pending", n)
		}
	})
}

func TestBroadcastAcksThatDoNotCome(t *testing.T) {
	boom := errors.New("boom")
	for name, row := range map[string]struct {
		emit  func(t *testing.T, io *server, silent []*siotest.Client) ([]int, error)
		after time.Duration
		want  error
		acks  int
	}{
		"Timeout": {func(t *testing.T, io *server, _ []*siotest.Client) ([]int, error) {
			return socketio.EmitWithAckAll[int](t.Context(), io.Timeout(time.Second), "ask")
		}, time.Second, context.DeadlineExceeded, 2},
		"Config.AckTimeout": {func(t *testing.T, io *server, _ []*siotest.Client) ([]int, error) {
			return socketio.EmitWithAckAll[int](t.Context(), io, "ask")
		}, time.Minute, context.DeadlineExceeded, 2},
		"cancel": {func(t *testing.T, io *server, _ []*siotest.Client) ([]int, error) {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(boom) })
			return socketio.EmitWithAckAll[int](ctx, io, "ask")
		}, time.Second, boom, 2},
		"disconnect": {func(t *testing.T, io *server, silent []*siotest.Client) ([]int, error) {
			time.AfterFunc(time.Second, func() { silent[0].Close() })
			time.AfterFunc(2*time.Second, func() { silent[1].Leave() })
			return socketio.EmitWithAckAll[int](t.Context(), io, "ask")
		}, 2 * time.Second, socketio.ErrDisconnected, 2},
		"another type": {func(t *testing.T, io *server, silent []*siotest.Client) ([]int, error) {
			for _, c := range silent {
				c.On("ask", func(e siotest.Event) { e.Ack("text") })
			}
			return socketio.EmitWithAckAll[int](t.Context(), io, "ask")
		}, 0, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				var silent []*siotest.Client
				for i := range 4 {
					c := dial(t, io)
					if i < 2 {
						c.On("ask", func(e siotest.Event) { e.Ack(i) })
					} else {
						silent = append(silent, c)
					}
				}
				settle()
				start := time.Now()
				got, err := row.emit(t, io, silent)
				if took := time.Since(start); took != row.after {
					t.Errorf("took %v, want %v", took, row.after)
				}
				if slices.Sort(got); !slices.Equal(got, []int{0, 1}) {
					t.Errorf("got %v", got)
				}
				var ack *socketio.AckError
				var bind *socketio.BindError
				switch {
				case row.want == nil:
					if !errors.As(err, &bind) {
						t.Error(err)
					}
				case !errors.Is(err, row.want) || !errors.As(err, &ack) || ack.Expected != 4 || ack.Received != row.acks:
					t.Errorf("%v", err)
				}
				if n := io.Stats().PendingAcks; n != 0 {
					t.Errorf("%d acks are pending", n)
				}
			})
		})
	}
}

func TestABroadcastWithAcksToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		dial(t, io)
		got, err := socketio.EmitWithAckAll[int](t.Context(), io.To("empty"), "ask")
		if len(got) != 0 || got == nil || err != nil {
			t.Errorf("%v, %v", got, err)
		}
		if _, err := io.EmitWithAckAll(t.Context(), "connect"); err == nil {
			t.Error("a reserved name is sent")
		}
	})
}

// The handler's own client is among those that it asks.
func TestAHandlerMayBroadcastWithAcks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		socketio.OnWithAck(io, "poll", func(ctx context.Context, _ *socketio.Socket, _ socketio.None) ([]bool, error) {
			return socketio.EmitWithAckAll[bool](ctx, io, "vote")
		})
		var clients []*siotest.Client
		for range 3 {
			c := dial(t, io)
			c.On("vote", func(e siotest.Event) { e.Ack(true) })
			clients = append(clients, c)
		}
		if got := siotest.Call[[]bool](clients[0], "poll"); !slices.Equal(got, []bool{true, true, true}) {
			t.Error(got)
		}
	})
}
