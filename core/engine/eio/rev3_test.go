package eio_test

import (
	"bytes"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/engine/eio"
)

// collect returns packets in a form that is easy to compare, and the error that
// ended them.
func collect(t *testing.T, seq iter.Seq2[eio.Packet, error]) (packets []string, err error) {
	t.Helper()
	for p, e := range seq {
		if err != nil {
			t.Error("goes on after an error")
		}
		if err = e; err != nil {
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

func TestPacketsRev3(t *testing.T) {
	for _, c := range []struct {
		payload string
		packets []string
		fails   bool
	}{
		{"6:4hello", []string{"4hello"}, false},
		{"2:4a1:22:4b", []string{"4a", "2", "4b"}, false},
		{`10:42["é€",1]`, []string{`42["é€",1]`}, false},
		{"4:4a😀1:2", []string{"4a😀", "2"}, false},
		{"48:451-[\"bin\",{\"_placeholder\":true,\"num\":0},\"é€😀\"]6:b4AQID",
			[]string{"451-[\"bin\",{\"_placeholder\":true,\"num\":0},\"é€😀\"]", "binary 4\x01\x02\x03"}, false},
		{"6:2probe", []string{"2probe"}, false},
		{"2:b4", []string{"binary 4"}, false},
		{"0:", nil, false},
		{"0:1:20:", []string{"2"}, false},
		{"002:4a", []string{"4a"}, false},
		{"2:4:", []string{"4:"}, false},
		{"", nil, true},
		{"4hello", nil, true},
		{":", nil, true},
		{":4", nil, true},
		{"1", nil, true},
		{"1:", nil, true},
		{"3:4a", nil, true},
		{"2:4a3", []string{"4a"}, true},
		{"2:4a3:4", []string{"4a"}, true},
		{"1:71:2", nil, true},
		{"99999999999:4", nil, true},
		{"99999999999999999999999999999999999999:4", nil, true},
		{strings.Repeat("9", 100_000), nil, true},
		{"-1:4", nil, true},
		{"+1:4", nil, true},
		{"1.0:4", nil, true},
		{"1e0:4", nil, true},
		{" 1:4", nil, true},
		{"NaN:4", nil, true},
		{"3:😀", nil, true},
		{"1:😀", nil, true}, // half of it
		{"2:4😀", nil, true},
		{"2:4\xff", nil, true},
		{"2:4a2:4\xff", nil, true}, // checked before anything is used
		{"6:bAQIDx", nil, true},
		{"6:b2AQID", nil, true},
		{"5:b4AQI", nil, true},
		{"1:b", nil, true},
		{"\x00\x01\xff4", nil, true},
	} {
		packets, err := collect(t, eio.PacketsRev3([]byte(c.payload)))
		if !slices.Equal(packets, c.packets) || (err != nil) != c.fails || err != nil && !errors.Is(err, eio.ErrPacket) {
			t.Errorf("%.60q: %q, %v", c.payload, packets, err)
		}
	}
}

func TestBinaryPacketsRev3(t *testing.T) {
	for _, c := range []struct {
		payload string
		packets []string
		fails   bool
	}{
		{"\x00\x06\xff4hello", []string{"4hello"}, false},
		{"\x01\x04\xff\x04\x01\x02\x03", []string{"binary 4\x01\x02\x03"}, false},
		{"\x00\x02\xff4a\x01\x01\xff\x04\x00\x01\xff2", []string{"4a", "binary 4", "2"}, false},
		{"\x00\x01\x03\xff4é€😀xyz", []string{"4é€😀xyz"}, false}, // 13 bytes
		{"\x00\x00\x00\x01\xff2", []string{"2"}, false},
		{"\x00\x06\xffb4AQID", []string{"binary 4\x01\x02\x03"}, false},
		{"", nil, true},
		{"\x00", nil, true},
		{"\x00\xff...", nil, true},
		{"\x00\x01", nil, true},
		{"\x00\x01\xff", nil, true},
		{"\x00\x02\xff4", nil, true},
		{"\x00\x00\xff", nil, true},
		{"\x01\x00\xff", nil, true},
		{"\x02\x01\xff2", nil, true},
		{"\x00\x0a\xff2", nil, true},
		{"\x0041\xff2", nil, true},
		{"\x00" + strings.Repeat("\x09", 1000) + "\xff4", nil, true},
		{"\x00" + strings.Repeat("\x00", 1000), nil, true},
		{"\x01\x02\xff\x02\x00", nil, true}, // a ping is not binary
		{"\x01\x02\xff4a", nil, true},       // a digit is no type here
		{"\x00\x02\xff4\xff", nil, true},
		{"\x00\x01\xff7", nil, true},
		{"\x00\x01\xff2\x05", []string{"2"}, true},
		{"6:4hello", nil, true},
	} {
		packets, err := collect(t, eio.BinaryPacketsRev3([]byte(c.payload)))
		if !slices.Equal(packets, c.packets) || (err != nil) != c.fails || err != nil && !errors.Is(err, eio.ErrPacket) {
			t.Errorf("%.60q: %q, %v", c.payload, packets, err)
		}
	}
}

// What is claimed and not there costs nothing.
func TestHostileLengthsCostNothing(t *testing.T) {
	for _, payload := range []string{"99999999999:4", "999999:4", "-1:4", "3:😀", "\x00\xff...", "\x01\x09\x09\x09\x09\x09\x09\xff\x04"} {
		body := []byte(payload)
		if n := testing.AllocsPerRun(100, func() {
			for range eio.PacketsRev3(body) {
			}
			for range eio.BinaryPacketsRev3(body) {
			}
		}); n != 0 {
			t.Errorf("%q: %v allocations", payload, n)
		}
	}
}

func TestAppendRev3(t *testing.T) {
	payload := eio.AppendTextRev3(nil, []byte(`431["é"]`))
	payload = eio.AppendTextRev3(payload, []byte("4a😀"))
	payload = eio.AppendBase64Rev3(payload, []byte{1, 2, 3})
	payload = eio.AppendBase64Rev3(payload, nil)
	if want := `8:431["é"]4:4a😀6:b4AQID2:b4`; string(payload) != want {
		t.Errorf("got %q, want %q", payload, want)
	}
	text := []byte(`451-["bin",{"_placeholder":true,"num":0},"é€😀"]`)
	payload = eio.AppendBinaryPayloadRev3(nil, text, false)
	payload = eio.AppendBinaryPayloadRev3(payload, []byte{1, 2, 3}, true)
	want := "\x00\x05\x03\xff" + string(text) + "\x01\x04\xff\x04\x01\x02\x03"
	if !bytes.Equal(payload, []byte(want)) {
		t.Errorf("got %q, want %q", payload, want)
	}
}

// Whatever arrives, reading it ends, goes no further than the body, and what was
// read and is written again is read as the same.
func FuzzRev3(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		first, err := collect(t, eio.PacketsRev3(body))
		if err == nil {
			var again []byte
			for p := range eio.PacketsRev3(body) {
				if p.Binary {
					again = eio.AppendBase64Rev3(again, p.Data)
				} else {
					again = eio.AppendTextRev3(again, append([]byte{p.Type.Digit()}, p.Data...))
				}
			}
			if len(first) > 0 {
				if second, err := collect(t, eio.PacketsRev3(again)); err != nil || !slices.Equal(first, second) {
					t.Errorf("%q is read as %q, then %q, %v", body, first, second, err)
				}
			}
		}
		first, err = collect(t, eio.BinaryPacketsRev3(body))
		if err != nil {
			return
		}
		var again []byte
		for p := range eio.BinaryPacketsRev3(body) {
			if p.Binary {
				again = eio.AppendBinaryPayloadRev3(again, p.Data, true)
			} else {
				again = eio.AppendBinaryPayloadRev3(again, append([]byte{p.Type.Digit()}, p.Data...), false)
			}
		}
		if second, err := collect(t, eio.BinaryPacketsRev3(again)); err != nil || !slices.Equal(first, second) {
			t.Errorf("%q is read as %q, then %q, %v", body, first, second, err)
		}
	})
}
