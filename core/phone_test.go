package socketio_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/core/siotest"
)

// A phone is a client that comes back as stock clients do: it keeps the private id
// of its session, and the last argument of each event as its offset.
type phone struct {
	*siotest.Client
	t           testing.TB
	io          *server
	opts        siotest.Options
	auth        map[string]any
	id          string
	pid, offset string
	recovered   bool
	heard       []string // the events, without offsets
}

// call connects a new phone, in a bubble.
func call(t testing.TB, io *server, opts siotest.Options) *phone {
	t.Helper()
	p := &phone{t: t, io: io, opts: opts}
	if err := p.connect(); err != nil {
		t.Fatal(err)
	}
	return p
}

// connect connects for the first time or again.
func (p *phone) connect() error {
	p.t.Helper()
	auth := maps.Clone(p.auth)
	if auth == nil {
		auth = map[string]any{}
	}
	if p.pid != "" {
		auth["pid"] = p.pid
	}
	if p.offset != "" {
		auth["offset"] = p.offset
	}
	p.opts.Auth = auth
	p.Client = siotest.Open(p.t, p.io, p.opts)
	if err := p.Connect(); err != nil {
		return err
	}
	settle()
	p.noteAnswer()
	p.hear()
	return nil
}

// noteAnswer notes what the answer to CONNECT says.
func (p *phone) noteAnswer() {
	p.t.Helper()
	for _, m := range p.Raw() {
		text, _ := m.(string)
		if !strings.HasPrefix(text, "40") {
			continue
		}
		var answer struct{ SID, PID string }
		_, object, _ := strings.Cut(text, "{")
		if err := json.Unmarshal([]byte("{"+object), &answer); err != nil {
			p.t.Fatalf("%s: %v", text, err)
		}
		p.recovered = p.pid != "" && p.pid == answer.PID
		p.id, p.pid = answer.SID, answer.PID
	}
}

// hear handles what has arrived.
func (p *phone) hear() {
	p.t.Helper()
	synctest.Wait()
	for _, e := range p.Events() {
		n := e.Args.Len()
		if e.WantsAck() {
			n++
		} else {
			var last string
			if err := e.Args.Bind(n-1, &last); err != nil {
				p.t.Fatalf("%s has no offset: %v", e.Name, err)
			}
			p.offset = last
		}
		words := []string{e.Name}
		for i := range n - 1 {
			v, err := e.Args.Value(i)
			if err != nil {
				p.t.Fatal(err)
			}
			words = append(words, fmt.Sprint(v))
		}
		p.heard = append(p.heard, strings.Join(words, " "))
	}
}

// took returns what was heard since the last call.
func (p *phone) took() string {
	p.t.Helper()
	p.hear()
	heard := strings.Join(p.heard, ", ")
	p.heard = nil
	return heard
}

// wantTook fails the test if something else was heard.
func (p *phone) wantTook(want string) {
	p.t.Helper()
	if got := p.took(); got != want {
		p.t.Errorf("heard %q, want %q", got, want)
	}
}

// cut drops the connection; what is on its way to the phone is lost.
func (p *phone) cut() {
	p.hear()
	p.vanish()
	p.Abort()
	synctest.Wait()
}

// vanish lets the phone hear nothing more while the server believes it is there.
func (p *phone) vanish() { p.Stall() }

// comeBack connects again, and says whether the session has been recovered.
func (p *phone) comeBack(recovered bool) {
	p.t.Helper()
	id := p.id
	if err := p.connect(); err != nil {
		p.t.Fatal(err)
	}
	if p.recovered != recovered || (p.id == id) != recovered {
		p.t.Errorf("recovered: %v, id %s after %s", p.recovered, p.id, id)
	}
}

// shouting is a codec that does not write texts as they are.
type shouting struct{ packet.JSONCodec }

func (s shouting) Encode(dst []byte, p packet.Outgoing) (packet.Encoded, error) {
	e, err := s.JSONCodec.Encode(dst, p)
	e.Head = bytes.ToUpper(e.Head)
	return e, err
}
