package socketio_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	socketio "github.com/kawat-go/kawat/core"
)

// failing has an event for each way to fail.
func failing(io *server) {
	io.UseEvent(func(next socketio.Handler) socketio.Handler {
		return func(ctx context.Context, e *socketio.Event) error {
			if e.Name() == "refused" {
				return &socketio.Error{Message: "not now"}
			}
			return next(ctx, e)
		}
	})
	io.OnEvent("broken", func(context.Context, *socketio.Event) error { return errors.New("disk full") })
	socketio.On(io, "typed", func(context.Context, *socketio.Socket, int) error { return nil })
	io.OnEvent("panics", func(context.Context, *socketio.Event) error { panic("boo") })
	io.OnEvent("fine", func(context.Context, *socketio.Event) error { return nil })
}

var failures = map[string]struct {
	is    func(err error) bool
	level string // of the line in the log, if there is one for want of a hook
}{
	"refused": {func(err error) bool { _, ok := errors.AsType[*socketio.Error](err); return ok }, "DEBUG"},
	"broken":  {func(err error) bool { return strings.Contains(err.Error(), "disk full") }, "WARN"},
	"typed":   {func(err error) bool { _, ok := errors.AsType[*socketio.BindError](err); return ok }, "WARN"},
	"panics":  {func(err error) bool { return err == socketio.ErrPanic }, "ERROR"},
}

func TestOnErrorHearsOfEveryFailure(t *testing.T) {
	for event, row := range failures {
		for _, ack := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				io, seen := serve(t, socketio.Config{}), new(list)
				failing(io)
				hear := func(who string) func(context.Context, *socketio.Socket, *socketio.Event, error) {
					return func(ctx context.Context, s *socketio.Socket, e *socketio.Event, err error) {
						if e.Name() != event || e.Socket() != s || ctx != s.Context() || !row.is(err) {
							t.Errorf("%s: %v", e.Name(), err)
						}
						seen.add("%s", who)
					}
				}
				io.OnError(hear("server"))
				c := dial(t, io)
				socketOf(t, io.Namespace, c).OnError(hear("socket"))
				if ack {
					if got := string(c.EmitWithAck(event, "x").Raw(0)); !strings.HasPrefix(got, `{"error":`) {
						t.Error(got)
					}
				} else {
					c.Emit(event, "x")
				}
				c.Emit("fine")
				settle()
				seen.want(t, "server", "socket")
				if log := io.logs.String(); strings.Contains(log, "event handler failed") || strings.Contains(log, "refused") {
					t.Error("logged as well:", log)
				}
				if strings.Contains(io.logs.String(), "boo") != (event == "panics") {
					t.Error("panics are in the log:", io.logs)
				}
			})
		}
	}
}

func TestAFailureWithoutAHookIsInTheLog(t *testing.T) {
	for event, row := range failures {
		synctest.Test(t, func(t *testing.T) {
			io := serve(t, socketio.Config{})
			failing(io)
			c := dial(t, io)
			c.Emit(event, "x")
			settle()
			io.logs.want(t, "level="+row.level)
			io.logs.want(t, event)
		})
	}
}

func TestAHookThatPanicsOrEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io, seen := serve(t, socketio.Config{}), new(list)
		failing(io)
		io.OnError(func(context.Context, *socketio.Socket, *socketio.Event, error) { panic("in the hook") })
		io.OnError(func(context.Context, *socketio.Socket, *socketio.Event, error) { seen.add("second") })
		c := dial(t, io)
		c.Emit("broken")
		c.Emit("broken")
		settle()
		seen.want(t, "second", "second")
		io.logs.want(t, "in the hook")
	})
}
