package emitter_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/emitter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A publisher remembers what was published.
type publisher struct {
	messages []backplane.Message
	err      error
	closed   int
}

func (p *publisher) Publish(m backplane.Message) error {
	if p.err == nil {
		p.messages = append(p.messages, m)
	}
	return p.err
}

func (p *publisher) Close() error {
	p.closed++
	return p.err
}

// last returns the last message, and forgets it.
func (p *publisher) last(t *testing.T) backplane.Message {
	t.Helper()
	if len(p.messages) != 1 {
		t.Fatalf("published %+v", p.messages)
	}
	m := p.messages[0]
	p.messages = nil
	return m
}

func aimed(rooms, except []string) backplane.Options {
	return backplane.Options{Rooms: rooms, Except: except}
}

func flagged(f backplane.Flags) backplane.Options { return backplane.Options{Flags: f} }

func text(json string) backplane.Data { return backplane.Data{JSON: []byte(json)} }

// TestMessages holds what each call publishes.
func TestMessages(t *testing.T) {
	no := false
	ab := []string{"a", "b"}
	for name, c := range map[string]struct {
		call func(e *emitter.Emitter) error
		want backplane.Message // but for who and where
	}{
		"emit": {func(e *emitter.Emitter) error { return e.Emit("x", 1, "é", nil) },
			backplane.Message{Kind: backplane.Broadcast, Data: text(`["x",1,"é",null]`)}},
		"send": {func(e *emitter.Emitter) error { return e.Send(true) },
			backplane.Message{Kind: backplane.Broadcast, Data: text(`["message",true]`)}},
		"to": {func(e *emitter.Emitter) error { return e.To("a").In("b").Except("c").Emit("x") },
			backplane.Message{Kind: backplane.Broadcast, Options: aimed(ab, []string{"c"}), Data: text(`["x"]`)}},
		"in": {func(e *emitter.Emitter) error { return e.In("a", "b").Send() },
			backplane.Message{Kind: backplane.Broadcast, Options: aimed(ab, nil), Data: text(`["message"]`)}},
		"except": {func(e *emitter.Emitter) error { return e.Except("a").Except("b").Emit("x") },
			backplane.Message{Kind: backplane.Broadcast, Options: aimed(nil, ab), Data: text(`["x"]`)}},
		"volatile": {func(e *emitter.Emitter) error { return e.Volatile().Emit("x") },
			backplane.Message{Kind: backplane.Broadcast, Options: flagged(backplane.Flags{Volatile: true}), Data: text(`["x"]`)}},
		"compress": {func(e *emitter.Emitter) error { return e.Compress(false).Emit("x") },
			backplane.Message{Kind: backplane.Broadcast, Options: flagged(backplane.Flags{Compress: &no}), Data: text(`["x"]`)}},
		"compress again": {func(e *emitter.Emitter) error { return e.Compress(false).Compress(true).Emit("x") },
			backplane.Message{Kind: backplane.Broadcast, Data: text(`["x"]`)}},
		"join": {func(e *emitter.Emitter) error { return e.SocketsJoin("a", "b") },
			backplane.Message{Kind: backplane.SocketsJoin, Rooms: ab}},
		"some join": {func(e *emitter.Emitter) error { return e.In("a").Except("b").SocketsJoin("a", "b") },
			backplane.Message{Kind: backplane.SocketsJoin, Options: aimed([]string{"a"}, []string{"b"}), Rooms: ab}},
		"leave": {func(e *emitter.Emitter) error { return e.SocketsLeave("a", "b") },
			backplane.Message{Kind: backplane.SocketsLeave, Rooms: ab}},
		"some leave": {func(e *emitter.Emitter) error { return e.To("a", "b").SocketsLeave("a", "b") },
			backplane.Message{Kind: backplane.SocketsLeave, Options: aimed(ab, nil), Rooms: ab}},
		"disconnect": {func(e *emitter.Emitter) error { return e.DisconnectSockets(true) },
			backplane.Message{Kind: backplane.DisconnectSockets, Close: true}},
		"some disconnect": {func(e *emitter.Emitter) error { return e.In("a", "b").DisconnectSockets(false) },
			backplane.Message{Kind: backplane.DisconnectSockets, Options: aimed(ab, nil)}},
		"server side": {func(e *emitter.Emitter) error { return e.ServerSideEmit("x", map[string]int{"y": 1}) },
			backplane.Message{Kind: backplane.ServerSideEmit, Data: text(`["x",{"y":1}]`)}},
	} {
		for _, where := range []string{"/", "/chat"} {
			p := new(publisher)
			e := emitter.New(p, emitter.Config{})
			if where != "/" {
				e = e.Of("chat")
			}
			if err := c.call(e); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			want := c.want
			want.From, want.Namespace = "emitter", where
			if got := p.last(t); !reflect.DeepEqual(got, want) {
				t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
			}
			p.err = backplane.ErrQueueFull
			if err := c.call(e); !errors.Is(err, backplane.ErrQueueFull) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestBinary holds that binary anywhere is an attachment, and a copy.
func TestBinary(t *testing.T) {
	p := new(publisher)
	e := emitter.New(p, emitter.Config{})
	one, two := []byte("one"), []byte("two")
	type file struct{ Content []byte }
	if err := e.Emit("x", one, map[string]any{"f": file{two}}); err != nil {
		t.Fatal(err)
	}
	copy(one, "ONE")
	copy(two, "TWO")
	m := p.last(t)
	if string(m.Data.JSON) != `["x",{"_placeholder":true,"num":0},{"f":{"Content":{"_placeholder":true,"num":1}}}]` ||
		len(m.Data.Attachments) != 2 || string(m.Data.Attachments[0]) != "one" || string(m.Data.Attachments[1]) != "two" {
		t.Errorf("%s %q", m.Data.JSON, m.Data.Attachments)
	}

	many := make([]any, 11)
	for i := range many {
		many[i] = []byte{byte(i)}
	}
	if err := e.Emit("x", many...); err == nil || !strings.Contains(err.Error(), "more than 10 binary values") {
		t.Errorf("11 binary values: %v", err)
	}
	if err := emitter.New(p, emitter.Config{MaxAttachments: 11}).Of("/y").Emit("x", many...); err != nil || len(p.last(t).Data.Attachments) != 11 {
		t.Error(err)
	}
	if err := e.ServerSideEmit("x", many...); err != nil || len(p.last(t).Data.Attachments) != 11 {
		t.Error(err)
	}
}

func TestRefuses(t *testing.T) {
	p := new(publisher)
	e := emitter.New(p, emitter.Config{})
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		for _, err := range []error{e.Emit(name), e.To("a").Emit(name), e.ServerSideEmit(name)} {
			if err == nil || !strings.Contains(err.Error(), "reserved") || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, name := range []string{"connection", "new_namespace"} {
		if err := e.ServerSideEmit(name); err == nil || !strings.Contains(err.Error(), "reserved") {
			t.Errorf("%s: %v", name, err)
		}
		if err := e.Emit(name); err != nil || p.last(t).Kind != backplane.Broadcast {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []any{math.NaN(), make(chan int), "\xff"} {
		for _, err := range []error{e.Emit("x", 1, bad), e.ServerSideEmit("x", 1, bad)} {
			if err == nil || !strings.Contains(err.Error(), "argument 1") {
				t.Errorf("%v: %v", bad, err)
			}
		}
	}
	like := map[string]any{"_placeholder": true, "num": 0}
	if err := e.Emit("x", like, []byte{1}); err == nil {
		t.Error("what looks like binary was taken beside binary")
	}
	if err := errors.Join(e.SocketsJoin(), e.SocketsLeave(), e.To("a").SocketsJoin()); err != nil || len(p.messages) > 0 {
		t.Errorf("%v, %+v", err, p.messages)
	}
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "comma") {
			t.Errorf("a name with a comma: %v", r)
		}
	}()
	e.Of("/a,b")
}

// TestImmutable holds that operators leave alone what they are called on.
func TestImmutable(t *testing.T) {
	p := new(publisher)
	rooms := make([]string, 1, 4)
	rooms[0] = "a"
	base := emitter.New(p, emitter.Config{}).To(rooms...).Except(rooms...)
	for _, room := range []string{"a2", "a3"} { // one after another, so that there is room behind them
		base = base.To(room).Except(room)
	}
	b, c := base.To("b").Except("b"), base.To("c").Except("c").Volatile().Compress(false)
	rooms[0] = "changed"
	for _, row := range []struct {
		of       emitter.Broadcast
		rooms    []string
		volatile bool
	}{{base, []string{"a", "a2", "a3"}, false}, {b, []string{"a", "a2", "a3", "b"}, false}, {c, []string{"a", "a2", "a3", "c"}, true}} {
		if err := row.of.Emit("x"); err != nil {
			t.Error(err)
		}
		o := p.last(t).Options
		if !slices.Equal(o.Rooms, row.rooms) || !slices.Equal(o.Except, row.rooms) || o.Flags.Volatile != row.volatile || (o.Flags.Compress != nil) != row.volatile {
			t.Errorf("%+v, want %+v", o, row)
		}
	}
	joining := []string{"x", "y"}
	_ = base.SocketsJoin(joining...)
	joining[0] = "changed"
	if m := p.last(t); !slices.Equal(m.Rooms, []string{"x", "y"}) {
		t.Errorf("%v", m.Rooms)
	}
}

func TestClose(t *testing.T) {
	p := &publisher{err: errors.New("it was in vain")}
	if err := emitter.New(p, emitter.Config{}).Of("/x").Close(); err != p.err || p.closed != 1 {
		t.Errorf("%v, %d", err, p.closed)
	}
}

// TestMemory goes all the way to nodes.
func TestMemory(t *testing.T) {
	for name, m := range map[string]*backplane.Memory{"plain": backplane.NewMemory(), "durable": backplane.NewDurableMemory()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { throughMemory(t, m) })
		})
	}
}

func throughMemory(t *testing.T, m *backplane.Memory) {
	t.Helper()
	var heard [2][]string
	var nodes [2]backplane.Node
	for i := range nodes {
		nodes[i], _ = m.Join(context.Background(), backplane.Host{ // it does not fail
			Receive: func(m backplane.Message) {
				heard[i] = append(heard[i], fmt.Sprintf("%s %s %d %s%s", m.From, m.Namespace, m.Kind, m.Data.JSON, m.Request))
			},
			Relay: func(string, []byte) { t.Error("mail") },
			Left:  func(string) { t.Error("it was a node") },
		})
		nodes[i].Open("/")
	}
	nodes[1].Open("/chat")
	publisher := m.Publisher()
	e := emitter.New(publisher, emitter.Config{})
	err := errors.Join(publisher.Publish(backplane.Message{Kind: backplane.FetchSockets, Namespace: "/", Request: "r", Echo: true}), e.Emit("x", 1), e.Of("/chat").To("a").Emit("y"), e.To("a").SocketsJoin("b"), e.ServerSideEmit("z"))
	synctest.Wait()
	if peers, _ := nodes[0].Peers(t.Context(), "/"); err != nil || peers.Count != 1 || len(nodes[0].Nodes()) != 1 {
		t.Errorf("%v, %+v, %v", err, peers, nodes[0].Nodes())
	}
	want := []string{`emitter / 7 `, `emitter / 3 ["x",1]`, `emitter / 4 `, `emitter / 9 ["z"]`}
	if !slices.Equal(heard[0], want) {
		t.Errorf("heard %q, want %q", heard[0], want)
	}
	if want = slices.Insert(want, 2, `emitter /chat 3 ["y"]`); !slices.Equal(heard[1], want) {
		t.Errorf("heard %q, want %q", heard[1], want)
	}
	_ = e.Close()
	if err := e.Emit("x"); !errors.Is(err, backplane.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
