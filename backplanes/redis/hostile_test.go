package redis

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/seal"
	"github.com/kawat-go/kawat/internal/wire"
)

var hostileNamespaces = []string{
	"/", "/a", "/a#b", "/a#b#c", "/a#", "/#", "/*", "/?", "/[ab]", "/[^a]", `/\`, `/\*`, "/a*", "/ab", "/\x00", `/"'`, "/" + strings.Repeat("n", 70), "/é😀",
}

var hostileRooms = []string{
	"", "b", "b#c", "c", "#", "##", "*", "?", "[a-z]", "[^a]", `\`, `\*`, "{b}", "{", "a b", "\r\nPING\r\n", "\x00", `"'`,
	strings.Repeat("r", 70), strings.Repeat("x", 20), "😀é", "tFQv5ZFGa_5CMynPAAAA", "/a", "socket.io#/a#b#",
}

// TestHostileNames holds that whatever the names of namespaces and rooms are, what is
// for one of them comes there once, and nowhere else.
func TestHostileNames(t *testing.T) {
	for name, make := range map[string]func(Config) backplane.Backplane{"Classic": Classic, "Sharded": Sharded} {
		for _, mode := range []SubscriptionMode{Dynamic, DynamicPrivate, Static} {
			if name == "Classic" && mode != Dynamic {
				continue
			}
			t.Run(fmt.Sprint(name, mode), func(t *testing.T) {
				cfg := config(t)
				cfg.SubscriptionMode = mode
				b := make(cfg)
				one, two := join(t, b, hostileNamespaces...), join(t, b, hostileNamespaces...)
				rooms := append([]string{two.ID(), one.ID()}, hostileRooms...)
				for _, namespace := range hostileNamespaces {
					for _, room := range rooms {
						two.RoomCreated(namespace, room)
					}
				}
				two.settle()
				var want []string
				for _, namespace := range hostileNamespaces {
					for _, room := range rooms {
						one.publish(event(namespace, "x", room))
						want = append(want, fmt.Sprintf("%q %q", namespace, room))
					}
					one.publish(event(namespace, "x"))
					one.publish(event(namespace, "x", rooms...))
					want = append(want, fmt.Sprintf("%q all", namespace), fmt.Sprintf("%q %q", namespace, rooms[0]))
				}
				var got []string
				for _, m := range two.wait(len(want)) {
					if len(m.Options.Rooms) == 0 {
						m.Options.Rooms = nil
						got = append(got, fmt.Sprintf("%q all", m.Namespace))
						continue
					}
					got = append(got, fmt.Sprintf("%q %q", m.Namespace, m.Options.Rooms[0]))
				}
				if !slices.Equal(got, want) {
					t.Errorf("got %q", got)
				}
				one.wait(0)
				// Questions and answers, too.
				for i, namespace := range hostileNamespaces {
					m := backplane.Message{Kind: backplane.FetchSockets, Namespace: namespace, Request: "q" + namespace + "\x00"}
					one.publish(m)
					asked := two.wait(len(want) + 1 + i)[len(want)+i]
					if asked.Namespace != namespace || asked.Request != m.Request {
						t.Errorf("%q: asked %+v", namespace, asked)
					}
					if err := two.Reply(asked, backplane.Message{Kind: backplane.ClientCount, Count: i}); err != nil {
						t.Error(err)
					}
					if answer := one.wait(i + 1)[i]; answer.Count != i || answer.Request != m.Request || answer.Namespace != namespace {
						t.Errorf("%q: answered %+v", namespace, answer)
					}
				}
				if len(two.events)+len(one.events) > 0 {
					t.Errorf("observed %+v, %+v", one.events, two.events)
				}
			})
		}
	}
}

// TestOtherNamespaces holds that nothing comes from namespaces that are not open, also
// if their names are like patterns, or begin alike.
func TestOtherNamespaces(t *testing.T) {
	both(t, func(t *testing.T, make func(Config) backplane.Backplane) {
		b := make(config(t))
		one := join(t, b, hostileNamespaces...)
		for _, namespace := range hostileNamespaces {
			two := join(t, b, namespace)
			for _, other := range hostileNamespaces {
				if other != namespace {
					one.publish(event(other, "x"))
					one.publish(event(other, "x", "b"))
					one.publish(event(other, "x", "c"))
				}
			}
			one.publish(event(namespace, "mine"))
			if got := two.wait(1); got[0].Namespace != namespace || len(two.events) > 0 {
				t.Errorf("%q got %+v, %+v", namespace, got, two.events)
			}
			_ = two.Close()
		}
	})
}

// TestRooms holds that what is for a room comes if the host has it.
func TestRooms(t *testing.T) {
	for name, make := range map[string]func(Config) backplane.Backplane{"Classic": Classic, "Sharded": Sharded} {
		t.Run(name, func(t *testing.T) {
			b := make(config(t))
			one, two := join(t, b, "/", "/a"), join(t, b, "/", "/a")
			var watcher backplane.RoomWatcher = two.node
			tell := func(text string) {
				t.Helper()
				for _, room := range []string{"r", "s"} {
					one.publish(event("/", text+" "+room, room))
					one.publish(event("/a", text+" /a "+room, room))
				}
				one.publish(event("/", text+" end"))
				eventually(t, text, func() bool { return slices.Contains(two.texts(), `["`+text+` end"]`) })
			}
			watcher.RoomCreated("/", "other")
			watcher.RoomCreated("/a", "r")
			two.settle()
			tell("1")
			watcher.RoomCreated("/", "r")
			watcher.RoomCreated("/", "r")
			two.settle()
			tell("2")
			watcher.RoomDeleted("/", "r")
			watcher.RoomDeleted("/", "r")
			watcher.RoomDeleted("/", "nobody's")
			watcher.RoomCreated("/nowhere", "s")
			watcher.RoomDeleted("/nowhere", "s")
			two.settle()
			eventually(t, "the end of subscriptions", func() bool {
				return channels(t, b, two.room("/", "r")) == 0
			})
			tell("3")
			for range 100 { // changes that come faster than they are made
				watcher.RoomCreated("/", "s")
				watcher.RoomDeleted("/", "s")
			}
			watcher.RoomCreated("/", "s")
			two.settle()
			tell("4")
			want := []string{"1 /a r", "1 end", "2 r", "2 /a r", "2 end", "3 /a r", "3 end", "4 /a r", "4 s", "4 end"}
			for i := range want {
				want[i] = `["` + want[i] + `"]`
			}
			if got := two.texts(); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			two.Shut("/a")
			eventually(t, "the end of the namespace", func() bool { return channels(t, b, two.room("/a", "r")) == 0 })
			two.Shut("/")
			two.bus.mu.Lock()
			defer two.bus.mu.Unlock()
			if len(two.bus.topics) != 2 || len(two.routes) > 0 {
				t.Errorf("left are %v, %v", two.bus.topics, two.routes)
			}
		})
	}
}

// channels returns how many listen to a sharded channel.
func channels(t *testing.T, b backplane.Backplane, channel string) int {
	t.Helper()
	s, ok := b.(shardedBackplane)
	if !ok {
		return 0
	}
	n, err := s.cfg.Client.PubSubShardNumSub(t.Context(), channel).Result()
	if err != nil {
		t.Fatal(err)
	}
	return int(n[channel])
}

// garbage is what nobody would send.
var garbage = []string{
	"", "{", "{}", "null", "x", "\xc1", "\xff\xff\xff\xff", `{"type":99,"uid":"x","nsp":"/"}`, `{"type":"3","uid":"x","nsp":"/"}`,
	`{"type":3,"data":{"packet":{"type":2,"data":["x"]}},"uid":"x","nsp":"/"}`, `{"type":8,"data":{},"uid":"x","nsp":"/"}`,
	`{"type":3,"data":{"packet":{"type":0,"data":["x"]},"opts":{"rooms":[],"except":[],"flags":{}}},"uid":"x","nsp":"/"}`,
	`{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{"rooms":[],"except":[],"flags":{}}},"nsp":"/"}`,
	`{"type":7,"uid":"x"}`, `{"type":6,"uid":"x","data":"x"}`, `{"type":2,"uid":"x","rooms":["a"]}`, `{"type":4,"uid":"x"}`, `{"type":5,"uid":"x"}`,
	"\x93\xa1x\x80\x80", "\x92\xa1x\x83\xa4type\x02\xa4data\x91\xa1x\xa3nsp\xa1/", "\x93\xa1x\xa1x\xa1x", "\xdd\xff\xff\xff\xff", "\x93\xdb\xff\xff\xff\xff",
	"\x93\xa1x\x83\xa4type\x02\xa4data\x91\xa1x\xa3nsp\xa1/\x83\xa5rooms\x90\xa6except\x90\xa5flags\x80\x00",
	strings.Repeat("\x91", 100_000), strings.Repeat(`{"data":[`, 100_000), `{"uid":"x","type":3,"uid":`,
}

// TestGarbage holds that what is no message is ignored, said so, and ends nothing.
func TestGarbage(t *testing.T) {
	both(t, func(t *testing.T, make func(Config) backplane.Backplane) {
		b := make(config(t))
		one, two := join(t, b, "/"), join(t, b, "/")
		sent := 0
		for _, channel := range []string{
			two.main("/"), two.room("/", two.ID()), two.room("/", "room"), two.request("/"), two.response("/"), two.response("/") + two.ID() + "#",
			two.mail(""), two.mail(two.ID()),
		} {
			for _, payload := range garbage {
				for _, tag := range []string{"", "@" + two.ID()} { // as if it were an answer
					if err := one.bus.publish(channel, []byte(payload+tag)); err != nil {
						t.Fatal(err)
					}
					sent++
				}
			}
		}
		one.publish(event("/", "good"))
		eventually(t, "what is good", func() bool { return slices.Contains(two.texts(), `["good"]`) })
		two.wait(1)
		if n := len(two.observed(backplane.Ignored)); n == 0 || len(two.observed(backplane.Down)) > 0 {
			t.Errorf("of %d, %d were ignored, %+v", sent, n, two.observed(backplane.Down))
		}
	})
}

// TestTooLong holds that what is longer than may be is not read.
func TestTooLong(t *testing.T) {
	both(t, func(t *testing.T, make func(Config) backplane.Backplane) {
		cfg := config(t)
		one := join(t, make(cfg), "/")
		cfg.MaxMessageBytes = 1000
		two := join(t, make(cfg), "/")
		one.publish(event("/", strings.Repeat("x", 1000)))
		one.publish(event("/", "good"))
		two.wait(1)
		if got := two.observed(backplane.Ignored); len(got) != 1 || !strings.Contains(got[0].Err.Error(), "MaxMessageBytes") {
			t.Errorf("observed %+v", got)
		}
	})
}

// TestSecret holds that nobody is heard who does not have the secret, and that what
// was said on one channel cannot be said on another.
func TestSecret(t *testing.T) {
	both(t, func(t *testing.T, make func(Config) backplane.Backplane) {
		cfg := config(t)
		cfg.Secret, cfg.SubscriptionMode = "secret", Static
		one, two := join(t, make(cfg), "/", "/a"), join(t, make(cfg), "/", "/a")
		cfg.Secret = "another"
		three := join(t, make(cfg), "/", "/a")
		cfg.Secret = ""
		four := join(t, make(cfg), "/", "/a")
		three.publish(event("/", "x"))
		four.publish(event("/", "x"))
		payload := seal.Seal(nil, []byte("secret"), two.main("/a"), nil)
		if err := four.bus.publish(two.main("/"), payload); err != nil {
			t.Error(err)
		}
		eventually(t, "what is not authentic", func() bool { return len(two.observed(backplane.Ignored)) >= 3 })
		for _, m := range conversation {
			m.Namespace = "/"
			one.publish(m)
		}
		two.wait(len(conversation))
		three.wait(0)
		four.wait(0)
		if got := two.Nodes(); !slices.Equal(got, []string{one.ID()}) {
			t.Errorf("knows of %q", got)
		}
	})
}

// TestForgedAnswers holds that a node takes answers only where they are sent to it.
func TestForgedAnswers(t *testing.T) {
	cfg := config(t)
	two := join(t, Sharded(cfg), "/")
	forge := func(channel string) {
		m := backplane.Message{Kind: backplane.Ack, From: "forger", Namespace: "/", Request: "q"}
		payload, err := wire.Append(nil, m)
		if err == nil {
			err = cfg.Client.SPublish(t.Context(), channel, payload).Err()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	two.RoomCreated("/", "room")
	two.settle()
	forge(two.main("/"))
	forge(two.room("/", "room"))
	forge(two.room("/", two.ID()))
	two.wait(1)

	three := join(t, Classic(cfg), "/")
	for _, id := range []string{"q", "q@" + two.ID(), "q@" + three.ID()} {
		if err := cfg.Client.Publish(t.Context(), three.response("/"), `{"type":8,"requestId":"`+id+`","clientCount":1}`).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if got := three.wait(1)[0]; got.Request != "q" {
		t.Errorf("got %+v", got)
	}
}

// TestPatterns holds that a literal matches itself alone, as Redis sees it.
func TestPatterns(t *testing.T) {
	client := connect(t, server.Addr())
	base := prefix()
	for _, name := range append(hostileRooms, hostileNamespaces...) {
		sub := client.PSubscribe(t.Context(), literal(base+name))
		if _, err := sub.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, other := range append(slices.Clone(hostileRooms), hostileNamespaces...) {
			want := int64(0)
			if other == name {
				want = 1
			}
			if n, err := client.Publish(t.Context(), base+other, "").Result(); err != nil || n != want {
				t.Errorf("%q is heard by %d who listen to %q, %v", other, n, literal(name), err)
			}
		}
		_ = sub.Close()
	}
}

func TestLength(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "é": 1, "😀": 2, "\x00": 1} {
		if got := length(text); got != want {
			t.Errorf("%q is %d long, want %d", text, got, want)
		}
	}
}

// TestIsOwn holds that a node knows what it has sent itself, and nothing else.
func TestIsOwn(t *testing.T) {
	s := &sharded{node: &node{id: "0123456789abcdef"}, ends: ownEnds("0123456789abcdef")}
	for _, m := range conversation {
		for _, namespace := range []string{"/", "/é", "/" + strings.Repeat("n", 300)} {
			m.Namespace, m.From = namespace, s.id
			mine, err := wire.Append(nil, m)
			m.From = "fedcba9876543210"
			if len(m.Data.JSON) > 2 {
				m.Data.JSON = []byte(`["x",{"a":1,"uid":"0123456789abcdef","nsp":"/"}]`)
				m.Data.Attachments = nil
			}
			others, err2 := wire.Append(nil, m)
			if err != nil || err2 != nil || !s.isOwn(mine) || s.isOwn(others) {
				t.Errorf("%v %v: own %v, others %v: %q", err, err2, s.isOwn(mine), s.isOwn(others), others)
			}
		}
	}
	for _, text := range garbage {
		if s.isOwn([]byte(text)) {
			t.Errorf("%q", text)
		}
	}
}

// record returns what is sent on channels that begin with a prefix, as raw as Redis
// gives it.
func record(t *testing.T, client *goredis.Client, prefix string, sharded []string) (next func() (channel, payload string)) {
	t.Helper()
	var sub *goredis.PubSub
	if sharded == nil {
		sub = client.PSubscribe(t.Context(), prefix+"*")
	} else {
		sub = client.SSubscribe(t.Context(), sharded...)
	}
	t.Cleanup(func() { _ = sub.Close() })
	for range max(1, len(sharded)) {
		if _, err := sub.Receive(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return func() (string, string) {
		t.Helper()
		got, err := sub.ReceiveTimeout(t.Context(), patience)
		if err != nil {
			t.Fatal(err)
		}
		m := got.(*goredis.Message)
		return m.Channel, m.Payload
	}
}
