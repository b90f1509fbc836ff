package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// Whatever a client says to be let go on with a session: it has that only by its
// private id, and is then sent nothing but what it had not seen, in order.
func FuzzRecover(f *testing.F) {
	for _, auth := range []string{
		``, `{"pid":"PID"}`, `{"pid":"PID","offset":"OFFSET"}`, `{"pid":"PID","offset":null}`, `{"pid":"PID","offset":1}`, `{"pid":"PID","offset":""}`,
		`{"pid":"PID","offset":"EPOCH00000001"}`, `{"pid":"PID","offset":"EPOCH--------"}`, `{"pid":"PID","offset":"AAAAAA00000001"}`,
		`{"pid":1}`, `{"pid":""}`, `{"pid":"SID"}`, `{"PID":"PID"}`, `{"pid":"x","pid":"PID"}`, `{"pid":{},"offset":[]}`, `[]`, `{`, `/0`,
		`{"pid":"\u0000","offset":"` + strings.Repeat("0", 1000) + `"}`,
	} {
		f.Add(auth)
	}
	f.Fuzz(func(t *testing.T, auth string) {
		synctest.Test(t, func(t *testing.T) {
			io := recoverable(t, socketio.Recovery{})
			p := call(t, io, siotest.Options{})
			for i := range 3 {
				must(t, io.Emit("number", i))
			}
			p.hear()
			p.cut()
			for i := range 3 {
				must(t, io.Emit("number", 3+i))
			}
			auth := strings.NewReplacer("PID", p.pid, "OFFSET", p.offset, "EPOCH", p.offset[:6], "SID", p.id).Replace(auth)
			c := siotest.Open(t, io, siotest.Options{})
			c.SendRaw("40" + auth)
			settle()
			recovered := c.ID() == p.id
			if recovered && !strings.Contains(auth, p.pid) {
				t.Errorf("%q is let go on", auth)
			}
			if !recovered && auth == fmt.Sprintf(`{"pid":%q,"offset":%q}`, p.pid, p.offset) {
				t.Error("who asks as it should is not let go on")
			}
			last, ends := -1, 0
			for _, e := range c.Events() {
				var n int
				if err := e.Bind(&n); err != nil || n <= last || !recovered {
					t.Errorf("%q is sent %d after %d, %v", auth, n, last, err)
				}
				last, ends = n, ends+1
			}
			if recovered && (last != 5 || ends > 6) {
				t.Errorf("%q is sent %d events, up to %d", auth, ends, last)
			}
			if stats := io.Stats(); stats.Panics+stats.Engine.Panics != 0 || stats.Sockets > 1 {
				t.Errorf("%q: %+v", auth, stats)
			}
			if !c.Closed() && len(c.Raw()) == 0 {
				t.Errorf("%q is not answered", auth)
			}
		})
	})
}

// Whatever namespace a client asks for, with whatever query of an older client, it
// is in it, or refused with its name, or disconnected; and no more of them are made
// than may be.
func FuzzNamespaces(f *testing.F) {
	for _, names := range []string{
		"/", "", "/a", "/dyn-1\n/dyn-2\n/dyn-3", "/room-x\n/room-y,\n/nope", "/dyn-1?token=x", "/?a=%zz&b=%ff&a=2", "//", "/dyn-é", "/dyn-\xff",
		"/" + strings.Repeat("x", 600), "/\x00", "/__proto__", "dyn-1", "/func-1\n/func-panic\n/func-slow", "/?" + strings.Repeat("a=b&", 100),
	} {
		f.Add(names, false)
		f.Add(names, true)
	}
	f.Fuzz(func(t *testing.T, names string, older bool) {
		synctest.Test(t, func(t *testing.T) {
			io := serve(t, socketio.Config{AllowEIO3: true, MaxNamespaces: 5, MaxChildNamespaces: 2})
			io.Of("/a")
			io.OfRegexp(regexp.MustCompile(`^/(dyn|room)-`)).OnConnection(func(_ context.Context, s *socketio.Socket) error {
				if name := s.Namespace().Name(); !strings.HasPrefix(name, "/dyn-") && !strings.HasPrefix(name, "/room-") || !utf8.ValidString(name) {
					t.Errorf("a client is in %q", name)
				}
				var auth map[string]any
				_ = s.Handshake().BindAuth(&auth)
				_, err := json.Marshal(auth)
				return err
			})
			panics := int64(0)
			io.OfFunc(func(_ context.Context, name string, _ *socketio.Handshake) (bool, error) {
				switch {
				case strings.HasSuffix(name, "panic"):
					panics++
					panic("as asked")
				case strings.HasSuffix(name, "slow"):
					time.Sleep(time.Second)
				}
				return strings.HasPrefix(name, "/func-"), nil
			})
			opts := siotest.Options{}
			if older {
				opts.Query = map[string][]string{"EIO": {"3"}}
			}
			c := siotest.Open(t, io, opts)
			for name := range strings.SplitSeq(names, "\n") {
				c.SendRaw("40" + name + ",")
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			stats := io.Stats()
			if stats.Panics != panics || stats.Engine.Panics != 0 || stats.Namespaces > 4 || stats.Sockets > 5 {
				t.Errorf("%q: %+v", names, stats)
			}
			for _, m := range c.Raw() {
				text, _ := m.(string)
				name, _, _ := strings.Cut(strings.TrimLeft(text, "04"), ",")
				if strings.HasPrefix(name, "/") && !strings.Contains(names, name) {
					t.Errorf("%q is answered %q", names, text)
				}
			}
		})
	})
}

// A tap is a backplane by which a test says to a node what it likes.
type tap struct {
	backplane.Node
	backplane.Host
	heard list
}

func (b *tap) Join(_ context.Context, h backplane.Host) (backplane.Node, error) {
	b.Host = h
	return b, nil
}
func (b *tap) ID() string                 { return "self" }
func (b *tap) Open(string)                {}
func (b *tap) Shut(string)                {}
func (b *tap) Nodes() []string            { return nil }
func (b *tap) Relay(string, []byte) error { return nil }
func (b *tap) Close() error               { return nil }

func (b *tap) Peers(context.Context, string) (backplane.Peers, error) {
	return backplane.Peers{Count: 1, IDs: []string{"peer"}}, nil
}

func (b *tap) Publish(m backplane.Message) error {
	b.heard.add("%s", m.Request)
	return nil
}

func (b *tap) Reply(to, m backplane.Message) error {
	b.heard.add("%s %s %d", to.From, to.Request, m.Kind)
	return nil
}

// Whatever another node says, nothing but an answer to who has asked comes of it: no
// panic, no handler of another event, no end of a wait that is not its own.
func FuzzNodeMessage(f *testing.F) {
	for _, head := range []string{
		`["event",1]`, `["event"]`, `["other"]`, `["boom"]`, `1`, `null`, `{"error":{"message":"no"}}`, `{"error":"no"}`, `["event",{"_placeholder":true,"num":0}]`,
		`{"_placeholder":true,"num":0}`, `1,2`, `[]`, ``, `["connect"]`, strings.Repeat("[", 100), "\xff",
	} {
		for _, kind := range []byte{9, 10, 13} {
			f.Add(kind, "peer", "/", "REQUEST", []byte(head), []byte("attachment"), byte(1))
		}
	}
	f.Add(byte(10), "stranger", "/", "REQUEST", []byte(`1`), []byte(nil), byte(0))
	f.Add(byte(9), "self", "/", "", []byte(`["event"]`), []byte(nil), byte(0))
	f.Add(byte(9), "peer", "/nope", "x", []byte(nil), []byte(nil), byte(0))
	f.Add(byte(255), "", "\x00", "", []byte(nil), []byte(nil), byte(7))
	f.Fuzz(func(t *testing.T, kind byte, from, namespace, request string, head, attachment []byte, how byte) {
		synctest.Test(t, func(t *testing.T) {
			wire := new(tap)
			io := serve(t, socketio.Config{Backplane: wire})
			handled := 0
			io.OnServerSide("event", func(_ context.Context, m *socketio.ServerSideEvent) error {
				handled++
				var into struct{ A any }
				_ = m.Bind(new(any), &into, new([]byte))
				return m.Ack(m.Name())
			})
			var replies []socketio.Reply
			var err error
			asked := make(chan struct{})
			go func() {
				defer close(asked)
				replies, err = io.ServerSideEmitWithAck(context.Background(), "question")
			}()
			synctest.Wait()
			m := backplane.Message{Kind: backplane.Kind(kind), From: from, Namespace: namespace,
				Request: strings.ReplaceAll(request, "REQUEST", wire.heard.got()[0])}
			m.Data, m.Failed = backplane.Data{JSON: head}, how&8 != 0
			for range how & 7 {
				m.Data.Attachments = append(m.Data.Attachments, attachment)
			}
			for range 2 { // repeated
				wire.Receive(m)
				synctest.Wait()
			}
			select {
			case <-asked:
				if from != "peer" {
					t.Errorf("%+v ends a wait for another", m)
				}
			default:
			}
			for _, text := range wire.heard.got()[1:] {
				if text != fmt.Sprintf("%s %s %d", from, m.Request, backplane.ServerSideEmitResponse) || kind != byte(backplane.ServerSideEmit) {
					t.Errorf("%+v is answered %q", m, text)
				}
			}
			if stats := io.Stats(); stats.Panics+stats.Engine.Panics != 0 || handled > 0 && (kind != 9 || namespace != "/" || from == "self") {
				t.Errorf("%+v: handled %d times, %+v", m, handled, stats)
			}
			<-asked
			if len(replies) > 1 || len(replies) == 1 && from != "peer" {
				t.Errorf("%+v counts as %d answers", m, len(replies))
			}
			if at := io.Stats(); errors.Is(err, socketio.ErrAckTimeout) && kind == 10 && from == "peer" && m.Request == wire.heard.got()[0] {
				t.Errorf("%+v does not answer: %+v", m, at)
			}
		})
	})
}

// Whatever an event of a client holds, binding it to anything does no harm, and what
// any value takes comes back as it was.
func FuzzEventBind(f *testing.F) {
	for _, args := range []string{
		`1,"two",[3],{"four":4}`, `"2000-01-01T00:00:00Z","AQID",null,true`, `-0,1e400,18446744073709551616,1.5`, `{"a":{"a":{"a":null}}},{"A":1,"a":2}`,
		`{"_placeholder":true,"num":0}`, `"\ud800","\u0000"`, `{"Time":"x","Raw":[1, 2],"Number":1e5}`, ` `, `[[[[]]]],{"":""}`,
	} {
		f.Add(args)
	}
	io, err := socketio.New(socketio.Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = io.Close() })
	bound := make(chan error, 1)
	io.OnEvent("bind", func(_ context.Context, e *socketio.Event) error {
		bound <- bindAll(e)
		return e.Ack()
	})
	conn := siotest.Dial(nil, io, siotest.Options{Transport: engine.WebSocket})
	f.Cleanup(conn.Close)
	f.Fuzz(func(t *testing.T, args string) {
		if !json.Valid([]byte("["+args+"]")) || !utf8.ValidString(args) || strings.TrimSpace(args) == "" || len(args) > 900 {
			return
		}
		conn.SendRaw(`42["bind",` + args + `]`)
		if err := <-bound; err != nil {
			t.Fatalf("%s: %v", args, err)
		}
	})
}

func bindAll(e *socketio.Event) error {
	type embedded struct{ A, B any }
	for i := range e.Len() {
		for _, into := range []any{
			new(any), new(string), new(bool), new(int8), new(uint64), new(float32), new([]byte), new([2]int), new([]any), new(map[string]any),
			new(map[int]string), new(*int), new(time.Time), new(time.Duration), new(json.Number), new(json.RawMessage), new(chan int), new(func()),
			new(struct {
				embedded
				Time   time.Time
				Raw    json.RawMessage
				Number json.Number
				Next   *embedded
			}),
			new(error), new(fmt.Stringer),
		} {
			if err := e.Args().Bind(i, into); err != nil && strings.Contains(err.Error(), "panic") {
				return err
			}
		}
		v, err := e.Args().Value(i)
		if err != nil {
			continue
		}
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("%#v cannot be sent on: %w", v, err)
		}
		var again any
		if err := json.Unmarshal(text, &again); err != nil || fmt.Sprintf("%#v", again) != fmt.Sprintf("%#v", v) {
			return fmt.Errorf("%#v comes back as %#v, %w", v, again, err)
		}
	}
	return nil
}
