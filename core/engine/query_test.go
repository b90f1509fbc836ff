package engine_test

import (
	"net/url"
	"reflect"
	"testing"

	"github.com/kawat-go/kawat/core/engine"
)

// What is not well-formed is taken as it stands, as the reference takes it.
func TestQuery(t *testing.T) {
	for raw, want := range map[string]url.Values{
		"":                         {},
		"a=1&b=x%20y+z&a=2":        {"a": {"1", "2"}, "b": {"x y z"}},
		"q=50%&a=1":                {"q": {"50%"}, "a": {"1"}},
		"token=a;b&x=%zz&y=%41":    {"token": {"a;b"}, "x": {"%zz"}, "y": {"A"}},
		"&&a&%zz=1&=2":             {"a": {""}, "%zz": {"1"}, "": {"2"}},
		"EIO=4&transport=polling%": {"EIO": {"4"}, "transport": {"polling%"}},
	} {
		r := &engine.Request{RawQuery: raw}
		if got := r.Query(); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
	srv := newServer(t, engine.Config{})
	srv.OnConnection(func(*engine.Session) engine.Receiver { return engine.Funcs{} })
	if reply := srv.ServePoll(t.Context(), request("GET", polling+"&token=a;b&x=50%", "")); reply.Status != 200 {
		t.Errorf("%d %s", reply.Status, reply.Body)
	}
}
