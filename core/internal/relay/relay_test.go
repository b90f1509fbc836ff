package relay

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/engine"
)

// A client whose every request comes to another node misses nothing, and nothing of it
// is missed.
func TestPollAnywhere(t *testing.T) {
	inWorld(t, 3, nil, func(t *testing.T, w *world) {
		owner := w.nodes[0]
		sid := owner.open()
		s := owner.session()
		var sent, got, said []string
		for i := range 60 {
			door := w.nodes[rand.IntN(3)]
			text := fmt.Sprintf("m%d", i)
			if i%3 == 0 { // while a poll hangs
				poll := later(func() engine.Reply { return door.get(sid) })
				_ = s.SendText(text)
				got = append(got, string(poll().Body))
			} else {
				_ = s.SendText(text)
				got = append(got, string(door.get(sid).Body))
			}
			sent = append(sent, "4"+text)
			said = append(said, text)
			if r := w.nodes[rand.IntN(3)].post(sid, "4"+text); r.Status != 200 || string(r.Body) != "ok" {
				t.Fatalf("a POST: %d %s", r.Status, r.Body)
			}
		}
		if !slices.Equal(got, sent) || !slices.Equal(owner.heard(), said) {
			t.Errorf("sent %q, got %q; said %q, heard %q", sent, got, said, owner.heard())
		}
		here, there := w.nodes[1].relay.Stats(), owner.relay.Stats()
		if here.Sent == 0 || there.Served != here.Sent+w.nodes[2].relay.Stats().Sent || there.Sent > 0 || here.Waiting != 0 || here.Failed > 0 {
			t.Errorf("%+v %+v", here, there)
		}
	})
}

// The rules of a session are the same wherever its requests arrive: each story is told
// on one node, and on three, and goes the same way.
func TestSameRules(t *testing.T) {
	type reply = engine.Reply
	for name, story := range map[string]func(n []*node, sid string) []reply{
		"poll": func(n []*node, sid string) []reply {
			_ = n[0].session().SendText("x")
			return []reply{n[1].get(sid)}
		},
		"two polls": func(n []*node, sid string) []reply {
			first := later(func() reply { return n[1].get(sid) })
			second := n[2].get(sid)
			return []reply{second, first(), n[1].get(sid)}
		},
		"two polls, one at home": func(n []*node, sid string) []reply {
			first := later(func() reply { return n[0].get(sid) })
			second := n[2].get(sid)
			return []reply{second, first(), n[0].get(sid)}
		},
		"two POSTs, the first slow": func(n []*node, sid string) []reply {
			body, end := net.Pipe()
			first := later(func() reply { return n[1].do(context.Background(), "POST", "&sid="+sid, body, 5) })
			_, _ = end.Write([]byte("4a"))
			time.Sleep(time.Second)
			second := n[2].post(sid, "4b")
			return []reply{second, first()} // which ends at once
		},
		"a POST that comes too slowly": func(n []*node, sid string) []reply {
			body, end := net.Pipe()
			first := later(func() reply { return n[1].do(context.Background(), "POST", "&sid="+sid, body, 5) })
			_, _ = end.Write([]byte("4a"))
			return []reply{first()}
		},
		"a large POST that comes too slowly": func(n []*node, sid string) []reply {
			body, end := net.Pipe()
			first := later(func() reply { return n[1].do(context.Background(), "POST", "&sid="+sid, body, 50_000) })
			_, _ = end.Write([]byte("4a"))
			return []reply{first()}
		},
		"a slow POST of unknown length": func(n []*node, sid string) []reply {
			body, end := io.Pipe()
			first := later(func() reply { return n[1].do(context.Background(), "POST", "&sid="+sid, body, -1) })
			for range 3 {
				time.Sleep(time.Second)
				_, _ = end.Write([]byte("4a\x1e"))
			}
			_, _ = end.Write([]byte("4a"))
			_ = end.Close()
			return []reply{first()}
		},
		"a POST that is cut": func(n []*node, sid string) []reply {
			return []reply{n[1].do(context.Background(), "POST", "&sid="+sid, strings.NewReader("4aa"), 7)}
		},
		"a large POST that is cut": func(n []*node, sid string) []reply {
			return []reply{n[1].do(context.Background(), "POST", "&sid="+sid, strings.NewReader("4aa"), 70_000)}
		},
		"too large": func(n []*node, sid string) []reply { return []reply{n[1].post(sid, strings.Repeat("4", 1_000_001))} },
		"too large, of no length": func(n []*node, sid string) []reply {
			return []reply{n[1].do(context.Background(), "POST", "&sid="+sid, strings.NewReader(strings.Repeat("4", 1_000_001)), -1)}
		},
		"large":      func(n []*node, sid string) []reply { return []reply{n[1].post(sid, "4"+strings.Repeat("x", 999_999))} },
		"empty":      func(n []*node, sid string) []reply { return []reply{n[1].post(sid, "")} },
		"no payload": func(n []*node, sid string) []reply { return []reply{n[1].post(sid, "9"), n[2].get(sid)} },
		"close": func(n []*node, sid string) []reply {
			poll := later(func() reply { return n[1].get(sid) })
			return []reply{n[2].post(sid, "1"), poll(), n[1].get(sid)}
		},
		"close before the poll": func(n []*node, sid string) []reply { return []reply{n[2].post(sid, "1"), n[1].get(sid), n[1].get(sid)} },
		"HEAD": func(n []*node, sid string) []reply {
			return []reply{n[1].do(context.Background(), "HEAD", "&sid="+sid, nil, 0)}
		},
		"OPTIONS": func(n []*node, sid string) []reply {
			return []reply{n[1].do(context.Background(), "OPTIONS", "&sid="+sid, nil, 0)}
		},
		"two sids":         func(n []*node, sid string) []reply { return []reply{n[1].get(sid + "&sid=" + sid)} },
		"another revision": func(n []*node, sid string) []reply { return []reply{n[1].get(sid + "&EIO=3")} },
		"another transport": func(n []*node, sid string) []reply {
			n[1].move(sid)
			return []reply{n[2].get(sid), n[1].post(sid, "4x")}
		},
		"a second WebSocket": func(n []*node, sid string) []reply {
			n[1].move(sid)
			second, r := n[2].upgrade(sid)
			if second == nil || !second.closed {
				t.Error("a second WebSocket was not closed")
			}
			return []reply{r}
		},
		"a ping of the client's": func(n []*node, sid string) []reply { return []reply{n[1].post(sid, "2"), n[2].get(sid)} },
		"binary":                 func(n []*node, sid string) []reply { return []reply{n[1].post(sid, "bAAEC\x1e4x")} },
		"server's end": func(n []*node, sid string) []reply {
			poll := later(func() reply { return n[1].get(sid) })
			n[0].session().Close()
			return []reply{poll(), n[2].get(sid)}
		},
		"much": func(n []*node, sid string) []reply {
			for range 30 {
				_ = n[0].session().SendBinary(make([]byte, 100_000))
			}
			return []reply{n[1].get(sid)}
		},
		"a ping": func(n []*node, sid string) []reply {
			poll := later(func() reply { return n[1].get(sid) })
			return []reply{poll(), n[2].post(sid, "3")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var told [2]string
			for i, nodes := range []int{1, 3} {
				inWorld(t, nodes, nil, func(t *testing.T, w *world) {
					n := w.nodes
					if nodes == 1 {
						n = []*node{n[0], n[0], n[0]}
					}
					for _, r := range story(n, n[0].open()) {
						told[i] += fmt.Sprintln(r.Status, fmt.Sprint(r.Header), len(r.Body), string(r.Body[:min(len(r.Body), 100)]))
					}
					synctest.Wait()
					refused := 0
					for _, n := range w.nodes {
						for _, count := range n.srv.Stats().Refused {
							refused += int(count)
						}
					}
					told[i] += strings.ReplaceAll(fmt.Sprintln(n[0].heard(), n[0].endings(), refused), "read pipe: ", "")
				})
			}
			if told[0] != told[1] {
				t.Errorf("on one node:\n%.3000s\non three:\n%.3000s", told[0], told[1])
			}
		})
	}
}

// Ids that no session has are answered as on one node, and cost the others nothing but
// what looks like theirs.
func TestForgedIDs(t *testing.T) {
	inWorld(t, 3, nil, func(t *testing.T, w *world) {
		door, other := w.nodes[0], w.nodes[1]
		dead := w.nodes[2].relay.tag
		sid := w.nodes[2].open()
		w.nodes[2].die()
		real := other.open()
		for name, id := range map[string]string{
			"own":              door.relay.NewID(),
			"another's":        other.relay.NewID(),
			"of the dead":      sid,
			"of the dead, too": dead + "AAAAAAAAAAAA",
			"unknown tag":      "AAAAAAAAAAAAAAAAAAAA",
			"only a tag":       other.relay.tag,
			"longer":           real + "A",
			"shorter":          real[:19],
			"not base64":       other.relay.tag + "!!!!!!!!!!!!",
			"escaped":          other.relay.tag + "%00%0a%ff%25%26%3d%2b%2f%3f%23%20%5c",
			"empty":            "",
			"another case":     strings.ToUpper(real),
			"reversed":         real[8:] + real[:8],
		} {
			began := time.Now()
			if id == "" {
				continue // a handshake
			}
			for method, r := range map[string]engine.Reply{"GET": door.get(id), "POST": door.post(id, "4x")} {
				if r.Status != 400 || string(r.Body) != `{"code":1,"message":"Session ID unknown"}` {
					t.Errorf("%s of %s: %d %s", method, name, r.Status, r.Body)
				}
			}
			if c, r := door.upgrade(id); c != nil || r.Status != 400 || string(r.Body) != "Session ID unknown" {
				t.Errorf("an upgrade of %s: %d %s", name, r.Status, r.Body)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s took %v", name, took)
			}
		}
		if other.session().ID() != real || len(other.endings()) > 0 || other.relay.Stats().Failed+door.relay.Stats().Failed > 0 {
			t.Errorf("an honest session suffers: %q", other.endings())
		}
		if n := other.srv.Stats().Refused[1] + door.srv.Stats().Refused[1]; n != 12*3 {
			t.Errorf("%d refusals", n)
		}
	})
}

// Ids are of the usual form, say whose they are, and are else random.
func TestNewID(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		seen := make(map[string]bool)
		for range 1000 {
			id := w.nodes[0].relay.NewID()
			if len(id) != 20 || id[:8] != w.nodes[0].relay.tag || seen[id[8:]] {
				t.Fatalf("%q", id)
			}
			seen[id[8:]] = true
		}
		if w.nodes[0].relay.tag == w.nodes[1].relay.tag || w.nodes[0].open()[:8] != w.nodes[0].relay.tag {
			t.Error("the tags do not tell nodes apart")
		}
	})
	for _, id := range []string{"", "x", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg"} {
		if _, err := New(Config{Node: id}); err == nil {
			t.Errorf("%q is taken for a node's id", id)
		}
	}
}

// A session at a node that is new is found as soon as its node is known here.
func TestNewNode(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		known := door.relay.cfg.Nodes
		began := time.Now()
		door.relay.cfg.Nodes = func() []string {
			if time.Since(began) < 200*time.Millisecond {
				return nil
			}
			return known()
		}
		sid := owner.open()
		_ = owner.session().SendText("x")
		if r := door.get(sid); string(r.Body) != "4x" || time.Since(began) > 250*time.Millisecond {
			t.Errorf("%d %s after %v", r.Status, r.Body, time.Since(began))
		}
	})
}

// A client that goes away while its poll hangs ends its session, as it does where that
// is.
func TestClientGoes(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		sid := owner.open()
		ctx, cancel := context.WithCancel(context.Background())
		poll := later(func() engine.Reply { return door.do(ctx, "GET", "&sid="+sid, nil, 0) })
		if n := door.relay.Stats().Waiting; n != 1 {
			t.Errorf("%d wait", n)
		}
		cancel()
		if r := poll(); r.Status != 400 {
			t.Errorf("status %d", r.Status)
		}
		synctest.Wait()
		if got := owner.endings(); !slices.Equal(got, []string{"transport error: poll connection closed prematurely"}) {
			t.Errorf("%q", got)
		}
		if len(door.failures())+len(owner.failures()) > 0 || door.relay.Stats().Waiting > 0 {
			t.Errorf("%v %v", door.failures(), owner.failures())
		}
	})
}

// Where a session's node goes, its clients hear of it at once; where the node goes that
// has the client, the session's node does.
func TestNodeDies(t *testing.T) {
	for name, die := range map[string]int{"owner": 1, "door": 0} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 2, nil, func(t *testing.T, w *world) {
				door, owner := w.nodes[0], w.nodes[1]
				sid := owner.open()
				poll := later(func() engine.Reply { return door.get(sid) })
				c := door.move(owner.open())
				began := time.Now()
				w.nodes[die].die()
				if r := poll(); r.Status != 400 || string(r.Body) != `{"code":1,"message":"Session ID unknown"}` {
					t.Errorf("%d %s", r.Status, r.Body)
				}
				<-c.done
				if !c.isAborted() || time.Since(began) > 0 {
					t.Errorf("the WebSocket was not cut at once, but after %v", time.Since(began))
				}
				if name == "door" && len(owner.endings()) != 2 {
					t.Errorf("of two sessions ended: %q", owner.endings())
				}
				if got := w.nodes[1-die].failures(); len(got) != 2 || got[0] != errLeft {
					t.Errorf("%v", got)
				}
				if w.nodes[1-die].relay.Stats().Failed != 2 || w.nodes[1-die].relay.Stats().Bytes != 0 {
					t.Errorf("%+v", w.nodes[1-die].relay.Stats())
				}
			})
		})
	}
}

// A node that hears nothing any more, and about which nobody says that it has gone, is
// given up after some seconds, by both sides.
func TestSilence(t *testing.T) {
	inWorld(t, 2, func(c *engine.Config, _ *Config) { c.PingInterval, c.PingTimeout = time.Hour, time.Hour }, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		sid := owner.open()
		poll := later(func() engine.Reply { return door.get(sid) })
		c := door.move(owner.open())
		time.Sleep(time.Minute) // nothing is wrong, so nothing happens
		if len(owner.endings()) > 0 {
			t.Fatalf("%q", owner.endings())
		}
		w.mu.Lock()
		w.lose = func([]byte) bool { return true }
		w.mu.Unlock()
		began := time.Now()
		if r := poll(); r.Status != 400 {
			t.Errorf("%d", r.Status)
		}
		<-c.done
		if took := time.Since(began); took > 10*time.Second || !c.isAborted() {
			t.Errorf("the clients were told after %v", took)
		}
		time.Sleep(20*time.Second - time.Since(began))
		synctest.Wait()
		if got := owner.endings(); len(got) != 2 {
			t.Errorf("of two sessions ended: %q", got)
		}
	})
}

// Beyond the bounds clients are told to come back.
func TestBounds(t *testing.T) {
	inWorld(t, 2, func(_ *engine.Config, c *Config) { c.MaxStreams = 3 }, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		var polls []func() engine.Reply
		for range 3 {
			sid := owner.open()
			polls = append(polls, later(func() engine.Reply { return door.get(sid) }))
		}
		sid := owner.open()
		for _, r := range []engine.Reply{door.get(sid), door.post(sid, "4x")} {
			if r.Status != 503 || r.Header.Get("Retry-After") == "" {
				t.Errorf("%d %v", r.Status, r.Header)
			}
		}
		if _, r := door.upgrade(sid); r.Status != 503 {
			t.Errorf("an upgrade: %d", r.Status)
		}
		if s := door.srv.Stats(); s.RefusedRouter != 3 || s.Refused[3] != 3 || door.relay.Stats().Refused != 3 {
			t.Errorf("%+v", s)
		}
		_ = owner.session().SendText("x") // to the session that was refused at the door
		for i, s := range owner.sessions[:3] {
			_ = s.SendText("x")
			if r := polls[i](); r.Status != 200 {
				t.Errorf("%d", r.Status)
			}
		}
		if r := door.get(sid); string(r.Body) != "4x" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
}

// What is added to replies is added once, by the node that has the client; what is
// compressed is so once.
func TestHeaders(t *testing.T) {
	var heads int
	inWorld(t, 2, func(c *engine.Config, _ *Config) {
		c.AllowedOrigins = []string{"https://app.example"}
		c.Headers = func(h engine.Header, r *engine.Request) {
			heads++
			h.Add("X-Host", r.Host)
		}
		c.Cookie = &engine.Cookie{}
	}, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		sid := owner.open()
		_ = owner.session().SendText(strings.Repeat("x", 5000))
		heads = 0
		ask := func(origin string) engine.Reply {
			return door.srv.ServePoll(context.Background(), &engine.Request{
				Method: "GET", RawQuery: "EIO=4&transport=polling&sid=" + sid, Host: "door.example", RemoteAddr: "192.0.2.1:1",
				Header: engine.Header{"Origin": {origin}, "Accept-Encoding": {"gzip"}, "Cookie": {"secret=1"}},
			})
		}
		if r := ask("https://evil.example"); r.Status != 403 {
			t.Errorf("of another origin: %d", r.Status)
		}
		heads = 0
		r := ask("https://app.example")
		want := engine.Header{
			"Content-Type": {"text/plain; charset=UTF-8"}, "Content-Encoding": {"gzip"}, "Vary": {"Accept-Encoding", "Origin"},
			"Cache-Control": {"no-store"}, "Access-Control-Allow-Origin": {"https://app.example"}, "X-Host": {"door.example"},
		}
		if r.Status != 200 || fmt.Sprint(r.Header) != fmt.Sprint(want) || heads != 1 || len(r.Body) > 1000 {
			t.Errorf("%d %v, %d calls, %d bytes", r.Status, r.Header, heads, len(r.Body))
		}
	})
}

// A server that is about to end answers the polls that hang at others, and has the
// clients of its WebSockets moved away.
func TestLeaving(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		sid := owner.open()
		poll := later(func() engine.Reply { return door.get(sid) })
		c := door.move(owner.open())
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		began := time.Now()
		if err := door.srv.Shutdown(ctx); err != nil || time.Since(began) > time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if r := poll(); string(r.Body) != "6" || r.Header.Get("Connection") != "close" {
			t.Errorf("%d %s %v", r.Status, r.Body, r.Header)
		}
		<-c.done
		if c.isAborted() || !slices.Equal(owner.endings(), []string{"server draining: <nil>"}) {
			t.Errorf("%q", owner.endings())
		}
		_ = owner.sessions[0].SendText("x")
		if r := owner.get(sid); string(r.Body) != "4x" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
}

// Draining, a server sends the clients of its WebSockets away one after the other.
func TestDrain(t *testing.T) {
	inWorld(t, 2, nil, func(t *testing.T, w *world) {
		door, owner := w.nodes[0], w.nodes[1]
		for range 10 {
			door.move(owner.open())
		}
		asks, _ := door.upgrade(owner.open())
		go func() {
			time.Sleep(5 * time.Second)
			if n := len(owner.endings()); n < 2 || n > 8 {
				t.Errorf("%d of 10 have gone at half-time", n)
			}
		}()
		if err := door.srv.Drain(context.Background(), 10*time.Second); err != nil {
			t.Error(err)
		}
		if n := len(owner.endings()); n != 10 || !asks.closed || owner.srv.Stats().Sessions != 1 {
			t.Errorf("%d have gone, %d are left", n, owner.srv.Stats().Sessions)
		}
	})
}
