package socketio_test

import (
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
	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/core/siotest"
)

// A net is servers that a backplane links, each with two clients: a0 and b0 of the
// first, a1 and b1 of the second.
type net struct {
	*testing.T
	nodes   []*server
	clients map[string]*siotest.Client
}

func spread(t *testing.T, n int, cfg socketio.Config) *net {
	t.Helper()
	all := &net{T: t, nodes: nodes(t, n, cfg), clients: map[string]*siotest.Client{}}
	for i, io := range all.nodes {
		for _, name := range []string{"a", "b"} {
			all.clients[fmt.Sprint(name, i)] = dial(t, io)
		}
	}
	settle()
	return all
}

func (n *net) socket(name string) *socketio.Socket {
	return n.nodes[name[1]-'0'].Socket(n.clients[name].ID())
}

// reached says which clients have got an event since the last call.
func (n *net) reached() string {
	settle()
	var names []string
	for name, c := range n.clients {
		for range c.Events() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestBroadcastsReachAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := spread(t, 3, socketio.Config{})
		io := n.nodes[0]
		for _, name := range []string{"a0", "a1"} {
			must(t, n.socket(name).Join("room", "other"))
		}
		must(t, n.socket("b2").Join("*"))
		id := func(name string) string { return n.clients[name].ID() }
		for _, row := range []struct {
			what string
			to   socketio.Emitter
			want string
		}{
			{"all", io, "a0 a1 a2 b0 b1 b2"},
			{"Local", io.Local(), "a0 b0"},
			{"To", io.To("room"), "a0 a1"},
			{"two rooms", io.To("room", "other"), "a0 a1"},
			{"To and Local", io.To("room").Local(), "a0"},
			{"Except", io.Except("room"), "a2 b0 b1 b2"},
			{"To and Except", io.To("room", "*").Except(id("a1")), "a0 b2"},
			{"no such room", io.To("?", "ro*"), ""},
			{"a name that looks like a pattern", io.To("*"), "b2"},
			{"a socket's own room", io.To(id("b1")), "b1"},
			{"a socket's others", n.socket("a0").Broadcast(), "a1 a2 b0 b1 b2"},
			{"a socket's others in a room", n.socket("a0").To("room"), "a1"},
			{"a socket's Local", n.socket("a0").Local(), "b0"},
			{"Volatile", io.Volatile(), "a0 a1 a2 b0 b1 b2"},
			{"Compress", io.Compress(false), "a0 a1 a2 b0 b1 b2"},
			{"another namespace", io.Of("/other"), ""},
			{"another node", n.nodes[2].In("room"), "a0 a1"},
		} {
			must(t, row.to.Emit("event", row.what))
			if got := n.reached(); got != row.want {
				t.Errorf("%s: reached %q, want %q", row.what, got, row.want)
			}
		}
	})
}

// What a client gets is the same, byte for byte, wherever it was emitted.
func TestABroadcastIsTheSameEverywhere(t *testing.T) {
	for name, cfg := range map[string]socketio.Config{"JSON": {}, "wrapped": {Codec: panickyCodec{packet.JSON()}}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := spread(t, 2, cfg)
				for _, c := range n.clients {
					c.Raw()
				}
				blob := []byte{0, 1, 255}
				must(t, n.nodes[0].Emit("no [argument]"))
				must(t, n.nodes[0].Emit("some", 1, 1.5, "é\n", nil, map[string]any{"a": []int{1}}))
				must(t, n.nodes[0].Emit("binary", blob, map[string]any{"b": []byte{}}))
				clear(blob)
				settle()
				here := n.clients["a0"].Raw()
				if got := n.clients["a1"].Raw(); len(here) != 5 || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", here) {
					t.Errorf("there %q, here %q", got, here)
				}
			})
		})
	}
}

// Where clients can recover, each node gives an event an offset of its own.
func TestBroadcastsWithRecoveryOnAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := spread(t, 2, socketio.Config{ConnectionStateRecovery: &socketio.Recovery{}})
		io, c := n.nodes[0], n.clients["a1"]
		must(t, n.socket("a1").Join("room"))
		must(t, io.Emit("first", 1))
		settle()
		c.Abort()
		settle()
		must(t, io.To("room").Emit("second", []byte{2}))
		must(t, io.To("elsewhere").Emit("not for it"))
		must(t, io.Volatile().Emit("lost"))
		must(t, io.In("room").SocketsJoin("later"))
		must(t, io.To("later").Emit("third"))
		settle()
		must(t, c.Reconnect())
		settle()
		if !c.Recovered() {
			t.Error("not recovered")
		}
		must(t, io.To("later").Emit("fourth"))
		settle()
		events := c.Events()
		if got := names(events); !slices.Equal(got, []string{"first", "second", "third", "fourth"}) {
			t.Errorf("got %q", got)
		}
		for i, want := range []int{2, 2, 1, 1} { // with the offset
			if n := events[i].Args.Len(); n != want {
				t.Errorf("%s has %d arguments", events[i].Name, n)
			}
		}
		for _, e := range n.clients["a0"].Events() {
			if offset := ""; e.Args.Len() < 1 || e.Name == "fourth" || e.Args.Bind(e.Args.Len()-1, &offset) != nil || len(offset) < 3 {
				t.Errorf("%s has no offset, or is not for it", e.Name)
			}
		}
	})
}

func TestAcksFromAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := spread(t, 3, socketio.Config{})
		for i, name := range []string{"a0", "b0", "a1", "b1", "a2", "b2"} {
			n.clients[name].On("ask", func(e siotest.Event) { e.Ack(i, "more") })
			n.clients[name].On("data", func(e siotest.Event) { e.Ack(map[string]any{"blob": []byte{byte(i)}, "n": i}) })
			n.clients[name].On("nothing", func(e siotest.Event) { e.Ack() })
		}
		io := n.nodes[1]
		start := time.Now()
		replies, err := io.EmitWithAckAll(t.Context(), "ask")
		if got := values(t, replies); err != nil || !slices.Equal(got, []int{0, 1, 2, 3, 4, 5}) || time.Since(start) != 0 {
			t.Error(got, err, time.Since(start))
		}
		for _, r := range replies {
			if far := r.Len() == 1; !far && r.Len() != 2 {
				t.Errorf("%d arguments", r.Len())
			}
		}
		type data struct {
			Blob []byte
			N    int
		}
		all, err := socketio.EmitWithAckAll[data](t.Context(), io.Except(n.clients["a1"].ID()), "data")
		slices.SortFunc(all, func(a, b data) int { return a.N - b.N })
		if fmt.Sprint(all) != "[{[0] 0} {[1] 1} {[3] 3} {[4] 4} {[5] 5}]" || err != nil {
			t.Error(all, err)
		}
		if replies, err := io.EmitWithAckAll(t.Context(), "nothing"); len(replies) != 6 || err != nil {
			t.Error(replies, err)
		}
		if replies, err := io.Local().EmitWithAckAll(t.Context(), "ask"); len(replies) != 2 || err != nil {
			t.Error(replies, err)
		}
		if replies, err := io.To("nobody").EmitWithAckAll(t.Context(), "ask"); len(replies) != 0 || err != nil {
			t.Error(replies, err)
		}
	})
}

func TestAcksThatDoNotComeFromAnotherNode(t *testing.T) {
	for name, row := range map[string]struct {
		do   func(n *net, cancel context.CancelCauseFunc)
		took time.Duration
		err  error
	}{
		"time is up":           {func(*net, context.CancelCauseFunc) {}, 9 * time.Second, socketio.ErrAckTimeout},
		"the client goes away": {func(n *net, _ context.CancelCauseFunc) { n.clients["a1"].Abort() }, time.Second, socketio.ErrDisconnected},
		"its node goes away":   {func(n *net, _ context.CancelCauseFunc) { _ = n.nodes[1].Close() }, time.Second, socketio.ErrDisconnected},
		"its node shuts down":  {func(n *net, _ context.CancelCauseFunc) { _ = n.nodes[1].Shutdown(context.Background()) }, time.Second, socketio.ErrDisconnected},
		"the sender closes":    {func(n *net, _ context.CancelCauseFunc) { _ = n.nodes[0].Close() }, time.Second, backplane.ErrClosed},
		"ctx":                  {func(_ *net, cancel context.CancelCauseFunc) { cancel(errors.ErrUnsupported) }, time.Second, errors.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := spread(t, 2, socketio.Config{AckTimeout: 9 * time.Second, PingInterval: time.Hour})
				for _, name := range []string{"a0", "b0", "b1"} {
					n.clients[name].On("ask", func(e siotest.Event) { e.Ack(7) })
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				time.AfterFunc(time.Second, func() { row.do(n, cancel) })
				start := time.Now()
				replies, err := n.nodes[0].EmitWithAckAll(ctx, "ask")
				var missing *socketio.AckError
				switch {
				case len(replies) != 3, time.Since(start) != row.took, !errors.Is(err, row.err):
					t.Error(len(replies), err, time.Since(start))
				case row.err != nil && (!errors.As(err, &missing) || missing.Expected != 4 || missing.Received != 3):
					t.Error(err)
				}
				time.Sleep(10 * time.Second)
				for i, io := range n.nodes {
					if owed := io.Stats().PendingAcks; owed != 0 {
						t.Errorf("node %d: %d acks are pending", i, owed)
					}
				}
			})
		})
	}
}

func TestAckTimeoutsOnAnotherNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := spread(t, 2, socketio.Config{})
		for name, emit := range map[string]func() error{
			"Timeout": func() error {
				_, err := n.nodes[0].Timeout(1500*ms).EmitWithAckAll(t.Context(), "ask")
				return err
			},
			"deadline": func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 1500*ms)
				defer cancel()
				_, err := n.nodes[0].EmitWithAckAll(ctx, "ask")
				return err
			},
		} {
			start := time.Now()
			time.AfterFunc(1499*ms, func() {
				if owed := n.nodes[1].Stats().PendingAcks; owed != 2 {
					t.Errorf("%s: %d acks are pending", name, owed)
				}
			})
			if err := emit(); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 1500*ms {
				t.Error(name, err, time.Since(start))
			}
			synctest.Wait()
			if owed := n.nodes[1].Stats().PendingAcks; owed != 0 {
				t.Errorf("%s: %d acks are still pending", name, owed)
			}
		}
	})
}

func TestChildrenOnAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := nodes(t, 3, socketio.Config{CleanupEmptyChildNamespaces: true})
		parents := make([]*socketio.ParentNamespace, len(all))
		for i, io := range all {
			parents[i] = io.OfRegexp(regexp.MustCompile("^/r"))
		}
		here, there := dialIn(t, all[0], "/r1"), dialIn(t, all[1], "/r1")
		other := dialIn(t, all[1], "/r2")
		must(t, parents[0].Emit("all children"))
		must(t, all[0].Of("/r1").Emit("one"))
		must(t, all[2].Of("/r1").Emit("from elsewhere"))
		settle()
		wantEvents(t, "here", here, "all children", "one", "from elsewhere")
		wantEvents(t, "there", there, "all children", "one", "from elsewhere")
		wantEvents(t, "in another", other, "all children")
	})
}

// What is emitted on a parent reaches children that only another node has, of that
// parent and no other.
func TestParentsOnAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := nodes(t, 3, socketio.Config{CleanupEmptyChildNamespaces: true})
		var parents [][]*socketio.ParentNamespace
		for _, io := range all {
			anybody := func(_ context.Context, name string, _ *socketio.Handshake) (bool, error) {
				return strings.HasPrefix(name, "/f"), nil
			}
			parents = append(parents, []*socketio.ParentNamespace{
				io.OfRegexp(regexp.MustCompile("^/r")), io.OfRegexp(regexp.MustCompile("^/s")), io.OfFunc(anybody),
			})
		}
		in := map[string]*siotest.Client{}
		for _, row := range []string{"1/r1", "2/r1", "2/r2", "1/s1", "0/r1", "1/f1"} {
			in[row] = dialIn(t, all[row[0]-'0'], row[1:])
		}
		check := func(what string, want ...string) {
			t.Helper()
			settle()
			var got []string
			for name, c := range in {
				for range c.Events() {
					got = append(got, name)
				}
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s: reached %q, want %q", what, got, want)
			}
		}
		must(t, parents[0][0].Emit("event", []byte{1}))
		check("a pattern", "0/r1", "1/r1", "2/r1", "2/r2")
		must(t, parents[0][1].Emit("event"))
		check("another pattern", "1/s1")
		must(t, parents[0][2].Compress(false).Volatile().Emit("event"))
		check("a function", "1/f1")
		must(t, parents[0][0].Local().Emit("event"))
		check("Local", "0/r1")
		must(t, parents[1][0].To(in["2/r2"].ID()).Emit("event"))
		check("a room", "2/r2")
		must(t, parents[1][0].Except(in["2/r2"].ID()).Emit("event"))
		check("Except", "0/r1", "1/r1", "2/r1")
		if err := parents[2][2].Emit("disconnect"); err == nil {
			t.Error("a reserved name")
		}
	})
}

// What a broadcast says to other nodes of how it is to be sent.
func TestOptionsForOtherNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := backplane.NewMemory()
		io, p := serve(t, socketio.Config{Backplane: link, BackplaneTimeout: time.Second}), pull(t, link)
		b := io.To("a", "b").Except("c").Volatile().Compress(false).Timeout(1500 * ms)
		must(t, b.Emit("event"))
		must(t, b.SocketsJoin("x"))
		must(t, b.SocketsLeave("y", "z"))
		must(t, b.DisconnectSockets(true))
		_, _ = b.FetchSockets(t.Context())
		came, _ := p.take()
		if len(came) != 5 {
			t.Fatalf("%+v", came)
		}
		for i, kind := range []backplane.Kind{backplane.Broadcast, backplane.SocketsJoin, backplane.SocketsLeave, backplane.DisconnectSockets, backplane.FetchSockets} {
			m, o := came[i], came[i].Options
			if m.Kind != kind || m.From != p.Nodes()[0] || strings.Join(o.Rooms, "") != "ab" || strings.Join(o.Except, "") != "c" ||
				!o.Flags.Volatile || o.Flags.Compress == nil || *o.Flags.Compress || o.Flags.Timeout != 1500*ms {
				t.Errorf("%+v", m)
			}
		}
		if fmt.Sprint(came[1].Rooms, came[2].Rooms) != "[x] [y z]" || !came[3].Close || came[4].Request == "" || came[0].Request != "" {
			t.Errorf("%+v", came)
		}
		must(t, io.Emit("event"))
		if came, _ := p.take(); len(came) != 1 || came[0].Options.Flags != (backplane.Flags{}) || came[0].Options.Rooms != nil {
			t.Errorf("%+v", came)
		}
	})
}

// What another node says of compression holds here.
func TestCompressOnAnotherNode(t *testing.T) {
	link := backplane.NewMemory()
	io, p := serve(t, socketio.Config{Backplane: link}), pull(t, link)
	poll := poller(t, io)
	long := event(`["event","` + strings.Repeat("long ", 1000) + `"]`)
	no := new(bool)
	for _, row := range []struct {
		compress *bool
		want     string
	}{{nil, "gzip"}, {no, ""}, {&[]bool{true}[0], "gzip"}} {
		m := backplane.Message{Kind: backplane.Broadcast, Namespace: "/", Data: long}
		m.Options.Flags.Compress = row.compress
		must(t, p.Publish(m))
		if got := poll().Header.Get("Content-Encoding"); got != row.want {
			t.Errorf("encoded as %q, want %q", got, row.want)
		}
	}
}
