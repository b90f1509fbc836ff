package nats_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/core/backplane"
)

// A nodeServer is a server of Node's in a process of its own: see node/test/server.mjs.
type nodeServer struct {
	t  *testing.T
	in io.WriteCloser

	mu     sync.Mutex
	next   int
	lines  []string                  // what it says of its own accord
	answer map[int]map[string]string // JSON by member
}

// installed makes sure that the packages of the adapter are there.
var installed = sync.OnceValue(func() error {
	if _, err := os.Stat("node/node_modules/.package-lock.json"); err == nil {
		return nil
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
	cmd.Dir = "node"
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci in backplanes/nats/node: %w\n%s", err, out)
	}
	return nil
})

func startNode(t *testing.T, url, options string) *nodeServer {
	t.Helper()
	if err := installed(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", filepath.Join("node", "test", "server.mjs"), url, options)
	in, out := spawn(t, cmd)
	n := &nodeServer{t: t, in: in, answer: make(map[int]map[string]string)}
	read := make(chan struct{})
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		<-read
		_ = cmd.Wait()
	})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			n.line(lines.Text())
		}
	}()
	n.says(`{"ready":true}`)
	return n
}

func (n *nodeServer) line(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &members); err != nil || members["n"] == nil {
		n.lines = append(n.lines, text)
		return
	}
	var id int
	_ = json.Unmarshal(members["n"], &id)
	n.answer[id] = map[string]string{"result": string(members["result"]), "failed": string(members["failed"])}
}

func (n *nodeServer) said(text string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Contains(n.lines, text)
}

// says waits until the server has said something.
func (n *nodeServer) says(text string) {
	n.t.Helper()
	eventually(n.t, "the server says "+text, func() bool { return n.said(text) })
}

// do tells the server to do something, and returns what it makes of that.
func (n *nodeServer) do(verb, format string, args ...any) string {
	n.t.Helper()
	return n.wait(n.ask(verb, format, args...))
}

func (n *nodeServer) ask(verb, format string, args ...any) int {
	n.t.Helper()
	n.mu.Lock()
	n.next++
	id := n.next
	n.mu.Unlock()
	rest := strings.TrimSuffix("{"+strings.TrimPrefix(fmt.Sprintf(format, args...), "{"), "}")
	comma := ","
	if rest == "{" {
		comma = ""
	}
	if _, err := fmt.Fprintf(n.in, "%s%s\"n\":%d,\"verb\":%q}\n", rest, comma, id, verb); err != nil {
		n.t.Fatal(err)
	}
	return id
}

func (n *nodeServer) wait(id int) string {
	n.t.Helper()
	var answer map[string]string
	eventually(n.t, "an answer of the server", func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		answer = n.answer[id]
		return answer != nil
	})
	if answer["failed"] != "" {
		n.t.Errorf("the server failed: %s", answer["failed"])
	}
	return answer["result"]
}

// counts waits until the server counts so many in a namespace, itself included.
func (n *nodeServer) counts(namespace string, want int) {
	n.t.Helper()
	eventually(n.t, fmt.Sprintf("the server counts %d in %q", want, namespace), func() bool {
		return n.do("count", `{"nsp":%q}`, namespace) == fmt.Sprint(want)
	})
}

func data(text string, attachments ...[]byte) backplane.Data {
	return backplane.Data{JSON: []byte(text), Attachments: attachments}
}

const placeholder = `{"_placeholder":true,"num":0}`

// Servers of Node's and nodes of Kawat's are one cluster.
func TestNode(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]string{"open": "", "secret": "ours"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, embedded.Config{Listen: "127.0.0.1:0"})
			c := server.Config()
			c.Secret = secret
			kawat := &host{answer: answerNode}
			kawat.join(t, nats.New(c), "/", "/a.b")
			options := fmt.Sprintf(`{"secret":%q}`, secret)
			one, two := startNode(t, server.URL(), options), startNode(t, server.URL(), options)
			for _, n := range []*nodeServer{one, two} {
				n.do("open", `{"nsp":"/a.b"}`)
			}
			for _, n := range []*nodeServer{one, two} {
				n.counts("/", 3)
				n.counts("/a.b", 3)
			}
			eventually(t, "both are known", func() bool { return len(kawat.peers(t, "/")) == 2 && len(kawat.peers(t, "/a.b")) == 2 })
			id := one.do("client", `{"name":"c","nsp":"/a.b","rooms":["room"],"blob":true}`)
			fromKawat(t, kawat, one, id)
			fromNode(t, kawat, one, two)

			// A server that ends says so; one that is killed is missed.
			one.do("close", `{}`)
			eventually(t, "it has left", func() bool { return len(kawat.peers(t, "/a.b")) == 1 })
			if n := len(slices.DeleteFunc(kawat.messages(), func(m backplane.Message) bool { return m.Kind != backplane.NodeLeft })); n == 0 {
				t.Error("nobody was told")
			}
			_ = kawat.Close()
			two.counts("/", 1)
		})
	}
}

// answerNode is what a server of Kawat's would answer.
func answerNode(h *host, m backplane.Message) {
	if m.Request == "" {
		return
	}
	switch m.Kind {
	case backplane.ServerSideEmit:
		_ = h.Reply(m, backplane.Message{Kind: backplane.ServerSideEmitResponse, Data: m.Data})
	case backplane.FetchSockets:
		_ = h.Reply(m, backplane.Message{Kind: backplane.FetchSocketsResponse, Sockets: []backplane.Socket{{
			ID: "kawat's", Rooms: []string{"kawat's"}, Data: data(`{"b":`+placeholder+`}`, []byte{7}),
			Handshake: backplane.Handshake{Auth: data(`{}`)},
		}}})
	case backplane.Broadcast:
		_ = h.Reply(m, backplane.Message{Kind: backplane.ClientCount, Count: 1})
		_ = h.Reply(m, backplane.Message{Kind: backplane.Ack, Data: data(placeholder, []byte{8})})
	}
}

func aim(kind backplane.Kind, request string, rooms ...string) backplane.Message {
	return backplane.Message{Kind: kind, Namespace: "/a.b", Request: request, Options: backplane.Options{Rooms: rooms}}
}

func (h *host) answers(t *testing.T, request string, kind backplane.Kind, n int) (all []backplane.Message) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d answers to %s", n, request), func() bool {
		all = nil
		for _, m := range h.messages() {
			if m.Request == request && m.Kind == kind {
				all = append(all, m)
			}
		}
		return len(all) == n
	})
	return all
}

func fromKawat(t *testing.T, kawat *host, one *nodeServer, id string) {
	m := aim(backplane.Broadcast, "", "room", "nowhere")
	m.Options.Except = []string{"*"}
	m.Data = data(`["hello",`+placeholder+`,"é"]`, []byte{0, 255})
	publish(t, kawat, m)
	one.says(`{"client":"c","event":["hello",{"hex":"00ff"},"é"]}`)

	m = aim(backplane.Broadcast, "acks", "room")
	m.Options.Flags.Timeout = 5 * time.Second
	m.Data = data(`["hi",`+placeholder+`]`, []byte{9})
	publish(t, kawat, m)
	if counts := kawat.answers(t, "acks", backplane.ClientCount, 2); counts[0].Count+counts[1].Count != 1 {
		t.Errorf("counts %v", counts)
	}
	if ack := kawat.answers(t, "acks", backplane.Ack, 1)[0]; string(ack.Data.JSON) != placeholder || ack.Data.Attachments[0][0] != 9 {
		t.Errorf("ack %v", ack)
	}

	publish(t, kawat, aim(backplane.FetchSockets, "fetch", "room"))
	var sockets []backplane.Socket
	for _, m := range kawat.answers(t, "fetch", backplane.FetchSocketsResponse, 2) {
		sockets = append(sockets, m.Sockets...)
	}
	if len(sockets) != 1 || `"`+sockets[0].ID+`"` != id || string(sockets[0].Data.JSON) != `{"name":"c","blob":`+placeholder+`}` {
		t.Errorf("sockets %+v", sockets)
	}

	m = aim(backplane.SocketsJoin, "", "room")
	m.Rooms = []string{"a>", "b *"}
	publish(t, kawat, m)
	rooms := func(want string) {
		t.Helper()
		eventually(t, "the rooms are "+want, func() bool { return one.do("rooms", `{"nsp":"/a.b","id":%s}`, id) == want })
	}
	list := []string{"a>", "b *", "room", strings.Trim(id, `"`)}
	slices.Sort(list)
	joined, _ := json.Marshal(list)
	rooms(strings.ReplaceAll(string(joined), `\u003e`, ">"))
	m = aim(backplane.SocketsLeave, "", "a>")
	m.Rooms = []string{"a>", "b *"}
	publish(t, kawat, m)
	list = []string{"room", strings.Trim(id, `"`)}
	slices.Sort(list)
	joined, _ = json.Marshal(list)
	rooms(string(joined))

	m = aim(backplane.ServerSideEmit, "")
	m.Data = data(`["heard",1,`+placeholder+`]`, []byte{3})
	publish(t, kawat, m)
	one.says(`{"heard":[1,{"hex":"03"}]}`)
	m = aim(backplane.ServerSideEmit, "asked")
	m.Data = data(`["question",`+placeholder+`]`, []byte{4})
	publish(t, kawat, m)
	for _, answer := range kawat.answers(t, "asked", backplane.ServerSideEmitResponse, 2) {
		if string(answer.Data.JSON) != placeholder || answer.Data.Attachments[0][0] != 4 {
			t.Errorf("answer %v", answer)
		}
	}
	m = aim(backplane.DisconnectSockets, "", "room")
	m.Close = true
	publish(t, kawat, m)
	one.says(`{"client":"c","disconnected":true}`)
}

func fromNode(t *testing.T, kawat *host, one, two *nodeServer) {
	heard := func(kind backplane.Kind, holds func(m backplane.Message) bool) {
		t.Helper()
		eventually(t, fmt.Sprintf("a message of kind %d", kind), func() bool {
			return slices.ContainsFunc(kawat.messages(), func(m backplane.Message) bool {
				return m.Kind == kind && m.Namespace == "/a.b" && holds(m)
			})
		})
	}
	one.do("emit", `{"nsp":"/a.b","to":["r"],"except":["x"],"args":["e",{"hex":"0102"}]}`)
	heard(backplane.Broadcast, func(m backplane.Message) bool {
		return string(m.Data.JSON) == `["e",`+placeholder+`]` && string(m.Data.Attachments[0]) == "\x01\x02" && m.Request == "" &&
			slices.Equal(m.Options.Rooms, []string{"r"}) && slices.Equal(m.Options.Except, []string{"x"})
	})
	if got := one.do("ask", `{"nsp":"/a.b","timeout":5000,"args":["e"]}`); got != `[{"hex":"08"}]` {
		t.Errorf("acks %s", got)
	}
	two.do("client", `{"name":"d","nsp":"/a.b"}`)
	if got := one.do("fetch", `{"nsp":"/a.b"}`); strings.Count(got, `"rooms"`) != 2 || !strings.Contains(got, `{"id":"kawat's","rooms":["kawat's"],"data":{"b":{"hex":"07"}}}`) {
		t.Errorf("sockets %s", got)
	}
	one.do("join", `{"nsp":"/a.b","to":["r"],"rooms":["j"]}`)
	heard(backplane.SocketsJoin, func(m backplane.Message) bool { return slices.Equal(m.Rooms, []string{"j"}) })
	one.do("leave", `{"nsp":"/a.b","to":["r"],"rooms":["l"]}`)
	heard(backplane.SocketsLeave, func(m backplane.Message) bool { return slices.Equal(m.Rooms, []string{"l"}) })
	one.do("disconnect", `{"nsp":"/a.b","to":["r"],"close":true}`)
	heard(backplane.DisconnectSockets, func(m backplane.Message) bool { return m.Close })
	one.do("tell", `{"nsp":"/a.b","args":["heard",5]}`)
	heard(backplane.ServerSideEmit, func(m backplane.Message) bool { return string(m.Data.JSON) == `["heard",5]` && m.Request == "" })
	two.says(`{"heard":[5]}`)
	if got := one.do("question", `{"nsp":"/a.b","args":["question",{"hex":"06"}]}`); got != `[["question",{"hex":"06"}],{"hex":"06"}]` && got != `[{"hex":"06"},["question",{"hex":"06"}]]` {
		t.Errorf("answers %s", got)
	}
}
