package nats

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/membership"
	"github.com/kawat-go/kawat/internal/wire"
)

// block returns the lines of a block of the document.
func block(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/cluster-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "```"+name+"\n")
	lines, _, ended := strings.Cut(rest, "\n```")
	if !found || !ended {
		t.Fatalf("the document has no block %s", name)
	}
	return strings.Split(lines, "\n")
}

func TestDocumentSubjects(t *testing.T) {
	for _, line := range block(t, "nats-subjects") {
		var name string
		quoted, want, _ := strings.Cut(line, `" `)
		if err := json.Unmarshal([]byte(quoted+`"`), &name); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if got := token(name); got != want {
			t.Errorf("%q becomes %s, not %s", name, got, want)
		}
	}
}

func TestDocumentMessages(t *testing.T) {
	for _, line := range block(t, "nats-messages") {
		subject, text, _ := strings.Cut(line, " ")
		payload := []byte(text)
		if digits, binary := strings.CutPrefix(text, "hex:"); binary {
			payload, _ = hex.DecodeString(digits)
		}
		m, err := wire.Decode(payload, wire.Limits{})
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got, err := wire.Append(nil, m); err != nil || !bytes.Equal(got, payload) {
			t.Errorf("%s\nis written as %s, %v", line, got, err)
		}
		rest, ok := strings.CutPrefix(subject, "socket.io."+token(m.Namespace))
		if private := strings.HasPrefix(rest, ".n."); !ok || private != (m.Kind == wire.Heartbeat || m.Kind > backplane.ServerSideEmit && m.Kind < backplane.NodeLeft) ||
			(rest == kept) != lasting(m) && rest != "" {
			t.Errorf("%s is not the subject of %s", subject, text)
		}
	}
}

func TestDocumentMembership(t *testing.T) {
	var mail, left []string
	var ignored int
	nothing := func(string, []byte) error { return nil }
	done := make(chan string, 2)
	m := membership.New(membership.Config{ID: "8591558068ad920c", Send: nothing, Host: backplane.Host{
		Relay:   func(from string, data []byte) { mail = append(mail, from+string(data)); done <- "mail" },
		Left:    func(node string) { left = append(left, node); done <- "left" },
		Observe: func(backplane.Event) { ignored++ },
	}})
	defer m.Close()
	for _, line := range block(t, "nats-membership") {
		words := strings.Fields(line)
		data, err := hex.DecodeString(strings.Join(words[1:], ""))
		if err != nil {
			t.Fatal(err)
		}
		m.Received(data)
		if there := slices.Contains(m.Nodes(), "96f0a079550f0959"); there == (words[0] == "bye") {
			t.Errorf("after %s: %t", line, there)
		}
	}
	for range 2 {
		<-done
	}
	if fmt.Sprint(mail, left, ignored) != "[96f0a079550f0959hi] [96f0a079550f0959] 0" {
		t.Errorf("mail %q, left %q, %d ignored", mail, left, ignored)
	}
}

func TestDocumentStates(t *testing.T) {
	for _, line := range block(t, "nats-states") {
		list, text, _ := strings.Cut(line, " ")
		var names []string
		var st state
		if err := json.Unmarshal([]byte(list), &names); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &st); err != nil {
			t.Fatal(err)
		}
		if written, err := json.Marshal(st); err != nil || string(written) != text {
			t.Errorf("%s\nis written as %s", text, written)
		}
		var sum digest
		for _, name := range names {
			sum.add(name)
		}
		if len(names) != st.Count || sum.String() != st.Digest {
			t.Errorf("%q has the digest %s, not %s", names, sum, st.Digest)
		}
	}
}

func TestDocumentSeals(t *testing.T) {
	for _, line := range block(t, "nats-seals") {
		var secret string
		quoted, rest, _ := strings.Cut(line, `" `)
		words := strings.Fields(rest)
		if err := json.Unmarshal([]byte(quoted+`"`), &secret); err != nil || len(words) != 3 {
			t.Fatal(line)
		}
		c := Config{Secret: secret}
		sealed := c.sealed(words[0], []byte(words[1]))
		if hex.EncodeToString(sealed) != words[2] {
			t.Errorf("sealed as %x", sealed)
		}
		if payload, err := c.opened(words[0], sealed); err != nil || string(payload) != words[1] {
			t.Errorf("opened as %s, %v", payload, err)
		}
		if _, err := c.opened("socket.io.Lw", sealed); err == nil {
			t.Error("it is opened elsewhere")
		}
	}
}

// FuzzReceived gives a node what nobody should send: it goes on.
func FuzzReceived(f *testing.F) {
	for _, name := range []string{"nats-messages"} {
		text, err := os.ReadFile("../../docs/cluster-protocol.md")
		if err != nil {
			f.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), "```"+name+"\n")
		for line := range strings.Lines(rest[:strings.Index(rest, "\n```")]) {
			subject, payload, _ := strings.Cut(strings.TrimSpace(line), " ")
			f.Add(strings.TrimPrefix(subject, "socket.io"), []byte(payload))
		}
	}
	f.Add(statesOf, []byte(`{"v":1,"uid":"a","count":1,"digest":"","names":["/"],"part":1,"parts":1,"ask":true}`))
	f.Add(statesOf, []byte(`{"v":1,"uid":"a","opened":["/"],"shut":["/"],"want":true}`))
	f.Fuzz(func(t *testing.T, rest string, data []byte) {
		n := quiet(t)
		n.received(n.config.Prefix+"."+rest, data)
		n.received(n.config.Prefix+statesOf, data)
		n.received(n.config.Prefix+membersOf, data)
		for _, s := range n.spaces {
			if len(s.peers) > 3 {
				t.Errorf("%d peers of one message", len(s.peers))
			}
		}
	})
}
