package engine

import (
	"context"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// What is kept of a request is the request, whatever it has in it.
func TestARequestIsKeptWhole(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, 1)
	values := map[string]any{"user": "ann"}
	for name, r := range map[string]*Request{
		"empty": {Header: Header{}},
		"bare": {
			Method: "GET", Path: "/socket.io/", RawQuery: "EIO=4&transport=websocket", Host: "127.0.0.1:8080", RemoteAddr: "127.0.0.1:50000",
			Header: Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}},
		},
		"odd": {
			Method: "", Path: "\x00\x01é", RawQuery: strings.Repeat("q", 5000), ContentLength: -1, Secure: true, Context: ctx, Values: values,
			Header: Header{"": {"", "x"}, "None": {}, "X\r\n": {strings.Repeat("x", 127), strings.Repeat("y", 128)}, "Cookie": {"a=b", "c=d", "no-cache"}},
		},
		"large": {ContentLength: 1 << 62, Header: Header{"Cookie": slices.Repeat([]string{"c"}, 300)}},
	} {
		k := keep(r)
		if got := k.request(); !reflect.DeepEqual(got, r) {
			t.Errorf("%s: %+v, want %+v", name, got, r)
		}
		if k.remoteAddr() != r.RemoteAddr {
			t.Errorf("%s: from %q", name, k.remoteAddr())
		}
	}
}

// The usual texts, and those that are nearly so, can stand anywhere.
func TestUsualTextsAreKept(t *testing.T) {
	if len(usualPlaces) != len(usual) {
		t.Errorf("%d places for %d texts", len(usualPlaces), len(usual))
	}
	random := rand.New(rand.NewPCG(1, 2))
	some := func() string {
		text := usual[random.IntN(len(usual))]
		return text[:len(text)-min(len(text), random.IntN(4)/3)]
	}
	for range 1000 {
		r := &Request{Method: some(), Path: some(), RawQuery: some(), Host: some(), RemoteAddr: some(), Header: Header{}}
		for range random.IntN(12) {
			r.Header.Add("X-"+some(), some())
			r.Header[some()] = []string{some(), some()}
		}
		k := keep(r)
		if got := k.request(); !reflect.DeepEqual(got, r) {
			t.Fatalf("%+v, want %+v", got, r)
		}
	}
}

// Nobody who asks for the request can change what others are given.
func TestTheRequestIsEachOnesOwn(t *testing.T) {
	k := keep(&Request{Header: Header{"Cookie": {"a"}}})
	first := k.request()
	first.Header["Cookie"][0], first.Host = "changed", "changed"
	first.Header.Set("Origin", "added")
	if r := k.request(); r.Host != "" || !maps.EqualFunc(r.Header, Header{"Cookie": {"a"}}, slices.Equal[[]string]) {
		t.Errorf("%+v", r)
	}
}
