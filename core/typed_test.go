package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

type chat struct {
	Room string `json:"room"`
	Text string `json:"text"`
	Pic  []byte `json:"pic,omitempty"`
}

const (
	sayMessage = socketio.Message[chat]("say")
	wakeUp     = socketio.Message[socketio.None]("wake")
	addRequest = socketio.Request[[2]int, int]("add")
	tellTime   = socketio.Request[socketio.None, string]("time")
	forgetAll  = socketio.Request[string, socketio.None]("forget")
)

func TestContracts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		seen := new(list)
		sayMessage.On(io, func(_ context.Context, s *socketio.Socket, m chat) error {
			seen.add("say %+v", m)
			return sayMessage.Emit(s, m)
		})
		wakeUp.On(io, func(_ context.Context, s *socketio.Socket, _ socketio.None) error {
			return wakeUp.Emit(s, socketio.None{})
		})
		addRequest.On(io, func(_ context.Context, _ *socketio.Socket, n [2]int) (int, error) { return n[0] + n[1], nil })
		tellTime.On(io, func(context.Context, *socketio.Socket, socketio.None) (string, error) { return "noon", nil })
		remove := forgetAll.On(io, func(context.Context, *socketio.Socket, string) (socketio.None, error) { return socketio.None{}, nil })
		c := dial(t, io)
		settle()
		c.Raw()
		c.Emit("say", chat{"r", "t", []byte{1}})
		c.SendRaw(`42["wake"]`, `421["add",[2,3]]`, `422["time"]`, `423["forget","x"]`)
		settle()
		seen.want(t, "say {Room:r Text:t Pic:[1]}")
		wantRaw(t, "the client", c, `451-["say",{"room":"r","text":"t","pic":{"_placeholder":true,"num":0}}]`, []byte{1},
			`42["wake"]`, `431[5]`, `432["noon"]`, `433[]`)
		remove()
		c.SendRaw(`424["forget","x"]`)
		settle()
		wantRaw(t, "after the removal", c)

		s := socketOf(t, io.Namespace, c)
		c.On("add", func(e siotest.Event) { e.Ack(7) })
		c.On("time", func(e siotest.Event) { e.Ack("midnight") })
		c.On("forget", func(e siotest.Event) { e.Ack() })
		if n, err := addRequest.Call(t.Context(), s, [2]int{3, 4}); n != 7 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if v, err := tellTime.Call(t.Context(), s, socketio.None{}); v != "midnight" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
		if _, err := forgetAll.Call(t.Context(), s, "all"); err != nil {
			t.Error(err)
		}
		if all, err := addRequest.CallAll(t.Context(), io.To(s.ID()), [2]int{3, 4}); !slices.Equal(all, []int{7}) || err != nil {
			t.Errorf("%v, %v", all, err)
		}
		if all, err := forgetAll.CallAll(t.Context(), io, "all"); len(all) != 1 || err != nil {
			t.Errorf("%v, %v", all, err)
		}
	})
}

func TestArgumentsOfAnotherType(t *testing.T) {
	for name, row := range map[string]struct{ send, logged string }{
		"another type": {`421["n","seven"]`, "argument 0"},
		"missing":      {`421["n"]`, "argument 0 is missing"},
		"too large":    {`421["n",1e400]`, "argument 0"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				socketio.OnWithAck(io, "n", func(context.Context, *socketio.Socket, int) (int, error) {
					t.Error("handled")
					return 0, nil
				})
				c := dial(t, io)
				c.Raw()
				c.SendRaw(row.send)
				settle()
				wantRaw(t, "the answer", c, `431[{"error":{"message":"invalid arguments"}}]`)
				io.logs.want(t, "event handler failed")
				io.logs.want(t, row.logged)
				if c.Closed() {
					t.Error("closed")
				}
			})
		})
	}
}

func TestErrorsOfHandlers(t *testing.T) {
	for name, row := range map[string]struct {
		err    error
		answer string
		logged bool
	}{
		"an Error":           {&socketio.Error{Message: "no room"}, `{"message":"no room"}`, false},
		"with data":          {&socketio.Error{Message: "no", Data: []string{"a"}}, `{"message":"no","data":["a"]}`, false},
		"wrapped":            {fmt.Errorf("for 7: %w", &socketio.Error{Message: "no"}), `{"message":"no"}`, true},
		"another":            {errors.New("db: password 123"), `{"message":"internal error"}`, true},
		"a disconnected one": {socketio.ErrDisconnected, `{"message":"internal error"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				io.OnEvent("fail", func(context.Context, *socketio.Event) error { return row.err })
				socketio.OnWithAck(io, "typed", func(context.Context, *socketio.Socket, socketio.None) (int, error) { return 5, row.err })
				c := dial(t, io)
				settle()
				for _, event := range []string{"fail", "typed"} {
					if got := string(c.EmitWithAck(event).Raw(0)); got != `{"error":`+row.answer+`}` {
						t.Errorf("%s: %s", event, got)
					}
				}
				c.Raw()
				c.Emit("fail") // who does not ask is not told
				settle()
				wantRaw(t, "the client", c)
				if row.logged {
					io.logs.want(t, row.err.Error())
				} else if got := io.logs.String(); strings.Contains(got, "WARN") {
					t.Errorf("logged: %s", got)
				}
			})
		})
	}
}

func TestNamesThatCannotBeUsed(t *testing.T) {
	io := serve(t, socketio.Config{})
	c := dial(t, io)
	s := socketOf(t, io.Namespace, c)
	for name, cure := range map[string]string{
		"connect":        "use OnConnection, or choose another name",
		"disconnect":     "use OnDisconnect or OnDisconnecting, or Disconnect to disconnect",
		"disconnecting":  "use OnDisconnect or OnDisconnecting, or Disconnect to disconnect",
		"connect_error":  "return an error from a middleware to refuse a connection",
		"newListener":    "choose another name",
		"removeListener": "choose another name",
	} {
		want := fmt.Sprintf("socketio: the event name %q is reserved: %s", name, cure)
		if err := socketio.CheckEvent(name); err == nil || err.Error() != want {
			t.Errorf("CheckEvent: %v", err)
		}
		for _, to := range []socketio.Emitter{io, io.To("room"), s, s.Volatile()} {
			if err := to.Emit(name); err == nil || err.Error() != want {
				t.Errorf("Emit: %v", err)
			}
		}
		func() {
			defer func() {
				if v := fmt.Sprint(recover()); v != want {
					t.Errorf("On panics with %q", v)
				}
			}()
			socketio.On(io, name, func(context.Context, *socketio.Socket, int) error { return nil })
		}()
	}
	for _, name := range []string{"connection", "", "message", "error", "Connect"} {
		if err := socketio.CheckEvent(name); err != nil {
			t.Error(err)
		}
	}
	if err := io.Emit("x", make(chan int)); err == nil || err.Error() == "" {
		t.Error("a channel is sent")
	}
}

func TestData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		s := socketOf(t, io.Namespace, dial(t, io))
		if v, ok := socketio.Data[*chat](s); ok || v != nil {
			t.Errorf("%v", v)
		}
		s.SetData(&chat{Room: "r"})
		if v, ok := socketio.Data[*chat](s); !ok || v.Room != "r" {
			t.Errorf("%v", v)
		}
	})
}

func TestErrorTexts(t *testing.T) {
	inner := errors.New("inner")
	for want, err := range map[string]error{
		"no": &socketio.Error{Message: "no"},
		"socketio: 2 of 3 receivers acknowledged: inner": &socketio.AckError{Expected: 3, Received: 2, Err: inner},
		`socketio: arguments of "e": inner`:              &socketio.BindError{Event: "e", Err: inner},
		"socketio: operation has timed out":              socketio.ErrAckTimeout,
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}
