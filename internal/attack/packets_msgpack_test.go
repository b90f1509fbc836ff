package attack

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

func TestMessagePack(t *testing.T) { table(t, packedRows) }

// packedPath is where the server speaks MessagePack.
const packedPath = "/msgpack/?EIO=4&transport=websocket"

var packedRows = []row{
	{name: "packed packets that clients do not send", cites: "S3 S7", in: nowhere, on: "packed", steps: []step{eachPacked(
		"", "\xc0", "\xc1", "\x80", "\x81", "\x90", "2", mpMap("type", "\x02"), mpMap("type", "\x02", "nsp", mpString("/")),
		event("\xc0"), event("\x01"), event(mpString("echo")), event("\x80"), event(mpArray()), event(mpArray("\xc0")), event(mpArray("\x80")),
		event(mpArray("\x90")), mpMap("type", "\x07", "nsp", mpString("/"), "data", mpArray(mpString("echo"))),
		mpMap("type", mpString("2"), "nsp", mpString("/"), "data", mpArray(mpString("echo"))), mpMap("type", "\xff", "nsp", mpString("/")),
		mpMap("type", "\x02", "nsp", "\x01", "data", mpArray(mpString("echo"))), mpMap("type", "\x02", "nsp", "\x90", "data", mpArray(mpString("echo"))),
		mpMap("type", "\x04", "nsp", mpString("/"), "data", "\x80"), mpMap("type", "\x00", "nsp", mpString("/"), "data", "\x80"),
		mpMap("type", "\x01", "nsp", mpString("/"), "data", "\x80"), mpMap("type", "\x02", "type", "\x02", "nsp", mpString("/"), "data", mpArray(mpString("echo"))),
		event(mpArray(mpString("echo")))+"\x00", event(mpArray(mpString("echo")))[:20], mpMap("type", "\x03", "nsp", mpString("/"), "id", "\x01", "data", "\x80"),
	)}},
	{name: "packed lengths that are lies", cites: "S8", in: nowhere, on: "packed", steps: []step{eachPacked(
		"\xdf\xff\xff\xff\xff", "\xdd\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff", "\xc9\xff\xff\xff\xff\x01", "\xde\xff\xff",
		event("\xdd\xff\xff\xff\xff"), event("\xdd\x00\x00\x00\x02"+mpString("echo")), event(mpArray(mpString("echo"), "\xdf\xff\xff\xff\xff")),
		event(mpArray(mpString("echo"), "\xdb\x7f\xff\xff\xff")), event(mpArray(mpString("echo"), "\xdd\x00\x00\x00\x01")),
	)}},
	{name: "packed names", cites: "S4 S6 L7 GHSA-cqmj-92xf-r6r9", in: nowhere, on: "packed", steps: []step{
		packed(), saysPacked(mpMap("type", "\x00", "nsp", mpString("/nope"))), hearsPacked("Invalid namespace"),
		saysPacked(mpMap("type", "\x00", "nsp", mpString("/"+strings.Repeat("n", 511)))), hearsPacked("Invalid namespace"),
		saysPacked(counted1(mpString("x"))), hearsPacked("data"),
		eachPacked(event(mpArray(mpString("connect"))), event(mpArray(mpString("disconnecting"))), event(mpArray(mpString("newListener"))),
			mpMap("type", "\x00", "nsp", mpString("/"+strings.Repeat("n", 512))), mpMap("type", "\x00", "nsp", mpString(strings.Repeat("n", 900_000))),
			mpMap("type", "\x00", "nsp", mpString("")), mpMap("type", "\x00", "nsp", mpString("nope")), mpMap("type", "\x00", "nsp", mpString("/\xff")),
			mpMap("type", "\x02", "nsp", mpString("/chat"), "data", mpArray(mpString("echo")))),
	}},
	{name: "packed values", cites: "S8 S9 S10 L7", in: nowhere, on: "packed", steps: []step{
		packed(), saysPacked(counted1(strings.Repeat("\x91", 998) + "\x90")), hearsPacked("data"),
		saysPacked(mpMap("type", "\x03", "nsp", mpString("/"), "id", "\x07", "data", mpArray())), // nobody waits for it
		saysPacked(mpMap("type", "\x02", "nsp", mpString("/"), "id", "\xcf\x00\x1f\xff\xff\xff\xff\xff\xff", "data", mpArray(mpString("count")))), hearsPacked("data"),
		saysPacked(mpMap("type", "\x02", "nsp", mpString("/"), "id", "\x01", "data", mpArray(mpString("number"), "\xcf\x00\x20\x00\x00\x00\x00\x00\x01"))),
		hearsPacked("\x20\x00\x00\x00\x00\x00\x01"),
		eachPacked(counted1(strings.Repeat("\x91", 999)+"\x90"), counted1(strings.Repeat("\x91", 400_000)+"\x90"), counted1(strings.Repeat("\x81\x01", 400_000)+"\x90"),
			event("\xdc\x04\x01"+mpString("count")+strings.Repeat("\x01", 1024)), event("\xdd\x00\x06\xdd\xd1"+mpString("count")+strings.Repeat("\x01", 450_000)),
			mpMap("type", "\x02", "nsp", mpString("/"), "id", "\xcf\x00\x20\x00\x00\x00\x00\x00\x00", "data", mpArray(mpString("count"))),
			mpMap("type", "\x02", "nsp", mpString("/"), "id", "\xff", "data", mpArray(mpString("count"))),
			mpMap("type", "\x03", "nsp", mpString("/"), "id", "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", "data", mpArray())),
	}},
	{name: "packed text", cites: "S3", in: nowhere, on: "packed", steps: []step{packed(), says(`42["echo"]`), ends()}},
}

// packed joins the main namespace, in MessagePack.
func packed() step {
	return times(1, on("ws"), send(upgrade(packedPath)), answer(101), check("", func(a *attacker) error { a.over = webSocket; return nil }), hears(`^0\{`),
		saysPacked(mpMap("type", "\x00", "nsp", mpString("/"))), hearsPacked("sid"))
}

func saysPacked(packet string) step {
	return says("b" + base64.StdEncoding.EncodeToString([]byte(packet)))
}

// hearsPacked expects the next packet to contain the text.
func hearsPacked(text string) step {
	return step{"hears packed", func(a *attacker) error {
		p, err := a.packet()
		if err != nil {
			return err
		}
		data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p, "b"))
		if err != nil || !strings.Contains(string(data), text) {
			return fmt.Errorf("%.200q has no %q", data, text)
		}
		return nil
	}}
}

// eachPacked is [each] for packets in MessagePack.
func eachPacked(packets ...string) step {
	return step{"each packed", func(a *attacker) error {
		for _, p := range packets {
			if err := attack(a.target, a.host, bare, []step{packed(), saysPacked(p), ends()}); err != nil {
				return fmt.Errorf("%.60q: %w", p, err)
			}
		}
		return nil
	}}
}

// event is one with the payload, counted1 one whose ack is 1.
func event(data string) string { return mpMap("type", "\x02", "nsp", mpString("/"), "data", data) }

func counted1(arg string) string {
	return mpMap("type", "\x02", "nsp", mpString("/"), "id", "\x01", "data", mpArray(mpString("count"), arg))
}

func mpString(s string) string {
	return "\xdb" + string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s
}

func mpArray(elements ...string) string {
	return string([]byte{0x90 | byte(len(elements))}) + strings.Join(elements, "")
}

// mpMap is a map of names and values in turn.
func mpMap(members ...string) string {
	b := string([]byte{0x80 | byte(len(members)/2)})
	for i := 0; i < len(members); i += 2 {
		b += mpString(members[i]) + members[i+1]
	}
	return b
}
