package app

import (
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// startChat starts a chat that nothing but the test's clients can reach.
func startChat(t *testing.T) *socketio.Server {
	t.Helper()
	io, err := socketio.New(socketio.Config{MaxPayload: maxPayload})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = io.Close() })
	c := newChat(io, time.Now)
	go c.expireTyping(t.Context())
	return io
}

func enter(t *testing.T, io *socketio.Server, name, transport string) (*siotest.Client, JoinReply) {
	t.Helper()
	c := siotest.Dial(t, io, siotest.Options{Transport: transport})
	return c, siotest.Call[JoinReply](c, string(Join), ask("secret of "+name, name, "lobby"))
}

func TestImagesTravelAsAttachments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := startChat(t)
		ani, _ := enter(t, io, "Ani", engine.WebSocket)
		budi, _ := enter(t, io, "Budi", engine.Polling)
		png := "\x89PNG\r\n\x1a\n and so on"
		siotest.Call[SendReply](ani, string(Send), SendRequest{
			Key: "k", Room: "lobby", Image: &Image{Name: "a.png", Type: "image/png", Data: []byte(png)},
		})
		if post := siotest.Expect[Post](budi, string(Posted)); post.From != "Ani" || post.Image == nil || string(post.Image.Data) != png {
			t.Errorf("Budi got %+v", post)
		}
		if image := siotest.Call[Image](budi, string(Picture), PictureRequest{Key: "k"}); string(image.Data) != png {
			t.Errorf("fetched %q", image.Data)
		}
	})
}

func TestATypingSignEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := startChat(t)
		ani, _ := enter(t, io, "Ani", engine.WebSocket)
		budi, _ := enter(t, io, "Budi", engine.WebSocket)
		budi.Emit(string(Typing), true)
		equal(t, "typing", siotest.Expect[TypingNames](ani, string(NowTyping)), TypingNames{"lobby", []string{"Budi"}})
		time.Sleep(typingFor + 2*time.Second)
		equal(t, "no more", len(siotest.Expect[TypingNames](ani, string(NowTyping)).Names), 0)
	})
}

func TestATabThatLostItsConnectionKeepsItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		io := startChat(t)
		ani, _ := enter(t, io, "Ani", engine.Polling)
		ani.Upgrade()
		budi, _ := enter(t, io, "Budi", engine.WebSocket)
		message := SendRequest{Key: "k", Room: "lobby", Text: "halo"}
		first := siotest.Call[SendReply](ani, string(Send), message)
		if err := ani.Reconnect(); err != nil {
			t.Fatal(err)
		}
		reply := siotest.Call[JoinReply](ani, string(Join), ask("secret of Ani", "Ani", "lobby"))
		equal(t, "name", reply.Name, "Ani")
		equal(t, "people", len(reply.People), 2)
		equal(t, "the same post", siotest.Call[SendReply](ani, string(Send), message), first)
		siotest.Expect[Post](budi, string(Posted))
		synctest.Wait()
		for _, e := range budi.Events() {
			if e.Name == string(Posted) {
				t.Error("the message was posted twice")
			}
		}
	})
}

func TestWhoHasNoNameIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := enter(t, startChat(t), " ", engine.WebSocket)
		answer := siotest.Call[struct {
			Error struct{ Message string } `json:"error"`
		}](c, string(Join), ask("c", " ", "lobby"))
		equal(t, "answer", answer.Error.Message, "Please choose a name.")
	})
}
