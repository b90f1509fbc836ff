package wire

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/core/backplane"
)

// checkData checks what the seam promises of a value: valid text without spaces, in
// which each attachment is meant once, and nothing else looks like one.
func checkData(t *testing.T, d backplane.Data) {
	t.Helper()
	if d.JSON == nil {
		if d.Attachments != nil {
			t.Errorf("attachments of nothing: %q", d.Attachments)
		}
		return
	}
	if !jsontext.Value(d.JSON).IsValid(jsonOptions...) || !utf8.Valid(d.JSON) {
		t.Errorf("no JSON: %q", d.JSON)
	}
	if _, spaces := survey(d.JSON); spaces {
		t.Errorf("with spaces: %q", d.JSON)
	}
	if len(d.Attachments) == 0 {
		return
	}
	for i := range d.Attachments {
		if n := bytes.Count(d.JSON, appendPlaceholder(nil, i)); n < 1 {
			t.Errorf("attachment %d is nowhere in %q", i, d.JSON)
		}
	}
}

func checkMessage(t *testing.T, m backplane.Message) {
	t.Helper()
	checkData(t, m.Data)
	for _, s := range m.Sockets {
		checkData(t, s.Data)
		checkData(t, s.Handshake.Auth)
		for k, v := range s.Handshake.Headers {
			if !utf8.ValidString(v) {
				t.Errorf("header %q: %q", k, v)
			}
		}
	}
	for _, name := range append(append(append([]string{m.From, m.Namespace, m.Request}, m.Rooms...), m.Options.Rooms...), m.Options.Except...) {
		if !utf8.ValidString(name) {
			t.Errorf("the name %q", name)
		}
	}
	if m.Count < 0 || m.Options.Flags.Timeout < 0 {
		t.Errorf("%+v", m)
	}
}

// FuzzDecode holds that whatever comes is an error, or a message that can be sent on, and
// is the same then.
func FuzzDecode(f *testing.F) {
	for _, g := range goldens(f) {
		if g.kind == 0 {
			f.Add(g.bytes)
		}
	}
	f.Add([]byte(` { "type" : 10 , "data":{"requestId":"\ud800","packet":1e999,"failed":true}} `))
	f.Add([]byte("\x82\xa4type\x0c\xa4data\x82\xa9requestId\xa1r\xa6packet\xd7\xff\x64\xdb\x1a\x00\x54\x61\xea\xdf"))
	f.Add([]byte(`{"type":11,"data":{"requestId":"r"},"type":6}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data, Limits{Bytes: 1 << 20, Depth: 50, Items: 1000})
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrUnknownKind) || !reflect.DeepEqual(m, backplane.Message{}) {
				t.Errorf("%q: %+v, %v", data, m, err)
			}
			return
		}
		checkMessage(t, m)
		again, err := Append(nil, m)
		if err != nil {
			t.Fatalf("%q: %+v: %v", data, m, err)
		}
		second, err := Decode(again, Limits{})
		if err != nil {
			t.Fatalf("%q: %q: %v", data, again, err)
		}
		// A fraction of a millisecond is not sent.
		second.Options.Flags.Timeout, m.Options.Flags.Timeout = 0, 0
		if again[0] == '{' {
			if m = normal(m); !reflect.DeepEqual(m, second) {
				t.Errorf("%q:\nfirst  %+v\nsecond %+v", data, m, second)
			}
			return
		}
		if third, err := Append(nil, second); err != nil || !bytes.Equal(third, again) && m.Options.Flags.Timeout == second.Options.Flags.Timeout && len(third) == len(again) {
			t.Errorf("%q:\nfirst  %q\nsecond %q, %v", data, again, third, err)
		}
	})
}

// FuzzValue holds that a value is the same after each way there and back.
func FuzzValue(f *testing.F) {
	f.Add([]byte(`["a",1,-1.5e300,{"b":[true,null,{"_placeholder":true,"num":0}]}]`), []byte("one"))
	f.Add([]byte(`{"_placeholder":true,"num":1}`), []byte{})
	f.Add([]byte(`"\ud83d\ude00\ud83d"`), []byte{1})
	f.Fuzz(func(t *testing.T, json, attachment []byte) {
		if !jsontext.Value(json).IsValid(jsonOptions...) || !utf8.Valid(json) {
			_, _ = AppendValue(nil, backplane.Data{JSON: json, Attachments: [][]byte{attachment}}) // no panic
			return
		}
		for _, d := range []backplane.Data{{JSON: json}, {JSON: json, Attachments: [][]byte{attachment}}} {
			b, err := AppendValue(nil, d)
			if err != nil {
				continue // spaces, or an attachment that is not there
			}
			first, rest, err := ReadValue(b, Limits{Depth: 20_000})
			if err != nil {
				if len(d.Attachments) == 0 && !errors.Is(err, ErrTooLarge) {
					t.Errorf("%q: %x: %v", json, b, err)
				}
				continue
			}
			checkData(t, first)
			second, err := AppendValue(nil, first)
			if len(rest) > 0 || err != nil || !bytes.Equal(second, b) && !bytes.Contains(b, []byte{0xcb}) {
				t.Errorf("%q: %x, then %q, %x, %v", json, b, first.JSON, second, err)
			}
		}
	})
}

// FuzzReadValue holds that whatever comes is an error, or a value.
func FuzzReadValue(f *testing.F) {
	f.Add([]byte("\x92\xa1a\xc4\x01b"))
	f.Add([]byte("\xc7\x0c\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, rest, err := ReadValue(data, Limits{Bytes: 1 << 20, Depth: 50, Items: 1000})
		skipped, err2 := skip(data, 50)
		if err == nil && (err2 != nil || !bytes.Equal(rest, skipped)) {
			t.Errorf("%x: what is read is not skipped: %v", data, err2)
		}
		if err == nil {
			checkData(t, d)
		}
	})
}
