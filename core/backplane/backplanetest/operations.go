package backplanetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
)

func testBroadcasts(s *servers) {
	first, last := s.nodes[0], fmt.Sprint(s.last())
	everyone := strings.Join(s.all(), " ")
	for _, name := range []string{"a0", "a" + last} {
		s.must(s.socket(name).Join("room", "other"))
	}
	without := func(names ...string) string {
		return strings.Join(slices.DeleteFunc(s.all(), func(name string) bool { return slices.Contains(names, name) }), " ")
	}
	s.soon("the room", 0, first.To("room"), "a0 a"+last)
	s.soon("another room", 0, first.To("other"), "a0 a"+last)
	s.soon("from the other side", s.last(), s.nodes[s.last()].To("room"), "a0 a"+last)
	for _, row := range []struct {
		what string
		to   socketio.Emitter
		want string
	}{
		{"all", first, everyone},
		{"Local", first.Local(), "a0 b0"},
		{"To", first.To("room"), "a0 a" + last},
		{"two rooms", first.To("room", "other"), "a0 a" + last},
		{"To and Local", first.To("room").Local(), "a0"},
		{"Except", first.Except("room"), without("a0", "a"+last)},
		{"To and Except", first.To("room", s.id("b0")).Except(s.id("a" + last)), "a0 b0"},
		{"a socket's own room", first.To(s.id("b" + last)), "b" + last},
		{"a socket's others", s.socket("a0").Broadcast(), without("a0")},
		{"a socket's others in a room", s.socket("a0").To("room"), "a" + last},
		{"Volatile", first.Volatile(), everyone},
		{"Compress", first.Compress(false), everyone},
		{"nobody", first.To("nobody"), ""},
	} {
		s.reaches(row.what, 0, row.to, row.want)
	}
	for i, io := range s.nodes {
		s.reaches("all, from each", i, io, everyone)
	}
}

func testBinary(s *servers) {
	var all [256]byte
	for i := range all {
		all[i] = byte(i)
	}
	type message struct {
		Text  string
		Blobs [][]byte
		N     float64
	}
	sent := message{Text: "é\x00\"", Blobs: [][]byte{{}, all[:], make([]byte, 100_000)}, N: 1.5}
	s.must(s.nodes[0].Emit("binary", sent, all[:1], nil, []any{1, "x", true}))
	for _, name := range s.all() {
		e := s.clients[name].Expect("binary")
		var got message
		var blob []byte
		var none any
		var list []any
		s.must(e.Bind(&got, &blob, &none, &list))
		if fmt.Sprint(got) != fmt.Sprint(sent) || string(blob) != string(all[:1]) || none != nil || fmt.Sprint(list) != "[1 x true]" || e.Args.Len() != 4 {
			s.Errorf("%s got %.200v, %v, %v, %v", name, got, blob, none, list)
		}
	}
}

func testAcks(s *servers) {
	io := s.nodes[0]
	s.answers("number", func(i int) any { return i })
	s.answers("binary", func(i int) any { return map[string]any{"blob": []byte{byte(i), 255}} })
	got, err := socketio.EmitWithAckAll[int](s.Context(), io, "number", "?")
	if slices.Sort(got); err != nil || len(got) != 2*len(s.nodes) || got[len(got)-1] != len(got)-1 {
		s.Errorf("%v, %v", got, err)
	}
	type answer struct{ Blob []byte }
	blobs, err := socketio.EmitWithAckAll[answer](s.Context(), io.Except(s.id("a0")), "binary", []byte{1})
	if err != nil || len(blobs) != 2*len(s.nodes)-1 || len(blobs[0].Blob) != 2 || blobs[0].Blob[1] != 255 {
		s.Errorf("%v, %v", blobs, err)
	}
	if replies, err := io.To("nobody").EmitWithAckAll(s.Context(), "number"); len(replies) != 0 || err != nil {
		s.Errorf("of nobody: %v, %v", replies, err)
	}
	if replies, err := io.Local().EmitWithAckAll(s.Context(), "number"); len(replies) != 2 || err != nil {
		s.Errorf("Local: %v, %v", replies, err)
	}
	// One that does not answer, and one that goes away.
	last := fmt.Sprint("b", s.last())
	s.clients[last].On("silent", func(siotest.Event) {})
	for _, name := range s.all() {
		if name != last {
			s.clients[name].On("silent", func(e siotest.Event) { e.Ack(name) })
		}
	}
	replies, err := io.Timeout(time.Second).EmitWithAckAll(s.Context(), "silent")
	var missing *socketio.AckError
	if !errors.Is(err, socketio.ErrAckTimeout) || !errors.As(err, &missing) || missing.Expected != 2*len(s.nodes) || len(replies) != missing.Expected-1 {
		s.Errorf("%d replies, %v", len(replies), err)
	}
	s.clients[last].On("silent", func(siotest.Event) { s.clients[last].Abort() })
	began := time.Now()
	replies, err = io.EmitWithAckAll(s.Context(), "silent")
	if !errors.Is(err, socketio.ErrDisconnected) || len(replies) != 2*len(s.nodes)-1 || time.Since(began) > s.cfg.Patience {
		s.Errorf("%d replies, %v, after %v", len(replies), err, time.Since(began))
	}
	for i, io := range s.nodes {
		s.until("no acks are pending", func() bool { return io.Stats().PendingAcks == 0 })
		if i > 0 && io.Stats().Panics > 0 {
			s.Error("panics")
		}
	}
}

func testFetchSockets(s *servers) {
	type user struct {
		Name string
		Key  []byte
	}
	last := fmt.Sprint("a", s.last())
	s.socket(last).SetData(user{"ann", []byte{1, 255}})
	s.must(s.socket(last).Join("room"))
	io := s.nodes[0]
	all, err := io.FetchSockets(s.Context())
	var ids []string
	for _, r := range all {
		ids = append(ids, r.ID())
	}
	var want []string
	for _, c := range s.clients {
		want = append(want, c.ID())
	}
	slices.Sort(ids)
	if slices.Sort(want); err != nil || !slices.Equal(ids, want) {
		s.Fatalf("got %q, %v, want %q", ids, err, want)
	}
	found, err := io.To("room").FetchSockets(s.Context())
	if err != nil || len(found) != 1 {
		s.Fatalf("%d sockets, %v", len(found), err)
	}
	r, here := found[0], s.socket(last)
	if u, ok := socketio.Data[user](r); !ok || u.Name != "ann" || string(u.Key) != "\x01\xff" {
		s.Errorf("data %v", r.Data())
	}
	h, same := r.Handshake(), here.Handshake()
	if h.Address != same.Address || h.URL != same.URL || h.Issued.UnixMilli() != same.Issued.UnixMilli() || h.Query.Get("EIO") != "4" ||
		len(h.Headers) != len(same.Headers) || !slices.Equal(r.Rooms(), here.Rooms()) || r.ID() != s.id(last) {
		s.Errorf("%+v, rooms %q, want %+v", h, r.Rooms(), same)
	}
	s.reaches("RemoteSocket", 0, r, last)
	s.clients[last].On("ask", func(e siotest.Event) { e.Ack("yes") })
	if v, err := socketio.EmitWithAck[string](s.Context(), r, "ask"); v != "yes" || err != nil {
		s.Errorf("%q, %v", v, err)
	}
	s.must(r.Join("another"))
	s.must(r.Leave("room"))
	s.until("its rooms have changed", func() bool { return slices.Equal(here.Rooms()[1:], []string{"another"}) })
	if local, err := io.Local().FetchSockets(s.Context()); len(local) != 2 || err != nil {
		s.Errorf("Local: %d sockets, %v", len(local), err)
	}
	s.must(r.Disconnect(true))
	s.until("it is disconnected", func() bool { return s.clients[last].Closed() })
	if _, err := r.EmitWithAck(s.Context(), "ask"); !errors.Is(err, socketio.ErrDisconnected) {
		s.Error(err)
	}
}

// testSockets lets sockets of all nodes join and leave rooms, which the nodes' room
// events tell, and disconnects them.
func testSockets(s *servers) {
	io, other := s.nodes[0], s.nodes[s.last()]
	events := make(chan string, 100)
	other.OnCreateRoom(func(room string) { events <- "+" + room })
	other.OnDeleteRoom(func(room string) { events <- "-" + room })
	told := func(want string) {
		s.Helper()
		select {
		case got := <-events:
			if got != want {
				s.Errorf("told %q, want %q", got, want)
			}
		case <-time.After(s.cfg.Patience):
			s.Errorf("not told %q", want)
		}
	}
	rooms := func(name string, want ...string) {
		s.Helper()
		s.until(name+" has changed rooms", func() bool { return slices.Equal(s.socket(name).Rooms()[1:], want) })
	}
	last := fmt.Sprint(s.last())
	s.must(io.SocketsJoin("x", "*"))
	told("+x")
	told("+*")
	s.must(io.Except(s.id("b" + last)).SocketsLeave("x"))
	rooms("a"+last, "*")
	rooms("b"+last, "*", "x")
	s.must(io.Local().SocketsJoin("here"))
	rooms("a0", "*", "here")
	rooms("a"+last, "*")
	s.must(other.To("here").SocketsJoin("seen"))
	rooms("b0", "*", "here", "seen")
	s.must(io.To("x").DisconnectSockets(false))
	told("-" + s.id("b"+last))
	told("-x")
	if s.clients["b"+last].Closed() {
		s.Error("the connection is closed, too")
	}
	s.must(io.Local().DisconnectSockets(false))
	s.must(io.DisconnectSockets(true))
	for _, name := range s.all() {
		if name[1] != '0' && name != "b"+last {
			s.until(name+" is closed", func() bool { return s.clients[name].Closed() })
		}
	}
	told("-" + s.id("a"+last))
	told("-*")
}

func testServerSide(s *servers) {
	heard := make(chan string, 100)
	for i, io := range s.nodes {
		io.OnServerSide("event", func(_ context.Context, e *socketio.ServerSideEvent) error {
			var n int
			var data struct{ Blob []byte }
			if err := e.Bind(&n, &data); err != nil {
				return err
			}
			heard <- fmt.Sprintf("%d %d %x", i, n, data.Blob)
			return nil
		})
		io.OnServerSide("ask", func(_ context.Context, e *socketio.ServerSideEvent) error {
			if err := e.Ack(map[string]any{"node": i, "blob": []byte{byte(i)}}); err != nil {
				return err
			}
			return e.Ack("twice") // is an error here, and nothing elsewhere
		})
		io.OnServerSide("fail", func(_ context.Context, e *socketio.ServerSideEvent) error {
			if i == 1 {
				return &socketio.Error{Message: "no", Data: 7}
			}
			return e.Ack(i)
		})
		io.OnServerSide("silent", func(_ context.Context, e *socketio.ServerSideEvent) error { return nil })
	}
	s.must(s.nodes[0].ServerSideEmit("event", 7, map[string]any{"blob": []byte{1, 255}}))
	want := map[string]bool{}
	for i := 1; i < len(s.nodes); i++ {
		want[fmt.Sprint(i, " 7 01ff")] = true
	}
	for range s.last() {
		select {
		case got := <-heard:
			if !want[got] {
				s.Errorf("heard %q", got)
			}
			delete(want, got)
		case <-time.After(s.cfg.Patience):
			s.Fatal("not heard")
		}
	}
	type reply struct {
		Node int
		Blob []byte
	}
	replies, err := s.nodes[0].ServerSideEmitWithAck(s.Context(), "ask")
	var nodes []int
	for _, r := range replies {
		var v reply
		s.must(r.Bind(&v))
		nodes = append(nodes, v.Node)
		if len(v.Blob) != 1 || int(v.Blob[0]) != v.Node {
			s.Errorf("%+v", v)
		}
	}
	if slices.Sort(nodes); err != nil || !slices.Equal(nodes, []int{1, 2}[:s.last()]) {
		s.Errorf("%v, %v", nodes, err)
	}
	replies, err = s.nodes[0].ServerSideEmitWithAck(s.Context(), "fail")
	var failed *socketio.Error
	if !errors.As(err, &failed) || failed.Message != "no" || len(replies) != s.last()-1 {
		s.Errorf("%d replies, %v", len(replies), err)
	}
	ctx, cancel := context.WithTimeout(s.Context(), 300*time.Millisecond)
	defer cancel()
	if replies, err := s.nodes[0].ServerSideEmitWithAck(ctx, "silent"); !errors.Is(err, context.DeadlineExceeded) || len(replies) != 0 {
		s.Errorf("%d replies, %v", len(replies), err)
	}
}

// testSurveys counts sockets without fetching them.
func testSurveys(s *servers) {
	sizes := map[string]int{"r/all": 2 * len(s.nodes)}
	want := []socketio.Presence{{Key: "ann", Sockets: len(s.nodes)}}
	for i, io := range s.nodes {
		io.PresenceKey(func(r *socketio.RemoteSocket) string {
			name, _ := socketio.Data[string](r)
			return name
		})
		own := fmt.Sprint("r/", i)
		for _, client := range []string{"a", "b"} {
			s.must(s.socket(fmt.Sprint(client, i)).Join("r/all", own, "other"))
		}
		sizes[own] = 2
		s.socket(fmt.Sprint("a", i)).SetData("ann")
	}
	s.socket(fmt.Sprint("b", s.last())).SetData("bob")
	want = append(want, socketio.Presence{Key: "bob", Sockets: 1})
	for i, io := range s.nodes {
		if n, err := io.Count(s.Context()); n != 2*len(s.nodes) || err != nil {
			s.Errorf("node %d: %d sockets, %v", i, n, err)
		}
		if n, err := io.To("r/0").Count(s.Context()); n != 2 || err != nil {
			s.Errorf("node %d: %d sockets in a room, %v", i, n, err)
		}
		if got, err := io.RoomSizes(s.Context(), "r/"); !maps.Equal(got, sizes) || err != nil {
			s.Errorf("node %d: %v, %v", i, got, err)
		}
		if got, err := io.Present(s.Context()); !slices.Equal(got, want) || err != nil {
			s.Errorf("node %d: %v, %v", i, got, err)
		}
	}
	s.must(s.nodes[s.last()].Close())
	s.until("who was on a node that has left is gone", func() bool {
		ctx, cancel := context.WithTimeout(s.Context(), time.Second) // as it goes it may be asked, and not answer
		defer cancel()
		got, err := s.nodes[0].Present(ctx)
		return err == nil && slices.Equal(got, []socketio.Presence{{Key: "ann", Sockets: s.last()}})
	})
}

// testChildren uses namespaces that are made, and go, while the servers run.
func testChildren(s *servers) {
	parents := make([]*socketio.ParentNamespace, len(s.nodes))
	for i, io := range s.nodes {
		parents[i] = io.OfRegexp(regexp.MustCompile("^/room-"))
	}
	dial := func(node int, namespace string) *siotest.Client {
		return siotest.Dial(s.T, s.nodes[node], siotest.Options{Namespace: namespace, Timeout: s.cfg.Patience})
	}
	here, there := dial(0, "/room-1"), dial(s.last(), "/room-1")
	stranger := dial(s.last(), "/room-10")
	child := parents[0].Children()[0]
	s.until("both are there", func() bool {
		sockets, err := child.FetchSockets(s.Context())
		return err == nil && len(sockets) == 2
	})
	s.must(child.Emit("one"))
	s.must(parents[0].Emit("all"))
	stranger.Expect("all") // which this node does not have
	for _, c := range []*siotest.Client{here, there} {
		if e := c.Expect("one"); e.Args.Len() != 0 {
			s.Error("arguments")
		}
		c.Expect("all")
	}
	there.Leave()
	s.until("the other child has gone", func() bool {
		ctx, cancel := context.WithTimeout(s.Context(), time.Second) // what was asked as it went is not answered
		defer cancel()
		sockets, err := child.FetchSockets(ctx)
		return err == nil && len(sockets) == 1 && len(parents[s.last()].Children()) == 1
	})
	if replies, err := child.ServerSideEmitWithAck(s.Context(), "anybody"); len(replies) != 0 || err != nil {
		s.Errorf("a node without the namespace is waited for: %d replies, %v", len(replies), err)
	}
	for _, e := range stranger.Events() {
		if e.Name == "one" {
			s.Error("what was for one namespace reached another")
		}
	}
}

// testRoomNames has each client in a room whose name means something to a bus.
func testRoomNames(s *servers) {
	names := hostileNames()
	c := s.clients
	for i, name := range names {
		s.must(s.socket(s.all()[i%len(c)]).Join("r" + name))
	}
	from := s.nodes[0]
	for i, name := range names { // each must be known before others are tried
		s.soon(fmt.Sprintf("the room %.80q", name), 0, from.To("r"+name), s.all()[i%len(c)])
	}
	for _, name := range []string{"*", "r*", "r>", ">", "r.*", "#", "r%", "r?", "r_", "r"} {
		want := ""
		if i := slices.Index(names, strings.TrimPrefix(name, "r")); strings.HasPrefix(name, "r") && i >= 0 {
			want = s.all()[i%len(c)]
		}
		s.reaches(fmt.Sprintf("the room %q", name), 0, from.To(name), want)
	}
}

// testEnd has a node leave: nobody waits for it, and it is no longer there.
func testEnd(s *servers) {
	io, leaving := s.nodes[0], s.nodes[s.last()]
	s.answers("number", func(i int) any { return i })
	asked := make(chan struct{})
	leaving.OnServerSide("wait", func(context.Context, *socketio.ServerSideEvent) error {
		close(asked)
		return nil
	})
	go func() {
		select {
		case <-asked:
			_ = leaving.Shutdown(s.Context())
		case <-s.Context().Done():
		}
	}()
	for _, other := range s.nodes[1:s.last()] {
		other.OnServerSide("wait", func(_ context.Context, e *socketio.ServerSideEvent) error { return e.Ack(1) })
	}
	began := time.Now()
	replies, err := io.ServerSideEmitWithAck(s.Context(), "wait")
	if len(replies) != s.last()-1 || err != nil && !s.cfg.Cannot.NodeLeft || time.Since(began) > 2*s.cfg.Patience {
		s.Errorf("%d replies, %v, after %v", len(replies), err, time.Since(began))
	}
	left := 2 * s.last()
	s.until("its sockets are gone", func() bool {
		sockets, err := io.FetchSockets(s.Context())
		return err == nil && len(sockets) == left
	})
	if got, err := socketio.EmitWithAckAll[int](s.Context(), io, "number"); len(got) != left || err != nil {
		s.Errorf("%v, %v", got, err)
	}
	s.until("it is no node any more", func() bool { return io.Stats().Backplane.Nodes == s.last()-1 })
	s.must(io.Emit("to who is left"))
	for name, c := range s.clients {
		if int(name[1]-'0') != s.last() {
			c.Expect("to who is left")
		}
	}
}
