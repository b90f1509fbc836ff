package attack

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAdvisories(t *testing.T) { table(t, advisoryRows) }

// What other servers and libraries have been attacked with, one row or more for each
// published advisory that could be about this one too. They are listed in
// limits_test.go. Not there is CVE-2026-45736 (ws): it takes a program that calls
// close with a reason of the wrong type.
var advisoryRows = []row{
	{name: "a megabyte and more, posted", cites: "CVE-2020-36048", in: polls, steps: []step{ // engine.io, GHSA-j4f2-536g-r55m
		on("b"), send(post(pollPath+"&sid={sid}", strings.Repeat("4x\x1e", 400_000)+"3")), answer(413), lives(),
		on("c"), send(post(pollPath+"&sid={sid}", strings.Repeat("3\x1e", 499_999)+"3")), answer(200), lives(),
	}},
	{name: "frames with reserved bits behind the request", cites: "CVE-2022-21676", in: append(nowhere, pollStates...), steps: []step{ // engine.io, GHSA-273r-mgr4-v34f
		on("ws"), where(nowhere, send(upgrade(wsPath), "\xb0\x80"), answer(101), message("0{"), closes(1002)),
		where(pollStates, send(upgrade(wsPath+"&sid={sid}"), "\xb0\x80"), answer(101), closes(1002), lives()),
	}},
	{name: "reset right behind the request", cites: "CVE-2022-41940", in: append(nowhere, pollStates...), steps: []step{ // engine.io, GHSA-r7qp-cfhv-p84w
		on("a"), send(upgrade(wsPath)), rst(), on("a"), send(upgrade("/socket.io/?EIO=3&transport=websocket")), rst(),
		on("a"), send(upgrade("/socket.io/?EIO=4")), rst(), on("a"), send(upgrade(wsPath + "&sid=x")), rst(),
		where(pollStates, on("a"), send(upgrade(wsPath+"&sid={sid}")), rst(), lives()),
	}},
	{name: "an upgrade to a transport that is none", cites: "CVE-2023-31125", in: append(nowhere, pollStates...), steps: func() (all []step) { // engine.io, GHSA-q9mw-68c2-j6m5
		for i, transport := range []string{"", "&transport=", "&transport=x", "&transport=webtransport", "&transport=__proto__", "&transport=constructor", "&transport=polling"} {
			all = append(all, on(fmt.Sprint("a", i)), send(upgrade("/socket.io/?EIO=4"+transport)), refused(400),
				where(pollStates, on(fmt.Sprint("b", i)), send(upgrade("/socket.io/?EIO=4&sid={sid}"+transport)), refused(400)))
		}
		return append(all, where(pollStates, lives()))
	}()},
	{name: "a binary POST", cites: "CVE-2026-59725", in: polls, steps: []step{ // engine.io, GHSA-r635-g3xr-vw7x
		within(5*time.Second, on("b"), send(post(pollPath+"&sid={sid}", "3", "Content-Type: application/octet-stream")), answer(400), ends()),
	}},
	{name: "the sid __proto__", cites: "GHSA-gr94-w7qr-f4j3", in: nowhere, steps: []step{ // engine.io, there over WebTransport
		send(get(pollPath + "&sid=__proto__")), answer(400, unknownSID), on("b"), send(upgrade(wsPath + "&sid=__proto__")), answer(400),
		on("c"), send(upgrade(wsPath), text(`0{"sid":"__proto__"}`), text("40")), answer(101), message(`0{"sid"`), message("40{"),
	}},
	{name: "an upgrade of another revision", cites: "GHSA-2gc4-cqfq-p2gv", in: pollStates, on: "eio3", steps: []step{ // engine.io
		on("b"), send(upgrade("/socket.io/?EIO=3&transport=websocket&sid={sid}")), answer(400, "Bad request"),
		on("c"), send(upgrade("/socket.io/?transport=websocket&sid={sid}")), answer(400, "Bad request"),
		on("d"), send(get(oldPath + "&sid={sid}")), answer(400, badRequest), send(post(oldPath+"&sid={sid}", "1:1")), answer(400, badRequest),
		lives(),
	}},
	{name: "pings and their pongs", cites: "CVE-2016-10518", in: webSockets, steps: func() (all []step) { // ws, GHSA-2mhh-w6q8-5hxw
		for _, n := range []int{0, 1, 4, 124, 125} {
			payload := strings.Repeat("p", n)
			all = append(all, on("ws"), send(pingOf(payload)), pongIs(payload))
		}
		return append(all, lives())
	}()},
	{name: "a message of a megabyte and more", cites: "CVE-2016-10542", in: webSockets, steps: []step{ // ws, GHSA-6663-c963-2gqg
		violates(1009, binaryOf(strings.Repeat("x", 1_000_001))),
	}},
	{name: "extensions named like what all objects have", cites: "GHSA-5v72-xg48-5rpm", in: nowhere, on: "deflate", steps: []step{ // ws
		send(upgrade(wsPath, "Sec-WebSocket-Extensions: constructor, __proto__; hasOwnProperty=1, toString")), answer(101, "!Extensions"),
		on("b"), send(upgrade(wsPath, "Sec-WebSocket-Extensions: permessage-deflate; constructor")), answer(101, "!Extensions"),
		on("c"), send(upgrade(wsPath, "Sec-WebSocket-Extensions: "+strings.Repeat(",;=\"", 700))), answer(101, "!Extensions"),
	}},
	{name: "a subprotocol with many blanks", cites: "CVE-2021-32640", in: nowhere, steps: []step{ // ws, GHSA-6fc8-4gx4-v693
		within(time.Second, send(upgrade(wsPath, "Sec-WebSocket-Protocol: b"+strings.Repeat(" ", 3000)+"x")), answer(101)),
		on("b"), within(time.Second, send(upgrade(wsPath, "Sec-WebSocket-Protocol: b"+strings.Repeat(" ", 500_000)+"x")), within4KB(answer(101))),
	}},
	{name: "an upgrade with 2000 header fields", cites: "CVE-2024-37890", in: nowhere, steps: []step{ // ws, GHSA-3h5v-q93c-6h6q
		send(upgrade(wsPath, manyFields(2000)...)), within4KB(answer(101)),
		on("b"), send(upgrade(wsPath, manyFields(300)...)), answer(101),
	}},
	{name: "tiny fragments without an end", cites: "CVE-2026-48779", in: webSockets, steps: []step{ // ws, GHSA-96hv-2xvq-fx4p
		violates(1008, partOf(opBinary, "x"), strings.Repeat(partOf(opContinuation, "x"), 20_000)),
	}},
	{name: "lengths that overflow together", cites: "CVE-2020-27813", in: webSockets, steps: []step{ // gorilla/websocket, GHSA-jf24-p9p9-4rjh
		violates(1009, partOf(opBinary, "x"), frame{length: 1<<63 - 1, short: true}.bytes()),
	}},
	{name: "a page of another site, with cookies", cites: "CVE-2019-13611", in: nowhere, steps: []step{ // python-engineio
		send(upgrade(wsPath, "Origin: https://evil.example", cookies)), answer(403),
	}},
	{name: "a flood of pongs", cites: "CVE-2026-48802", in: sessions, alone: true, steps: []step{ // python-engineio, GHSA-cgwc-pv48-fhj5
		check("flood", func(a *attacker) error {
			before := a.target.Snapshot().Goroutines
			pongs := strings.Fields(strings.Repeat("3 ", 5000))
			if err := a.run(says(pongs...), says(pongs...)); err != nil {
				return err
			}
			if more := a.target.Snapshot().Goroutines - before; more > 20 {
				return fmt.Errorf("%d goroutines", more)
			}
			return a.run(lives())
		}),
	}},
	{name: "a long good-bye", cites: "CVE-2026-21434", in: webSockets, steps: []step{ // webtransport-go, there in a capsule
		violates(1002, closeRaw("\x03\xe8"+strings.Repeat("x", 200))), // 123 bytes may be
	}},
	{name: "opened and closed, over and over", cites: "CVE-2026-21438", in: []state{freshWS}, alone: true, steps: []step{ // webtransport-go, there streams
		times(scaled(500), many(200, send(closeOf(1000)), gone())), // and nothing is left: see Recovers
	}},
}

// pongIs expects a pong with the payload, and nothing but pings of Engine.IO before it.
func pongIs(payload string) step {
	return onWire("pong", func(_ *attacker, w *wire) error {
		w.patience(30 * time.Second)
		first, got, err := w.frame()
		if err != nil || first != 0x80|opPong || got != payload {
			return fmt.Errorf("%02x %q, %w", first, got, err)
		}
		return nil
	})
}

func manyFields(n int) (fields []string) {
	for i := range n {
		fields = append(fields, fmt.Sprintf("A%d: x", i))
	}
	return fields
}
