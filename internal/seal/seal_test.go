package seal

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"
)

var key = []byte("a key that nobody else knows")

func TestSeal(t *testing.T) {
	for _, payload := range []string{"", "x", `{"type":1}`, "\x01\x00"} {
		for _, channel := range []string{"", "socket.io#/#", "\x00"} {
			sealed := Seal([]byte("kept"), key, channel, []byte(payload))
			if !bytes.HasPrefix(sealed, []byte("kept")) || len(sealed) != 4+Overhead+len(payload) {
				t.Errorf("%q", sealed)
			}
			got, err := Open(key, channel, sealed[4:])
			if err != nil || string(got) != payload {
				t.Errorf("%q on %q: %q, %v", payload, channel, got, err)
			}
			plain := Seal(nil, nil, channel, []byte(payload))
			got, err = Open(nil, channel, plain)
			if err != nil || string(plain) != payload || string(got) != payload {
				t.Errorf("without a key: %q, %q, %v", plain, got, err)
			}
		}
	}
}

// TestFormat holds what goes over the wire, between versions of Kawat.
func TestFormat(t *testing.T) {
	const want = "01d32a29c28317029e4cc278b0de3c3c677061796c6f6164"
	if got := hex.EncodeToString(Seal(nil, []byte("key"), "channel", []byte("payload"))); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNotOpened(t *testing.T) {
	sealed := Seal(nil, key, "room", []byte("payload"))
	for name, c := range map[string]struct {
		key     string
		channel string
		data    []byte
		want    error
	}{
		"another key":          {"another", "room", sealed, ErrNotAuthentic},
		"another channel":      {string(key), "rooms", sealed, ErrNotAuthentic},
		"the channel's border": {string(key), "roomp", append(slices.Clone(sealed[:Overhead]), "ayload"...), ErrNotAuthentic},
		"shorter":              {string(key), "room", sealed[:len(sealed)-1], ErrNotAuthentic},
		"longer":               {string(key), "room", append(slices.Clone(sealed), 0), ErrNotAuthentic},
		"a seal alone":         {string(key), "room", sealed[:Overhead], ErrNotAuthentic},
		"half a seal":          {string(key), "room", sealed[:Overhead-1], ErrNotSealed},
		"nothing":              {string(key), "room", nil, ErrNotSealed},
		"JSON":                 {string(key), "room", []byte(`{"type":3,"data":{"packet":{}}}`), ErrNotSealed},
		"a later version":      {string(key), "room", append([]byte{2}, sealed[1:]...), ErrNotSealed},
	} {
		if got, err := Open([]byte(c.key), c.channel, c.data); err != c.want || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for bit := range 8 * len(sealed) {
		bad := slices.Clone(sealed)
		bad[bit/8] ^= 1 << (bit % 8)
		if got, err := Open(key, "room", bad); err == nil {
			t.Errorf("bit %d is of no interest: %q", bit, got)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(Seal(nil, key, "room", []byte("payload")), "room")
	f.Fuzz(func(t *testing.T, data []byte, channel string) {
		payload, err := Open(key, channel, data)
		if err == nil && !bytes.Equal(Seal(nil, key, channel, payload), data) {
			t.Errorf("%q was opened", data)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	payload, dst := make([]byte, 200), make([]byte, 0, 300)
	b.ReportAllocs()
	for b.Loop() {
		_ = Seal(dst, key, "socket.io#/#", payload)
	}
}
