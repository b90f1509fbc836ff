package socketio_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/siotest"
	"github.com/kawat-go/kawat/internal/hooktest"
)

// watch lists what happens to rooms; ids are replaced by the names given for them.
type watch struct {
	list
	mu    sync.Mutex
	known map[string]string
}

func (w *watch) name(text string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if name, ok := w.known[text]; ok {
		return name
	}
	if len(text) == 20 {
		w.known[text] = fmt.Sprintf("socket%d", len(w.known)+1)
		return w.known[text]
	}
	return text
}

func watchRooms(n *socketio.Namespace) (w *watch, stop func()) {
	w = &watch{known: map[string]string{}}
	stops := []func(){
		n.OnCreateRoom(func(room string) { w.add("create %s", w.name(room)) }),
		n.OnJoinRoom(func(room, id string) { w.add("%s joins %s", w.name(id), w.name(room)) }),
		n.OnLeaveRoom(func(room, id string) { w.add("%s leaves %s", w.name(id), w.name(room)) }),
		n.OnDeleteRoom(func(room string) { w.add("delete %s", w.name(room)) }),
	}
	return w, func() {
		for _, stop := range stops {
			stop()
		}
	}
}

func TestRoomEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		w, stop := watchRooms(io.Namespace)
		a := dial(t, io)
		settle()
		s := socketOf(t, io.Namespace, a)
		must(t, s.Join("x", "~", "x", s.ID())) // rooms are left in their names' order, and ~ comes after any id
		must(t, s.Join("x"))
		b := dial(t, io)
		settle()
		must(t, socketOf(t, io.Namespace, b).Join("x", s.ID())) // also the room of another's id
		must(t, s.Leave("x", "z", s.ID()))
		must(t, io.SocketsLeave("x"))
		must(t, io.In(b.ID()).SocketsJoin("~"))
		a.Leave()
		settle()
		b.Close()
		settle()
		w.want(t, "create socket1", "socket1 joins socket1",
			"create x", "socket1 joins x", "create ~", "socket1 joins ~",
			"create socket2", "socket2 joins socket2",
			"socket2 joins x", "socket2 joins socket1",
			"socket1 leaves x",
			"socket2 leaves x", "delete x",
			"socket2 joins ~",
			"socket1 leaves socket1", "socket1 leaves ~",
			"socket2 leaves socket2", "delete socket2", "socket2 leaves socket1", "delete socket1", "socket2 leaves ~", "delete ~")
		stop()
		dial(t, io)
		settle()
		if n := len(w.got()); n != 22 {
			t.Errorf("%d events: called after it was taken away", n)
		}
	})
}

// A listener may leave the room once more, of which nobody hears.
func TestALeaveRoomListenerMayLeaveAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		var left list
		c := dial(t, io)
		settle()
		s := socketOf(t, io.Namespace, c)
		io.OnLeaveRoom(func(room, _ string) {
			left.add("%s", room)
			if len(left.got()) < 10 {
				_ = s.Leave(room) // which fails at the end
			}
		})
		must(t, s.Join("room"))
		must(t, s.Leave("room"))
		settle()
		left.want(t, "room")
		must(t, s.Join("room", "other"))
		must(t, s.Leave("room", "other"))
		settle()
		left.want(t, "room", "room", "other")
	})
}

// Rooms that middleware has chosen are entered at the admission, and not by who is
// refused.
func TestRoomEventsOfMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		w, _ := watchRooms(io.Namespace)
		io.Use(func(_ context.Context, s *socketio.Socket) (context.Context, error) {
			must(t, s.Join("b", "c", "a"))
			must(t, s.Leave("b"))
			settle()
			w.want(t)
			var refuse bool
			_ = s.Handshake().BindAuth(&struct{ Refuse *bool }{&refuse})
			if refuse {
				return nil, &socketio.Error{Message: "no"}
			}
			return nil, nil
		})
		_ = siotest.Open(t, io, siotest.Options{Auth: map[string]bool{"refuse": true}}).Connect()
		dial(t, io)
		settle()
		w.want(t, "create socket1", "socket1 joins socket1", "create a", "socket1 joins a", "create c", "socket1 joins c")
	})
}

// A listener that was added later does not hear of what happened before.
func TestRoomEventsGoToWhoListenedThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		c := dial(t, io)
		var early, late list
		go func() {
			time.Sleep(time.Second)
			io.OnJoinRoom(func(room, _ string) { late.add("%s", room) })
			must(t, socketOf(t, io.Namespace, c).Join("c"))
		}()
		remove := io.OnJoinRoom(func(room, _ string) { early.add("%s", room); time.Sleep(time.Hour) })
		removed := io.OnJoinRoom(func(room, _ string) { early.add("not wanted: %s", room) })
		go func() { must(t, socketOf(t, io.Namespace, c).Join("a", "b")) }()
		settle()
		removed()
		time.Sleep(time.Minute)
		early.want(t, "a")
		time.Sleep(4 * time.Hour)
		early.want(t, "a", "b", "c")
		late.want(t, "c")
		remove()
		remove()
		must(t, socketOf(t, io.Namespace, c).Join("d"))
		late.want(t, "c", "d")
	})
}

func TestRoomListenersMayDoEverything(t *testing.T) {
	for name, do := range reentrant {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				st := &hooktest.Stage{Server: io.Server, Parent: io.OfRegexp(hooktest.Pattern())}
				calls := 0
				io.OnJoinRoom(func(_, id string) {
					if calls++; calls > 10 {
						return
					}
					if s := io.Socket(id); s != nil {
						do(st, s)
					}
				})
				io.OnLeaveRoom(func(string, string) { _ = io.Stats() })
				c := open(t, io)
				c.SendRaw("40")
				settle()
				time.Sleep(2 * time.Minute)
				synctest.Wait()
			})
		})
	}
}

// Listeners that join and leave do not use up the stack, and keep the order.
func TestRoomListenersThatJoinWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{})
		c := dial(t, io)
		s := socketOf(t, io.Namespace, c)
		var rooms []string
		depth, deepest := 0, 0
		io.OnJoinRoom(func(room, _ string) {
			rooms = append(rooms, room)
			depth++
			deepest = max(deepest, depth)
			if len(rooms) < 100_000 {
				must(t, s.Join(fmt.Sprint(len(rooms))))
			}
			depth--
		})
		must(t, s.Join("0"))
		settle()
		if len(rooms) != 100_000 || deepest != 1 {
			t.Fatalf("%d rooms, %d deep", len(rooms), deepest)
		}
		for i, room := range rooms {
			if room != fmt.Sprint(i) {
				t.Fatalf("room %d is %s", i, room)
			}
		}
	})
}

func TestMishapsInRoomListeners(t *testing.T) {
	for name, mishap := range mishaps {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				io := serve(t, socketio.Config{})
				var joined list
				io.OnJoinRoom(func(room, _ string) {
					if room != "c" {
						mishap()
					}
				})
				io.OnJoinRoom(func(room, _ string) {
					if len(room) == 1 {
						joined.add("%s", room)
					}
				})
				c := dial(t, io)
				settle()
				s := socketOf(t, io.Namespace, c)
				go func() { _ = s.Join("a", "b", "c") }() // in its own, since it may end
				settle()
				joined.want(t, "a", "b", "c")
				if n := io.Stats().Panics; n != 3 {
					t.Errorf("%d panics", n)
				}
				must(t, s.Join("c"))
				c.Close()
				settle()
			})
		})
	}
}

// Nobody but the one who is at it waits for a slow listener: not the reader of a
// connection, nor who is admitted, nor who broadcasts.
func TestASlowRoomListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{MaxQueuedRoomEvents: 10, PingInterval: 24 * time.Hour})
		var created list
		io.OnCreateRoom(func(room string) {
			created.add("%s", room)
			time.Sleep(time.Hour)
		})
		ends := reasons(io)
		a, b := dial(t, io), dial(t, io)
		settle()
		b.Close()
		must(t, io.Emit("event"))
		settle()
		wantEvents(t, "a", a, "event")
		ends.want(t, "transport close")
		s := socketOf(t, io.Namespace, a)
		start := time.Now()
		for i := range 20 {
			must(t, s.Join(fmt.Sprint(i)))
		}
		if time.Since(start) != 0 {
			t.Error("Join has waited for another's listener")
		}
		// a's room and its joining take two places, b's coming and going four, and
		// each of two rooms two.
		if dropped := io.Stats().DroppedRoomEvents; dropped != 36 {
			t.Errorf("%d dropped", dropped)
		}
		time.Sleep(24 * time.Hour)
		created.want(t, a.ID(), b.ID(), "0", "1")
		if n := strings.Count(io.logs.String(), "events of rooms are dropped"); n != 1 {
			t.Errorf("logged %d times", n)
		}
		must(t, s.Join("again"))
		if n := len(created.got()); n != 5 {
			t.Errorf("%d rooms", n)
		}
	})
}

// The reader of a connection goes on while a listener hears of a socket's end.
func TestARoomListenerDoesNotHoldUpTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := serve(t, socketio.Config{PingInterval: 24 * time.Hour})
		remove := io.OnLeaveRoom(func(string, string) { time.Sleep(time.Hour) })
		c := dial(t, io)
		settle()
		c.Leave()
		start := time.Now()
		if err := c.Connect(); err != nil || time.Since(start) > time.Second {
			t.Error(err, time.Since(start))
		}
		remove()
		time.Sleep(3 * time.Hour)
	})
}

// What listeners have heard is how things are, whatever happens at the same time.
func TestRoomEventsTellTheTruth(t *testing.T) {
	io := serve(t, socketio.Config{})
	var mu sync.Mutex
	rooms := map[string]map[string]bool{}
	complain := func(ok bool, format string, args ...any) {
		if !ok {
			t.Errorf(format, args...)
		}
	}
	io.OnCreateRoom(func(room string) {
		mu.Lock()
		defer mu.Unlock()
		complain(rooms[room] == nil, "%s is there already", room)
		rooms[room] = map[string]bool{}
	})
	io.OnJoinRoom(func(room, id string) {
		mu.Lock()
		defer mu.Unlock()
		complain(rooms[room] != nil && !rooms[room][id], "%s cannot join %s", id, room)
		rooms[room][id] = true
	})
	io.OnLeaveRoom(func(room, id string) {
		mu.Lock()
		defer mu.Unlock()
		complain(rooms[room][id], "%s is not in %s", id, room)
		delete(rooms[room], id)
	})
	io.OnDeleteRoom(func(room string) {
		mu.Lock()
		defer mu.Unlock()
		complain(rooms[room] != nil && len(rooms[room]) == 0, "%s is not empty", room)
		delete(rooms, room)
	})
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for j := range 50 {
				c := siotest.Dial(nil, io, siotest.Options{})
				s := io.Socket(c.ID())
				for k := range 10 {
					_ = s.Join(fmt.Sprint("room", (i+j+k)%3))
					_ = io.In(fmt.Sprint("room", k%3)).SocketsLeave(fmt.Sprint("room", (i*k)%3))
				}
				c.Close()
				<-c.Done()
			}
		})
	}
	clients.Wait()
	must(t, io.Shutdown(t.Context())) // waits for listeners, too
	mu.Lock()
	defer mu.Unlock()
	if len(rooms) != 0 {
		t.Errorf("left: %v", rooms)
	}
}
