package nats_test

import (
	"fmt"
	"strings"
	"testing"

	natsgo "github.com/nats-io/nats.go"

	"github.com/kawat-go/kawat/backplanes/nats"
	"github.com/kawat-go/kawat/backplanes/nats/embedded"
	"github.com/kawat-go/kawat/core/backplane"
)

// hostile are names that mean something in a subject, or would be cut or refused.
var hostile = []string{
	"", " ", "/", "*", ">", "/*", "/>", "a.b", "/a.b", "a.>", "/a.*", "foo bar", "\t", "\r\nPUB x 0\r\n", "\x00", "/\x00", "#", "?[]", "'; NOTIFY x", `"`,
	"$SYS.>", "$JS.API.>", "_INBOX.>", "kawat", "kawat.m", ".d", ".n.", "=", "-", "_", "Lw", "/é", strings.Repeat("x", 70), "/" + strings.Repeat("y", 70),
	strings.Repeat("z", 200), strings.Repeat("z", 201), strings.Repeat("z", 202), strings.Repeat("n", 5000), strings.Repeat(".", 300),
}

// What is said in a namespace is heard in that one alone, whatever their names.
func TestHostileNamespaces(t *testing.T) {
	t.Parallel()
	server := start(t, embedded.Config{Dir: t.TempDir()})
	for name, plane := range map[string]backplane.Backplane{
		"core":      nats.New(server.Config()),
		"jetstream": nats.JetStream(small(server.Config())),
	} {
		t.Run(name, func(t *testing.T) {
			a := join(t, plane, hostile...)
			var alone []*host // each in one namespace
			for _, namespace := range hostile {
				h := join(t, plane, namespace)
				alone = append(alone, h)
				meet(t, namespace, a, h)
			}
			for i, namespace := range hostile {
				m := emit(namespace, "q"+fmt.Sprint(i))
				m.Options.Rooms = []string{"*"}
				publish(t, a, m)
				publish(t, a, backplane.Message{Kind: backplane.SocketsJoin, Namespace: namespace, Rooms: hostile,
					Options: backplane.Options{Rooms: hostile, Except: []string{">"}}})
				publish(t, a, emit(namespace, "end"))
			}
			for i, h := range alone {
				eventually(t, fmt.Sprintf("all came in %.20q", hostile[i]), func() bool { return len(h.messages()) >= 3 })
				for _, m := range h.messages() {
					if m.Namespace != hostile[i] || m.Request != "end" && m.Request != "" && m.Request != "q"+fmt.Sprint(i) {
						t.Errorf("in %.20q came %+v", hostile[i], m)
					}
					if m.Kind == backplane.SocketsJoin && (fmt.Sprint(m.Rooms) != fmt.Sprint(hostile) ||
						fmt.Sprint(m.Options.Rooms) != fmt.Sprint(hostile)) {
						t.Errorf("the rooms became %q", m.Rooms)
					}
				}
				if n := len(h.messages()); n != 3 {
					t.Errorf("%d messages in %.20q", n, hostile[i])
				}
			}
		})
	}
}

// Ids that others make up lead to nobody else.
func TestHostileIDs(t *testing.T) {
	t.Parallel()
	plane := nats.New(start(t, embedded.Config{}).Config())
	a, b := join(t, plane, "/"), join(t, plane, "/")
	meet(t, "/", a, b)
	for _, id := range append(hostile, "*."+b.ID(), b.ID()+" ", b.ID()+".x") {
		if err := a.Reply(backplane.Message{From: id, Namespace: "/", Request: "stray"}, emit("/", "")); err != nil {
			t.Errorf("to %q: %v", id, err)
		}
		if err := a.Relay(id, []byte("stray")); err != nil {
			t.Errorf("to %q: %v", id, err)
		}
	}
	if err := a.Reply(backplane.Message{From: b.ID(), Namespace: "/", Request: "right"}, emit("/", "")); err != nil {
		t.Error(err)
	}
	eventually(t, "the right one came", func() bool { return b.has("right") })
	if b.has("stray") {
		t.Error("an answer came that was for another")
	}
	for _, mail := range b.mail {
		if mail != a.ID()+":stray" { // Relay to "" is to all
			t.Errorf("mail %q", mail)
		}
	}
}

func TestBadPrefix(t *testing.T) {
	t.Parallel()
	server := start(t, embedded.Config{})
	for _, prefix := range []string{".", "a.", ".a", "a..b", "*", "a.>", "a b", "$SYS", "é", "a\n", strings.Repeat("a", 101)} {
		c := server.Config()
		c.Prefix = prefix
		if _, err := nats.New(c).Join(t.Context(), new(host).host()); err == nil || !strings.Contains(err.Error(), "prefix") {
			t.Errorf("%q: %v", prefix, err)
		}
		if _, err := nats.NewEmitter(c); err == nil {
			t.Errorf("an emitter with %q", prefix)
		}
	}
}

// What is not a message, is of another namespace than its subject says, or of an
// unknown version or kind is passed over and counted.
func TestNonsense(t *testing.T) {
	t.Parallel()
	server := start(t, embedded.Config{Listen: "127.0.0.1:0"})
	h := join(t, nats.New(server.Config()), "/")
	other := join(t, nats.New(server.Config()), "/")
	meet(t, "/", h, other)
	nc, err := natsgo.Connect(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	bad := 0
	for _, tt := range []struct {
		subject, data string
		ignored       bool // it is counted
	}{
		{"Lw", "", true},
		{"Lw", "{", true},
		{"Lw", "\x84", true},
		{"Lw", `{"type":99,"uid":"aaaaaaaaaaaaaaaa","nsp":"/"}`, true},
		{"Lw", `{"type":9,"data":{"packet":["x"]},"uid":"aaaaaaaaaaaaaaaa","nsp":"/"}trailing`, true},
		{"Lw", `{"type":9,"data":{"requestId":"elsewhere","packet":["x"]},"uid":"aaaaaaaaaaaaaaaa","nsp":"/chat"}`, true},
		{"Lw", `{"type":9,"data":{"requestId":"own","packet":["x"]},"uid":"` + h.ID() + `","nsp":"/"}`, false},
		{"Lw.n." + h.ID(), `{"type":9,"data":{"requestId":"nobody","packet":["x"]},"nsp":"/"}`, true},
		{"kawat.m", "\x02", true},
		{"kawat.m", "", true},
		{"kawat.s", "", true},
		{"kawat.s", `{"v":2,"uid":"aaaaaaaaaaaaaaaa"}`, true},
		{"kawat.s", `{"v":1,"uid":"a.b"}`, true},
		{"kawat.s", `{"v":1,"uid":"` + h.ID() + `","shut":["/"]}`, false},
	} {
		if err := nc.Publish("socket.io."+tt.subject, []byte(tt.data)); err != nil {
			t.Fatal(err)
		}
		if tt.ignored {
			bad++
		}
	}
	if err := nc.Publish("socket.io.Lw", []byte(`{"type":9,"data":{"requestId":"end","packet":["x"]},"uid":"emitter","nsp":"/"}`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the last one came", func() bool { return h.has("end") })
	if n := len(h.messages()); n != 1 {
		t.Errorf("%d messages: %+v", n, h.messages())
	}
	if n := h.saw(backplane.Ignored); n != bad {
		t.Errorf("%d were ignored, want %d: %v", n, bad, h.events)
	}
	if got := h.peers(t, "/"); len(got) != 1 {
		t.Errorf("peers %q", got)
	}
}

// With a secret, what others say is not heard.
func TestSecret(t *testing.T) {
	t.Parallel()
	server := start(t, embedded.Config{})
	secret := func(s string) backplane.Backplane {
		c := server.Config()
		c.Secret = s
		return nats.New(c)
	}
	a, b := join(t, secret("ours"), "/"), join(t, secret("ours"), "/")
	meet(t, "/", a, b)
	for _, other := range []string{"", "theirs"} {
		stranger := join(t, secret(other), "/")
		publish(t, stranger, emit("/", "stray"))
		publish(t, a, emit("/", "not for "+other))
		eventually(t, "both are refused", func() bool {
			return stranger.saw(backplane.Ignored) > 0 && b.saw(backplane.Ignored) > 0
		})
		if len(stranger.messages()) > 0 || len(stranger.peers(t, "/")) > 0 || len(stranger.Nodes()) > 0 {
			t.Errorf("who says %q hears %v, and knows %q", other, stranger.messages(), stranger.Nodes())
		}
	}
	publish(t, a, emit("/", "end"))
	eventually(t, "ours is heard", func() bool { return b.has("end") })
	if b.has("stray") || len(b.peers(t, "/")) != 1 {
		t.Errorf("a stranger is heard, or known: %q", b.peers(t, "/"))
	}
}
