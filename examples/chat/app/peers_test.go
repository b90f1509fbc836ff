package app

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// startPeer starts one chat of a cluster.
func startPeer(t *testing.T, link backplane.Backplane) (*socketio.Server, *chat) {
	t.Helper()
	io, err := socketio.New(socketio.Config{MaxPayload: maxPayload, Backplane: link})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = io.Close() })
	c := newChat(io, time.Now)
	c.replicate("run")
	go c.expireTyping(t.Context())
	go c.keepUp(t.Context())
	return io, c
}

func people(c *chat) []string { return c.hall.people("lobby") }

func TestChatsShareTheirRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := backplane.NewMemory()
		one, first := startPeer(t, link)
		two, second := startPeer(t, link)
		time.Sleep(time.Second)
		ani, _ := enter(t, one, "Ani", engine.WebSocket)
		budi, reply := enter(t, two, "Budi", engine.Polling)
		equal(t, "run", reply.Run, "run")
		equal(t, "people", reply.People, []string{"Ani", "Budi"})
		siotest.Call[SendReply](ani, string(Send), SendRequest{Key: "k", Room: "lobby", Text: "halo"})
		equal(t, "post", siotest.Expect[Post](budi, string(Posted)).Text, "halo")
		synctest.Wait()
		budi.Emit(string(Typing), true)
		equal(t, "typing", siotest.Expect[TypingNames](ani, string(NowTyping)).Names, []string{"Budi"})
		equal(t, "number", siotest.Call[SendReply](budi, string(Send), SendRequest{Key: "l", Room: "lobby", Text: "hai"}).ID, int64(2))

		three, third := startPeer(t, link) // later, and learns what was
		time.Sleep(2 * time.Second)
		_, reply = enter(t, three, "Cici", engine.WebSocket)
		equal(t, "people", reply.People, []string{"Ani", "Budi", "Cici"})
		equal(t, "history", len(reply.History), 2)
		ani.Close()
		time.Sleep(time.Second)
		for _, c := range []*chat{first, second, third} {
			equal(t, "people", people(c), []string{"Budi", "Cici"})
		}
	})
}

// A chat that is killed cannot say who has left with it.
func TestSeatsOfAChatThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := backplane.NewMemory()
		one, _ := startPeer(t, link)
		two, second := startPeer(t, link)
		budi, _ := enter(t, two, "Budi", engine.WebSocket)
		time.Sleep(time.Second)
		second.hall.seat(sitting{Socket: "of the dead", Client: "x", Name: "Doni", Room: "lobby"})
		enter(t, one, "Ani", engine.WebSocket)
		time.Sleep(3 * review)
		equal(t, "people", people(second), []string{"Ani", "Budi"})
		if !slices.ContainsFunc(budi.Events(), func(e siotest.Event) bool { return e.Name == string(NowPresent) }) {
			t.Error("Budi was not told")
		}
	})
}
