package app

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

// A clock that moves when it is told to.
type clock struct{ t time.Time }

func (c *clock) now() time.Time       { return c.t }
func (c *clock) pass(d time.Duration) { c.t = c.t.Add(d) }
func testHall() (*hall, *clock)       { c := &clock{time.Unix(1e9, 0)}; return newHall(c.now, "lobby"), c }
func ask(client, name, room string) JoinRequest {
	return JoinRequest{Client: client, Name: name, Room: room}
}

func mustJoin(t *testing.T, h *hall, socket string, r JoinRequest) entry {
	t.Helper()
	e, err := h.join(socket, r)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustPost(t *testing.T, h *hall, socket string, r SendRequest) Post {
	t.Helper()
	p, _, err := h.post(socket, r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestNamesAreUniqueInARoom(t *testing.T) {
	h, _ := testHall()
	equal(t, "first", mustJoin(t, h, "s1", ask("c1", "Ani", "lobby")).reply.Name, "Ani")
	equal(t, "second", mustJoin(t, h, "s2", ask("c2", "Ani", "lobby")).reply.Name, "Ani (2)")
	equal(t, "third", mustJoin(t, h, "s3", ask("c3", "Ani", "lobby")).reply.Name, "Ani (3)")
	equal(t, "elsewhere", mustJoin(t, h, "s4", ask("c4", "Ani", "garden")).reply.Name, "Ani")
	h.leave("s2")
	equal(t, "after one left", mustJoin(t, h, "s5", ask("c5", "Ani", "lobby")).reply.Name, "Ani (2)")
	equal(t, "people", h.people("lobby"), []string{"Ani", "Ani (2)", "Ani (3)"})
}

func TestAClientThatComesBackTakesItsSeat(t *testing.T) {
	h, _ := testHall()
	mustJoin(t, h, "old", ask("c1", "Ani", "lobby"))
	e := mustJoin(t, h, "new", ask("c1", "Ani", "garden"))
	equal(t, "replaced", e.replaced, "old")
	equal(t, "left", e.left, []string{"lobby"})
	equal(t, "name", e.reply.Name, "Ani")
	if _, ok := h.leave("old"); ok {
		t.Error("the old socket still has a seat")
	}
	equal(t, "people", h.people("garden"), []string{"Ani"})
}

func TestJoiningAgainMovesTheSocket(t *testing.T) {
	h, _ := testHall()
	mustJoin(t, h, "s1", ask("c1", "Ani", "lobby"))
	e := mustJoin(t, h, "s1", ask("c1", "Ani", "garden"))
	equal(t, "left", e.left, []string{"lobby"})
	equal(t, "renamed in place", mustJoin(t, h, "s1", ask("c1", "Ayu", "garden")).left, []string(nil))
	equal(t, "rooms", h.listed(), []RoomInfo{{"lobby", 0}, {"garden", 1}})
}

func TestHistoryIsBoundedAndHasNoImageData(t *testing.T) {
	h, _ := testHall()
	mustJoin(t, h, "s1", ask("c1", "Ani", "lobby"))
	for i := range maxHistory + 5 {
		r := SendRequest{Key: fmt.Sprint("k", i), Room: "lobby", Image: &Image{Type: "image/png", Data: make([]byte, maxImage)}}
		mustPost(t, h, "s1", r)
	}
	history := mustJoin(t, h, "s2", ask("c2", "Budi", "lobby")).reply.History
	equal(t, "length", len(history), maxHistory)
	equal(t, "first", history[0].ID, int64(6))
	for _, p := range history {
		if p.Image == nil || p.Image.Data != nil {
			t.Fatalf("post %d has image %v", p.ID, p.Image)
		}
	}
	// Only as many images are kept as the room may remember; the newest are.
	kept := 0
	for _, p := range history {
		if _, err := h.picture("s2", p.Key); err == nil {
			kept++
		}
	}
	equal(t, "images kept", kept, maxPictures/maxImage)
	if _, err := h.picture("s2", history[maxHistory-1].Key); err != nil {
		t.Error("the newest image:", err)
	}
}

func TestAMessageSentTwiceIsPostedOnce(t *testing.T) {
	h, _ := testHall()
	mustJoin(t, h, "s1", ask("c1", "Ani", "lobby"))
	first := mustPost(t, h, "s1", SendRequest{Key: "k", Room: "lobby", Text: "halo"})
	again, fresh, err := h.post("s1", SendRequest{Key: "k", Room: "lobby", Text: "halo"})
	if err != nil || fresh {
		t.Errorf("fresh %v, error %v", fresh, err)
	}
	equal(t, "the same post", again, first)
}

func TestOnlyThoseInARoomPostThere(t *testing.T) {
	h, _ := testHall()
	mustJoin(t, h, "s1", ask("c1", "Ani", "lobby"))
	for _, socket := range []string{"s1", "stranger"} {
		_, _, err := h.post(socket, SendRequest{Key: "k", Room: "garden", Text: "halo"})
		var refused *socketio.Error
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", socket, err)
		}
	}
}

func TestTypingExpires(t *testing.T) {
	h, c := testHall()
	mustJoin(t, h, "s1", ask("c1", "Ani", "lobby"))
	mustJoin(t, h, "s2", ask("c2", "Budi", "lobby"))
	names, known := h.typing("s1", true)
	equal(t, "typing", names, TypingNames{"lobby", []string{"Ani"}})
	equal(t, "known", known, true)
	c.pass(typingFor / 2)
	h.typing("s2", true)
	equal(t, "nothing expired yet", h.expired(), []TypingNames(nil))
	c.pass(typingFor / 2)
	equal(t, "Ani's sign expired", h.expired(), []TypingNames{{"lobby", []string{"Budi"}}})
	equal(t, "told once", h.expired(), []TypingNames(nil))
	mustPost(t, h, "s2", SendRequest{Key: "k", Room: "lobby", Text: "halo"})
	c.pass(typingFor)
	equal(t, "a message ends it", h.expired(), []TypingNames(nil))
	if _, known := h.typing("stranger", true); known {
		t.Error("a stranger is typing")
	}
}

func TestRoomsAreBoundedAndEmptyOnesMakePlace(t *testing.T) {
	h, c := testHall()
	for i := range maxRooms - 1 {
		mustJoin(t, h, fmt.Sprint("s", i), ask(fmt.Sprint("c", i), "Ani", fmt.Sprint("room ", i)))
	}
	if _, err := h.join("late", ask("late", "Budi", "one more")); err == nil {
		t.Fatal("a room too many was made")
	}
	mustJoin(t, h, "late", ask("late", "Budi", "lobby")) // the permanent one is never given up
	h.leave("s3")
	c.pass(time.Minute)
	h.leave("s4")
	mustJoin(t, h, "late", ask("late", "Budi", "one more"))
	equal(t, "rooms", len(h.listed()), maxRooms)
	for _, r := range h.listed() {
		if r.Name == "room 3" {
			t.Error("the room that was empty for longer is still there")
		}
	}
}
