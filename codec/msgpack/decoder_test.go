package msgpack

import (
	"errors"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/packet"
)

// Parts of packets, in hexadecimal: the keys, and a whole "nsp":"/".
const (
	typ  = "a474797065"
	data = "a464617461"
	nsp  = "a36e7370"
	id   = "a26964"
	root = nsp + "a12f"
)

func TestDecoderTakes(t *testing.T) {
	for name, c := range map[string]struct {
		hex  string
		want packet.Incoming // but for the arguments
		args []any
	}{
		"keys in another order": {"84" + id + "09" + data + "92a16101" + root + typ + "02", packet.Incoming{Type: packet.Event, ID: 9, Event: "a"}, []any{1.0}},
		"no data":               {"82" + typ + "00" + root, packet.Incoming{ID: -1}, nil},
		"auth of null":          {"83" + typ + "00" + data + "c0" + root, packet.Incoming{ID: -1}, nil},
		"an id of undefined":    {"84" + typ + "02" + data + "91a161" + id + "d40000" + root, packet.Incoming{Type: packet.Event, ID: -1, Event: "a"}, []any{}},
		"ack 0":                 {"84" + id + "00" + typ + "03" + data + "90" + root, packet.Incoming{Type: packet.Ack}, []any{}},
		"an ack without an id":  {"83" + typ + "03" + data + "90" + root, packet.Incoming{Type: packet.Ack, ID: -1}, []any{}},
		"the greatest id":       {"84" + id + "cf001fffffffffffff" + typ + "03" + data + "90" + root, packet.Incoming{Type: packet.Ack, ID: packet.MaxID}, []any{}},
		"a long way to say 2":   {"83" + typ + "d30000000000000002" + data + "dd00000001db00000001 61" + nsp + "d9012f", packet.Incoming{Type: packet.Event, ID: -1, Event: "a"}, []any{}},
		"an event named 7":      {"83" + typ + "02" + data + "9107" + root, packet.Incoming{Type: packet.Event, ID: -1, Event: "7"}, []any{}},
		"an event named -2":     {"83" + typ + "02" + data + "91fe" + root, packet.Incoming{Type: packet.Event, ID: -1, Event: "-2"}, []any{}},
		"an event named 1.5":    {"83" + typ + "02" + data + "91cb3ff8000000000000" + root, packet.Incoming{Type: packet.Event, ID: -1, Event: "1.5"}, []any{}},
		"a great number's name": {"83" + typ + "02" + data + "91cfffffffffffffffff" + root, packet.Incoming{Type: packet.Event, ID: -1, Event: "18446744073709551615"}, []any{}},
		"a refusal as text":     {"83" + typ + "04" + data + "a26e6f" + root, packet.Incoming{Type: packet.ConnectError, ID: -1}, []any{"no"}},
		"a key of its own":      {"84" + typ + "01" + "a178" + "9181a17990" + root + data + "d40000", packet.Incoming{Type: packet.Disconnect, ID: -1}, nil},
		"a namespace":           {"82" + typ + "01" + nsp + "ab2f636861743f6c616e673d", packet.Incoming{Type: packet.Disconnect, Namespace: "/chat?lang=", ID: -1}, nil},
	} {
		p := mustDecode(t, unhex(t, c.hex))
		if c.want.Namespace == "" {
			c.want.Namespace = "/"
		}
		args := []any(nil)
		for i := range p.Args.Len() {
			v, err := p.Args.Value(i)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			args = append(args, v)
		}
		p.Args = packet.Args{}
		if !reflect.DeepEqual(p, c.want) || len(args) != len(c.args) || len(args) > 0 && !reflect.DeepEqual(args, c.args) {
			t.Errorf("%s: got %+v %v, want %+v %v", name, p, args, c.want, c.args)
		}
	}
}

func TestDecoderRefuses(t *testing.T) {
	long := strings.Repeat("61", 511)
	of := func(payload string) string { return "83" + typ + "02" + data + payload + root }
	for name, c := range map[string]struct {
		hex  string
		want error
	}{
		"nothing":                         {"", packet.ErrInvalidPayload},
		"no map":                          {"90", packet.ErrInvalidPayload},
		"a number":                        {"01", packet.ErrInvalidPayload},
		"an empty map":                    {"80", errType},
		"a byte that means nothing":       {"c1", packet.ErrInvalidPayload},
		"trailing bytes":                  {"82" + typ + "01" + root + "c0", packet.ErrInvalidPayload},
		"one pair less than said":         {"83" + typ + "01" + root, packet.ErrInvalidPayload},
		"no type":                         {"81" + root, errType},
		"a type of 5":                     {"82" + typ + "05" + root, errType},
		"a type of -1":                    {"82" + typ + "ff" + root, errType},
		"a type beyond int64":             {"82" + typ + "cfffffffffffffffff" + root, errType},
		"a float type":                    {"82" + typ + "cb0000000000000000" + root, errType},
		"a type of text":                  {"82" + typ + "a130" + root, errType},
		"a type of null":                  {"82" + typ + "c0" + root, errType},
		"a type that is an array":         {"82" + typ + "9100" + root, packet.ErrInvalidPayload},
		"the type twice":                  {"83" + typ + "01" + typ + "01" + root, packet.ErrInvalidPayload},
		"the namespace twice":             {"83" + typ + "01" + root + root, packet.ErrInvalidPayload},
		"the id twice":                    {"85" + typ + "02" + data + "91a161" + id + "01" + id + "01" + root, packet.ErrInvalidPayload},
		"the data twice":                  {"84" + typ + "02" + data + "91a161" + data + "91a161" + root, packet.ErrInvalidPayload},
		"a key that is a number":          {"83" + typ + "01" + "0101" + root, packet.ErrInvalidPayload},
		"a key that is no UTF-8":          {"83" + typ + "01" + "a1ff01" + root, packet.ErrInvalidPayload},
		"no namespace":                    {"81" + typ + "01", packet.ErrNamespace},
		"a namespace of null":             {"82" + typ + "01" + nsp + "c0", packet.ErrNamespace},
		"a binary namespace":              {"82" + typ + "01" + nsp + "c4012f", packet.ErrNamespace},
		"an empty namespace":              {"82" + typ + "01" + nsp + "a0", packet.ErrNamespace},
		"a namespace without slash":       {"82" + typ + "01" + nsp + "a161", packet.ErrNamespace},
		"a namespace that is no UTF-8":    {"82" + typ + "01" + nsp + "a22fff", packet.ErrNamespace},
		"a namespace too long":            {"82" + typ + "01" + nsp + "da02012f" + long + "61", packet.ErrNamespace},
		"an id of text":                   {"84" + typ + "02" + data + "91a161" + id + "a131" + root, packet.ErrID},
		"a float id":                      {"84" + typ + "02" + data + "91a161" + id + "cb3ff0000000000000" + root, packet.ErrID},
		"an id of -1":                     {"84" + typ + "02" + data + "91a161" + id + "ff" + root, packet.ErrID},
		"an id of 2^53":                   {"84" + typ + "02" + data + "91a161" + id + "cf0020000000000000" + root, packet.ErrID},
		"an id beyond int64":              {"84" + typ + "02" + data + "91a161" + id + "cfffffffffffffffff" + root, packet.ErrID},
		"an id of null":                   {"84" + typ + "02" + data + "91a161" + id + "c0" + root, packet.ErrID},
		"CONNECT with an array":           {"83" + typ + "00" + data + "90" + root, packet.ErrInvalidPayload},
		"CONNECT with text":               {"83" + typ + "00" + data + "a161" + root, packet.ErrInvalidPayload},
		"CONNECT with binary":             {"83" + typ + "00" + data + "c40161" + root, packet.ErrInvalidPayload},
		"DISCONNECT with data":            {"83" + typ + "01" + data + "80" + root, packet.ErrInvalidPayload},
		"DISCONNECT with null":            {"83" + typ + "01" + data + "c0" + root, packet.ErrInvalidPayload},
		"EVENT without data":              {"82" + typ + "02" + root, packet.ErrInvalidPayload},
		"EVENT without a name":            {of("90"), packet.ErrInvalidPayload},
		"EVENT of an object":              {of("80"), packet.ErrInvalidPayload},
		"ACK without data":                {"82" + typ + "03" + root, packet.ErrInvalidPayload},
		"CONNECT_ERROR of an array":       {"83" + typ + "04" + data + "90" + root, packet.ErrInvalidPayload},
		"CONNECT_ERROR of nothing":        {"82" + typ + "04" + root, packet.ErrInvalidPayload},
		"a name that is null":             {of("91c0"), packet.ErrInvalidPayload},
		"a name that is an array":         {of("9190"), packet.ErrInvalidPayload},
		"a name that is NaN":              {of("91cb7ff8000000000000"), packet.ErrInvalidPayload},
		"a name that is binary":           {of("91c40161"), packet.ErrInvalidPayload},
		"a reserved name":                 {of("91aa646973636f6e6e656374"), packet.ErrInvalidPayload},
		"text that is no UTF-8":           {of("92a161a1ff"), packet.ErrInvalidPayload},
		"an object's key is a number":     {of("92a161810102"), packet.ErrInvalidPayload},
		"an object's key is binary":       {of("92a16181c4016102"), packet.ErrInvalidPayload},
		"an object's key is an array":     {of("92a161819002"), packet.ErrInvalidPayload},
		"an object without its last half": {"82" + typ + "02" + data + "92a16181a161", packet.ErrInvalidPayload},
		"binary of 4 GB":                  {of("92a161c6ffffffff"), packet.ErrInvalidPayload},
		"text of 4 GB":                    {of("92a161dbffffffff"), packet.ErrInvalidPayload},
		"an array of 4 G":                 {of("92a161ddffffffff"), packet.ErrInvalidPayload},
		"arguments of 4 G":                {of("ddffffffff"), packet.ErrInvalidPayload},
		"an object of 4 G":                {of("92a161dfffffffff"), packet.ErrInvalidPayload},
		"a packet of 4 G keys":            {"dfffffffff" + typ + "01" + root, packet.ErrInvalidPayload},
		"an ArrayBuffer of 4 GB":          {of("92a161c9ffffffff00"), packet.ErrInvalidPayload},
		"an extension cut off":            {"82" + typ + "01" + nsp + "c900", packet.ErrInvalidPayload},
		"a short extension cut off":       {"82" + typ + "01" + nsp + "d4", packet.ErrInvalidPayload},
		"a date cut off":                  {"83" + typ + "02" + data + "92a161d70000000000000000", packet.ErrInvalidPayload},
		"a date beyond JavaScript's":      {of("92a161d7007fffffffffffffff"), packet.ErrInvalidPayload},
		"an extension of type 1":          {of("92a161d401ff"), errExt},
		"a timestamp of msgpack's own":    {of("92a161d6ff00000000"), errExt},
		"two bytes of type 0":             {of("92a161d5000000"), errExt},
		"an extension in the options":     {"83" + typ + "01" + "a178" + "c70105ff" + root, errExt},
	} {
		p, complete, err := Codec().NewDecoder(packet.Limits{}).Add(unhex(t, c.hex), true)
		if !errors.Is(err, c.want) || complete || !reflect.DeepEqual(p, packet.Incoming{}) {
			t.Errorf("%s: got %+v, %v; want %v", name, p, err, c.want)
		}
	}
	_, _, err := Codec().NewDecoder(packet.Limits{}).Add([]byte(`2["a"]`), false)
	if !errors.Is(err, errText) {
		t.Errorf("a text message: %v", err)
	}
}

// TestDecoderPrefixes cuts a packet everywhere: no part of one is a packet.
func TestDecoderPrefixes(t *testing.T) {
	whole := mustEncode(t, packet.Outgoing{Type: packet.Event, Namespace: "/chat", ID: 70_000, Event: "event", Args: []any{
		map[string]any{"a": []byte("bytes"), "b": []any{1.5, math.MaxInt64, -5, nil, true}}, strings.Repeat("x", 300)}})
	mustDecode(t, whole)
	for n := range whole {
		if _, _, err := Codec().NewDecoder(packet.Limits{}).Add(whole[:n], true); err == nil {
			t.Errorf("%d of %d bytes are a packet", n, len(whole))
		}
	}
}

func TestDecoderLimits(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("91", n) + "c0" }
	of := func(payload string) string { return "83" + typ + "02" + data + payload + root }
	for name, c := range map[string]struct {
		hex    string
		limits packet.Limits
		want   error
	}{
		"depth, just":              {of("92a161" + deep(2)), packet.Limits{Depth: 3}, nil},
		"depth":                    {of("92a161" + deep(3)), packet.Limits{Depth: 3}, packet.ErrTooDeep},
		"depth of 1":               {of("92a16190"), packet.Limits{Depth: 1}, packet.ErrTooDeep},
		"depth of objects":         {of("92a16181a16181a161 91c0"), packet.Limits{Depth: 3}, packet.ErrTooDeep},
		"depth of a CONNECT":       {"83" + typ + "00" + data + "81a1619180" + root, packet.Limits{Depth: 2}, packet.ErrTooDeep},
		"depth of a key unknown":   {"83" + typ + "01" + "a178" + deep(4) + root, packet.Limits{Depth: 3}, packet.ErrTooDeep},
		"depth by default, just":   {of("92a161" + deep(999)), packet.Limits{}, nil},
		"depth by default":         {of("92a161" + deep(1000)), packet.Limits{}, packet.ErrTooDeep},
		"depth of a million":       {of("92a161" + deep(1_000_000)), packet.Limits{}, packet.ErrTooDeep},
		"depth without a limit":    {of("92a161" + deep(1_000_000)), packet.Limits{Depth: math.MaxInt}, packet.ErrTooDeep},
		"arguments, just":          {of("93a161c0c0"), packet.Limits{Args: 3}, nil},
		"arguments":                {of("94a161c0c0c0"), packet.Limits{Args: 3}, packet.ErrTooManyArgs},
		"arguments by default":     {of("dc0401a161" + strings.Repeat("c0", 1024)), packet.Limits{}, packet.ErrTooManyArgs},
		"a namespace, just":        {"82" + typ + "01" + nsp + "a32f6162", packet.Limits{NamespaceLength: 3}, nil},
		"a namespace":              {"82" + typ + "01" + nsp + "a42f616263", packet.Limits{NamespaceLength: 3}, packet.ErrNamespace},
		"attachments do not count": {of("94a161c40161c40161c40161"), packet.Limits{Attachments: 1, AttachmentBytes: 1}, nil},
	} {
		if _, _, err := Codec().NewDecoder(c.limits).Add(unhex(t, c.hex), true); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

// TestDecoderCosts holds that what a packet claims costs nothing.
func TestDecoderCosts(t *testing.T) {
	for _, payload := range []string{
		"92a161c6ffffffff", "92a161dbffffffff", "92a161ddffffffff", "ddffffffff", "92a161dfffffffff", "92a161c9ffffffff00",
		"92a161" + strings.Repeat("dcffff", 300_000), strings.Repeat("91", 1_000_000),
	} {
		message := unhex(t, "83"+typ+"02"+data+payload+root)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := Codec().NewDecoder(packet.Limits{}).Add(message, true)
		runtime.ReadMemStats(&after)
		if cost := after.TotalAlloc - before.TotalAlloc; err == nil || cost > 100_000 {
			t.Errorf("%.20s: %d bytes, error %v", payload, cost, err)
		}
	}
}

// TestDecoderSharesNames holds that names are strings of the decoder's own, which
// are kept if they are short.
func TestDecoderSharesNames(t *testing.T) {
	d := Codec().NewDecoder(packet.Limits{}).(*decoder)
	message := mustEncode(t, packet.Outgoing{Type: packet.Event, Namespace: "/chat", ID: -1, Event: "message"})
	for range 2 {
		p, _, err := d.Add(message, true)
		if err != nil || p.Event != "message" || p.Namespace != "/chat" {
			t.Fatal(p, err)
		}
	}
	long := strings.Repeat("x", 100)
	p, _, err := d.Add(mustEncode(t, event(long)), true)
	if err != nil || p.Event != long || d.event != "message" || d.Pending() {
		t.Errorf("%q, kept %q, %v", p.Event, d.event, err)
	}
}
