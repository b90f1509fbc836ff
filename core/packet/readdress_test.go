package packet_test

import (
	"testing"

	"github.com/kawat-go/kawat/core/packet"
)

func TestReaddress(t *testing.T) {
	codec, ok := packet.JSON().(packet.Readdresser)
	if !ok {
		t.Fatal("the JSON codec cannot readdress")
	}
	for name, args := range map[string][]any{
		"empty": nil, "text": {"[1-2,3"}, "several": {1, nil, "x"}, "binary": {[]byte("a"), map[string][]byte{"b": {1}}},
	} {
		for _, namespace := range []string{"", "/", "/chat", "/a[1-2"} {
			for _, ids := range [][2]int64{{0, 7}, {12345, 0}, {7, packet.MaxID}} {
				ack := func(id int64) string {
					out, err := packet.JSON().Encode(nil, packet.Outgoing{Type: packet.Ack, Namespace: namespace, ID: id, Args: args})
					if err != nil {
						t.Fatal(err)
					}
					return string(out.Head)
				}
				got := string(codec.Readdress([]byte("4"), []byte(ack(ids[0])), namespace, ids[1]))
				if want := "4" + ack(ids[1]); got != want {
					t.Errorf("%s in %q: %s, want %s", name, namespace, got, want)
				}
			}
		}
	}
}
