package app

import (
	"errors"
	"strings"
	"testing"
	"time"

	socketio "github.com/kawat-go/kawat/core"
)

func TestNames(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"Ani", "Ani"},
		{"  Ayu \t Lestari ", "Ayu Lestari"},
		{"Zoë 漢字 😀", "Zoë 漢字 😀"},
		{strings.Repeat("é", maxName), strings.Repeat("é", maxName)},
		{"", ""},
		{" \n ", ""},
		{"a\u202eb", ""},
		{"a\x00b", ""},
		{"a\xffb", ""},
		{strings.Repeat("x", maxName+1), ""},
	} {
		got, err := cleanName("a name", test.in, maxName)
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%q: %q, %v", test.in, got, err)
		}
	}
}

func TestMessages(t *testing.T) {
	png := []byte("\x89PNG\r\n\x1a\n")
	image := func(data []byte) *Image { return &Image{Name: "x", Type: "image/png", Data: data} }
	for _, test := range []struct {
		what string
		r    SendRequest
		ok   bool
	}{
		{"a text", SendRequest{Key: "k", Text: "halo"}, true},
		{"an image", SendRequest{Key: "k", Image: image(png)}, true},
		{"the longest text", SendRequest{Key: "k", Text: strings.Repeat("é", maxText)}, true},
		{"nothing", SendRequest{Key: "k", Text: " \n"}, false},
		{"no key", SendRequest{Text: "halo"}, false},
		{"a long key", SendRequest{Key: strings.Repeat("k", maxKey+1), Text: "halo"}, false},
		{"a text that is too long", SendRequest{Key: "k", Text: strings.Repeat("é", maxText+1)}, false},
		{"markup as an image", SendRequest{Key: "k", Image: image([]byte("<svg onload='x'/>"))}, false},
		{"an image without data", SendRequest{Key: "k", Image: image(nil)}, false},
		{"a large image", SendRequest{Key: "k", Image: image(append(png, make([]byte, maxImage)...))}, false},
	} {
		if err := test.r.clean(); (err == nil) != test.ok {
			t.Errorf("%s: %v", test.what, err)
		}
	}
}

func TestPace(t *testing.T) {
	var p pace
	now := time.Unix(1e9, 0)
	for i := range burst {
		if err := p.spend(now); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	var refused *socketio.Error
	if err := p.spend(now); !errors.As(err, &refused) {
		t.Fatalf("one too many: %v", err)
	}
	wait := refused.Data.(map[string]int64)["retryAfter"]
	if wait < 400 || wait > 600 {
		t.Errorf("retryAfter %d ms", wait)
	}
	if err := p.spend(now.Add(time.Duration(wait) * time.Millisecond)); err != nil {
		t.Errorf("after the time that was asked for: %v", err)
	}
	if err := p.spend(now.Add(time.Hour)); err != nil || p.left != burst-1 {
		t.Errorf("after an hour: %v, %v left", err, p.left)
	}
}
