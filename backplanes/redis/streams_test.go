package redis

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/testservers"
)

func TestStreamsConfig(t *testing.T) {
	client := connect(t, "127.0.0.1:1")
	for text, c := range map[string]StreamsConfig{
		"Config.Client is not set": {},
		"StreamCount is -1":        {Config: Config{Client: client}, StreamCount: -1},
		"StreamCount is 1001":      {Config: Config{Client: client}, StreamCount: 1001},
		"cannot join":              {Config: Config{Client: client}},
	} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		if _, err := Streams(c).Join(ctx, new(member).host(nil)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %q", err, text)
		}
		cancel()
	}
}

// A key that is no stream is an error of Join.
func TestStreamsWrongKey(t *testing.T) {
	c := streamsConfig(t)
	c.Client.Set(context.Background(), c.StreamName, "text", 0)
	if _, err := Streams(c).Join(context.Background(), new(member).host(nil)); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Error(err)
	}
}

// Who has seen nothing since an empty stream began to be read can be told what it has
// missed.
func TestStreamsFromNothing(t *testing.T) {
	c := streamsConfig(t)
	a := joinStreams(t, c, nil)
	start := a.Head(streamsNamespace)
	ctx := context.Background()
	s := backplane.Session{Namespace: streamsNamespace, ID: "id", PID: "pid", Marks: &backplane.Marks{Start: start, End: start}}
	if err := a.SaveSession(ctx, s, time.Minute); err != nil {
		t.Fatal(err)
	}
	said := a.say(2)
	a.wants(said)
	_, missed, err := joinStreams(t, c, nil).RestoreSession(ctx, streamsNamespace, "pid", backplane.Offset{})
	if err != nil || len(missed) != 2 || missed[0].Offset != a.seen.received()[0].Offset {
		t.Errorf("missed %+v, %v", missed, err)
	}
}

// What others write that is damaged, or of a kind that has no place there, is ignored;
// what follows is read.
func TestStreamsIgnored(t *testing.T) {
	c := streamsConfig(t)
	c.MaxMessageBytes = 1000
	a := joinStreams(t, c, nil)
	const good = `{"packet":{"type":2,"data":["good"]},"opts":{"rooms":[],"except":[],"flags":{}}}`
	add := func(values ...string) {
		t.Helper()
		if err := c.Client.XAdd(context.Background(), &goredis.XAddArgs{Stream: c.StreamName, Values: values}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	bad := [][]string{
		{"nsp", streamsNamespace},
		{"nsp", streamsNamespace, "uid", "x", "type", "99", "data", good},
		{"nsp", streamsNamespace, "uid", "x", "type", "-3", "data", good},
		{"nsp", streamsNamespace, "uid", "x", "type", "7", "data", `{"requestId":"x"}`},
		{"nsp", streamsNamespace, "uid", "x", "type", "3", "data", good[:30]},
		{"nsp", streamsNamespace, "uid", "x", "type", "3", "data", "no base64!"},
		{"nsp", streamsNamespace, "uid", "x", "type", "3", "data", "gqZwYWNrZXQ="},
		{"nsp", streamsNamespace, "uid", "x", "type", "3"},
		{"nsp", streamsNamespace, "uid", "x", "type", "3", "data", strings.Repeat("x", 5000)},
	}
	for _, values := range bad {
		add(values...)
	}
	add("other", "thing")
	add("nsp", "/other", "uid", "x", "type", "3", "data", good)
	add("nsp", streamsNamespace, "uid", a.ID(), "type", "3", "data", good) // its own, it seems
	add("future", "x", "data", good, "type", "3", "uid", "x", "nsp", streamsNamespace)
	add("nsp", streamsNamespace, "uid", "emitter", "type", "9", "data", `{"packet":["good"]}`)
	a.wants([]string{`["good"]`, `["good"]`})
	got := a.seen.received()
	if got[0].From != "x" || got[1].Kind != backplane.ServerSideEmit || got[1].From != "emitter" || got[0].Offset.Compare(got[1].Offset) >= 0 {
		t.Errorf("%+v", got)
	}
	eventually(t, "events", func() bool { return len(a.seen.observed(backplane.Ignored)) >= len(bad) })
	if n := len(a.seen.observed(backplane.Ignored)); n != len(bad) {
		t.Errorf("%d were ignored, not %d: %v", n, len(bad), a.seen.observed(backplane.Ignored))
	}
	if head := a.Head(streamsNamespace); head != got[1].Offset {
		t.Errorf("the head is %v", head)
	}
}

// Messages that are authentic are read by those who have the secret, and no others.
func TestStreamsSecret(t *testing.T) {
	c := streamsConfig(t)
	with := c
	with.Secret = "secret"
	a, b, stranger := joinStreams(t, with, nil), joinStreams(t, with, nil), joinStreams(t, c, nil)
	said := a.say(1)
	stranger.say(1)
	said = append(said, a.say(1)...)
	b.wants(said)
	ctx := context.Background()
	for _, entries := range []string{"moved to another namespace", "given another number"} {
		m, err := c.Client.XRevRangeN(ctx, c.StreamName, "+", "-", 1).Result()
		if err != nil {
			t.Fatal(err)
		}
		v := m[0].Values
		if entries == "given another number" {
			v["kid"] = "99"
		} else {
			v["nsp"] = "/"
			b.Open("/")
		}
		c.Client.XAdd(ctx, &goredis.XAddArgs{Stream: c.StreamName, Values: v})
		eventually(t, entries, func() bool { return b.Head(streamsNamespace) == last1(t, c) })
	}
	b.wants(said)
	if n := len(b.seen.observed(backplane.Ignored)); n < 3 {
		t.Errorf("%d were ignored", n)
	}
	if err := stranger.SaveSession(ctx, backplane.Session{Namespace: streamsNamespace, ID: "id", PID: "pid"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.RestoreSession(ctx, streamsNamespace, "pid", a.Head(streamsNamespace)); err != backplane.ErrNoSession {
		t.Errorf("a stranger's session: %v", err)
	}
}

func last1(t testing.TB, c StreamsConfig) backplane.Offset {
	t.Helper()
	m, err := c.Client.XRevRangeN(context.Background(), c.StreamName, "+", "-", 1).Result()
	if err != nil || len(m) == 0 {
		t.Fatal(m, err)
	}
	id, _ := parseID([]byte(m[0].ID))
	return id
}

// A host that ends the goroutine, or is slow with one message, gets the others.
func TestStreamsGoexit(t *testing.T) {
	c := streamsConfig(t)
	var calls atomic.Int64
	a := joinStreams(t, c, nil)
	b := joinStreams(t, c, func(backplane.Message) {
		if calls.Add(1)%2 == 0 {
			exit()
		}
	})
	b.wants(a.say(9))
}

// A namespace whose stream Node does not read is warned of, and works among Kawat's.
func TestStreamsNotRead(t *testing.T) {
	c := streamsConfig(t)
	c.StreamCount = 4
	a, b := joinStreams(t, c, nil), joinStreams(t, c, nil)
	log := new(lines)
	b.streamsNode.node.host.Logger = slog.New(slog.NewTextHandler(log, nil))
	const namespace = "/notifications"
	for range 2 {
		a.Open(namespace)
		b.Open(namespace)
		b.Shut(namespace)
	}
	b.Open(namespace)
	eventually(t, "the stream", func() bool { return !b.Head(namespace).IsZero() && !a.Head(namespace).IsZero() })
	if err := a.Publish(event(namespace, "x")); err != nil {
		t.Fatal(err)
	}
	b.wants([]string{`["x"]`})
	if n := strings.Count(string(*log), "namespace=/notifications"); n != 1 || !strings.Contains(string(*log), c.StreamName+"--3") {
		t.Errorf("%s", *log)
	}
	if n, _ := c.Client.XLen(context.Background(), c.StreamName+"--3").Result(); n == 0 {
		t.Error("it is in another stream")
	}
}

type lines []byte

func (l *lines) Write(text []byte) (int, error) {
	*l = append(*l, text...)
	return len(text), nil
}

func TestStreamsEmitter(t *testing.T) {
	c := streamsConfig(t)
	c.StreamCount = 2
	a := joinStreams(t, c, nil)
	e, err := NewStreamsEmitter(c)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewStreamsEmitter(c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	var want []string
	for i := range 20 {
		m := event(streamsNamespace, strings.Repeat("x", i))
		want = append(want, string(m.Data.JSON))
		if i%2 == 0 {
			m.Kind = backplane.ServerSideEmit
		}
		if err := e.Publish(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Publish(backplane.Message{Kind: backplane.FetchSockets, Request: "x"}); err == nil {
		t.Error("it has asked")
	}
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := e.Publish(event(streamsNamespace, "x")); err != backplane.ErrClosed {
		t.Error(err)
	}
	a.wants(want)
	if err := other.Publish(event(streamsNamespace, "other")); err != nil {
		t.Fatal(err)
	}
	a.wants(append(want, `["other"]`))
	for _, m := range a.seen.received() {
		if m.From != "emitter" {
			t.Errorf("from %q", m.From)
		}
	}
}

// In a Redis Cluster, with streams on several of its servers.
func TestStreamsCluster(t *testing.T) {
	r := testservers.StartRedisCluster(t, false)
	client := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: r.Addrs()})
	t.Cleanup(func() { _ = client.Close() })
	c := StreamsConfig{Config: Config{Client: client, Prefix: prefix()}, StreamCount: 3, EchoPatience: patience}
	a, b := joinStreams(t, c, nil), joinStreams(t, c, nil)
	said := a.say(50)
	b.wants(said)
	a.wants(said)
	ctx := context.Background()
	peers, err := a.Peers(ctx, streamsNamespace)
	if err != nil || peers.Count != 1 {
		t.Errorf("%+v, %v", peers, err)
	}
	if err := a.SaveSession(ctx, backplane.Session{Namespace: streamsNamespace, ID: "id", PID: "pid"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	_, missed, err := b.RestoreSession(ctx, streamsNamespace, "pid", b.seen.received()[9].Offset)
	if err != nil || len(missed) != 40 {
		t.Errorf("missed %d, %v", len(missed), err)
	}
}

// A node that leaves is heard to leave after all that it has said.
func TestStreamsLeave(t *testing.T) {
	c := streamsConfig(t)
	a, b := joinStreams(t, c, nil), joinStreams(t, c, nil)
	eventually(t, "each other", func() bool { return len(b.Nodes()) == 1 })
	said := a.say(200)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end", func() bool {
		b.seen.mu.Lock()
		defer b.seen.mu.Unlock()
		return slices.Contains(b.seen.left, a.ID())
	})
	if got := b.seen.texts(); !slices.Equal(got, said) {
		t.Errorf("%d had come", len(got))
	}
	if err := a.Publish(event(streamsNamespace, "x")); err != backplane.ErrClosed {
		t.Error(err)
	}
}
