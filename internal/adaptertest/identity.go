package adaptertest

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

// identity checks that what the auth middleware found out about a user reaches
// that user's session, and no other, and stays.
func identity(t *testing.T, host Host) {
	srv, err := engine.New(engine.Config{DisableParking: host.unparked})
	if err != nil {
		t.Fatal(err)
	}
	srv.OnConnection(whoami)
	s := serve(t, host, App{Endpoint: srv, Place: Group})
	t.Run("unauthorized", s.sub(func(s *site) {
		if r := s.do("GET", s.query(""), ""); r.status != 401 {
			s.t.Errorf("%d %q", r.status, r.body)
		}
	}))
	t.Run("many", s.sub(testIdentities))
}

// whoami answers each message by what the session knows of its user.
func whoami(s *engine.Session) engine.Receiver {
	return engine.Funcs{OnMessage: func([]byte, bool) {
		r := s.Request()
		_ = s.SendText(fmt.Sprint(r.Values[UserKey], " ", r.Context.Value(ContextKey{}), " ",
			r.Header.Get(UserHeader), " ", r.Context.Err()))
	}}
}

func testIdentities(s *site) {
	const users = 40
	var all sync.WaitGroup
	for i := range users {
		name := fmt.Sprintf("user-%d-%s", i, strings.Repeat("x", i))
		want := fmt.Sprintf("4%[1]s %[1]s %[1]s <nil>", name)
		header := UserHeader + ": " + name
		if i%2 == 0 {
			all.Go(func() { s.askByPolling(header, want) })
			continue
		}
		c := s.dial("", header)
		all.Go(func() {
			sidOf(s.t, c.receive())
			for range 10 {
				s.do("GET", s.prefix+"/hello", "", UserHeader+": mallory")
				c.send("4who")
				c.expect(want)
			}
		})
	}
	all.Wait()
}

func (s *site) askByPolling(header, want string) {
	sid := s.open(header)
	for range 10 {
		// The later requests are somebody else's, as far as the framework knows.
		s.do("POST", s.query(sid), "4who", UserHeader+": mallory")
		s.do("GET", s.prefix+"/hello", "", UserHeader+": mallory")
		if r := s.do("GET", s.query(sid), "", UserHeader+": mallory"); r.body != want {
			s.t.Errorf("%q, want %q", r.body, want)
		}
	}
}
