package postgres

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// Two nodes with hostile namespaces: each hears its own, and nobody else's.
func TestHostileNamespaces(t *testing.T) {
	t.Parallel()
	c := apart(t)
	b := New(c)
	sender, all := join(t, b, hostile...), join(t, b, hostile...)
	var alone []*member // with one namespace each
	for _, namespace := range hostile[:20] {
		alone = append(alone, join(t, b, namespace))
	}
	written := 0
	for i, namespace := range hostile {
		others := []string{sender.ID()}
		if i < len(alone) {
			others = append(others, alone[i].ID())
		}
		if namespace == "/\xff" { // such text cannot be sent
			if err := sender.Publish(event(namespace, `["x"]`)); err == nil {
				t.Error("what is no text was sent")
			}
			continue
		}
		all.knows(namespace, others...)
		written++
	}
	for i, namespace := range hostile {
		if namespace == "/\xff" {
			continue
		}
		sender.publish(event(namespace, fmt.Sprintf(`["in",%d]`, i)))
		sender.publish(event(namespace, fmt.Sprintf(`["binary in",%d,{"_placeholder":true,"num":0}]`, i), []byte(namespace)))
	}
	until(t, "all has come", func() bool { return len(all.messages()) >= 2*written })
	count := map[string]int{}
	for _, m := range all.messages() {
		i := slices.Index(hostile, m.Namespace)
		if !strings.HasPrefix(string(m.Data.JSON), fmt.Sprintf(`["in",%d]`, i)) && !strings.HasPrefix(string(m.Data.JSON), fmt.Sprintf(`["binary in",%d,`, i)) {
			t.Errorf("%s came in %q", m.Data.JSON, m.Namespace)
		}
		if len(m.Data.Attachments) > 0 && string(m.Data.Attachments[0]) != m.Namespace {
			t.Errorf("%q came in %q", m.Data.Attachments[0], m.Namespace)
		}
		count[m.Namespace]++
	}
	for namespace, n := range count {
		if n != 2 {
			t.Errorf("%d messages came in %.50q", n, namespace)
		}
	}
	for i, m := range alone {
		if hostile[i] == "/\xff" {
			continue
		}
		m.hears(fmt.Sprintf(`["in",%d]`, i), fmt.Sprintf(`["binary in",%d,{"_placeholder":true,"num":0}]`, i))
	}
}

// Around the longest notification that the server takes, and of whatever bytes.
func TestSizes(t *testing.T) {
	c := apart(t)
	b := New(c)
	n, other := join(t, b, "/"), join(t, b, "/")
	meet("/", n, other)
	tap := listen(t, c, c.ChannelPrefix+"#/")
	n.publish(event("/", `["",""]`))
	until(t, "one has come", func() bool { return len(tap.with(n.ID())) == 1 })
	empty := len(tap.with(n.ID())[0])
	var want []string
	for _, length := range []int{7997, 7998, 7999, 8000, 8001, 16000, 1 << 20} {
		for _, char := range []string{"x", "é", `\"`, `\u0000`} {
			text := fmt.Sprintf(`["%s",""]`, strings.Repeat(char, (length-empty)/len(char))+strings.Repeat("y", (length-empty)%len(char)))
			want = append(want, text)
			n.publish(event("/", text))
		}
	}
	other.hears(append([]string{`["",""]`}, want...)...)
	longest := 0
	for _, payload := range tap.with(n.ID()) {
		longest = max(longest, len(payload))
	}
	if longest != maxNotification {
		t.Errorf("the longest notification has %d bytes", longest)
	}
	var rows int
	if err := c.Pool.QueryRow(t.Context(), "SELECT count(*) FROM "+c.TableName).Scan(&rows); err != nil || rows != 4*4 {
		t.Errorf("%d messages in the table, %v", rows, err)
	}
	if err := n.Publish(event("/", `["`+strings.Repeat("x", 64<<20)+`"]`)); err == nil {
		t.Error("a message was sent that is too long for any node")
	}
}

// Of many that are equal none is lost, and those in the table do not come late.
func TestEqualAndMixedInOrder(t *testing.T) {
	c := apart(t)
	b := New(c)
	n, m, other := join(t, b, "/", "/b"), join(t, b, "/", "/b"), join(t, b, "/", "/b")
	meet("/", n, m, other)
	meet("/b", n, m, other)
	long := `["` + strings.Repeat("x", 9000) + `"]`
	var want []string
	for i := range 1000 {
		text := `["same"]`
		switch {
		case i%50 == 7:
			text = fmt.Sprintf(`["binary",{"_placeholder":true,"num":0},%d]`, i)
		case i%50 == 31:
			text = long
		case i%10 == 3:
			text = fmt.Sprintf(`["%d"]`, i)
		}
		want = append(want, text)
		for _, from := range []*member{n, m} {
			for _, namespace := range []string{"/", "/b"} {
				if strings.HasPrefix(text, `["binary`) {
					from.publish(event(namespace, text, []byte("same")))
				} else {
					from.publish(event(namespace, text))
				}
			}
		}
	}
	until(t, "all has come", func() bool { return len(other.messages()) == 4*len(want) })
	for _, from := range []*member{n, m} {
		for _, namespace := range []string{"/", "/b"} {
			var got []string
			for _, m := range other.messages() {
				if m.From == from.ID() && m.Namespace == namespace {
					got = append(got, string(m.Data.JSON))
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("from %s in %s came %.3000q", from.ID(), namespace, got)
			}
		}
	}
}

// One sender's rows that take long to be read stop nobody else.
func TestAReadThatHangsStopsOneSender(t *testing.T) {
	c := apart(t)
	b := New(c)
	n, m, other := join(t, b, "/"), join(t, b, "/"), join(t, b, "/")
	meet("/", n, m, other)
	tx, err := c.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	notify(t, c, c.ChannelPrefix+"#/", fmt.Sprintf(`{"uid":"%s","type":3,"attachmentId":"1"}`, "slow"))
	until(t, "the row is missed", func() bool { return len(other.event(backplane.Gap)) == 1 })

	n.publish(event("/", `["binary",{"_placeholder":true,"num":0}]`, []byte("1")))
	other.hears(`["binary",{"_placeholder":true,"num":0}]`)
	if _, err := tx.Exec(t.Context(), "LOCK TABLE "+c.TableName+" IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	notify(t, c, c.ChannelPrefix+"#/", fmt.Sprintf(`{"uid":"%s","type":3,"attachmentId":"1"}`, n.ID()))
	n.publish(event("/", `["behind it"]`))
	m.publish(event("/", `["free"]`))
	other.hears(`["binary",{"_placeholder":true,"num":0}]`, `["free"]`)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	other.hears(`["binary",{"_placeholder":true,"num":0}]`, `["free"]`, `["binary",{"_placeholder":true,"num":0}]`, `["behind it"]`)
}

func quick(c Config) Config {
	c.HeartbeatInterval, c.HeartbeatTimeout = 100*time.Millisecond, 3*time.Second
	return c
}

// A node of Node's that falls silent is forgotten, and one that says so at once.
func TestSilence(t *testing.T) {
	t.Parallel()
	c := quick(apart(t))
	n := join(t, New(c), "/", "/b")
	channel := c.ChannelPrefix + "#/"
	tap := listen(t, c, channel)
	until(t, "there are heartbeats", func() bool { return len(tap.with(`{"type":2,"uid":"`+n.ID()+`","nsp":"/"}`)) >= 3 })
	notify(t, c, channel, `{"type":2,"uid":"one","nsp":"/"}`)
	notify(t, c, channel, `{"type":7,"data":{"opts":{"rooms":[],"except":[],"flags":{}},"requestId":"r"},"uid":"two","nsp":"/"}`)
	notify(t, c, channel, `{"type":2,"uid":"three","nsp":"/"}`)
	notify(t, c, channel, `{"type":9,"data":{"packet":["x"]},"uid":"emitter","nsp":"/"}`)
	n.knows("/", "one", "two", "three")
	n.knows("/b")
	notify(t, c, channel, `{"type":13,"uid":"two","nsp":"/"}`)
	notify(t, c, channel, `{"type":13,"uid":"two","nsp":"/"}`)
	notify(t, c, channel, `{"type":13,"uid":"nobody","nsp":"/"}`)
	n.knows("/", "one", "three")
	begin := time.Now()
	for len(n.messages()) < 4 && time.Since(begin) < waitFor {
		notify(t, c, channel, `{"type":2,"uid":"three","nsp":"/"}`)
		time.Sleep(50 * time.Millisecond)
	}
	n.knows("/", "three")
	n.hears("", `["x"]`, "left: two", "left: one")
}

// Node's servers say hello before they listen, so they would miss the answer.
func TestHelloIsAnsweredTwice(t *testing.T) {
	t.Parallel()
	c := apart(t)
	c.HeartbeatInterval, c.HeartbeatTimeout = time.Hour, 2*time.Hour
	b := New(c)
	n := join(t, b, "/")
	n.knows("/")
	channel := c.ChannelPrefix + "#/"
	tap := listen(t, c, channel)
	answers := func() int { return len(tap.with(`{"type":2,"uid":"` + n.ID())) }
	notify(t, c, channel, `{"type":1,"uid":"node","nsp":"/"}`)
	until(t, "two answers", func() bool { return answers() == 2 })
	other := join(t, b, "/") // it was listening before it said hello
	other.knows("/", n.ID())
	other.publish(event("/", `["x"]`))
	n.hears(`["x"]`)
	until(t, "an answer", func() bool { return answers() >= 3 })
	if got := answers(); got != 3 {
		t.Errorf("a node of Kawat's was answered %d times", got-2)
	}
}

// What nodes of Kawat's say to one of them reaches nobody else.
func TestPrivateAnswers(t *testing.T) {
	c := apart(t)
	b := New(c)
	n, other, third := join(t, b, "/"), join(t, b, "/"), join(t, b, "/")
	meet("/", n, other, third)
	all, own := listen(t, c, c.ChannelPrefix+"#/"), listen(t, c, c.ChannelPrefix+"-kawat#"+n.ID())
	request := backplane.Message{Kind: backplane.ServerSideEmit, Namespace: "/", Request: "r1", Data: backplane.Data{JSON: []byte(`["x"]`)}}
	n.publish(request)
	other.hears(`["x"]`)
	asked := other.messages()[0]
	answer := func(text string, attachments ...[]byte) backplane.Message {
		return backplane.Message{Kind: backplane.ServerSideEmitResponse, Data: backplane.Data{JSON: []byte(text), Attachments: attachments}}
	}
	long := `"` + strings.Repeat("x", 9000) + `"`
	for _, m := range []backplane.Message{answer(`{"_placeholder":true,"num":0}`, []byte("b")), answer(`1`), answer(long), answer(`2`)} {
		if err := other.Reply(asked, m); err != nil {
			t.Fatal(err)
		}
	}
	n.hears(`{"_placeholder":true,"num":0}`, `1`, long, `2`)
	if m := n.messages()[2]; m.From != other.ID() || m.Namespace != "/" || m.Request != "r1" {
		t.Errorf("the answer is %.200v", m)
	}
	until(t, "all answers on the private channel", func() bool { return len(own.with(other.ID())) == 4 })

	// To one of Node's all hear it.
	notify(t, c, c.ChannelPrefix+"#/", `{"type":9,"data":{"requestId":"r2","packet":["y"]},"uid":"node","nsp":"/"}`)
	third.hears(`["x"]`, `["y"]`)
	if err := third.Reply(third.messages()[1], answer(`3`)); err != nil {
		t.Fatal(err)
	}
	until(t, "the answer", func() bool { return len(all.with(`"requestId":"r2","packet":3}`)) == 1 })
	// To one that has left nobody answers.
	if err := third.Reply(backplane.Message{From: "nobody", Namespace: "/", Request: "r3"}, answer(`4`)); err != nil {
		t.Fatal(err)
	}
	if err := third.Reply(third.messages()[1], answer(`5`)); err != nil {
		t.Fatal(err)
	}
	until(t, "the answer", func() bool { return len(all.with(`"packet":5}`)) == 1 })
	if len(all.with("r3")) > 0 || len(all.with(`{"type":10,"data":{"requestId":"r1"`)) > 0 {
		t.Errorf("all hear %q", all.heard)
	}
}

func (m *member) mail() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.relayed)
}

func TestRelay(t *testing.T) {
	for _, secret := range []string{"", "secret"} {
		c := apart(t)
		c.Secret = secret
		b := New(c)
		n, other, third := join(t, b), join(t, b), join(t, b)
		until(t, "they know each other", func() bool { return len(n.Nodes()) == 2 && len(other.Nodes()) == 2 && len(third.Nodes()) == 2 })
		var want, forAll []string
		for i, text := range []string{"a", "\x00\xff{", strings.Repeat("l", 7000), strings.Repeat("m", 1<<20), "", "z"} {
			for _, to := range []string{other.ID(), ""} {
				if err := n.Relay(to, []byte(text)); err != nil {
					t.Fatal(i, err)
				}
				want = append(want, n.ID()+": "+text)
			}
			forAll = append(forAll, n.ID()+": "+text)
		}
		until(t, "all mail", func() bool { return len(other.mail()) >= len(want) && len(third.mail()) >= len(forAll) })
		if got := other.mail(); !slices.Equal(got, want) {
			t.Errorf("it came %.500q", got)
		}
		if got := third.mail(); !slices.Equal(got, forAll) {
			t.Errorf("to all came %.500q", got)
		}
		_ = n.Close()
		until(t, "n has left", func() bool { return len(other.Nodes()) == 1 })
		until(t, "that is said", func() bool {
			other.mu.Lock()
			defer other.mu.Unlock()
			return slices.Equal(other.gone, []string{n.ID()})
		})
		if err := n.Relay("", nil); err == nil {
			t.Error("a node that has left relays")
		}
	}
}

// With a secret nobody without it is heard, nor understood on another channel.
func TestSecret(t *testing.T) {
	c := apart(t)
	c.Secret = "secret"
	b := New(c)
	n, other := join(t, b, "/", "/b"), join(t, b, "/", "/b")
	meet("/", n, other)
	meet("/b", n, other)
	tap := listen(t, c, c.ChannelPrefix+"#/")
	said := []string{`["a"]`, `["` + strings.Repeat("x", 9000) + `"]`}
	for length := 5780; length < 5880; length++ { // some fit, but not with their seal, as text
		said = append(said, `["`+strings.Repeat("x", length)+`"]`)
	}
	said = append(said, `["b"]`)
	for _, text := range said {
		n.publish(event("/", text))
	}
	other.hears(said...)
	tap.mu.Lock()
	heard := slices.Clone(tap.heard)
	tap.mu.Unlock()
	var sealed string
	longest := 0
	for _, payload := range heard {
		longest = max(longest, len(payload))
		if data, err := base64.StdEncoding.DecodeString(payload); err == nil && strings.Contains(string(data), `["a"]`) {
			sealed = payload
		}
		if strings.Contains(payload, `["`) {
			t.Errorf("not sealed: %.200s", payload)
		}
	}
	if longest != 7996 { // the text of a seal is a multiple of 4
		t.Errorf("the longest notification has %d bytes", longest)
	}
	ignored := func(channel, payload string) {
		t.Helper()
		before := len(other.event(backplane.Ignored))
		notify(t, c, c.ChannelPrefix+channel, payload)
		until(t, "it is ignored: "+payload, func() bool { return len(other.event(backplane.Ignored)) == before+1 })
	}
	ignored("#/", `{"type":3,"data":{"packet":{"type":2,"data":["forged"]},"opts":{"rooms":[],"except":[],"flags":{}}},"uid":"x","nsp":"/"}`)
	ignored("#/b", sealed)
	ignored("#/", "A"+sealed[1:len(sealed)-4]+"AAAA")
	ignored("-kawat", base64.StdEncoding.EncodeToString([]byte("\x01\x0112345678")))
	var id string
	if err := c.Pool.QueryRow(t.Context(), "INSERT INTO "+c.TableName+" (payload) VALUES ('\\x80') RETURNING id::text").Scan(&id); err != nil {
		t.Fatal(err)
	}
	ignored("#/", `{"uid":"x","type":3,"attachmentId":"`+id+`"}`)
	n.publish(event("/", `["c"]`))
	other.hears(append(said, `["c"]`)...)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	other.knows("/")
}

// A namespace that is shut hears nothing, and is heard again when it is opened.
func TestShut(t *testing.T) {
	c := apart(t)
	c.HeartbeatInterval, c.HeartbeatTimeout = time.Hour, 2*time.Hour
	b := New(c)
	n, other := join(t, b, "/", "/b"), join(t, b, "/", "/b")
	for i := range 5 {
		meet("/b", n, other)
		n.publish(event("/b", `["x"]`))
		until(t, "it has come", func() bool { return len(other.messages()) == 2*i+1 })
		n.Shut("/b")
		n.Shut("/b")
		other.knows("/b")
		until(t, "that is said", func() bool { return len(other.messages()) == 2*i+2 })
		if i%2 == 0 {
			other.publish(event("/b", `["nobody"]`))
			other.publish(event("/", `["n"]`))
			until(t, "what was said later has come", func() bool { return len(n.messages()) == i/2+1 })
		}
		n.Open("/b")
		n.Open("/b")
	}
	meet("/b", n, other)
	for range 10 { // too quick for the server to be told
		other.Shut("/b")
		other.Open("/b")
	}
	other.knows("/b", n.ID())
	until(t, "n knows, too", func() bool {
		p, err := n.Peers(t.Context(), "/b")
		return err == nil && p.Count == 1
	})
	meet("/b", n, other)
	other.Shut("/b")
	until(t, "that is said", func() bool {
		p, err := n.Peers(t.Context(), "/b")
		return err == nil && p.Count == 0
	})
}

func TestCleanup(t *testing.T) {
	c := apart(t)
	c.CleanupInterval = 500 * time.Millisecond
	b := New(c)
	n, other := join(t, b, "/"), join(t, b, "/")
	meet("/", n, other)
	exec(t, c, "INSERT INTO "+c.TableName+" (created_at, payload) VALUES (now() + interval '1 hour', 'young')")
	n.publish(event("/", `[{"_placeholder":true,"num":0}]`, []byte("b")))
	other.hears(`[{"_placeholder":true,"num":0}]`)
	until(t, "old messages are deleted, and others are not", func() bool {
		var all, young int
		err := c.Pool.QueryRow(t.Context(), "SELECT count(*), count(*) FILTER (WHERE payload = 'young') FROM "+c.TableName).Scan(&all, &young)
		return err == nil && all == 1 && young == 1
	})
}

func TestJoinFails(t *testing.T) {
	c := apart(t)
	c.CreateTable = false
	for want, change := range map[string]func(c *Config){
		"there is no table":   func(*Config) {},
		"Config.Pool":         func(c *Config) { c.Pool = nil },
		"cannot use the":      func(c *Config) { c.Pool = pool(t, "postgres://postgres@127.0.0.1:1/x?sslmode=disable") },
		"cannot make the":     func(c *Config) { c.CreateTable, c.TableName = true, "nowhere.x" },
		"column \"id\" does ": func(c *Config) { c.TableName = "pg_user" },
	} {
		c := c
		change(&c)
		if _, err := New(c).Join(t.Context(), (&member{}).host()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}

// Many nodes that begin at the same time make the table once.
func TestTableIsMadeOnce(t *testing.T) {
	c := apart(t)
	done := make(chan error)
	for range 6 {
		go func() {
			n, err := New(c).Join(context.Background(), (&member{}).host())
			if err == nil {
				err = n.Close()
			}
			done <- err
		}()
	}
	for range 6 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
