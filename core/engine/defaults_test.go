package engine

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// The defaults are the reference's where it has the option: those of its
// constructor, in engine.io/lib/server.ts.
func TestDefaultsAreTheReferences(t *testing.T) {
	cfg, err := Config{Cookie: &Cookie{}, PerMessageDeflate: &Deflate{}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	got := reflect.ValueOf(cfg)
	for _, c := range []struct {
		field string
		want  any
	}{
		{"Path", "/engine.io"},
		{"PingInterval", 25_000 * time.Millisecond},
		{"PingTimeout", 20_000 * time.Millisecond},
		{"UpgradeTimeout", 10_000 * time.Millisecond},
		{"MaxPayload", int64(1e6)},
		{"Transports", []string{"polling", "websocket"}},
		{"DisableUpgrades", false},
		{"AllowedOrigins", []string(nil)},
		{"CORS", CORS{}},
		{"Cookie", &Cookie{Name: "io", Path: "/", SameSite: "Lax"}},
		{"HTTPCompression", Compression{Threshold: 1024}},
		{"PerMessageDeflate", &Deflate{Threshold: 1024}},
		{"InitialPacket", ""},
		{"CloseTimeout", 30 * time.Second}, // of its polling transport
	} {
		if v := got.FieldByName(c.field).Interface(); !reflect.DeepEqual(v, c.want) {
			t.Errorf("%s: %v, the reference's is %v", c.field, v, c.want)
		}
	}
	zero, err := Config{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if zero.Cookie != nil || zero.PerMessageDeflate != nil || zero.AllowRequest != nil || zero.GenerateID != nil {
		t.Errorf("on by default: %+v", zero)
	}
}

func TestIsToken(t *testing.T) {
	for name, want := range map[string]bool{"X-A": true, "a!#9": true, "": false, "a b": false, "a:": false, "é": false, "a\n": false} {
		if isToken(name) != want {
			t.Errorf("%q", name)
		}
	}
}

// What has a weight of its own is not what "*" says.
func TestAcceptsEncoding(t *testing.T) {
	for accept, want := range map[string]string{
		"":                        "",
		"br, gzip":                "br",
		"gzip, br;q=0.9":          "gzip",
		"*;q=0.5, gzip;q=0.4":     "br",
		"gzip;q=0|br;q=0":         "",
		"*, br;q=0":               "gzip",
		"identity;q=0.5, *;q=0.5": "br",
		"identity;q=0.5, *;q=0.4": "",
	} {
		r := &Request{Header: Header{"Accept-Encoding": slices.Collect(strings.SplitSeq(accept, "|"))}}
		if got := r.AcceptsEncoding("br", "gzip"); got != want {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
	}
}
