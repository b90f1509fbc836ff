package eio_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine/eio"
)

// read returns the packets of a payload in a form that is easy to compare, and the
// error that ended them.
func read(payload string) (packets []string, err error) {
	for p, e := range eio.Packets([]byte(payload)) {
		if e != nil {
			err = e
			continue
		}
		text := string(p.Type.Digit()) + string(p.Data)
		if p.Binary {
			text = "binary " + text
		}
		packets = append(packets, text)
	}
	return packets, err
}

func TestPackets(t *testing.T) {
	for _, c := range []struct {
		payload string
		packets []string
		fails   bool
	}{
		{"4hello", []string{"4hello"}, false},
		{"4a\x1e2\x1e4b", []string{"4a", "2", "4b"}, false},
		{"bAQID\x1e4x\x1eb", []string{"binary 4\x01\x02\x03", "4x", "binary 4"}, false},
		{"b+/8=", []string{"binary 4\xfb\xff"}, false},
		{"4é😀", []string{"4é😀"}, false},
		{"", nil, true},
		{"\x1e", nil, true},
		{"4a\x1e", []string{"4a"}, true},
		{"\x1e4a", nil, true},
		{"4a\x1e\x1e4b", []string{"4a"}, true},
		{"4a\x1e7\x1e4b", []string{"4a"}, true}, // nothing behind an error is read
		{"b!!!!", nil, true},
		{"bAQI", nil, true},  // no padding
		{"bAQJ=", nil, true}, // bits that stand for nothing
		{"b-_8=", nil, true}, // the alphabet of URLs
		{"bAQ\nID", []string{"binary 4\x01\x02\x03"}, false},
		{"4\xff", nil, true},
		{"4a\x1e4\xc3", nil, true}, // checked before anything is used
		{"\xef\xbb\xbf4a", nil, true},
		{"\xff\xfe4\x00", nil, true},
		{strings.Repeat("\x1e", 1000), nil, true},
	} {
		packets, err := read(c.payload)
		if !slices.Equal(packets, c.packets) || (err != nil) != c.fails || err != nil && !errors.Is(err, eio.ErrPacket) {
			t.Errorf("%.40q: %q, %v", c.payload, packets, err)
		}
	}
}

func TestPacketsCanBeLeft(t *testing.T) {
	n := 0
	for range eio.Packets([]byte("4a\x1e4b\x1e4c")) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d rounds", n)
	}
}

func TestAppend(t *testing.T) {
	payload := eio.AppendText(nil, []byte("4a"))
	payload = eio.AppendBinary(payload, []byte{1, 2, 3, 4})
	payload = eio.AppendText(payload, []byte("2"))
	payload = eio.AppendBinary(payload, nil)
	if want := "4a\x1ebAQIDBA==\x1e2\x1eb"; !bytes.Equal(payload, []byte(want)) {
		t.Errorf("got %q, want %q", payload, want)
	}
}
