package msgpack_test

import (
	"testing"
	"time"

	"github.com/kawat-go/kawat/codec/msgpack"
	"github.com/kawat-go/kawat/core/packet"
)

func TestReaddress(t *testing.T) {
	codec, ok := msgpack.Codec().(packet.Readdresser)
	if !ok {
		t.Fatal("the codec cannot readdress")
	}
	for name, args := range map[string][]any{
		"empty": nil, "text": {"id"}, "several": {int64(1)<<53 + 1, time.UnixMilli(5), []byte{1}, map[string]int{"id": 3}},
	} {
		for _, namespace := range []string{"", "/", "/id"} {
			for _, ids := range [][2]int64{{0, 7}, {127, 128}, {12345, 0}, {7, packet.MaxID}, {packet.MaxID, 65536}} {
				ack := func(id int64) string {
					out, err := msgpack.Codec().Encode(nil, packet.Outgoing{Type: packet.Ack, Namespace: namespace, ID: id, Args: args})
					if err != nil {
						t.Fatal(err)
					}
					return string(out.Head)
				}
				got := string(codec.Readdress([]byte("4"), []byte(ack(ids[0])), namespace, ids[1]))
				if want := "4" + ack(ids[1]); got != want {
					t.Errorf("%s in %q: %q, want %q", name, namespace, got, want)
				}
			}
		}
	}
}
