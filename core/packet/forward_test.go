package packet_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/core/packet"
)

// What one server encodes another makes the same packet of, for another id.
func TestEventsBetweenServers(t *testing.T) {
	codec := packet.JSONCodec{}
	for name, row := range map[string]struct {
		namespace   string
		id          int64
		args        []any
		text, again string
	}{
		"plain":     {"/", packet.NoID, []any{1, "é"}, `["a[b",1,"é"]`, `27["a[b",1,"é"]`},
		"namespace": {"/a[1", packet.NoID, nil, `["a[b"]`, `2/a[1,7["a[b"]`},
		"ack":       {"", 12, []any{[]int{}}, `["a[b",[]]`, `27["a[b",[]]`},
		"binary": {"/x", 3, []any{[]byte{1}, []byte{2}}, `["a[b",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`,
			`52-/x,7["a[b",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`},
		"like binary": {"/", packet.NoID, []any{map[string]any{"_placeholder": true, "num": 0}},
			`["a[b",{"_placeholder":true,"num":0}]`, `27["a[b",{"_placeholder":true,"num":0}]`},
	} {
		encoded, err := codec.Encode(nil, packet.Outgoing{Type: packet.Event, Namespace: row.namespace, ID: row.id, Event: "a[b", Args: row.args})
		if err != nil {
			t.Fatal(err)
		}
		n := len(encoded.Attachments)
		text, err := codec.EventText(encoded.Head, row.namespace, row.id, n)
		if err != nil || string(text) != row.text {
			t.Errorf("%s: %s, %v", name, text, err)
		}
		if event, err := packet.ReadEvent(text, n, packet.Limits{}); event != "a[b" || err != nil {
			t.Errorf("%s: %q, %v", name, event, err)
		}
		again, err := codec.AppendEvent([]byte("4"), row.namespace, 7, text, n)
		if err != nil || string(again) != "4"+row.again {
			t.Errorf("%s: %s, %v", name, again, err)
		}
	}
	fake := []any{map[string]any{"_placeholder": true, "num": 0}, []byte{1}}
	encoded, _ := codec.Encode(nil, packet.Outgoing{Type: packet.Event, ID: packet.NoID, Event: "x", Args: fake})
	if _, err := codec.EventText(encoded.Head, "/", packet.NoID, 1); err != packet.ErrPlaceholder {
		t.Error(err)
	}
	if _, err := codec.AppendEvent(nil, "/", packet.NoID, []byte(`["x"]`), 11); err != packet.ErrTooManyAttachments {
		t.Error(err)
	}
	if _, err := codec.AppendEvent(nil, "/a,b", packet.NoID, []byte(`["x"]`), 0); err == nil {
		t.Error("a comma in a namespace")
	}
}

func TestReadEventRefuses(t *testing.T) {
	for text, want := range map[string]packet.Error{
		``: packet.ErrInvalidPayload, `{}`: packet.ErrInvalidPayload, `[]`: packet.ErrInvalidPayload, `["a"`: packet.ErrInvalidPayload,
		`["a"]x`: packet.ErrInvalidPayload, `[{}]`: packet.ErrInvalidPayload, `["disconnect"]`: packet.ErrInvalidPayload,
		"[\"a\xff\"]": packet.ErrInvalidPayload, `["a",1,2,3,4]`: packet.ErrTooManyArgs, `["a",[[[[]]]]]`: packet.ErrTooDeep,
		`["a",{"_placeholder":true,"num":1}]`:                               packet.ErrPlaceholder,
		`["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`: packet.ErrPlaceholder,
	} {
		if _, err := packet.ReadEvent([]byte(text), 1, packet.Limits{Args: 4, Depth: 4}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	if _, err := packet.ReadEvent([]byte(`["a"]`), 2, packet.Limits{Attachments: 1}); err != packet.ErrTooManyAttachments {
		t.Error(err)
	}
	if _, err := packet.ReadEvent([]byte(`["a",`+strings.Repeat("1,", 2000)+`1]`), 0, packet.Limits{}); err != packet.ErrTooManyArgs {
		t.Error(err)
	}
	if event, err := packet.ReadEvent([]byte(` [ 7 , "x" ] `), 0, packet.Limits{}); event != "7" || err != nil {
		t.Error(event, err)
	}
}
