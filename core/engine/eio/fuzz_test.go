package eio_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine/eio"
)

// addSeeds adds packets and payloads of both revisions. The file has a JSON string a
// line, in which a character is a byte, since the end-to-end tests read it as well.
func addSeeds(f *testing.F) {
	f.Helper()
	file, err := os.ReadFile("testdata/seeds.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		var text string
		if err := json.Unmarshal([]byte(line), &text); err != nil {
			f.Fatalf("%s: %v", line, err)
		}
		seed := []byte{}
		for _, c := range text {
			seed = append(seed, byte(c))
		}
		f.Add(seed)
	}
}

// A packet that is accepted is the text that it was read from.
func FuzzParse(f *testing.F) {
	addSeeds(f)
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
	addSeeds(f)
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
