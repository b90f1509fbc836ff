package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/kawat-go/kawat/core/backplane"
)

// TestValues holds what JSON text is in MessagePack: what notepack.io makes of the same.
func TestValues(t *testing.T) {
	for json, want := range map[string]string{
		`null`: "c0", `true`: "c3", `false`: "c2",
		`0`: "00", `127`: "7f", `128`: "cc80", `255`: "ccff", `256`: "cd0100", `65535`: "cdffff", `65536`: "ce00010000",
		`4294967295`: "ceffffffff", `4294967296`: "cf0000000100000000", `9007199254740993`: "cf0020000000000001",
		`18446744073709551615`: "cfffffffffffffffff",
		`-1`:                   "ff", `-32`: "e0", `-33`: "d0df", `-128`: "d080", `-129`: "d1ff7f", `-32769`: "d2ffff7fff", `-2147483649`: "d3ffffffff7fffffff",
		`1.5`: "cb3ff8000000000000", `1.0`: "01", `1e3`: "cd03e8", `-1.0E2`: "d09c", `0.1`: "cb3fb999999999999a",
		`1e17`: "cb4376345785d8a000", `-0`: "cb8000000000000000", `1e400`: "cb7ff0000000000000", `-1e400`: "cbfff0000000000000", `18446744073709551616`: "cb43f0000000000000",
		`""`: "a0", `"é"`: "a2c3a9", `"a\"\\\/\n\u0001"`: "a661225c2f0a01", `"\ud83d\ude00"`: "a4f09f9880", `"\ud83d"`: "a3efbfbd",
		`[]`: "90", `{}`: "80", `[[],{}]`: "929080", `{"a":1,"b":[2],"a":3}`: "83a16101a1629102a16103", `{"\u0061":null}`: "81a161c0",
		`"` + strings.Repeat("x", 31) + `"`:       "bf" + strings.Repeat("78", 31),
		`"` + strings.Repeat("x", 32) + `"`:       "d920" + strings.Repeat("78", 32),
		`"` + strings.Repeat("x", 256) + `"`:      "da0100" + strings.Repeat("78", 256),
		`[` + strings.Repeat("1,", 15) + `1]`:     "dc0010" + strings.Repeat("01", 16),
		`[[` + strings.Repeat("1,", 15) + `1],2]`: "92dc0010" + strings.Repeat("01", 16) + "02",
	} {
		got, err := AppendValue([]byte("kept"), text(json))
		if err != nil || !bytes.Equal(got, append([]byte("kept"), unhex(t, want)...)) {
			t.Errorf("%s: %x, %v, want %s", json, got[4:], err, want)
		}
	}
	sixteen := "{" + strings.Repeat(`"a":0,`, 15) + `"a":0}`
	if got, err := AppendValue(nil, text(sixteen)); err != nil || !bytes.Equal(got, unhex(t, "de0010"+strings.Repeat("a16100", 16))) {
		t.Errorf("16 members: %x, %v", got, err)
	}
	if got, err := AppendValue(nil, backplane.Data{}); err != nil || string(got) != "\xc0" {
		t.Errorf("nothing: %x, %v", got, err)
	}
}

// TestReadsValues holds what each flavour of MessagePack is as JSON.
func TestReadsValues(t *testing.T) {
	for hex, want := range map[string]string{
		"c0": `null`, "c3": `true`, "c2": `false`, "00": `0`, "ff": `-1`, "cc80": `128`, "d3ffffffff7fffffff": `-2147483649`,
		"cfffffffffffffffff": `18446744073709551615`, "d30000000000000005": `5`,
		"cb3ff8000000000000": `1.5`, "ca3fc00000": `1.5`, "cb4000000000000000": `2`, "cb444b1ae4d6e2ef50": `1e+21`, "cb3eb0c6f7a0b5ed8d": `0.000001`,
		"cb3e7ad7f29abcaf48": `1e-07`, "cb8000000000000000": `-0`, "cb43f0000000000000": `18446744073709552000`,
		"cb7ff0000000000000": `null`, "cb7ff8000000000000": `null`, "cbfff0000000000000": `null`,
		"a6615c22620a01": `"a\\\"b\n\u0001"`, "d901c3": `"�"`, "a3eda0bd": `"���"`, "da0001e9": `"�"`, "db00000002c3a9": `"é"`,
		"90": `[]`, "80": `{}`, "9201a161": `[1,"a"]`, "dc000101": `[1]`, "dd0000000101": `[1]`, "81a16101": `{"a":1}`, "de0001a16101": `{"a":1}`,
		"82a16201a16102": `{"b":1,"a":2}`,
		// notepack.io 2: undefined, a date
		"d40000": `null`, "d700000001499bde2bff": `"2014-11-10T22:41:09.119Z"`,
		// timestamps of the standard, in 4, 8 and 12 bytes
		"d6ff5461eadf": `"2014-11-11T10:54:23.000Z"`, "d7ff64db1a005461eadf": `"2014-11-11T10:54:23.423Z"`,
		"c70cff1936c68000000000" + "5461eadf": `"2014-11-11T10:54:23.423Z"`, "c70cff00000000ffffffffffffffff": `"1969-12-31T23:59:59.000Z"`,
		"c70cff00000000000e0000000000ff": `null`, "c70cff000000007fffffffffffffff": `null`,
		"d700001eb208c2dc0000": `"+275760-09-13T00:00:00.000Z"`, "d700001eb208c2dc0001": `null`, "d700ffe14df73d240000": `"-271821-04-20T00:00:00.000Z"`,
		"d700ffffc77590fba000": `"0000-01-01T00:00:00.000Z"`, "d700ffffc77590fb9fff": `"-000001-12-31T23:59:59.999Z"`,
	} {
		d, rest, err := ReadValue(append(unhex(t, hex), "rest"...), Limits{})
		if err != nil || string(d.JSON) != want || string(rest) != "rest" || d.Attachments != nil {
			t.Errorf("%s: %s, %v, want %s", hex, d.JSON, err, want)
		}
		if !jsontext.Value(d.JSON).IsValid() {
			t.Errorf("%s: %s is no JSON", hex, d.JSON)
		}
	}
	for _, hex := range []string{"", "c1", "a2c3", "91", "8101", "8190c0", "d40100", "d5ff0000", "d8000000", "d4", "c7", "c70100", "c705ff0000000000", "d60000000000", "d9", "c4", "c403aabb"} {
		if d, _, err := ReadValue(unhex(t, hex), Limits{}); err != ErrMalformed {
			t.Errorf("%s: %s, %v", hex, d.JSON, err)
		}
	}
}

// TestDeep holds that what is nested deeply costs no more for it.
func TestDeep(t *testing.T) {
	const depth, width = 500, 20
	json := strings.Repeat("["+strings.Repeat("1,", width)+`{"a":`, depth) + "2" + strings.Repeat("}]", depth)
	b, err := AppendValue(nil, text(json))
	if err != nil || !bytes.HasPrefix(b, unhex(t, "dc0015"+strings.Repeat("01", width)+"81a161")) || len(b) > 2*len(json) {
		t.Errorf("%d of %d, %v", len(b), len(json), err)
	}
	if !bytes.Contains(b, unhex(t, "dd00000015")) {
		t.Error("heads are as short as can be on all levels")
	}
	if d, rest, err := ReadValue(b, Limits{}); err != nil || len(rest) > 0 || string(d.JSON) != json {
		t.Errorf("%v", err)
	}
	if b, err := AppendValue(nil, text("["+strings.Repeat("[],", 99)+"{}]")); err != nil || !bytes.Equal(b, unhex(t, "dc0064"+strings.Repeat("90", 99)+"80")) {
		t.Errorf("many side by side: %x, %v", b, err)
	}
	if _, _, err := ReadValue(b, Limits{Depth: 2*depth - 1}); err != ErrTooLarge {
		t.Errorf("one level less: %v", err)
	}
}

func TestAttachments(t *testing.T) {
	d := text(`[{"_placeholder":true,"num":1},{"a":{"_placeholder":true,"num":0},"b":{"_placeholder":true,"num":1}},{"_placeholder":false,"num":0},{"num":0,"_placeholder":true}]`, "one", "")
	b, err := AppendValue(nil, d)
	want := "94c40082a161c4036f6e65a162c40082ac5f706c616365686f6c646572c2a36e756d0082a36e756d00ac5f706c616365686f6c646572c3"
	if err != nil || !bytes.Equal(b, unhex(t, want)) {
		t.Errorf("%x, %v, want %s", b, err, want)
	}
	for hex, attachments := range map[string][]string{
		"c403616263": {"abc"}, "c5000161": {"a"}, "c60000000161": {"a"}, "c400": {""}, "93c40161c40162c0": {"a", "b"},
		"c7020061ff": {"a\xff"}, "c800010061": {"a"}, "c9000000010061": {"a"}, // notepack.io 2: an ArrayBuffer
	} {
		d, rest, err := ReadValue(unhex(t, hex), Limits{})
		if err != nil || len(rest) > 0 || len(d.Attachments) != len(attachments) || !strings.Contains(string(d.JSON), `{"_placeholder":true,"num":0}`) {
			t.Errorf("%s: %s %q, %v", hex, d.JSON, d.Attachments, err)
			continue
		}
		for i, a := range attachments {
			if string(d.Attachments[i]) != a {
				t.Errorf("%s: %q, want %q", hex, d.Attachments, attachments)
			}
		}
	}
	for _, json := range []string{`{"_placeholder":true,"num":2}`, `{"_placeholder":true,"num":-1}`, `{"_placeholder":true,"num":0.5}`, `{"_placeholder":true,"num":}`, `{"_placeholder":true,"num":1`,
		`{"_placeholder":true,"num":99999999999999999999}`} {
		if b, err := AppendValue(nil, text(json, "one", "")); err == nil {
			t.Errorf("%s: %x", json, b)
		}
	}
}

func TestReadValueLimits(t *testing.T) {
	b := []byte("\xc4\x08abcdefgh")
	if _, _, err := ReadValue(b, Limits{Bytes: len(b)}); err != nil {
		t.Error(err)
	}
	if _, _, err := ReadValue(b, Limits{Bytes: len(b) - 1}); err != ErrTooLarge {
		t.Error(err)
	}
}

// TestLookalikes holds that a user's object that looks like what stands for an attachment
// stays one where there is no attachment, and is refused where it would be taken for one.
func TestLookalikes(t *testing.T) {
	const like = `{"_placeholder":true,"num":0}`
	b, err := AppendValue(nil, text("["+like+"]"))
	if err != nil || string(b) != "\x91\x82\xac_placeholder\xc3\xa3num\x00" {
		t.Errorf("%q, %v", b, err)
	}
	if d, _, err := ReadValue(b, Limits{}); err != nil || string(d.JSON) != "["+like+"]" || d.Attachments != nil {
		t.Errorf("%s, %v", d.JSON, err)
	}
	for _, other := range []string{"\xc4\x01a", "\x91\xc4\x01a", "\xc7\x01\x00a"} {
		for _, both := range []string{"\x92" + string(b[1:]) + other, "\x92" + other + string(b[1:])} {
			if d, _, err := ReadValue([]byte(both), Limits{}); err != ErrMalformed {
				t.Errorf("%q: %s, %v", both, d.JSON, err)
			}
		}
	}
	// what JavaScript's clients do not take for one is none
	for _, no := range []string{"\x81\xac_placeholder\xc2", "\x81\xac_placeholder\xa4true", "\x91\xac_placeholder", "\x81\xa1x\xac_placeholder", "\x81\xac_placeholder\x01"} {
		if d, _, err := ReadValue([]byte("\x92"+no+"\xc4\x01a"), Limits{}); err != nil {
			t.Errorf("%q: %s, %v", no, d.JSON, err)
		}
	}
}

// TestNoCompactText holds that text that should not be there is an error, and no more.
func TestNoCompactText(t *testing.T) {
	for _, json := range []string{"", " ", "[1, 2]", "[1", "[1 2]", "{", `{"a"`, `{"a":`, `{"a":1`, `{"a" :1}`, `{"a"x1}`, `{"a"}`, `{a:1}`, `"a`, `"a\`, "tru", "nul", "fals", "-", "1.5.5", "1 ", "[]]", "]", "x", `{"a":1,}`, "[1,]"} {
		if b, err := AppendValue(nil, text(json)); err == nil {
			t.Errorf("%q: %x", json, b)
		}
	}
}
