package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/siotest"
)

// A puppet is a node that says what the test wants, and remembers what it was told.
type puppet struct {
	backplane.Node
	mu   sync.Mutex
	came []backplane.Message
	mail []string
}

func pull(t *testing.T, link backplane.Backplane) *puppet {
	t.Helper()
	p := new(puppet)
	var err error
	p.Node, err = link.Join(t.Context(), backplane.Host{
		Receive: func(m backplane.Message) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.came = append(p.came, m)
		},
		Relay: func(_ string, data []byte) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.mail = append(p.mail, string(data[1:]))
		},
		Left: func(string) {}, Observe: func(backplane.Event) {},
	})
	must(t, err)
	p.Open("/")
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// take returns what came since the last call.
func (p *puppet) take() ([]backplane.Message, []string) {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	came, mail := p.came, p.mail
	p.came, p.mail = nil, nil
	return came, mail
}

func event(text string, attachments ...[]byte) backplane.Data {
	return backplane.Data{JSON: []byte(text), Attachments: attachments}
}

// What makes no sense is ignored, counted and told, and hurts nobody.
func TestNonsenseFromOtherNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []backplane.Event
		link := backplane.NewMemory()
		io := serve(t, socketio.Config{Backplane: link, Observer: &socketio.Observer{Backplane: func(e backplane.Event) { told = append(told, e) }}})
		c, p := dial(t, io), pull(t, link)
		settle()
		nonsense := []backplane.Message{
			{Kind: 0}, {Kind: 1}, {Kind: 2}, {Kind: 14}, {Kind: 255},
			{Kind: backplane.ServerSideEmit},
			{Kind: backplane.ServerSideEmit, Data: event(`{}`), Request: "x"},
		}
		for _, text := range []string{
			"", " ", "x", "[", "[]", "{}", `"event"`, `[{}]`, `[null]`, `["event"`, `["event"]]`, `["event"],`, "[\"event\xff\"]", `["event",]`, `["event",nul]`,
			`["disconnect"]`, `["connect_error",1]`, strings.Repeat("[", 100_000), `["event",` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `]`,
		} {
			nonsense = append(nonsense, backplane.Message{Kind: backplane.Broadcast, Data: event(text)},
				backplane.Message{Kind: backplane.Broadcast, Data: event(text), Request: "x"})
		}
		for _, data := range []backplane.Data{
			event(`["event",{"_placeholder":true,"num":1}]`, []byte{1}), event(`["event",{"_placeholder":true,"num":-1}]`, []byte{1}),
			event(`["event",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`, []byte{1}), event(`["event"]`, make([][]byte, 11)...),
		} {
			nonsense = append(nonsense, backplane.Message{Kind: backplane.Broadcast, Data: data})
		}
		for _, m := range nonsense {
			m.Namespace = "/"
			must(t, p.Publish(m))
		}
		settle()
		if ignored := io.Stats().Backplane.Ignored; ignored != int64(len(nonsense)) || len(told) != len(nonsense) || told[0].Kind != backplane.Ignored || told[0].Err == nil {
			t.Errorf("%d of %d are counted, %d told", ignored, len(nonsense), len(told))
		}
		if n := strings.Count(io.logs.String(), "level=WARN"); n > 20 {
			t.Errorf("%d lines", n)
		}
		// What nobody has asked for is no news.
		for _, kind := range []backplane.Kind{backplane.FetchSocketsResponse, backplane.ServerSideEmitResponse, backplane.ClientCount, backplane.Ack} {
			must(t, p.Publish(backplane.Message{Kind: kind, Namespace: "/", Request: "x", Count: math.MaxInt, Data: event("}")}))
		}
		for _, mail := range []string{"", "\x02", "\x02{", "\x02[]", "\x02{}", "\x02{\"op\":\"lost\",\"request\":\"x\"}", "\x02{\"op\":\"new\"}", "\xff"} {
			must(t, p.Relay("", []byte(mail)))
		}
		settle()
		if came, mail := p.take(); slices.ContainsFunc(came, func(m backplane.Message) bool { return m.Kind != backplane.ClientCount || m.Count != 0 }) || len(mail) != 0 {
			t.Errorf("it was answered %v, %q", came, mail)
		}
		must(t, p.Publish(backplane.Message{Kind: backplane.Broadcast, Namespace: "/", Data: event(` [ "fine" , 1 ] `)}))
		settle()
		wantEvents(t, "the client", c, "fine")
		if stats := io.Stats(); stats.Panics != 0 || stats.IgnoredMail == 0 {
			t.Errorf("%+v", stats)
		}
	})
}

// What a broadcast that wants acks is told, by a node that says it twice, and lies.
func TestAcksThatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := backplane.NewMemory()
		io := serve(t, socketio.Config{Backplane: link})
		a, b := pull(t, link), pull(t, link)
		type result struct {
			replies []socketio.Reply
			err     error
		}
		got := make(chan result, 1)
		go func() {
			replies, err := io.EmitWithAckAll(t.Context(), "ask")
			got <- result{replies, err}
		}()
		asked, _ := a.take()
		to := asked[0]
		if to.Request == "" || to.Options.Flags.Timeout != time.Minute || string(to.Data.JSON) != `["ask"]` {
			t.Fatalf("%+v", to)
		}
		count := func(p *puppet, n int) {
			must(t, p.Reply(to, backplane.Message{Kind: backplane.ClientCount, Count: n}))
			synctest.Wait()
		}
		ack := func(p *puppet, text string) {
			must(t, p.Reply(to, backplane.Message{Kind: backplane.Ack, Data: event(text)}))
			synctest.Wait()
		}
		count(a, -1) // is none
		ack(b, `1`)  // before it is known how many there are
		count(a, 1)
		count(a, 5) // said already
		ack(a, `2`)
		ack(a, `3`) // one too many
		ack(b, `}`) // is none
		ack(b, `7,8`)
		select {
		case <-got:
			t.Fatal("b has not said how many clients it has")
		default:
		}
		count(b, 2)
		must(t, b.Relay(to.From, []byte("\x02{\"op\":\"lost\",\"request\":\""+to.Request+"\",\"why\":1}")))
		must(t, b.Relay(to.From, []byte("\x02{\"op\":\"lost\",\"request\":\""+to.Request+"\"}")))
		synctest.Wait()
		r := <-got
		var missing *socketio.AckError
		if !errors.Is(r.err, socketio.ErrTooManyAcks) || !errors.As(r.err, &missing) || missing.Expected != 3 || missing.Received != 2 {
			t.Error(r.err)
		}
		if v := values(t, r.replies); !slices.Equal(v, []int{1, 2}) {
			t.Error(v)
		}
		if n := io.Stats().Backplane.Ignored; n != 2 {
			t.Errorf("%d were ignored", n)
		}
	})
}

// A node that does not even say how many clients it has is not waited for as long as
// clients are; one that is dead not at all.
func TestNodesThatDoNotCount(t *testing.T) {
	for name, row := range map[string]struct {
		link func(m *backplane.Memory) backplane.Backplane
		do   func(p *puppet)
		took time.Duration
		err  error
	}{
		"silent":        {nil, nil, 5 * time.Second, socketio.ErrAckTimeout},
		"dies":          {nil, func(p *puppet) { _ = p.Close() }, time.Second, nil},
		"dies, counted": {func(m *backplane.Memory) backplane.Backplane { return modest{m, false} }, func(p *puppet) { _ = p.Close() }, time.Second, nil},
		"counts, and dies": {nil, func(p *puppet) {
			p.mu.Lock()
			asked := p.came[0]
			p.mu.Unlock()
			_ = p.Reply(asked, backplane.Message{Kind: backplane.ClientCount, Count: 1})
			_ = p.Close()
		}, time.Second, nil},
		"shuts":           {nil, func(p *puppet) { p.Shut("/") }, time.Second, nil},
		"shuts something": {nil, func(p *puppet) { p.Open("/x"); p.Shut("/x") }, 5 * time.Second, socketio.ErrAckTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory := backplane.NewMemory()
				link := backplane.Backplane(memory)
				if row.link != nil {
					link = row.link(memory)
				}
				io := serve(t, socketio.Config{Backplane: link})
				io.Of("/x")
				c := dial(t, io)
				c.On("ask", func(e siotest.Event) { e.Ack(1) })
				p := pull(t, memory)
				if row.do != nil {
					time.AfterFunc(time.Second, func() { row.do(p) })
				}
				start := time.Now()
				replies, err := io.EmitWithAckAll(t.Context(), "ask")
				if len(replies) != 1 || !errors.Is(err, row.err) || time.Since(start) != row.took {
					t.Error(len(replies), err, time.Since(start))
				}
				if row.err != nil && !strings.Contains(err.Error(), "1 of 1 other nodes have not answered") {
					t.Error(err)
				}
			})
		})
	}
}

// Where it is not known who is to answer, nobody is counted twice, and who was not
// counted may leave.
func TestAnswersAreCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := backplane.NewMemory()
		io := serve(t, socketio.Config{Backplane: named{memory}})
		a, b, elsewhere := pull(t, memory), pull(t, memory), pull(t, memory)
		elsewhere.Shut("/")
		for name, twice := range map[string]func(){
			"repeats": func() {
				asked, _ := a.take()
				for range 2 {
					must(t, a.Reply(asked[0], backplane.Message{Kind: backplane.FetchSocketsResponse, Sockets: []backplane.Socket{{ID: "a"}}}))
				}
			},
			"somebody else leaves": func() {
				asked, _ := a.take()
				must(t, a.Reply(asked[0], backplane.Message{Kind: backplane.FetchSocketsResponse, Sockets: []backplane.Socket{{ID: "a"}}}))
				_ = elsewhere.Close()
			},
		} {
			a.take()
			time.AfterFunc(time.Second, twice)
			start := time.Now()
			sockets, err := io.FetchSockets(t.Context())
			var missing *socketio.NodesError
			if len(sockets) != 1 || !errors.As(err, &missing) || missing.Expected != 2 || missing.Answered != 1 || time.Since(start) != 5*time.Second {
				t.Error(name, len(sockets), err, time.Since(start))
			}
		}
		_ = b.Close()
	})
}

// Where answers do not say whose they are, the sums count.
func TestAcksThatDoNotSayWhoseTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := modest{backplane.NewMemory(), false}
		var clients []*siotest.Client
		var io *server
		for range 3 {
			io = serve(t, socketio.Config{Backplane: link})
			clients = append(clients, dial(t, io), dial(t, io))
		}
		for _, c := range clients {
			c.On("ask", func(e siotest.Event) { time.AfterFunc(time.Second, func() { e.Ack(1) }) })
		}
		start := time.Now()
		replies, err := io.EmitWithAckAll(t.Context(), "ask")
		if len(replies) != 6 || err != nil || time.Since(start) != time.Second {
			t.Error(len(replies), err, time.Since(start))
		}
		time.AfterFunc(2*time.Second, clients[0].Abort)
		clients[0].On("ask", func(siotest.Event) {})
		start = time.Now()
		replies, err = io.EmitWithAckAll(t.Context(), "ask")
		if len(replies) != 5 || !errors.Is(err, socketio.ErrDisconnected) || time.Since(start) != 2*time.Second {
			t.Error(len(replies), err, time.Since(start))
		}
	})
}

// A named backplane does not know who the others are, but who answers.
type named struct{ backplane.Backplane }

func (b named) Join(ctx context.Context, h backplane.Host) (backplane.Node, error) {
	n, err := b.Backplane.Join(ctx, h)
	return modestNode{n, false}, err
}

// A node that asks this one's clients, twice, and then leaves.
func TestANodeThatAsksAndLeaves(t *testing.T) {
	for name, leave := range map[string]func(p, other *puppet){
		"closes": func(p, _ *puppet) { _ = p.Close() }, "shuts": func(p, _ *puppet) { p.Shut("/") },
		"stays": func(_, _ *puppet) {}, "shuts something else": func(p, _ *puppet) { p.Open("/x"); p.Shut("/x") },
		"another closes": func(_, other *puppet) { _ = other.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				link := backplane.NewMemory()
				io := serve(t, socketio.Config{Backplane: link, AckTimeout: 9 * time.Second})
				io.Of("/x")
				c, quick, p, other := dial(t, io), dial(t, io), pull(t, link), pull(t, link)
				quick.On("ask", func(e siotest.Event) { e.Ack([]byte("yes"), 2) })
				m := backplane.Message{Kind: backplane.Broadcast, Namespace: "/", Request: "r", Data: event(`["ask"]`)}
				for range 2 {
					must(t, p.Publish(m))
				}
				settle()
				if n := len(c.Events()); n != 1 {
					t.Errorf("asked %d times", n)
				}
				came, _ := p.take()
				if len(came) != 2 || came[0].Count != 2 || came[0].Request != "r" || string(came[1].Data.JSON) != `{"_placeholder":true,"num":0}` || string(came[1].Data.Attachments[0]) != "yes" {
					t.Errorf("%+v", came)
				}
				leave(p, other)
				synctest.Wait()
				stays := name != "closes" && name != "shuts"
				if n := io.Stats().PendingAcks; n != map[bool]int64{true: 1}[stays] {
					t.Errorf("%d acks are pending", n)
				}
				c.Abort()
				settle()
				if _, mail := p.take(); stays != (len(mail) == 1) {
					t.Errorf("mail %q", mail)
				}
			})
		})
	}
}

// A backplane that takes nothing is an error of who sends, and this node's clients are
// served all the same.
func TestABackplaneThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broken{peers: []string{"other"}, pubErr: backplane.ErrQueueFull}
		io := serve(t, socketio.Config{Backplane: b})
		c := dial(t, io)
		c.On("ask", func(e siotest.Event) { e.Ack(1) })
		settle()
		for what, err := range map[string]error{
			"Emit": io.Emit("event"), "To": io.To(c.ID()).Emit("event"), "SocketsJoin": io.SocketsJoin("x"),
			"SocketsLeave": io.SocketsLeave("y"),
		} {
			if !errors.Is(err, backplane.ErrQueueFull) {
				t.Errorf("%s: %v", what, err)
			}
		}
		must(t, io.Local().Emit("event"))
		sockets, err := io.FetchSockets(t.Context())
		if len(sockets) != 1 || !errors.Is(err, backplane.ErrQueueFull) {
			t.Error(len(sockets), err)
		}
		replies, err := io.EmitWithAckAll(t.Context(), "ask")
		if len(replies) != 1 || !errors.Is(err, backplane.ErrQueueFull) {
			t.Error(len(replies), err)
		}
		settle()
		wantEvents(t, "the client", c, "event", "event", "event")
		if rooms := socketOf(t, io.Namespace, c).Rooms(); len(rooms) != 2 {
			t.Errorf("rooms %q", rooms)
		}
		if err := io.DisconnectSockets(false); !errors.Is(err, backplane.ErrQueueFull) || io.SocketCount() != 0 {
			t.Error(err)
		}
		if lost := io.Stats().Backplane.Lost; lost != 7 {
			t.Errorf("%d lost", lost)
		}
	})
}

// A node without the namespace, which has just gone, says that it has no clients.
func TestQuestionsInANamespaceThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broken{}
		io := serve(t, socketio.Config{Backplane: b})
		settle()
		b.sent = nil
		for _, m := range []backplane.Message{
			{Kind: backplane.Broadcast, Request: "1", Data: event(`["event"]`)},
			{Kind: backplane.Broadcast, Data: event(`["event"]`)},
			{Kind: backplane.SocketsJoin, Rooms: []string{"x"}},
			{Kind: backplane.FetchSockets, Request: "2"},
			{Kind: backplane.ServerSideEmit, Request: "3", Data: event(`["event"]`)},
		} {
			m.From, m.Namespace = "other", "/gone"
			b.Receive(m)
			settle()
		}
		var got []string
		for _, m := range b.sent {
			got = append(got, fmt.Sprint(m.Kind, m.Request, m.Count, len(m.Sockets)))
		}
		if !slices.Equal(got, []string{"1110 0", "820 0", "1030 0"}) {
			t.Errorf("answered %q", got)
		}
		if io.Stats().Backplane.Ignored != 0 {
			t.Error("ignored")
		}
	})
}

// Peers fails at once while the link is cut: what is known here is told.
func TestABackplaneThatKnowsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broken{peersErr: errBroken}
		io := serve(t, socketio.Config{Backplane: b})
		c := dial(t, io)
		c.On("ask", func(e siotest.Event) { e.Ack(1) })
		settle()
		sockets, err := io.FetchSockets(t.Context())
		if len(sockets) != 1 || !errors.Is(err, errBroken) {
			t.Error(len(sockets), err)
		}
		if n, err := io.Count(t.Context()); n != 1 || !errors.Is(err, errBroken) {
			t.Error(n, err)
		}
		start := time.Now()
		if replies, err := io.EmitWithAckAll(t.Context(), "ask"); len(replies) != 1 || !errors.Is(err, errBroken) || time.Since(start) != 0 {
			t.Error(len(replies), err)
		}
		for _, e := range []backplane.Event{{Kind: backplane.Down, Err: errBroken}, {Kind: backplane.Gap, Lost: 3}, {Kind: backplane.Gap, Lost: -1}, {Kind: backplane.Ignored, Err: errBroken}} {
			b.Observe(e)
		}
		stats := io.Stats().Backplane
		if !stats.Down || stats.Lost != 3 || stats.Gaps != 1 || stats.Ignored != 1 {
			t.Errorf("%+v", stats)
		}
		b.Observe(backplane.Event{Kind: backplane.Up, For: time.Second})
		if io.Stats().Backplane.Down {
			t.Error("still down")
		}
		io.logs.want(t, "is cut")
		io.logs.want(t, "is back")
		io.logs.want(t, "were lost")
	})
}

// Outgoing events of other nodes are heard of as well, by listeners that may wait.
func TestOutgoingListenersOfAnotherNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := spread(t, 2, socketio.Config{})
		var heard list
		there := n.nodes[1]
		there.OnAnyOutgoing(func(_ context.Context, e *socketio.OutgoingEvent) {
			if _, err := there.FetchSockets(t.Context()); err != nil {
				t.Error(err)
			}
			heard.add("%s %v %v", e.Name, e.Args, e.Socket.ID() == n.clients["a1"].ID())
		})
		must(t, n.nodes[0].To(n.clients["a1"].ID()).Emit("event", 1, []byte{2}))
		must(t, n.nodes[0].To("nobody").Emit("event"))
		settle()
		heard.want(t, fmt.Sprintf("event %v true", []any{1, []byte{2}}))
	})
}
