package socketio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

func TestAcksToTheClient(t *testing.T) {
	for name, row := range map[string]struct {
		handler socketio.Handler
		want    []any
	}{
		"several arguments": {func(_ context.Context, e *socketio.Event) error { return e.Ack(1, "two", nil) }, []any{`4312[1,"two",null]`}},
		"none":              {func(_ context.Context, e *socketio.Event) error { return e.Ack() }, []any{`4312[]`}},
		"binary": {func(_ context.Context, e *socketio.Event) error { return e.Ack([]byte("b")) },
			[]any{`461-12[{"_placeholder":true,"num":0}]`, []byte("b")}},
		"twice": {func(_ context.Context, e *socketio.Event) error {
			if err := e.Ack(1); err != nil {
				return err
			}
			if err := e.Ack(2); !errors.Is(err, socketio.ErrAlreadyAcked) {
				return fmt.Errorf("second: %w", err)
			}
			return nil
		}, []any{`4312[1]`}},
		"then an error": {func(_ context.Context, e *socketio.Event) error { _ = e.Ack(1); return errors.New("late") }, []any{`4312[1]`}},
		"never":         {func(context.Context, *socketio.Event) error { return nil }, nil},
		"cannot be sent": {func(_ context.Context, e *socketio.Event) error { return e.Ack(make(chan int)) },
			[]any{`4312[{"error":{"message":"internal error"}}]`}},
		"an Error": {func(context.Context, *socketio.Event) error {
			return &socketio.Error{Message: "no", Data: map[string]int{"code": 7}}
		}, []any{`4312[{"error":{"message":"no","data":{"code":7}}}]`}},
		"an Error that cannot be sent": {func(context.Context, *socketio.Event) error {
			return &socketio.Error{Message: "no", Data: make(chan int)}
		}, []any{`4312[{"error":{"message":"internal error"}}]`}},
		"a nil Error": {func(context.Context, *socketio.Event) error { var e *socketio.Error; return e },
			[]any{`4312[{"error":{"message":"internal error"}}]`}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				io.OnEvent("ask", row.handler)
				c := dial(t, io)
				c.Raw()
				c.SendRaw(`4212["ask"]`)
				settle()
				wantRaw(t, "the client", c, row.want...)
			})
		})
	}
}

func TestAnAckFromElsewhereAndLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		events := make(chan *socketio.Event, 2)
		io.OnEvent("ask", func(_ context.Context, e *socketio.Event) error { events <- e; return nil })
		c := dial(t, io)
		c.Raw()
		c.SendRaw(`420["ask"]`, `42["ask"]`)
		settle()
		asked, told := <-events, <-events
		var wg sync.WaitGroup
		var acked list
		for range 10 {
			wg.Go(func() { acked.add("%v", asked.Ack("now")) })
		}
		wg.Wait()
		settle()
		wantRaw(t, "the client", c, `430["now"]`)
		if n := len(acked.got()); n != 10 {
			t.Error(n)
		}
		if err := told.Ack("nobody asked"); err != nil {
			t.Error(err)
		}
		c.Close()
		settle()
		if err := told.Ack(); err != nil {
			t.Error(err)
		}
	})
}

func TestEmitWithAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		c := dial(t, io)
		settle()
		c.Raw()
		s := socketOf(t, io.Namespace, c)
		c.On("double", func(e siotest.Event) {
			var n int
			must(t, e.Bind(&n))
			e.Ack(2 * n)
		})
		c.On("bytes", func(e siotest.Event) { e.Ack(map[string]any{"b": []byte{1, 2}}, "second") })
		for i := range 3 {
			if n, err := socketio.EmitWithAck[int](t.Context(), s, "double", i); n != 2*i || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		}
		wantRaw(t, "ids count from 0", c, `420["double",0]`, `421["double",1]`, `422["double",2]`)
		type answer struct {
			B []byte `json:"b"`
		}
		if a, err := socketio.EmitWithAck[answer](t.Context(), s, "bytes"); err != nil || !bytes.Equal(a.B, []byte{1, 2}) {
			t.Errorf("%+v, %v", a, err)
		}
		reply, err := s.EmitWithAck(t.Context(), "bytes")
		var second string
		if err != nil || reply.Len() != 2 || reply.Args().Bind(1, &second) != nil || second != "second" {
			t.Errorf("%+v, %v", reply, err)
		}
		var bind *socketio.BindError
		if _, err := socketio.EmitWithAck[string](t.Context(), s, "double", 1); !errors.As(err, &bind) || bind.Event != "double" {
			t.Errorf("an ack of another type: %v", err)
		}
		if n := io.Stats().PendingAcks; n != 0 {
			t.Errorf("%d acks are pending", n)
		}
	})
}

func TestTheWaitForAnAckEnds(t *testing.T) {
	boom := errors.New("boom")
	for name, row := range map[string]struct {
		emit  func(ctx context.Context, s *socketio.Socket) (int, error)
		after time.Duration
		want  []error
	}{
		"Timeout": {func(ctx context.Context, s *socketio.Socket) (int, error) {
			return socketio.EmitWithAck[int](ctx, s.Timeout(time.Second), "ask")
		}, time.Second, []error{socketio.ErrAckTimeout, context.DeadlineExceeded}},
		"Config.AckTimeout": {func(ctx context.Context, s *socketio.Socket) (int, error) {
			return socketio.EmitWithAck[int](ctx, s, "ask")
		}, 7 * time.Second, []error{socketio.ErrAckTimeout, context.DeadlineExceeded}},
		"deadline": {func(ctx context.Context, s *socketio.Socket) (int, error) {
			ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
			defer cancel()
			return socketio.EmitWithAck[int](ctx, s, "ask")
		}, 3 * time.Second, []error{context.DeadlineExceeded}},
		"a deadline beyond Config.AckTimeout": {func(ctx context.Context, s *socketio.Socket) (int, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			return socketio.EmitWithAck[int](ctx, s, "ask")
		}, time.Minute, []error{context.DeadlineExceeded}},
		"Timeout beyond Config.AckTimeout": {func(ctx context.Context, s *socketio.Socket) (int, error) {
			return socketio.EmitWithAck[int](ctx, s.Timeout(time.Minute), "ask")
		}, time.Minute, []error{socketio.ErrAckTimeout}},
		"cancel": {func(ctx context.Context, s *socketio.Socket) (int, error) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(2*time.Second, func() { cancel(boom) })
			return socketio.EmitWithAck[int](ctx, s, "ask")
		}, 2 * time.Second, []error{boom}},
		"cancelled before": {func(ctx context.Context, s *socketio.Socket) (int, error) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return socketio.EmitWithAck[int](ctx, s, "ask")
		}, 0, []error{context.Canceled}},
		"the socket's end": {func(ctx context.Context, s *socketio.Socket) (int, error) {
			time.AfterFunc(time.Second, func() { _ = s.Disconnect(false) })
			return socketio.EmitWithAck[int](ctx, s, "ask")
		}, time.Second, []error{socketio.ErrDisconnected}},
		"the socket's context": {func(_ context.Context, s *socketio.Socket) (int, error) {
			time.AfterFunc(time.Second, func() { _ = s.Disconnect(true) })
			return socketio.EmitWithAck[int](s.Context(), s, "ask")
		}, time.Second, []error{socketio.ErrDisconnected}},
		"disconnected before": {func(ctx context.Context, s *socketio.Socket) (int, error) {
			_ = s.Disconnect(false)
			return socketio.EmitWithAck[int](ctx, s, "ask")
		}, 0, []error{socketio.ErrDisconnected}},
		"a remote socket": {func(ctx context.Context, s *socketio.Socket) (int, error) {
			all, _ := s.Namespace().FetchSockets(ctx)
			return socketio.EmitWithAck[int](ctx, all[0], "ask")
		}, 7 * time.Second, []error{socketio.ErrAckTimeout, context.DeadlineExceeded}},
		"a remote socket that has left": {func(ctx context.Context, s *socketio.Socket) (int, error) {
			all, _ := s.Namespace().FetchSockets(ctx)
			_ = s.Disconnect(false)
			return socketio.EmitWithAck[int](ctx, all[0], "ask")
		}, 0, []error{socketio.ErrDisconnected}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{AckTimeout: 7 * time.Second})
				c := dial(t, io)
				settle()
				start := time.Now()
				_, err := row.emit(t.Context(), socketOf(t, io.Namespace, c))
				if took := time.Since(start); took != row.after {
					t.Errorf("took %v, want %v", took, row.after)
				}
				for _, want := range row.want {
					if !errors.Is(err, want) {
						t.Errorf("%v is no %v", err, want)
					}
				}
				synctest.Wait()
				if n := io.Stats().PendingAcks; n != 0 {
					t.Errorf("%d acks are pending", n)
				}
				c.SendRaw(`430[1]`, `430[1]`, `4399999[1]`, `439007199254740991[1]`) // late, repeated, unknown
				settle()
				if c.Closed() != (name == "the socket's context") {
					t.Error("closed")
				}
			})
		})
	}
}

func TestPendingAcksAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{MaxPendingAcks: 10, AckTimeout: time.Second})
		c := dial(t, io)
		settle()
		s := socketOf(t, io.Namespace, c)
		var wg sync.WaitGroup
		var results list
		for range 25 {
			wg.Go(func() {
				_, err := s.EmitWithAck(t.Context(), "ask")
				results.add("%v", err)
			})
		}
		settle()
		if n := io.Stats().PendingAcks; n != 10 {
			t.Errorf("%d acks are pending", n)
		}
		_, err := io.EmitWithAckAll(t.Context(), "ask")
		if !errors.Is(err, socketio.ErrTooManyAcks) {
			t.Errorf("a broadcast: %v", err)
		}
		wg.Wait()
		count := map[string]int{}
		for _, r := range results.got() {
			count[r]++
		}
		if count[socketio.ErrTooManyAcks.Error()] != 15 || count[socketio.ErrAckTimeout.Error()] != 10 {
			t.Errorf("%v", count)
		}
		if n := io.Stats().PendingAcks; n != 0 {
			t.Errorf("%d acks are pending at the end", n)
		}
	})
}

func TestAnotherSocketCannotAcknowledge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		a, b := dial(t, io), dial(t, io)
		settle()
		b.SendRaw(`430["forged"]`)
		result := make(chan string)
		go func() {
			v, _ := socketio.EmitWithAck[string](t.Context(), io.Socket(a.ID()), "ask")
			result <- v
		}()
		e := a.Expect("ask")
		b.SendRaw(`430["forged"]`)
		settle()
		e.Ack("true")
		if v := <-result; v != "true" {
			t.Error(v)
		}
	})
}

func TestVolatileEventsThatWantAnAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		c := dial(t, io)
		settle()
		s := socketOf(t, io.Namespace, c)
		c.On("ask", func(e siotest.Event) { e.Ack(1) })
		if n, err := socketio.EmitWithAck[int](t.Context(), s.Volatile(), "ask"); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		settle()
		c.Stall()
		must(t, s.Emit("fills the connection"))
		settle()
		if _, err := s.Volatile().EmitWithAck(t.Context(), "ask"); !errors.Is(err, socketio.ErrDropped) {
			t.Error(err)
		}
		if _, err := io.Volatile().EmitWithAckAll(t.Context(), "ask"); !errors.Is(err, socketio.ErrDropped) {
			t.Error(err)
		}
		if n := io.Stats().PendingAcks; n != 0 {
			t.Errorf("%d acks are pending", n)
		}
	})
}
