package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// A crowd is clients a to e in rooms: a in 1, b in 1 and 2, c in 2, d in 3, e in
// none.
type crowd struct {
	io      *server
	clients map[string]*siotest.Client
}

func gather(t *testing.T) *crowd {
	c := &crowd{io: serve(t, socketio.Config{}), clients: map[string]*siotest.Client{}}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		c.clients[name] = dial(t, c.io)
	}
	settle()
	for name, rooms := range map[string][]string{"a": {"1"}, "b": {"1", "2"}, "c": {"2"}, "d": {"3"}} {
		must(t, c.socket(name).Join(rooms...))
	}
	return c
}

func (c *crowd) socket(name string) *socketio.Socket { return c.io.Socket(c.clients[name].ID()) }

func (c *crowd) id(name string) string { return c.clients[name].ID() }

// reached returns who got an event since, once for each time.
func (c *crowd) reached() string {
	settle()
	var who strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c.clients)) {
		for range c.clients[name].Events() {
			who.WriteString(name)
		}
	}
	return who.String()
}

func TestWhomOperatorsReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := gather(t)
		io, s := crowd.io, crowd.socket("a")
		idB := crowd.id("b")
		for name, row := range map[string]struct {
			to   socketio.Emitter
			want string
		}{
			"all":                        {io, "abcde"},
			"namespace":                  {io.Of("/"), "abcde"},
			"another namespace":          {io.Of("/other"), ""},
			"To 1":                       {io.To("1"), "ab"},
			"To 1 2, each once":          {io.To("1", "2"), "abc"},
			"To 1 To 2":                  {io.To("1").To("2"), "abc"},
			"To 1 In 3":                  {io.To("1").In("3"), "abd"},
			"In 3":                       {io.In("3"), "d"},
			"To nowhere":                 {io.To("nowhere"), ""},
			"To 1 and nowhere":           {io.To("1", "nowhere"), "ab"},
			"To 1 twice":                 {io.To("1", "1"), "ab"},
			"To an id":                   {io.To(idB), "b"},
			"To an id and its room":      {io.To(idB, "1"), "ab"},
			"Except 1":                   {io.Except("1"), "cde"},
			"Except 1 3":                 {io.Except("1", "3"), "ce"},
			"Except 1 Except 2":          {io.Except("1").Except("2"), "de"},
			"Except an id":               {io.Except(idB), "acde"},
			"Except nowhere":             {io.Except("nowhere"), "abcde"},
			"To 1 2 Except 2":            {io.To("1", "2").Except("2"), "a"},
			"Except 2 To 1 2":            {io.Except("2").To("1", "2"), "a"},
			"Local":                      {io.Local(), "abcde"},
			"Local To 1":                 {io.Local().To("1"), "ab"},
			"Volatile":                   {io.Volatile(), "abcde"},
			"Compress":                   {io.Compress(false), "abcde"},
			"Timeout":                    {io.Timeout(1), "abcde"},
			"all of them":                {io.Volatile().Compress(true).Local().Timeout(1).To("1").In("2").Except("3", idB), "ac"},
			"socket":                     {s, "a"},
			"socket Volatile":            {s.Volatile(), "a"},
			"socket Compress":            {s.Compress(false).Timeout(1), "a"},
			"socket Broadcast":           {s.Broadcast(), "bcde"},
			"socket To 1":                {s.To("1"), "b"},
			"socket In 1 2":              {s.In("1", "2"), "bc"},
			"socket To itself":           {s.To(s.ID()), ""},
			"socket Except 2":            {s.Except("2"), "de"},
			"socket Except an id":        {s.Broadcast().Except(idB), "cde"},
			"socket To 1 2 Except 2":     {s.To("1", "2").Except("2"), ""},
			"socket Local":               {s.Local(), "bcde"},
			"socket Volatile To 2":       {s.Volatile().To("2"), "bc"},
			"socket Volatile In 2":       {s.Volatile().In("2"), "bc"},
			"socket Compress Except 2":   {s.Compress(true).Except("2"), "de"},
			"socket Timeout Broadcast 3": {s.Timeout(1).Broadcast().To("3"), "d"},
		} {
			must(t, row.to.Emit("event"))
			if got := crowd.reached(); got != row.want {
				t.Errorf("%s: reached %q, want %q", name, got, row.want)
			}
		}
	})
}

func TestOperatorsAreImmutable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := gather(t)
		base := crowd.io.To("1").To("2").To("3") // its lists have room behind them
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				_ = base.To("x").Except("1").Volatile()
				_ = base.Except("y").To("4").Compress(false).Local()
				must(t, base.Except("1", "2", "3").Emit("nobody"))
			})
		}
		wg.Wait()
		if got := crowd.reached(); got != "" {
			t.Errorf("reached %q", got)
		}
		must(t, base.Emit("event"))
		if got := crowd.reached(); got != "abcd" {
			t.Errorf("the base reaches %q", got)
		}
		base = crowd.io.To("n", "n").To("n").Except("n", "n").Except("n")
		to1, to3 := base.To("1"), base.To("3")
		not1, not3 := base.To("1", "3").Except("1"), base.To("1", "3").Except("3")
		for want, to := range map[string]socketio.Emitter{"ab": to1, "d": to3} {
			must(t, to.Emit("event"))
			if got := crowd.reached(); got != want {
				t.Errorf("one of two of the same base: %q, want %q", got, want)
			}
		}
		for want, to := range map[string]socketio.Emitter{"d": not1, "ab": not3} {
			must(t, to.Emit("event"))
			if got := crowd.reached(); got != want {
				t.Errorf("one of two exceptions of the same base: %q, want %q", got, want)
			}
		}
		rooms := []string{"1"}
		aimed := crowd.io.To(rooms...)
		rooms[0] = "3"
		must(t, aimed.Emit("event"))
		if got := crowd.reached(); got != "ab" {
			t.Errorf("after a change of the caller's slice: %q", got)
		}
	})
}

func TestARoomNamedAsAnotherSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := gather(t)
		a, e := crowd.socket("a"), crowd.socket("e")
		must(t, e.Join(a.ID()))
		must(t, crowd.io.To(a.ID()).Emit("event"))
		if got := crowd.reached(); got != "ae" {
			t.Errorf("reached %q", got)
		}
		must(t, a.Emit("direct"))
		if got := crowd.reached(); got != "a" {
			t.Errorf("reached %q", got)
		}
		must(t, a.Leave(a.ID())) // the room of its own is its to keep
		must(t, a.Join(a.ID()))
		must(t, e.Leave(a.ID()))
		must(t, crowd.io.To(a.ID()).Emit("event"))
		if got := crowd.reached(); got != "a" {
			t.Errorf("reached %q", got)
		}
		if rooms := a.Rooms(); !slices.Equal(rooms, []string{a.ID(), "1"}) {
			t.Errorf("rooms %q", rooms)
		}
	})
}

func TestManySocketsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := gather(t)
		io := crowd.io
		must(t, io.In("1").SocketsJoin("x", "y"))
		must(t, io.Except("1").SocketsLeave("2", "3"))
		must(t, crowd.socket("e").Local().SocketsJoin("z"))
		must(t, io.SocketsJoin("all"))
		must(t, io.SocketsLeave("all"))
		for name, want := range map[string]string{"a": "1 x y z", "b": "1 2 x y z", "c": "z", "d": "z", "e": ""} {
			if got := strings.Join(crowd.socket(name).Rooms()[1:], " "); got != want {
				t.Errorf("%s is in %q, want %q", name, got, want)
			}
		}
		if n := io.Stats().Rooms; n != 5 {
			t.Errorf("%d rooms", n)
		}
		must(t, io.To("x").DisconnectSockets(false))
		settle()
		for name, c := range crowd.clients {
			left := name == "a" || name == "b"
			if gone := io.Socket(c.ID()) == nil; gone != left || c.Closed() {
				t.Errorf("%s gone: %v, closed: %v", name, gone, c.Closed())
			}
		}
		must(t, io.DisconnectSockets(true))
		settle()
		if !crowd.clients["e"].Closed() || crowd.clients["a"].Closed() {
			t.Error("DisconnectSockets(true) closes the connections of those that are there")
		}
		if stats := io.Stats(); stats.Sockets != 0 || stats.Rooms != 0 {
			t.Errorf("left: %+v", stats)
		}
	})
}

func TestFetchSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := gather(t)
		io := crowd.io
		crowd.socket("d").SetData(42)
		all, err := io.FetchSockets(t.Context())
		if err != nil || len(all) != 5 {
			t.Fatalf("%d sockets, %v", len(all), err)
		}
		found, err := io.In("3").FetchSockets(t.Context())
		if err != nil || len(found) != 1 {
			t.Fatalf("%d sockets, %v", len(found), err)
		}
		d := found[0]
		if n, ok := socketio.Data[int](d); !ok || n != 42 || d.ID() != crowd.id("d") || d.Handshake().Address == "" ||
			!slices.Equal(d.Rooms(), []string{d.ID(), "3"}) {
			t.Errorf("%+v", d)
		}
		if _, ok := socketio.Data[string](d); ok {
			t.Error("the int is a string")
		}
		must(t, d.Join("4"))
		must(t, d.Leave("3"))
		if got := crowd.socket("d").Rooms()[1:]; !slices.Equal(got, []string{"4"}) {
			t.Errorf("rooms %q", got)
		}
		must(t, d.Emit("event"))
		if got := crowd.reached(); got != "d" {
			t.Errorf("reached %q", got)
		}
		crowd.clients["d"].On("ask", func(e siotest.Event) { e.Ack("yes") })
		if v, err := socketio.EmitWithAck[string](t.Context(), d, "ask"); v != "yes" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
		must(t, d.Disconnect(false))
		settle()
		if crowd.socket("d") != nil {
			t.Error("still there")
		}
		must(t, d.Emit("to nobody"))
	})
}

func TestRoomsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := gather(t)
		io, b := crowd.io, crowd.socket("b")
		seen := new(list)
		b.OnDisconnecting(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) {
			seen.add("%s", strings.Join(s.Rooms()[1:], " "))
			must(t, s.To("1").Emit("leaves")) // the others of its rooms are there to be told
			seen.add("%v", s.Emit("x"))
		})
		b.OnDisconnect(func(_ context.Context, s *socketio.Socket, _ socketio.Reason) {
			seen.add("%d %v", len(s.Rooms()), s.Join("late"))
		})
		crowd.clients["b"].Close()
		settle()
		seen.want(t, "1 2", socketio.ErrDisconnected.Error(), "0 "+socketio.ErrDisconnected.Error())
		if got := crowd.reached(); got != "a" {
			t.Errorf("reached %q", got)
		}
		for _, err := range []error{b.Join("x"), b.Leave("1"), b.Emit("x"), b.Disconnect(true)} {
			if !errors.Is(err, socketio.ErrDisconnected) {
				t.Errorf("after the disconnect: %v", err)
			}
		}
		must(t, io.SocketsJoin("x"))
		must(t, io.DisconnectSockets(true))
		settle()
		if stats := io.Stats(); stats.Rooms != 0 || stats.Sockets != 0 {
			t.Errorf("left: %+v", stats)
		}
	})
}

func TestARoomsListShrinksAndGrowsUnderABroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := gather(t)
		rooms := []string{"a", "b", "c", "d", "e"}
		for i := range 200 { // every membership of five, in changing order
			for j, name := range rooms {
				if i>>j&1 == 1 {
					must(t, crowd.socket(name).Join("r"))
				} else {
					must(t, crowd.socket(name).Leave("r"))
				}
			}
			want := ""
			for j, name := range rooms {
				if i>>j&1 == 1 {
					want += name
				}
			}
			must(t, crowd.io.To("r").Emit(fmt.Sprint("event", i)))
			if got := crowd.reached(); got != want {
				t.Fatalf("round %d: reached %q, want %q", i, got, want)
			}
		}
	})
}

func TestVolatileEventsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowd := gather(t)
		a := crowd.clients["a"]
		a.Stall()
		must(t, crowd.socket("a").Emit("1"))
		settle()
		must(t, crowd.io.Volatile().Emit("2"))
		must(t, crowd.socket("a").Volatile().Emit("2"))
		must(t, crowd.socket("b").Volatile().To("1").Emit("2"))
		must(t, crowd.io.To("1").Emit("3"))
		settle()
		a.Resume()
		settle()
		wantEvents(t, "the stalled client", a, "1", "3")
		wantEvents(t, "another client", crowd.clients["e"], "2")
	})
}

func TestVolatileByPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		c := siotest.Dial(t, io, siotest.Options{Transport: "polling"})
		settle()
		must(t, io.Volatile().Emit("while a poll hangs"))
		settle()
		c.Stall()
		must(t, io.Emit("ends the poll"))
		settle()
		must(t, io.Volatile().Emit("between polls"))
		c.Resume()
		settle()
		wantEvents(t, "the client", c, "while a poll hangs", "ends the poll")
	})
}

// poller connects a client that polls, and takes what is compressed. It returns what
// polls once.
func poller(t *testing.T, io *server) (poll func() engine.Reply) {
	request := func(method, sid, body string) engine.Reply {
		return io.Engine().ServePoll(t.Context(), &engine.Request{
			Method: method, Path: "/socket.io/", RawQuery: "EIO=4&transport=polling" + sid,
			Header: engine.Header{"Accept-Encoding": {"gzip"}}, Body: strings.NewReader(body), ContentLength: int64(len(body)),
		})
	}
	_, rest, _ := strings.Cut(string(request("GET", "", "").Body), `"sid":"`)
	sid := "&sid=" + rest[:20]
	request("POST", sid, "40")
	request("GET", sid, "") // waits for the answer
	return func() engine.Reply { return request("GET", sid, "") }
}

func TestCompress(t *testing.T) {
	io := serve(t, socketio.Config{})
	poll := poller(t, io)
	s := io.Socket(must1(io.FetchSockets(t.Context()))[0].ID())
	long := strings.Repeat("long ", 1000)
	for name, row := range map[string]struct {
		to   socketio.Emitter
		want string
	}{
		"default":              {io, "gzip"},
		"Compress(true)":       {io.Compress(true), "gzip"},
		"Compress(false)":      {io.Compress(false), ""},
		"false, then true":     {io.Compress(false).Compress(true), "gzip"},
		"the socket's default": {s, "gzip"},
		"the socket's":         {s.Compress(false), ""},
	} {
		must(t, row.to.Emit("event", long))
		if got := poll().Header.Get("Content-Encoding"); got != row.want {
			t.Errorf("%s: encoded as %q, want %q", name, got, row.want)
		}
	}
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
