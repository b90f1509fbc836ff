package scenario

import (
	"context"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kawat-go/kawat/bench/internal/load"
	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/internal/process"
	"github.com/kawat-go/kawat/nethttp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// publish is the argument of the event of that name.
type publish struct {
	Room string `json:"room"`
	N    int    `json:"n"`
	Text string `json:"text"`
}

type object struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	On   bool   `json:"on"`
}

func same[T any](_ context.Context, _ *socketio.Socket, v T) (T, error) { return v, nil }

// contract registers the events of the servers under test.
func contract(io *socketio.Server) {
	publishing(func(p publish) []string { return slices.Repeat([]string{p.Text}, p.N) })(io)
}

// publishing is the contract of a server that sends the texts that messages makes of
// what is published.
func publishing(messages func(publish) []string) func(*socketio.Server) {
	return func(io *socketio.Server) { handle(io, messages) }
}

func handle(io *socketio.Server, messages func(publish) []string) {
	socketio.OnWithAck(io, "echo", same[string])
	socketio.OnWithAck(io, "object", same[object])
	socketio.OnWithAck(io, "binary", same[[]byte])
	socketio.OnWithAck(io, "join", func(_ context.Context, s *socketio.Socket, room string) (bool, error) {
		return true, s.Join(room)
	})
	socketio.OnWithAck(io, "leave", func(_ context.Context, s *socketio.Socket, room string) (bool, error) {
		return true, s.Leave(room)
	})
	socketio.OnWithAck(io, "publish", func(_ context.Context, _ *socketio.Socket, p publish) (bool, error) {
		for _, text := range messages(p) {
			if err := io.To(p.Room).Emit("message", text); err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

// start runs a server in this process, and returns a stage for it.
func start(t *testing.T, ping time.Duration, register func(*socketio.Server)) *stage {
	t.Helper()
	io, err := socketio.New(socketio.Config{PingInterval: ping})
	if err != nil {
		t.Fatal(err)
	}
	register(io)
	mux := http.NewServeMux()
	nethttp.Mount(mux, io)
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: mux}
	var wg sync.WaitGroup
	wg.Go(func() { _ = srv.Serve(ln) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := io.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		srv.Close()
		wg.Wait()
	})
	self, err := process.Attach(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	return &stage{
		Conditions: Conditions{
			Addr: ln.Addr().String(), Server: self,
			Warmup: 10 * time.Millisecond, Window: 500 * time.Millisecond, Nap: 100 * time.Microsecond,
			Connections: 20, Settle: 10 * time.Millisecond, SettleLater: 20 * time.Millisecond,
		},
		part: "test", patience: time.Minute,
	}
}

func TestScenariosMeasure(t *testing.T) {
	for name, run := range map[string]func(*stage) error{
		"echo":             exchanging(10, 3, load.WebSocket, echoCalls("echo")),
		"object":           exchanging(10, 3, load.WebSocket, objectCalls),
		"binary":           exchanging(10, 3, load.WebSocket, binaryCalls),
		"rooms of a churn": exchanging(10, 3, load.WebSocket, roomCalls),
		"polling":          exchanging(10, 1, load.Polling, echoCalls("echo")),
		"paced echo":       pacing(10, 1000, echoCalls("echo")),
		"broadcast":        broadcasting(20, 1, 4),
		"burst":            broadcasting(20, 10, 2),
		"paced broadcast":  broadcastPaced(20, 100),
		"churn":            churning(4, load.WebSocket),
		"upgrade":          churning(4, load.Upgrade),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, 0, contract)
			if name == "upgrade" { // a server lets a poll go when it looks, ten times a second
				s.Window = 2 * time.Second
			}
			figures, err := s.play(run)
			if err != nil || len(figures) != 1 {
				t.Fatalf("%+v, %v", figures, err)
			}
			f := figures[0]
			if f.Part != "test" || f.Ops <= 0 || f.Seconds <= 0 || f.OpsPerSec <= 0 || f.RSSBytes <= 0 {
				t.Errorf("%+v", f)
			}
			if f.P50Us <= 0 || f.P50Us > f.P99Us || f.P99Us > f.P999Us {
				t.Errorf("latencies: %+v", f)
			}
		})
	}
}

// A paced run does what the clock says, no more.
func TestPace(t *testing.T) {
	s := start(t, 0, contract)
	figures, err := s.play(pacing(10, 200, echoCalls("echo")))
	if err != nil {
		t.Fatal(err)
	}
	if due := int64(s.loop.Now().Seconds() * 200); figures[0].Ops > due {
		t.Errorf("%d calls, %d were due since the start", figures[0].Ops, due)
	}
}

func TestIdle(t *testing.T) {
	s := start(t, 0, contract)
	figures, err := s.play(runIdle)
	if err != nil || len(figures) != 2 {
		t.Fatalf("%+v, %v", figures, err)
	}
	if f := figures[0]; f.Part != "connect" || f.Ops != 16 || f.OpsPerSec <= 0 {
		t.Errorf("connect: %+v", f)
	}
	if f := figures[1]; f.Part != "idle" || f.Ops != 20 || f.CPUUs != 0 || f.RSSBytes <= 0 {
		t.Errorf("idle: %+v", f)
	}
}

func TestHeartbeat(t *testing.T) {
	const interval = time.Second
	figures, err := start(t, interval, contract).play(beating(interval))
	if err != nil || len(figures) != 1 {
		t.Fatalf("%+v, %v", figures, err)
	}
	if f := figures[0]; f.Ops < 20 || f.Ops > 60 {
		t.Errorf("%d heartbeats of 20 clients in two intervals", f.Ops)
	}
}

// A server that does something else than it should does not get figures.
func TestWrongAnswers(t *testing.T) {
	const missing = "answers are missing"
	echo := exchanging(10, 3, load.WebSocket, echoCalls("echo"))
	for name, c := range map[string]struct {
		register func(*socketio.Server)
		run      func(*stage) error
		want     string
	}{
		"another text": {func(io *socketio.Server) {
			socketio.OnWithAck(io, "echo", func(_ context.Context, _ *socketio.Socket, s string) (string, error) { return "x" + s[1:], nil })
		}, echo, "want the answer"},
		"somebody else's text": {func(io *socketio.Server) {
			socketio.OnWithAck(io, "echo", func(context.Context, *socketio.Socket, string) (string, error) { return text64(1), nil })
		}, echo, "want the answer"},
		"no answer": {func(io *socketio.Server) {
			io.OnEvent("echo", func(context.Context, *socketio.Event) error { return nil })
		}, echo, missing},
		"other bytes": {func(io *socketio.Server) {
			socketio.OnWithAck(io, "binary", func(_ context.Context, _ *socketio.Socket, b []byte) ([]byte, error) { return b[1:], nil })
		}, exchanging(10, 3, load.WebSocket, binaryCalls), "not the attachment"},
		"a message too many": {func(io *socketio.Server) {
			contract(io)
			io.OnConnection(func(_ context.Context, s *socketio.Socket) error { return s.Emit("hello") })
		}, runIdle, "nothing was due"},
		"an end": {func(io *socketio.Server) {
			socketio.On(io, "echo", func(_ context.Context, s *socketio.Socket, _ string) error { s.Disconnect(true); return nil })
		}, echo, "not the acknowledgement"},
		"a broadcast twice":     {publishing(func(p publish) []string { return []string{p.Text, p.Text} }), broadcasting(20, 1, 4), "came before"},
		"a broadcast to nobody": {publishing(func(publish) []string { return nil }), broadcasting(20, 1, 4), missing},
		"a burst too short":     {publishing(func(p publish) []string { return slices.Repeat([]string{p.Text}, p.N-1) }), broadcasting(20, 10, 2), "came before"},
		"another message":       {publishing(func(p publish) []string { return []string{p.Text[1:]} }), broadcasting(20, 1, 4), "neither a message"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, 0, c.register)
			if c.want == missing {
				s.patience = 3 * time.Second
			}
			s.Settle = time.Minute // which an error cuts short
			figures, err := s.play(c.run)
			if err == nil || !strings.Contains(err.Error(), c.want) || len(figures) != 0 {
				t.Errorf("%+v, %v; want an error with %q", figures, err, c.want)
			}
		})
	}
}

func TestRoomsHaveTenMembers(t *testing.T) {
	members := map[int]int{}
	for client := range roomClients {
		mine := map[int]bool{}
		for i := range roomsEach {
			room := roomOf(client, i)
			if room < 0 || room >= manyRooms || mine[room] || roomOf(client, room/roomsPerTurn) != room {
				t.Fatalf("client %d is in room %d as its %d-th", client, room, i)
			}
			mine[room] = true
			members[room]++
		}
	}
	if len(members) != manyRooms {
		t.Errorf("%d rooms", len(members))
	}
	for room, n := range members {
		if n != roomMembers {
			t.Errorf("room %d has %d members", room, n)
		}
	}
}

func TestPublications(t *testing.T) {
	p := newPublication(10)
	args := string(p.set(12, 3456*time.Nanosecond, 78))
	if !strings.HasPrefix(args, `["publish",{"room":"room 0078","n":10,"text":"0000000012.`) || roomName(78) != "room 0078" {
		t.Errorf("%s", args)
	}
	packet := messageHead + string(p.text) + messageTail
	number, at, room, ok := published([]byte(packet))
	if number != 12 || at != 3456 || room != 78 || !ok {
		t.Error(number, at, room, ok)
	}
	if _, _, _, ok := published([]byte(packet[:len(packet)-1])); ok {
		t.Error("a shorter message was taken")
	}
}

func TestFind(t *testing.T) {
	all, err := Find()
	if err != nil || len(all) != len(All()) {
		t.Errorf("%d of %d, %v", len(all), len(All()), err)
	}
	some, err := Find("echo-8", "connect")
	if err != nil || len(some) != 2 || some[0].Name != "idle" || some[1].Name != "echo-8" {
		t.Errorf("%+v, %v", some, err)
	}
	if _, err = Find("echo-8", "echo-9"); err == nil || !strings.Contains(err.Error(), "echo-9") || !strings.Contains(err.Error(), "churn-rooms") {
		t.Error(err)
	}
	parts := map[string]bool{}
	for _, s := range All() {
		for _, p := range s.Parts {
			if parts[p.Name] || p.Name == "" || p.Family == "" || p.Op == "" || p.Text == "" {
				t.Errorf("the part %+v of %s", p, s.Name)
			}
			parts[p.Name] = true
		}
	}
}
