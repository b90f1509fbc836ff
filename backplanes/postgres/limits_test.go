package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/wire"
)

// A row that is too long, empty or none is not read, and what comes behind it is.
func TestRowsThatAreNotRead(t *testing.T) {
	c := apart(t)
	c.MaxMessageBytes = 10_000
	b := New(c)
	n := join(t, b, "/")
	node := join(t, b, "/")
	meet("/", n, node)
	another := event("/", `["forged"]`) // what the row says is of another than the notification says
	another.From = "another"
	forged, err := wire.AppendMsgpack(nil, another)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range []any{strings.Repeat("\x80", 20_000), nil, "\x80", string(forged)} {
		var id string
		if err := c.Pool.QueryRow(t.Context(), "INSERT INTO "+c.TableName+" (payload) VALUES (convert_to($1, 'LATIN1')) RETURNING id::text",
			latin1(row)).Scan(&id); err != nil {
			t.Fatal(err)
		}
		notify(t, c, c.ChannelPrefix+"#/", `{"uid":"node","type":3,"attachmentId":"`+id+`"}`)
		notify(t, c, c.ChannelPrefix+"#/", fmt.Sprintf(`{"type":9,"data":{"packet":[%d]},"uid":"node","nsp":"/"}`, i))
	}
	n.hears("[0]", "[1]", "[2]", "[3]")
	if gaps, ignored := len(n.event(backplane.Gap)), len(n.event(backplane.Ignored)); gaps != 2 || ignored != 2 {
		t.Errorf("%d gaps and %d ignored: %v", gaps, ignored, n.events)
	}
	if err := node.Publish(event("/", `["`+strings.Repeat("x", 10_000)+`"]`)); err == nil {
		t.Error("a message was sent that is too long")
	}
}

// latin1 has a rune for each byte of a text.
func latin1(text any) any {
	s, ok := text.(string)
	if !ok {
		return nil
	}
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// What comes faster than the host takes it is dropped and reported; who comes and goes
// is not.
func TestMoreComesThanIsTaken(t *testing.T) {
	m := &member{t: t}
	n := unlinked(t, "", m, nil)
	for i := range 20 {
		n.inbox.add(arrival{channel: n.channel("/"), payload: fmt.Sprintf(`{"type":9,"data":{"packet":[%d]},"uid":"x","nsp":"/"}`, i)})
	}
	n.inbox.add(arrival{unsent: 3})
	go n.receive(n.running)
	until(t, "the losses are reported", func() bool { return len(m.event(backplane.Gap)) == 2 })
	if e := m.event(backplane.Gap); e[0].Lost != -1 || e[0].Err == nil || e[1].Lost != 3 {
		t.Errorf("reported: %v", e)
	}
	if got := m.said(); len(got) != 10 || got[9] != "[9]" {
		t.Errorf("it came %q", got)
	}
}

// Who makes up nodes costs no more than so much.
func TestNodesAreBounded(t *testing.T) {
	m := &member{t: t}
	n := unlinked(t, "", m, nil)
	for i := range maxMembers + 10 {
		n.arrive(t.Context(), arrival{channel: n.channel("/"), payload: `{"type":9,"data":{"packet":[1]},"uid":"x` + strconv.Itoa(i) + `","nsp":"/"}`})
	}
	if p, err := n.Peers(t.Context(), "/"); err != nil || p.Count != maxMembers || len(m.messages()) != maxMembers {
		t.Errorf("%d peers, %d messages, %v", p.Count, len(m.messages()), err)
	}
	n.arrive(t.Context(), arrival{channel: n.channel("/"), payload: `{"type":9,"data":{"packet":[1]},"uid":"` + strings.Repeat("x", maxUID+1) + `","nsp":"/"}`})
	if len(m.messages()) != maxMembers || len(m.event(backplane.Ignored)) != 1 {
		t.Error("a node with a very long id was heard")
	}
}

// A database that cannot hold some text refuses what has it, and nothing else.
func TestDatabaseOfAnotherEncoding(t *testing.T) {
	c := apart(t)
	name := "latin_" + c.ChannelPrefix
	exec(t, c, "CREATE DATABASE "+name+" ENCODING 'LATIN1' TEMPLATE template0")
	c.Pool = pool(t, strings.Replace(server(t).URL(), "/postgres?", "/"+name+"?", 1))
	b := New(c)
	namespaces := []string{"/", "/日本", "/é"}
	n, other := join(t, b, namespaces...), join(t, b, namespaces...)
	meet("/", n, other)
	meet("/é", n, other)
	for _, m := range []backplane.Message{
		event("/", `["1"]`), event("/", `["日本"]`), event("/日本", `["2"]`), event("/é", `["é"]`), event("/", `["3"]`),
	} {
		n.publish(m)
	}
	until(t, "what can be sent comes", func() bool { return len(other.messages()) == 3 })
	got := other.said()
	slices.Sort(got)
	if !slices.Equal(got, []string{`["1"]`, `["3"]`, `["é"]`}) {
		t.Errorf("it came %q", got)
	}
	until(t, "the rest is reported", func() bool { return len(n.event(backplane.Gap)) >= 2 })
	if len(n.event(backplane.Down)) > 0 {
		t.Error("that has cut the link")
	}
}

// A node of Kawat's that is gone has left all namespaces, once all that it has said
// was heard. Then the host is told.
func TestGone(t *testing.T) {
	m := &member{t: t}
	n := unlinked(t, "", m, nil)
	from, wait := "0123456789abcdef", make(chan struct{})
	n.read = func(context.Context, int64) ([]byte, error) {
		<-wait
		message := event("/", `["in the table"]`)
		message.From = from
		return wire.AppendMsgpack(nil, message)
	}
	for channel, payload := range map[string]string{
		n.channel("/"):  `{"uid":"` + from + `","type":3,"attachmentId":"1"}`,
		n.channel("/b"): `{"type":2,"uid":"` + from + `","nsp":"/b"}`,
	} {
		n.arrive(t.Context(), arrival{channel: channel, payload: payload})
	}
	n.arrive(t.Context(), arrival{channel: n.channel("/"), payload: `{"type":9,"data":{"packet":["behind it"]},"uid":"` + from + `","nsp":"/"}`})
	told := make(chan struct{})
	n.arrive(t.Context(), arrival{gone: from, told: told})
	for _, namespace := range []string{"/", "/b"} {
		if p, _ := n.Peers(t.Context(), namespace); p.Count > 0 {
			t.Errorf("it is still in %s", namespace)
		}
	}
	m.hears("left: " + from)
	if len(m.gone) > 0 {
		t.Error("the host was told too early")
	}
	close(wait)
	<-told
	m.hears("left: "+from, `["in the table"]`, `["behind it"]`, "left: "+from)
	if !slices.Equal(m.gone, []string{from}) {
		t.Errorf("the host was told of %q", m.gone)
	}
}
