package wire

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// packed returns JSON text as MessagePack.
func packed(t testing.TB, json string) []byte {
	t.Helper()
	b, err := AppendValue(nil, text(json))
	if err != nil {
		t.Fatalf("%s: %v", json, err)
	}
	return b
}

// TestTolerates holds what is taken though the reference writes it otherwise, or not yet.
func TestTolerates(t *testing.T) {
	x := backplane.Message{Kind: backplane.Broadcast, Data: text(`["x"]`), From: "u", Namespace: "/"}
	flags := func(f backplane.Flags) backplane.Message {
		m := x
		m.Options.Flags = f
		return m
	}
	with := func(opts string) string {
		return `{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":` + opts + `},"uid":"u","nsp":"/"}`
	}
	for json, want := range map[string]backplane.Message{
		// another order, and what is not known
		`{"nsp":"/","uid":"u","data":{"opts":{"flags":{},"except":[],"rooms":[]},"packet":{"data":["x"],"type":2}},"type":3}`:                 x,
		`{"v":[{}],"type":3,"data":{"v":{"w":[1]},"packet":{"type":2,"data":["x"],"nsp":"/y","id":null},"opts":{"v":0}},"uid":"u","nsp":"/"}`: x,
		// twice: the last one counts
		`{"type":3,"uid":"no","data":{"packet":{"type":2,"data":["no"]},"packet":{"type":5,"data":["x"]},"opts":{"rooms":["no"],"rooms":[]}},"uid":"u","nsp":"/"}`: x,
		// escapes in names
		`{"t\u0079pe":3,"data":{"packet":{"type":2,"data":["x"]},"\u006fpts":{}},"uid":"\u0075","nsp":"\/"}`: x,
		// what others leave out, or write as null
		with(`{}`): x,
		with(`{"rooms":null,"except":null,"flags":null}`):                                                                                   x,
		with(`{"flags":{"volatile":null,"compress":null,"timeout":null,"v":1}}`):                                                            x,
		with(`{"flags":{"volatile":false,"compress":false,"timeout":0}}`):                                                                   flags(backplane.Flags{Compress: pointer(false)}),
		with(`{"flags":{"timeout":1.5}}`):                                                                                                   flags(backplane.Flags{Timeout: 1500 * time.Microsecond}),
		with(`{"flags":{"timeout":-5}}`):                                                                                                    x,
		with(`{"flags":{"timeout":1e300}}`):                                                                                                 flags(backplane.Flags{Timeout: 1e12 * time.Millisecond}),
		`{"type":3,"data":{"packet":{"type":2,"data":["x"]},"requestId":null,"opts":{}},"uid":"u","nsp":"/"}`:                               x,
		`{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{}}}`:                                                                    {Kind: x.Kind, Data: x.Data},
		`{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{}},"uid":null,"nsp":null}`:                                              {Kind: x.Kind, Data: x.Data},
		`{"type":4,"data":{"opts":{},"rooms":null,"close":true,"sockets":[],"packet":["x"],"failed":true,"clientCount":1,"requestId":"r"}}`: {Kind: backplane.SocketsJoin},
		`{"type":6,"data":{"opts":{}}}`:                                                                                                     {Kind: backplane.DisconnectSockets},
		`{"type":8,"data":{"requestId":"r"}}`:                                                                                               {Kind: backplane.FetchSocketsResponse, Request: "r"},
		`{"type":11,"data":{"requestId":"r"}}`:                                                                                              {Kind: backplane.ClientCount, Request: "r"},
		`{"type":13,"data":{"opts":5},"uid":"u","nsp":"/"}`:                                                                                 {Kind: backplane.NodeLeft, From: "u", Namespace: "/"},
		`{"data":null,"type":1,"uid":"u"}`:                                                                                                  {Kind: InitialHeartbeat, From: "u"},
		`{"type":3e0,"data":{"packet":{"type":2.0,"data":["x"]},"opts":{}}}`:                                                                {Kind: x.Kind, Data: x.Data},
	} {
		for form, message := range map[string][]byte{"JSON": []byte(json), "msgpack": packed(t, json)} {
			if got, err := Decode(message, Limits{}); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s %s:\n got %+v, %v\nwant %+v", form, json, got, err, want)
			}
		}
	}
	spaced := " {\n\"type\" : 3 , \"data\":{\"packet\":{\"type\":2,\"data\":[ \"x\" ,\t{ \"a b\" : [ 1 , 2.50 ] , \"\\ud83d\" : \" \" } ]},\"opts\":{\"rooms\":[\"r \"]}}}\r\n"
	got, err := Decode([]byte(spaced[1:]), Limits{})
	if want := `["x",{"a b":[1,2.50],"\ud83d":" "}]`; err != nil || string(got.Data.JSON) != want || got.Options.Rooms[0] != "r " {
		t.Errorf("with spaces: %s, %v", got.Data.JSON, err)
	}
}

// TestRefuses holds what is no message.
func TestRefuses(t *testing.T) {
	event := func(packet, opts string) string {
		return `{"type":3,"data":{"packet":` + packet + `,"opts":` + opts + `},"uid":"u","nsp":"/"}`
	}
	const x = `{"type":2,"data":["x"]}`
	sockets := func(s string) string { return `{"type":8,"data":{"requestId":"r","sockets":` + s + `}}` }
	for json, want := range map[string]error{
		`{}`:                           ErrMalformed,
		`{"type":null}`:                ErrMalformed,
		`{"type":"3"}`:                 ErrMalformed,
		`{"type":[3]}`:                 ErrMalformed,
		`{"type":1.5}`:                 ErrMalformed,
		`{"type":0}`:                   ErrUnknownKind,
		`{"type":14,"data":{"x":[1]}}`: ErrUnknownKind,
		`{"data":{"x":[1]},"type":14}`: ErrUnknownKind,
		`{"type":259}`:                 ErrUnknownKind,
		`{"type":-253}`:                ErrUnknownKind,
		`{"type":11,"data":{"requestId":"r"},"type":6}`:                  ErrMalformed,
		`{"type":14,"type":13}`:                                          ErrMalformed,
		`{"type":6,"data":{"opts":{"rooms":["a"]}},"data":{"opts":{}}}`:  ErrMalformed,
		`{"data":{"opts":{}},"data":{"opts":{}},"type":6}`:               ErrMalformed,
		`{"type":4294967299}`:                                            ErrUnknownKind,
		`{"type":1e300}`:                                                 ErrMalformed,
		`{"type":3}`:                                                     ErrMalformed,
		`{"type":3,"data":null}`:                                         ErrMalformed,
		`{"type":3,"data":[]}`:                                           ErrMalformed,
		`{"type":3,"data":{}}`:                                           ErrMalformed,
		`{"data":{},"type":3}`:                                           ErrMalformed,
		`{"data":"x","type":4}`:                                          ErrMalformed,
		`{"type":1,"uid":5}`:                                             ErrMalformed,
		`{"type":1,"nsp":["/"]}`:                                         ErrMalformed,
		`{"type":1,"nsp":"\ud800"}`:                                      ErrMalformed, // another's name for us
		event(`{"data":["x"]}`, `{}`):                                    ErrMalformed,
		event(`{"type":2}`, `{}`):                                        ErrMalformed,
		event(`{"type":3,"data":["x"]}`, `{}`):                           ErrMalformed,
		event(`{"type":2,"data":"x"}`, `{}`):                             ErrMalformed,
		event(`{"type":2,"data":null}`, `{}`):                            ErrMalformed,
		event(`{"type":2,"data":{"0":"x"}}`, `{}`):                       ErrMalformed,
		event(`null`, `{}`):                                              ErrMalformed,
		event(`["x"]`, `{}`):                                             ErrMalformed,
		event(x, `null`):                                                 ErrMalformed,
		event(x, `[]`):                                                   ErrMalformed,
		event(x, `{"rooms":"a"}`):                                        ErrMalformed,
		event(x, `{"rooms":{"0":"a"}}`):                                  ErrMalformed,
		event(x, `{"rooms":["a",1]}`):                                    ErrMalformed,
		event(x, `{"rooms":["a",null]}`):                                 ErrMalformed,
		event(x, `{"rooms":[["a"]]}`):                                    ErrMalformed,
		event(x, `{"rooms":["\udc00"]}`):                                 ErrMalformed,
		event(x, `{"except":true}`):                                      ErrMalformed,
		event(x, `{"flags":[]}`):                                         ErrMalformed,
		event(x, `{"flags":{"volatile":1}}`):                             ErrMalformed,
		event(x, `{"flags":{"compress":"false"}}`):                       ErrMalformed,
		event(x, `{"flags":{"timeout":"5"}}`):                            ErrMalformed,
		`{"type":3,"data":{"packet":` + x + `}}`:                         ErrMalformed,
		`{"type":3,"data":{"packet":` + x + `,"opts":{},"requestId":5}}`: ErrMalformed,
		`{"type":4,"data":{"opts":{}}}`:                                  ErrMalformed,
		`{"type":5,"data":{"rooms":["a"]}}`:                              ErrMalformed,
		`{"type":6,"data":{"close":true}}`:                               ErrMalformed,
		`{"type":6,"data":{"opts":{},"close":null}}`:                     ErrMalformed,
		`{"type":7,"data":{"opts":{}}}`:                                  ErrMalformed,
		`{"type":7,"data":{"requestId":"r"}}`:                            ErrMalformed,
		`{"type":8,"data":{"sockets":[]}}`:                               ErrMalformed,
		`{"type":9,"data":{"requestId":"r"}}`:                            ErrMalformed,
		`{"type":9,"data":{"packet":"x"}}`:                               ErrMalformed,
		`{"type":10,"data":{"packet":"x"}}`:                              ErrMalformed,
		`{"type":10,"data":{"packet":"x","requestId":""}}`:               ErrMalformed,
		`{"type":11,"data":{"clientCount":1}}`:                           ErrMalformed,
		`{"type":11,"data":{"requestId":"r","clientCount":-1}}`:          ErrMalformed,
		`{"type":11,"data":{"requestId":"r","clientCount":1.5}}`:         ErrMalformed,
		`{"type":11,"data":{"requestId":"r","clientCount":2147483648}}`:  ErrMalformed,
		`{"type":12,"data":{"packet":"x"}}`:                              ErrMalformed,
		sockets(`null`):                                                  ErrMalformed,
		sockets(`{}`):                                                    ErrMalformed,
		sockets(`[1]`):                                                   ErrMalformed,
		sockets(`["s"]`):                                                 ErrMalformed,
		sockets(`[{}]`):                                                  ErrMalformed,
		sockets(`[{"id":""}]`):                                           ErrMalformed,
		sockets(`[{"id":5}]`):                                            ErrMalformed,
		sockets(`[{"id":"s","rooms":[5]}]`):                              ErrMalformed,
		sockets(`[{"id":"s","handshake":[]}]`):                           ErrMalformed,
		sockets(`[{"id":"s","handshake":{"headers":5}}]`):                ErrMalformed,
		sockets(`[{"id":"s","handshake":{"secure":"yes"}}]`):             ErrMalformed,
	} {
		for form, message := range map[string][]byte{"JSON": []byte(json), "msgpack": packed(t, json)} {
			if form == "msgpack" && strings.Contains(json, `\ud`) {
				continue // it cannot be said there
			}
			if m, err := Decode(message, Limits{}); !errors.Is(err, want) || !reflect.DeepEqual(m, backplane.Message{}) {
				t.Errorf("%s %s: %+v, %v", form, json, m, err)
			}
		}
	}
	for name, message := range map[string]string{
		"nothing":                "",
		"a scalar":               "\x01",
		"an array":               "\x90",
		"a brace":                "{",
		"half":                   `{"type":1`,
		"no JSON":                `{type:1}`,
		"a comma too many":       `{"type":1,}`,
		"trailing text":          `{"type":1}{}`,
		"trailing bytes":         "\x81\xa4type\x01\x00",
		"JSON of no UTF-8":       "{\"type\":1,\"uid\":\"\xff\"}",
		"msgpack of no UTF-8":    "\x82\xa4type\x01\xa3uid\xa1\xff",
		"a key that is a number": "\x81\x01\x01",
		"a key that is binary":   "\x81\xc4\x04type\x01",
		"one pair too few":       "\x82\xa4type\x01",
		"a byte without meaning": "\x81\xa4type\xc1",
		"an extension":           "\x82\xa4type\x01\xa1x\xd4\x05\x00",
		"a date that is none":    "\x82\xa4type\x01\xa1x\xd5\xff\x00\x00",
		"a text longer than all": "\x82\xa4type\x01\xa1x\xdb\xff\xff\xff\xffx",
		"binary longer than all": "\x82\xa4type\x01\xa1x\xc6\xff\xff\xff\xffx",
		"an array of billions":   "\x82\xa4type\x01\xa1x\xdd\xff\xff\xff\xffx",
		"a map of billions":      "\xdf\xff\xff\xff\xff\xa4type\x01",
		"an ext longer than all": "\x82\xa4type\x01\xa1x\xc9\xff\xff\xff\xff\x00",
	} {
		if m, err := Decode([]byte(message), Limits{}); err != ErrMalformed {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	if _, err := DecodeData(14, []byte(`{}`), Limits{}); !errors.Is(err, ErrUnknownKind) {
		t.Error(err)
	}
	if _, err := DecodeData(0, nil, Limits{}); !errors.Is(err, ErrUnknownKind) {
		t.Error(err)
	}
	if m, err := DecodeData(backplane.NodeLeft, nil, Limits{}); m.Kind != backplane.NodeLeft || err != nil {
		t.Error(m, err)
	}
	if _, err := DecodeData(backplane.Ack, nil, Limits{}); err != ErrMalformed {
		t.Error(err)
	}
}

// TestSockets holds what the reference's sockets may have that ours have not.
func TestSockets(t *testing.T) {
	const json = `{"requestId":"r","sockets":[
		{"id":"s","handshake":{"headers":{"a":"1","set-cookie":["x=1","y=2"],"n":5,"b":true,"o":{},"z":null,"e":[]},
			"query":{"a":["1",2,["3"]],"b":"\ud83d"},"issued":5,"url":null,"xdomain":null,"auth":null,"time":7,"v":1}},
		{"data":5,"id":"t","rooms":null,"handshake":{"auth":"token"},"v":[1]},
		{"id":"u","data":null}]}`
	message := []byte(json)
	for range 2 {
		m, err := DecodeData(backplane.FetchSocketsResponse, message, Limits{})
		if err != nil || len(m.Sockets) != 3 {
			t.Fatalf("%+v, %v", m, err)
		}
		h := m.Sockets[0].Handshake
		if want := map[string]string{"a": "1", "set-cookie": "x=1, y=2", "n": "5", "b": "true", "o": "", "e": ""}; !reflect.DeepEqual(h.Headers, want) {
			t.Errorf("headers %q, want %q", h.Headers, want)
		}
		if want := map[string]string{"a": "1,2,", "b": "\ufffd"}; !reflect.DeepEqual(h.Query, want) {
			t.Errorf("query %q, want %q", h.Query, want)
		}
		if h.Time != "7" || h.Issued != 5 || h.URL != "" || string(h.Auth.JSON) != "{}" || string(m.Sockets[0].Data.JSON) != "{}" {
			t.Errorf("%+v", m.Sockets[0])
		}
		if s := m.Sockets[1]; string(s.Data.JSON) != "5" || string(s.Handshake.Auth.JSON) != `"token"` || s.Rooms != nil {
			t.Errorf("%+v", s)
		}
		if s := m.Sockets[2]; string(s.Data.JSON) != "{}" || string(s.Handshake.Auth.JSON) != "{}" {
			t.Errorf("%+v", s)
		}
		message = packed(t, strings.NewReplacer("\n", "", "\t", "").Replace(json))
	}
}

func TestTextsOfNoUTF8(t *testing.T) {
	m, err := DecodeData(backplane.FetchSocketsResponse, []byte("\x82\xa9requestId\xa1r\xa7sockets\x91\x82\xa2id\xa1s\xa9handshake\x81\xa7headers\x81\xa1\xff\xa1\xfe"), Limits{})
	if err != nil || m.Sockets[0].Handshake.Headers["\ufffd"] != "\ufffd" {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestLimits holds that what goes beyond a limit is refused, and what just does not is
// taken.
func TestLimits(t *testing.T) {
	nested := func(depth int) string { // of the whole
		return `{"type":12,"data":{"requestId":"r","packet":` + strings.Repeat("[", depth-2) + strings.Repeat("]", depth-2) + `}}`
	}
	rooms := func(n int) string {
		return `{"type":4,"data":{"opts":{"rooms":[` + strings.Repeat(`"a",`, n-2) + `"b"]},"rooms":["c"]}}`
	}
	two := `{"type":8,"data":{"requestId":"r","sockets":[{"id":"s","rooms":["a"]},{"id":"s","handshake":{"headers":{"a":"b"},"query":{"a":["c","d"]}}}]}}`
	for name, c := range map[string]struct {
		json  string
		under Limits // where it is taken: with one less it is not
	}{
		"depth":           {nested(9), Limits{Depth: 9}},
		"depth of rooms":  {rooms(5), Limits{Depth: 4}},
		"names":           {rooms(5), Limits{Items: 5}},
		"sockets":         {two, Limits{Items: 8 + 1 + 8 + 2 + 2 + 2}},
		"what is skipped": {`{"type":1,"x":[[[]]]}`, Limits{Depth: 4}},
	} {
		over := c.under
		if over.Depth > 0 {
			over.Depth--
		} else {
			over.Items--
		}
		for form, message := range map[string][]byte{"JSON": []byte(c.json), "msgpack": packed(t, c.json)} {
			if m, err := Decode(message, c.under); err != nil {
				t.Errorf("%s, %s: %+v, %v", name, form, m, err)
			}
			if m, err := Decode(message, over); err != ErrTooLarge {
				t.Errorf("%s, %s: %+v, %v", name, form, m, err)
			}
			if m, err := Decode(message, Limits{Bytes: len(message)}); err != nil && err != ErrTooLarge { // as text it may be longer
				t.Errorf("%s, %s: %+v, %v", name, form, m, err)
			}
			if m, err := Decode(message, Limits{Bytes: len(message) - 1}); err != ErrTooLarge {
				t.Errorf("%s, %s: %+v, %v", name, form, m, err)
			}
		}
	}
}

// TestBombs holds that what is made to cost much is refused before it does.
func TestBombs(t *testing.T) {
	head := "\x82\xa4type\x0c\xa4data\x82\xa9requestId\xa1r\xa6packet"
	big := func(unit string, n int) string { return strings.Repeat(unit, n) }
	array := func(n int) string { return string([]byte{0xdd, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) }
	small := Limits{Bytes: 1 << 20, Items: 10_000}
	for name, c := range map[string]struct {
		message string
		limits  Limits
	}{
		"100 MB of JSON":       {`{"type":12,"data":{"requestId":"r","packet":"` + big("x", 100<<20) + `"}}`, Limits{}},
		"100 MB of msgpack":    {head + "\xdb\x06\x40\x00\x00" + big("x", 100<<20), Limits{}},
		"deep JSON":            {`{"type":12,"data":{"requestId":"r","packet":` + big("[", 1<<20), Limits{}},
		"deep objects":         {`{"type":12,"data":{"requestId":"r","packet":` + big(`{"a":`, 1<<20), Limits{}},
		"quotes without end":   {`{"type":12,"data":{"requestId":"r","packet":[[[[[[[[["` + big(`\"`, 1<<20), Limits{Depth: 8}},
		"deep msgpack":         {head + big("\x91", 1<<20) + "\x00", Limits{}},
		"deep maps":            {head + big("\x81\xa1a", 1<<20) + "\x00", Limits{}},
		"deep, to be skipped":  {"\x81\xa4none" + big("\x91", 1<<20) + "\x00", Limits{}},
		"text that grows":      {head + array(300<<10) + big("\xc0", 300<<10), small},
		"control characters":   {head + "\xdb\x00\x04\x00\x00" + big("\x01", 256<<10), small},
		"control names":        {head + "\x81\xdb\x00\x04\x00\x00" + big("\x01", 256<<10) + "\x00", small},
		"attachments of none":  {head + array(10_001) + big("\xc4\x00", 10_001), small},
		"rooms of none":        {"\x82\xa4type\x04\xa4data\x81\xa5rooms" + array(10_001) + big("\xa0", 10_001), small},
		"sockets in few bytes": {"\x82\xa4type\x08\xa4data\x81\xa7sockets" + array(1251) + big("\x81\xa2id\xa1a", 1251), small},
		"headers in few bytes": {"\x82\xa4type\x08\xa4data\x81\xa7sockets\x91\x82\xa2id\xa1a\xa9handshake\x81\xa7headers\xdf" + array(5000)[1:] + big("\xa1a\xc0", 5000), small},
	} {
		if m, err := Decode([]byte(c.message), c.limits); err != ErrTooLarge {
			t.Errorf("%s: %d, %v", name, m.Kind, err)
		}
	}
}

// TestAliases holds that what is decoded is a part of the payload, and ends with itself:
// it may be appended to.
func TestAliases(t *testing.T) {
	m, err := Decode([]byte(`{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{}},"uid":"u","nsp":"/"}`), Limits{})
	if err != nil || cap(m.Data.JSON) != len(m.Data.JSON) {
		t.Errorf("%d of %d, %v", len(m.Data.JSON), cap(m.Data.JSON), err)
	}
	b := append([]byte(nil), "\x92\xc4\x01a\xc4\x01b\x05"...)
	d, rest, err := ReadValue(b, Limits{})
	if err != nil || string(rest) != "\x05" || len(d.Attachments) != 2 || cap(d.Attachments[0]) != 1 || &d.Attachments[0][0] != &b[3] {
		t.Errorf("%q, %q, %v", d.Attachments, rest, err)
	}
}

// TestReader holds what the methods of a Reader say of what they do not find.
func TestReader(t *testing.T) {
	for name, read := range map[string]func(r *Reader){
		"Object": func(r *Reader) { r.Object() },
		"Array":  func(r *Reader) { r.Array() },
		"String": func(r *Reader) { _ = r.String() },
		"Number": func(r *Reader) { r.Number() },
		"Int":    func(r *Reader) { r.Int() },
		"Bool":   func(r *Reader) { r.Bool() },
		"Names":  func(r *Reader) { r.Names() },
		"Key":    func(r *Reader) { r.Key() },
	} {
		fits := map[string][]string{"Object": {"{}"}, "Array": {"[]", `["x"]`}, "String": {`"x"`}, "Number": {"1", "1.5"}, "Int": {"1"},
			"Bool": {"true", "false"}, "Names": {"[]", "null", `["x"]`}, "Key": {`"x"`}}[name]
		for _, value := range []string{"{}", "[]", `["x"]`, `"x"`, "1", "1.5", "true", "false", "null"} {
			json := `{"a":` + value + `}`
			for _, message := range [][]byte{[]byte(json), packed(t, json)} {
				r := NewReader(message, Limits{})
				m := r.Object()
				r.Next(&m)
				r.Key()
				if name == "Key" {
					continue // of a value it is no question
				}
				read(&r)
				if ok := r.Err() == nil; ok != slices.Contains(fits, value) {
					t.Errorf("%s of %s: %v", name, value, r.Err())
				}
				if r.Err() != nil && (r.Next(&m) || r.Null() || r.Value().JSON != nil || r.String() != "" || r.End() != ErrMalformed) {
					t.Errorf("%s of %s: something is found behind the error", name, value)
				}
			}
		}
	}
	r := NewReader(packed(t, "[1e300,9007199254740992,-9007199254740993]"), Limits{})
	m := r.Array()
	r.Next(&m)
	if f := r.Number(); f != 1e300 {
		t.Error(f)
	}
	r.Next(&m)
	if n := r.Int(); n != 1<<53 {
		t.Error(n)
	}
	r.Next(&m)
	if n := r.Int(); n != 0 && n != -1<<53 || math.Abs(float64(n)) > 1<<53 {
		t.Error(n)
	}
}
