package attack

import (
	"fmt"
	"strings"
	"testing"
)

func TestOlderPackets(t *testing.T) { table(t, olderRows) }

// Clients of Socket.IO 2 speak the packets of today but for how a namespace is joined,
// and are in the main one from the start.
var olderRows = []row{
	{name: "older packets that clients do not send", cites: "S3 S1 S2", in: nowhere, on: "eio3", steps: []step{eachOlder(
		"40", "40/,", "40[]", "40{", "44{}", "41{}", "49", "4", "42[", "42/chat,[\"echo\"]", "41/chat,", "43/chat,0[]",
		"40"+strings.Repeat("/chat,", 2), "7",
	)}},
	{name: "older names", cites: "S4 S6 L7", in: nowhere, on: "eio3", steps: []step{
		older(), says("40/nope,"), hears(`^44/nope,\{"message":"Invalid namespace"\}$`), says("40/nope?token=abc,"), hears("^44/nope,"),
		says("40/chat?token=abc&a=1&a=2&%zz=%zz&=,"), hears(`^40/chat,?$`), says(`42/chat,1["echo",1]`), hears(`^43/chat,1\[1\]$`),
		says("40/" + strings.Repeat("n", 511) + "?" + strings.Repeat("q=1&", 2_000) + ","), hears("^44/n"),
		eachOlder("40/"+strings.Repeat("n", 512)+",", "40/n?"+strings.Repeat("q", 9_000)+",", "40/"+strings.Repeat("n", 900_000)+",",
			`42["connect"]`, `42["disconnecting"]`, `42["newListener"]`, `42[null]`, `42[{"toString":"foo"}]`),
	}},
	{name: "older values", cites: "S7 S8 S10 L7", in: nowhere, on: "eio3", steps: []step{
		older(), says(`421["count",` + nested(999) + `]`), hears(`^431\[1\]$`), says(`421["number",9007199254740993]`), hears(`^431\[9007199254740993\]$`),
		says("43", "437[]", `42["none"]`, `421["echo",1]`), hears(`^431\[1\]$`),
		eachOlder(`42["echo",2]xyz`, `42["echo",NaN]`, `42["count",`+nested(1000)+`]`, `42["count"`+strings.Repeat(",1", 1024)+`]`,
			`429007199254740992["echo",1]`, `43`+strings.Repeat("9", 100_000)+`[]`),
	}},
	{name: "older attachments", cites: "S13 S14 S15 L6 GHSA-677m-j7p3-52f9 GHSA-2m8v-j782-fhvr GHSA-qm95-pgcg-qqfq", in: nowhere, on: "eio3", steps: []step{
		older(), says("451-1[\"echo\"," + ph + "]"), on("ws"), send(binaryOf("\x04\x01\x02\x03")), hears(`^461-1\[`), hears("^bBAECAw==$"),
		eachOlder("4511-[\"echo\"]", "450-[\"echo\"]", "4501-[\"echo\"]", "451-[\"echo\",{\"_placeholder\":true,\"num\":\"splice\"}]",
			"451-[\"echo\","+ph+","+ph+"]", "45999999999-[\"echo\"]", "451-[\"echo\","+ph+"]\x1e42[\"echo\"]"),
		newcomer(), send(binaryOf("\x04\x01")), ends(),
	}},
	{name: "older refusals, 100 and more", cites: "S4 L8", in: nowhere, on: "eio3", alone: true, steps: []step{
		older(), floods(99, func(i int) string { return fmt.Sprintf("40/n%d,", i) }), hearsMany(99, "^44/n"),
		says("40/n99,"), hears("^44/n"), says("40/one,"), ends(),
	}},
}

// older opens a WebSocket as clients of Socket.IO 2 do, in place of the attacker's
// session.
func older() step {
	return times(1, on("ws"), send(upgrade(strings.Replace(wsPath, "EIO=4", "EIO=3", 1))), answer(101),
		check("", func(a *attacker) error { a.over, a.inbox = webSocket, nil; return nil }), hears("^0\\{"), hears("^40$"))
}

// newcomer is [older] after another one.
func newcomer() step {
	return times(1, check("", func(a *attacker) error {
		if w := a.wires["ws"]; w != nil {
			_ = w.conn.Close()
			delete(a.wires, "ws")
		}
		return nil
	}), older())
}

// eachOlder is [each] for them.
func eachOlder(packets ...string) step {
	return step{"each older", func(a *attacker) error {
		for _, p := range packets {
			if err := attack(a.target, a.host, bare, []step{older(), says(split(p)...), ends()}); err != nil {
				return fmt.Errorf("%.100q: %w", p, err)
			}
		}
		return nil
	}}
}
