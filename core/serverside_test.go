package socketio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
)

// nodes makes servers that a backplane links.
func nodes(t *testing.T, n int, cfg socketio.Config) []*server {
	t.Helper()
	cfg.Backplane = backplane.NewMemory()
	all := make([]*server, n)
	for i := range all {
		all[i] = serve(t, cfg)
	}
	return all
}

type serverSideHandler = func(ctx context.Context, m *socketio.ServerSideEvent) error

// answer acknowledges with a value.
func answer(v any) serverSideHandler {
	return func(_ context.Context, m *socketio.ServerSideEvent) error { return m.Ack(v) }
}

// values decodes replies of one int each, in order.
func values(t *testing.T, replies []socketio.Reply) []int {
	t.Helper()
	values := make([]int, len(replies))
	for i, r := range replies {
		must(t, r.Bind(&values[i]))
	}
	slices.Sort(values)
	return values
}

func TestServerSideEmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := nodes(t, 3, socketio.Config{})
		heard := make([]list, 3)
		for i, io := range all {
			for _, n := range []*socketio.Namespace{io.Namespace, io.Of("/other")} {
				n.OnServerSide("event", func(_ context.Context, m *socketio.ServerSideEvent) error {
					var number int
					var data struct{ Blob []byte }
					must(t, m.Bind(&number, &data))
					if m.Name() != "event" || m.Len() != 2 || m.Args().Len() != 2 || m.WantsAck() || len(m.From()) == 0 || m.Namespace() != n {
						t.Errorf("%+v", m)
					}
					must(t, m.Ack("nobody wants it"))
					must(t, m.Ack("twice"))
					heard[i].add("%s %d %x", n.Name(), number, data.Blob)
					return nil
				})
			}
		}
		c := dial(t, all[1])
		blob := []byte{0, 1, 255}
		must(t, all[0].ServerSideEmit("event", 1, map[string]any{"blob": blob}))
		clear(blob) // is the sender's again
		settle()
		must(t, all[0].Of("/other").ServerSideEmit("event", 2, map[string]any{"blob": bytes.Repeat([]byte{7}, 3)}))
		must(t, all[0].ServerSideEmit("nobody hears"))
		must(t, all[0].Of("/not there").ServerSideEmit("event"))
		settle()
		heard[0].want(t)
		for i := 1; i < 3; i++ {
			heard[i].want(t, "/ 1 0001ff", "/other 2 070707")
		}
		wantEvents(t, "a client", c)
	})
}

func TestServerSideEmitErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, io := range map[string]*server{"alone": serve(t, socketio.Config{}), "a node": nodes(t, 2, socketio.Config{})[0]} {
			for _, event := range []string{"connect", "connection", "new_namespace", "disconnect"} {
				if err := io.ServerSideEmit(event); err == nil || !strings.Contains(err.Error(), event) {
					t.Errorf("%s: %v", name, err)
				}
				if _, err := io.ServerSideEmitWithAck(t.Context(), event); err == nil || !strings.Contains(err.Error(), event) {
					t.Errorf("%s: %v", name, err)
				}
				func() {
					defer func() {
						if v := fmt.Sprint(recover()); !strings.Contains(v, event) {
							t.Errorf("%s: panic %s", name, v)
						}
					}()
					io.OnServerSide(event, answer(1))
				}()
			}
			if err := io.ServerSideEmit("event", make(chan int)); err == nil {
				t.Errorf("%s: no error", name)
			}
			must(t, io.ServerSideEmit("event", 1))
			must(t, io.Close())
		}
	})
}

func TestServerSideEmitWithAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, io := range []*server{serve(t, socketio.Config{}), nodes(t, 1, socketio.Config{})[0]} {
			start := time.Now()
			if replies, err := io.ServerSideEmitWithAck(t.Context(), "event"); len(replies) != 0 || err != nil || time.Since(start) != 0 {
				t.Error("without others:", replies, err)
			}
		}
		all := nodes(t, 4, socketio.Config{})
		all[1].OnServerSide("event", answer(1))
		all[2].OnServerSide("event", func(_ context.Context, m *socketio.ServerSideEvent) error {
			var n int
			if err := m.Bind(&n); err != nil || n != 5 || !m.WantsAck() {
				t.Error(n, err)
			}
			go func() { // later will do
				time.Sleep(time.Second)
				must(t, m.Ack(2))
				if err := m.Ack(3); err != socketio.ErrAlreadyAcked {
					t.Error(err)
				}
			}()
			return nil
		})
		all[3].OnServerSide("event", answer(3))
		replies, err := all[0].ServerSideEmitWithAck(t.Context(), "event", 5)
		if got := values(t, replies); err != nil || !slices.Equal(got, []int{1, 2, 3}) {
			t.Error(got, err)
		}
		if err := replies[0].Bind(new(string)); err == nil || !strings.Contains(err.Error(), `"event"`) {
			t.Error(err)
		}
	})
}

// How many of two other nodes answer, after how long, and what is said of the
// other, which does something else.
func TestServerSideAcksThatDoNotCome(t *testing.T) {
	for name, row := range map[string]struct {
		handler  serverSideHandler // nil: there is none
		expected int               // of whom one answers; 1: no error
		took     time.Duration
		err      string
		logs     string
	}{
		"no ack":      {func(context.Context, *socketio.ServerSideEvent) error { return nil }, 2, 5 * time.Second, "timed out", ""},
		"an Error":    {func(context.Context, *socketio.ServerSideEvent) error { return &socketio.Error{Message: "no", Data: 1} }, 2, 0, "no", ""},
		"some error":  {func(context.Context, *socketio.ServerSideEvent) error { return errors.New("secret") }, 2, 0, "internal error", "secret"},
		"panic":       {func(context.Context, *socketio.ServerSideEvent) error { panic("oops") }, 2, 0, "internal error", "oops"},
		"bad ack":     {func(_ context.Context, m *socketio.ServerSideEvent) error { return m.Ack(make(chan int)) }, 2, 0, "internal error", "chan int"},
		"bad Error":   {func(context.Context, *socketio.ServerSideEvent) error { return &socketio.Error{Data: make(chan int)} }, 2, 0, "internal error", ""},
		"bad bind":    {func(_ context.Context, m *socketio.ServerSideEvent) error { return m.Bind(new(int)) }, 2, 0, "invalid arguments", "argument 0"},
		"Goexit":      {func(context.Context, *socketio.ServerSideEvent) error { mishaps["Goexit"](); return nil }, 2, 0, "internal error", "Goexit"},
		"none":        {nil, 2, 0, `no handler for the event "event"`, ""},
		"acked first": {func(_ context.Context, m *socketio.ServerSideEvent) error { _ = m.Ack(2); panic("oops") }, 0, 0, "", "oops"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := nodes(t, 3, socketio.Config{})
				all[1].OnServerSide("event", answer(1))
				if row.handler != nil {
					all[2].OnServerSide("event", row.handler)
				}
				start := time.Now()
				replies, err := all[0].ServerSideEmitWithAck(t.Context(), "event")
				var missing *socketio.AckError
				switch {
				case row.expected == 0:
					if err != nil || len(replies) != 2 {
						t.Error(replies, err)
					}
				case !errors.As(err, &missing), missing.Expected != 2, missing.Received != 1, len(replies) != 1, !strings.HasSuffix(err.Error(), row.err):
					t.Error(replies, err)
				}
				if took := time.Since(start); took != row.took {
					t.Errorf("took %v", took)
				}
				settle()
				all[2].logs.want(t, row.logs)
				all[2].OnServerSide("next", answer(2)) // it goes on
				all[1].OnServerSide("next", answer(1))
				replies, err = all[0].ServerSideEmitWithAck(t.Context(), "next")
				if got := values(t, replies); err != nil || !slices.Equal(got, []int{1, 2}) {
					t.Error(got, err)
				}
			})
		})
	}
}

func TestServerSideWaitsEnd(t *testing.T) {
	for name, row := range map[string]struct {
		end  func(all []*server, cancel context.CancelCauseFunc)
		err  error // nil: none
		took time.Duration
	}{
		"BackplaneTimeout": {func([]*server, context.CancelCauseFunc) {}, socketio.ErrAckTimeout, 3 * time.Second},
		"ctx":              {func(_ []*server, cancel context.CancelCauseFunc) { cancel(errors.ErrUnsupported) }, errors.ErrUnsupported, time.Second},
		"own Close":        {func(all []*server, _ context.CancelCauseFunc) { _ = all[0].Close() }, backplane.ErrClosed, time.Second},
		"own Shutdown":     {func(all []*server, _ context.CancelCauseFunc) { _ = all[0].Shutdown(context.Background()) }, backplane.ErrClosed, time.Second},
		"peer's Close":     {func(all []*server, _ context.CancelCauseFunc) { _ = all[2].Close() }, nil, time.Second},
		"peer Shutdown":    {func(all []*server, _ context.CancelCauseFunc) { _ = all[2].Shutdown(context.Background()) }, nil, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := nodes(t, 3, socketio.Config{BackplaneTimeout: 3 * time.Second})
				all[1].OnServerSide("event", answer(1))
				all[2].OnServerSide("event", func(context.Context, *socketio.ServerSideEvent) error { return nil })
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				time.AfterFunc(time.Second, func() { row.end(all, cancel) })
				start := time.Now()
				replies, err := all[0].ServerSideEmitWithAck(ctx, "event")
				if len(replies) != 1 || !errors.Is(err, row.err) || time.Since(start) != row.took {
					t.Error(replies, err, time.Since(start))
				}
				if name == "own Close" || name == "own Shutdown" {
					if err := all[0].ServerSideEmit("event"); !errors.Is(err, backplane.ErrClosed) {
						t.Error(err)
					}
				}
				settle()
			})
		})
	}
}

// A node without the namespace has nothing to say, so nobody waits for it.
func TestServerSideEmitOnAChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := nodes(t, 3, socketio.Config{CleanupEmptyChildNamespaces: true})
		for i, io := range all {
			io.OfRegexp(regexp.MustCompile(`^/r`))
			io.OnNewNamespace(func(n *socketio.Namespace) { n.OnServerSide("event", answer(i)) })
		}
		child := all[0].Of("/r")
		dialIn(t, all[2], "/r")
		replies, err := child.ServerSideEmitWithAck(t.Context(), "event")
		if got := values(t, replies); err != nil || !slices.Equal(got, []int{2}) {
			t.Error(got, err)
		}
		all[2].Of("/r").OnServerSide("later", func(context.Context, *socketio.ServerSideEvent) error { return nil })
		_, err = child.ServerSideEmitWithAck(t.Context(), "later")
		var missing *socketio.AckError
		if !errors.As(err, &missing) || missing.Expected != 1 {
			t.Error(err)
		}
	})
}

// The events of a namespace are handled in order, one after another, and those of
// another namespace beside them. A handler may ask the node that asks it.
func TestServerSideOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := nodes(t, 2, socketio.Config{})
		a, b := all[0], all[1]
		a.OnServerSide("back", answer(7))
		var got list
		busy := false
		remove := b.OnServerSide("event", func(ctx context.Context, m *socketio.ServerSideEvent) error {
			if busy {
				t.Error("two at the same time")
			}
			busy = true
			replies, err := b.ServerSideEmitWithAck(ctx, "back")
			if v := values(t, replies); err != nil || v[0] != 7 {
				t.Error(v, err)
			}
			time.Sleep(time.Millisecond)
			busy = false
			var n int
			must(t, m.Bind(&n))
			got.add("%d", n)
			return nil
		})
		b.OnServerSide("event", func(context.Context, *socketio.ServerSideEvent) error { got.add("and"); return errors.New("no more") })
		b.OnServerSide("event", func(context.Context, *socketio.ServerSideEvent) error { t.Error("called"); return nil })
		b.Of("/other").OnServerSide("event", func(context.Context, *socketio.ServerSideEvent) error { got.add("other"); return nil })
		for i := range 3 {
			must(t, a.ServerSideEmit("event", i))
		}
		must(t, a.Of("/other").ServerSideEmit("event"))
		settle()
		got.want(t, "other", "0", "and", "1", "and", "2", "and")
		remove()
		remove()
		must(t, a.ServerSideEmit("event", 3))
		settle()
		if n := len(got.got()); n != 8 {
			t.Errorf("%q", got.got())
		}
	})
}

func TestServerSideQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := nodes(t, 2, socketio.Config{MaxQueuedServerSideEvents: 3})
		handled := 0
		all[1].OnServerSide("event", func(_ context.Context, m *socketio.ServerSideEvent) error {
			time.Sleep(time.Second)
			handled++
			return m.Ack()
		})
		for range 10 {
			must(t, all[0].ServerSideEmit("event"))
			synctest.Wait()
		}
		if _, err := all[0].ServerSideEmitWithAck(t.Context(), "event"); err == nil || !strings.Contains(err.Error(), "too many") {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if dropped := all[1].Stats().DroppedServerSideEvents; handled != 4 || dropped != 7 {
			t.Errorf("%d handled, %d dropped", handled, dropped)
		}
	})
}

func TestShutdownOfANode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := nodes(t, 2, socketio.Config{PingInterval: time.Hour})
		var heard list
		all[1].OnServerSide("left", func(context.Context, *socketio.ServerSideEvent) error { heard.add("left"); return nil })
		all[0].OnServerSide("work", func(ctx context.Context, _ *socketio.ServerSideEvent) error {
			heard.add("works")
			<-ctx.Done()
			time.Sleep(time.Second)
			heard.add("worked")
			return nil
		})
		all[0].OnDisconnect(func(context.Context, *socketio.Socket, socketio.Reason) {
			must(t, all[0].ServerSideEmit("left")) // the last handlers can still tell the others
		})
		dial(t, all[0])
		for range 2 { // the second is not begun
			must(t, all[1].ServerSideEmit("work"))
		}
		settle()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := all[0].Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("a handler still runs:", err)
		}
		must(t, all[0].Shutdown(t.Context()))
		heard.want(t, "works", "left", "worked")
	})
}

// broken is a backplane that fails, or says what nobody would.
type broken struct {
	backplane.Node
	backplane.Host
	joinErr  error
	peers    []string
	asked    func() // while Peers is called
	pubErr   error
	peersErr error
	sent     []backplane.Message // with the Request that it answers
}

var errBroken = errors.New("broken")

func (b *broken) Join(_ context.Context, h backplane.Host) (backplane.Node, error) {
	go h.Receive(backplane.Message{Kind: backplane.ServerSideEmit, From: "early", Namespace: "/none", Request: "early"})
	time.Sleep(time.Millisecond)
	b.Host = h
	return b, b.joinErr
}
func (b *broken) ID() string                 { return "me" }
func (b *broken) Open(string)                {}
func (b *broken) Nodes() []string            { return nil }
func (b *broken) Relay(string, []byte) error { return nil }
func (b *broken) Peers(context.Context, string) (backplane.Peers, error) {
	if b.asked != nil {
		b.asked()
	}
	return backplane.Peers{Count: len(b.peers), IDs: b.peers}, b.peersErr
}
func (b *broken) Publish(backplane.Message) error { return b.pubErr }
func (b *broken) Reply(to, m backplane.Message) error {
	m.Request = to.Request
	b.sent = append(b.sent, m)
	return nil
}
func (b *broken) Close() error { return errBroken }

func TestABackplaneThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, err := socketio.New(socketio.Config{Backplane: &broken{joinErr: errBroken}}); !errors.Is(err, errBroken) {
			t.Error(err)
		}
		b := &broken{peers: []string{"other"}, pubErr: errBroken}
		io := serve(t, socketio.Config{Backplane: b})
		settle()
		if len(b.sent) != 1 || b.sent[0].Request != "early" {
			t.Errorf("to a message that came before the server was a node: %v", b.sent)
		}
		b.sent = nil
		if err := io.ServerSideEmit("event"); !errors.Is(err, errBroken) {
			t.Error(err)
		}
		if _, err := io.ServerSideEmitWithAck(t.Context(), "event"); !errors.Is(err, errBroken) {
			t.Error(err)
		}
		handled := 0
		io.OnServerSide("event", func(_ context.Context, m *socketio.ServerSideEvent) error { handled++; return m.Ack() })
		event := func(head string, more ...[]byte) backplane.Message {
			return backplane.Message{Kind: backplane.ServerSideEmit, From: "other", Namespace: "/", Request: "1",
				Data: backplane.Data{JSON: []byte(head), Attachments: more}}
		}
		own := event(`["event"]`)
		own.From = "me"
		other := event(`["event"]`)
		other.Kind = 77
		response := event(`"x"`)
		response.Kind = backplane.ServerSideEmitResponse
		for _, m := range []backplane.Message{
			{}, own, other, response, event(``), event(`{`), event(`"x"`), event(`["disconnect"]`),
			event(`["event",{"_placeholder":true,"num":1}]`, []byte{1}),
		} {
			b.Receive(m)
		}
		settle()
		if handled != 0 || len(b.sent) != 0 {
			t.Errorf("%d handled, %v", handled, b.sent)
		}
		b.Receive(event(`["event"]`))
		settle()
		if handled != 1 || len(b.sent) != 1 || b.sent[0].Request != "1" || b.sent[0].Kind != backplane.ServerSideEmitResponse {
			t.Errorf("%d handled, %v", handled, b.sent)
		}
		must(t, io.Close())
		io.logs.want(t, "leaving the backplane failed")
		io.logs.want(t, "is ignored")
	})
}

// A node that leaves just when it is counted is not waited for.
func TestAPeerThatLeavesWhileItIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for others := range 2 {
			b := &broken{peers: []string{"leaving"}}
			io := serve(t, socketio.Config{Backplane: b})
			b.asked = func() { b.Receive(backplane.Message{Kind: backplane.NodeLeft, From: "leaving"}) }
			want := error(nil)
			if others > 0 {
				b.peers, want = append(b.peers, "silent"), socketio.ErrAckTimeout
			}
			start := time.Now()
			_, err := io.ServerSideEmitWithAck(t.Context(), "event")
			var missing *socketio.AckError
			if !errors.Is(err, want) || time.Since(start) != time.Duration(others)*5*time.Second || errors.As(err, &missing) && missing.Expected != 1 {
				t.Error(err, time.Since(start))
			}
		}
	})
}
