package msgpack

import (
	"encoding/hex"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/kawat-go/kawat/core/packet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// unhex reads hexadecimal in which spaces are free.
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return data
}

// mustDecode decodes a packet, from bytes that are gone afterwards.
func mustDecode(t testing.TB, data []byte) packet.Incoming {
	t.Helper()
	data = append([]byte{}, data...)
	p, complete, err := Codec().NewDecoder(packet.Limits{}).Add(data, true)
	if err != nil || !complete {
		t.Fatalf("%x: complete %v, error %v", data, complete, err)
	}
	clear(data)
	return p
}

// mustEncode encodes a packet.
func mustEncode(t testing.TB, p packet.Outgoing) []byte {
	t.Helper()
	out, err := Codec().Encode([]byte("head"), p)
	if err != nil {
		t.Fatal(err)
	}
	if !out.Binary || len(out.Attachments) > 0 || string(out.Head[:4]) != "head" {
		t.Fatalf("%+v", out)
	}
	return out.Head[4:]
}

// event is an event with the arguments.
func event(name string, args ...any) packet.Outgoing {
	return packet.Outgoing{Type: packet.Event, ID: packet.NoID, Event: name, Args: args}
}

// received is an event with one argument that is given in hexadecimal.
func received(t testing.TB, arg string) packet.Incoming {
	t.Helper()
	return mustDecode(t, unhex(t, "83 a474797065 02 a464617461 92 a161"+arg+"a36e7370 a12f"))
}
