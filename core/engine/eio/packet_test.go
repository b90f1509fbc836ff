package eio_test

import (
	"errors"
	"testing"

	"github.com/kawat-go/kawat/core/engine/eio"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		typ  eio.Type
		data string
	}{
		{"0{}", eio.Open, "{}"},
		{"1", eio.Close, ""},
		{"2probe", eio.Ping, "probe"},
		{"3probe", eio.Pong, "probe"},
		{"4", eio.Message, ""},
		{"4hello", eio.Message, "hello"},
		{"4\x1eé", eio.Message, "\x1eé"},
		{"44", eio.Message, "4"},
		{"5", eio.Upgrade, ""},
		{"6", eio.Noop, ""},
	} {
		p, err := eio.Parse([]byte(c.text))
		if err != nil || p.Type != c.typ || p.Binary || string(p.Data) != c.data {
			t.Errorf("%q: %+v, %v", c.text, p, err)
		}
		if got := c.text[0]; c.typ.Digit() != got {
			t.Errorf("digit of %d: %c, want %c", c.typ, c.typ.Digit(), got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "7", "9x", "abc", "bAQ", "b!!!!", " 4x", "/", ":", "\x00", "\xff", "-1", "é"} {
		if p, err := eio.Parse([]byte(text)); !errors.Is(err, eio.ErrPacket) {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
}

func TestParseBase64(t *testing.T) {
	p, err := eio.Parse([]byte("bAQID"))
	if err != nil || p.Type != eio.Message || !p.Binary || string(p.Data) != "\x01\x02\x03" {
		t.Errorf("%+v, %v", p, err)
	}
}
