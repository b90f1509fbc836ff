package eio_test

import (
	"bytes"
	"testing"

	"github.com/kawat-go/kawat/core/engine/eio"
)

// A packet that is accepted is the text that it was read from.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "0{}", "2probe", "4hello", "4", "7", "b", "\xff", "4\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := eio.Parse(text)
		if err != nil {
			return
		}
		if p.Type > eio.Noop || p.Binary != (text[0] == 'b') {
			t.Errorf("%q: %+v", text, p)
		}
		if p.Binary {
			return // base64 may have line breaks
		}
		if again := append([]byte{p.Type.Digit()}, p.Data...); !bytes.Equal(again, text) {
			t.Errorf("%q is read as %q", text, again)
		}
	})
}

// A payload that is accepted, written again, is read as the same packets.
func FuzzPackets(f *testing.F) {
	for _, seed := range []string{"", "4hello", "4a\x1ebAQID\x1e3", "b", "b!!!!", "\x1e\x1e", "1\x1e4\xff", "4é\x1e6"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var packets []eio.Packet
		var again []byte
		failed := false
		for p, err := range eio.Packets(payload) {
			if failed {
				t.Fatal("goes on after an error")
			}
			if failed = err != nil; failed {
				continue
			}
			packets = append(packets, p)
			if p.Binary {
				again = eio.AppendBinary(again, p.Data)
			} else {
				again = eio.AppendText(again, append([]byte{p.Type.Digit()}, p.Data...))
			}
		}
		if failed {
			return
		}
		if len(packets) == 0 {
			t.Fatalf("%q: neither a packet nor an error", payload)
		}
		i := 0
		for p, err := range eio.Packets(again) {
			if err != nil || i == len(packets) || p.Type != packets[i].Type || p.Binary != packets[i].Binary || !bytes.Equal(p.Data, packets[i].Data) {
				t.Fatalf("%q: packet %d is %+v, %v", payload, i, p, err)
			}
			i++
		}
		if i != len(packets) {
			t.Fatalf("%q: %d packets, then %d", payload, len(packets), i)
		}
	})
}
