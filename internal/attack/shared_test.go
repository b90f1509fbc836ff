package attack

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestShared(t *testing.T) { table(t, sharedRows) }

// Clients whose requests come to nodes that do not have their session.
var sharedRows = slices.Concat(
	// What is the same at the node that has the session.
	tunnelled("shared",
		"two polls at once", "a poll that is broken off, and another", "a poll whose client stops sending, and another",
		"two POSTs at once", "two POSTs in turn", "a POST that is broken off", "a POST whose client stops sending",
		"chunks that break off", "chunks that break off within one",
		"a body that says it is too large", "a body that is too large", "chunks that are too large", "chunks without an end", "chunks",
		"lengths that are none", "a length and chunks", "chunk extensions",
		"body: empty", "body: a minus", "body: 1000 separators", "body: half a surrogate pair", "body: JSON", "body: a noop",
		"body: many pongs", "body: gzip", "body: gzip of 50 MB", "body: deflate", "body: a good-bye", "body: binary",
		"body: nothing behind an error counts", "body: nothing behind the end counts",
		"methods on a session", "another revision than the session's", "no transport in a session", "WebSocket without an upgrade",
		"made up sids", "sids said twice", "a WebSocket's sid on polling", "polling after the upgrade",
		"pipelined requests", "a body that is waited for in vain", "100-continue", "100-continue for a body that is too large",
	),
	tunnelled("shared",
		"messages in flight both ways", "an upgrade without a probe", "another probe", "a thousand probes",
		"anything but the upgrade behind the probe", "an event behind the probe", "binary behind the probe", "two at once",
		"another behind the upgrade", "another for a WebSocket", "gone between probe and upgrade", "reset between probe and upgrade",
		"reset behind the upgrade", "disconnected while upgrading", "disconnected, then upgraded", "several polls while upgrading",
		"a poll that hangs while upgrading", "a message in place of the probe", "nothing in place of the probe", "the end in place of the probe",
	),
	tunnelled("shared",
		"frame: unmasked", "frame: RSV1", "frame: opcode 3", "frame: close of one byte", "frame: close with 1005",
		"frame: text with half a character", "frame: empty text", "frame: empty binary",
		"as many fragments as may be, and one more", "a length of 2^62", "a message that is too large",
		"fragments that are too large together", "fragments within a character", "reset in every state of the handshake",
		"the whole move behind the upgrade request", "our close frame is not answered",
		"a violation, and the close frame is not answered", "a close frame, and then more", "a close frame without a code",
		"a close frame with a code of the application's", "compression that was not agreed on",
		"FIN", "RST", "FIN behind an event", "FIN within a frame", "frames of a byte at a time", "requests of a byte at a time",
		"slow frames", "never reading", "a message as large as may be", "a message larger than that", "a body larger than that",
		"a declared length over the limit",
	),
	tunnelled("shared brisk",
		"half-open WebSocket", "half-open while polling", "half-open with a poll that hangs", "half-open while upgrading",
		"half-open behind the upgrade", "half a header and silence", "half a payload and silence", "probe and silence",
		"no probe but silence", "noops on the WebSocket", "a ping while upgrading", "a body that does not come",
		"a message that does not end", "an upgrade that does not end",
	),
	onHosts(netHTTP, tunnelled("shared brisk", "a body of a byte every 100 ms", "a body that stops coming", "chunks that stop coming")),
	tagRows, crossRows, sharedOldRows,
)

// Ids of sessions that nobody was given: the first 8 characters stand for a node.
var tagRows = []row{
	{name: "the tag of a node and the rest of another's id", cites: "T2 H4", in: connected, steps: []step{check("swap", func(a *attacker) error {
		for away := range len(a.target.Addrs) - 1 {
			node := (a.home + 1 + away) % len(a.target.Addrs)
			other := a.twin(connectedPoll)
			other.home = node
			defer other.hangUp()
			if err := other.enter(); err != nil {
				return err
			}
			if err := a.run(nobodys(other.sid[:8]+a.sid[8:]), nobodys(a.sid[:8]+other.sid[8:])); err != nil {
				return err
			}
			if err := other.run(lives()); err != nil {
				return err
			}
		}
		return a.run(lives())
	})}, on: "shared"},
	{name: "ids that are cut, long, and changed", cites: "T2 H4", in: connected, on: "shared", steps: []step{check("forge", func(a *attacker) error {
		sid := a.sid
		forged := []string{
			sid[:1], sid[:7], sid[:8], sid[:19], sid[1:], sid[8:], sid + "A", sid + sid, sid[:8] + strings.Repeat("A", 12), sid[:8] + "............",
			sid[:19] + "%00", sid[:19] + "=", sid[:19] + "%2B", sid[:8] + strings.Repeat("%F0", 12), sid[:8] + strings.Repeat("A", 3000),
		}
		changed := func(i int) string {
			c := byte('A')
			if sid[i] == c {
				c = 'B'
			}
			return sid[:i] + string(c) + sid[i+1:]
		}
		for i := range len(sid) - 8 {
			forged = append(forged, changed(8+i))
		}
		for _, id := range forged {
			if err := a.run(nobodys(id)); err != nil {
				return fmt.Errorf("%.100q: %w", id, err)
			}
		}
		// Another tag may be that of a node which is about to be known.
		return sideBySide(8, func() error {
			b := a.twin(bare)
			defer b.hangUp()
			return b.run(send(get(pollPath+"&sid="+changed(rand.IntN(8)))), answer(400, unknownSID))
		})
	}), lives()}},
	{name: "ids of a node that has left", cites: "T2", in: joined, on: "shared hostile", steps: []step{
		joinsBus(), leavesBus(), nobodys("{tag}AAAAAAAAAAAA"), times(20, nobodys("{tag}BBBBBBBBBBBB")), lives(),
	}},
	// Ten thousand in all, on the four hosts.
	{name: "guessed ids of another node", cites: "T2 H6", in: []state{connectedPoll}, on: "shared", alone: true, steps: []step{
		check("guess", func(a *attacker) error {
			return sideBySide(8, func() error {
				return guess(a, scaled(10_000/4)/8+1, func() string { return a.sid[:8] + fmt.Sprintf("%012x", rand.Uint64()>>16) })
			})
		}), lives(),
	}},
	// What waits for a node that may be about to be known is bounded.
	{name: "guessed ids of no node", cites: "T2 H6", in: []state{connectedPoll}, on: "shared", alone: true, steps: []step{
		check("guess", func(a *attacker) error {
			return sideBySide(scaled(1200), func() error {
				b := a.twin(bare)
				defer b.hangUp()
				return b.run(send(get(pollPath+"&sid="+fmt.Sprintf("%020x", rand.Uint64()))), answer(400, unknownSID))
			})
		}), lives(),
	}},
}

// nobodys expects that there is no session of an id, at no node.
func nobodys(id string) step {
	var all []step
	for _, wire := range []string{"b", "c", "d"} {
		all = append(all, on(wire), send(get(pollPath+"&sid="+id)), answer(400, unknownSID),
			send(post(pollPath+"&sid="+id, "1")), answer(400, unknownSID),
			send(request("PUT", pollPath+"&sid="+id)), answer(400, unknownSID))
	}
	return steps(append(all, on("e"), send(upgrade(wsPath+"&sid="+id)), answer(400, "Session ID unknown"), dropped())...)
}

// dropped lets go of the wire.
func dropped() step {
	return onWire("dropped", func(a *attacker, w *wire) error { delete(a.wires, w.name); return w.conn.Close() })
}

// What several nodes are asked at once, for one session.
var crossRows = []row{
	{name: "two polls at once, both elsewhere", cites: "T3 H7", in: pollStates, on: "shared", steps: []step{
		attempts(5, on("b"), send(get(pollPath+"&sid={sid}")), settle(), on("d"), send(get(pollPath+"&sid={sid}")),
			answer(400, "\n\n"), on("b"), answer(200, "^.*\n\n1$"), ends()),
	}},
	{name: "a poll elsewhere behind one where the session is", cites: "T3 H7", in: pollStates, on: "shared", steps: []step{
		attempts(5, on("c"), send(get(pollPath+"&sid={sid}")), settle(), on("b"), send(get(pollPath+"&sid={sid}")),
			answer(400, "\n\n"), on("c"), answer(200, "^.*\n\n1$"), ends()),
	}},
	{name: "two POSTs at once, both elsewhere", cites: "T3 H9", in: []state{connectedPoll}, on: "shared", hosts: netHTTP, steps: []step{
		// Fiber has the whole body before anybody hears of it.
		attempts(5, unheard(on("b"), send(half(shout)), settle(), on("d"), send(post(pollPath+"&sid={sid}", "3")), answer(400, "\n\n"),
			on("b"), refused(400, 408), ends())),
	}},
	{name: "POSTs to all nodes in turn", cites: "T3", in: joinedPolls, on: "shared", steps: []step{check("in order", func(a *attacker) error {
		for i := range 60 {
			err := a.run(on([]string{"b", "c", "d"}[i%3]), send(post(pollPath+"&sid={sid}", fmt.Sprintf(`42%d["order",0]`, i))), answer(200, "\n\nok"))
			if err != nil {
				return err
			}
		}
		for i := range 60 {
			if err := a.run(hears(fmt.Sprintf("^43%d\\[%[1]d\\]$", i))); err != nil {
				return err
			}
		}
		return a.run(lives())
	})}},
	{name: "an upgrade at one node while a poll waits at another", cites: "T3 U8", in: []state{connectedPoll}, on: "shared", steps: []step{
		on("b"), send(get(pollPath + "&sid={sid}")), opensCandidate("ws"), send(text("2probe")), message("3probe"),
		on("b"), answer(200, "^.*\n\n6$"), on("ws"), send(text("5")), nowWebSocket(), lives(),
		on("b"), send(get(pollPath + "&sid={sid}")), answer(400, badRequest), on("d"), send(post(pollPath+"&sid={sid}", "1")), answer(400, badRequest), lives(),
	}},
	{name: "candidates at every node", cites: "T3 U5", in: []state{upgradingWS}, on: "shared", steps: []step{
		opensCandidate("b"), closes(0), opensCandidate("c"), closes(0), opensCandidate("d"), send(text("2probe"), text("5")), closes(0), on("ws"), lives(),
	}},
	{name: "upgrades over and over", cites: "T3 U6", in: []state{connectedPoll}, on: "shared", steps: []step{
		times(20, attemptsHere(100, opensCandidate("ws"), send(text("2probe")), message("3probe")), rst(), opensCandidate("b"), rst()),
		attemptsHere(100, opensCandidate("ws"), send(text("2probe")), message("3probe")), send(text("5")), nowWebSocket(), lives(),
	}},
	{name: "closed amid all of it", cites: "T4 U7", in: []state{connectedPoll}, on: "shared", steps: []step{
		on("b"), send(get(pollPath + "&sid={sid}")), on("ws"), opensCandidate("ws"),
		on("d"), send(post(pollPath+"&sid={sid}", `42["kickall"]`)), answer(200, "\n\nok"), on("b"), answer(200, "41"),
		check("gone", goneFromPolling), on("ws"), closes(0),
	}},
	{name: "a flood through a WebSocket", cites: "T4 S16", in: []state{connectedWS}, on: "shared", alone: true, steps: []step{
		on("ws"), send(strings.Repeat(text(`42["none",1]`), 20_000)), lives(),
		says(`42["flood",2000,1000]`), hearsMany(2000, `^42\["flood",`), lives(),
	}},
	{name: "many that never read, elsewhere", cites: "T4 N6", in: []state{connectedWS}, on: "shared brisk", alone: true, steps: []step{
		many(200/4, times(8, says(`42["flood",20,100000]`)), check("forgotten", forgotten)),
	}},
	{name: "many that are dropped, elsewhere", cites: "T4 H8 H10", in: []state{connectedPoll}, on: "shared brisk", alone: true, steps: []step{
		many(400/4, on("b"), send(get(pollPath+"&sid={sid}")), on("d"), send(half(shout)), rst(), on("b"), rst(),
			check("leave", func(a *attacker) error { a.byes = nil; return nil })),
	}},
	{name: "what is answered elsewhere", cites: "T1", in: []state{connectedPoll, connectedWS}, on: "shared", steps: []step{alike(recorded...)}},
}

// attemptsHere runs steps on new wires until they do what they must, up to n times.
func attemptsHere(n int, steps ...step) step {
	return step{"attempts here", func(a *attacker) (err error) {
		for range n {
			if err = a.run(steps...); err == nil {
				return nil
			}
			if w := a.wires[a.cur]; w != nil {
				w.reset()
				delete(a.wires, a.cur)
			}
			time.Sleep(20 * time.Millisecond)
		}
		return err
	}}
}

// recorded are requests about a session, of which all nodes think the same.
var recorded = []string{
	get(pollPath + "&sid={sid}"), get(pollPath + "&sid={sid}&t=abc&x=1"), get(pollPath+"&sid={sid}", "Accept-Encoding: gzip"),
	get(pollPath+"&sid={sid}", "Origin: http://evil.example"), get(pollPath+"&sid={sid}", "Origin: http://{addr}"),
	get(pollPath + "&sid={sid}&b64=1"), get(pollPath + "&sid={sid}&j=0"), get("/socket.io/?EIO=3&transport=polling&sid={sid}"),
	get("/socket.io/?EIO=5&transport=polling&sid={sid}"), get("/socket.io/?transport=polling&sid={sid}"), get("/socket.io/?EIO=4&sid={sid}"),
	get("/socket.io/?EIO=4&transport=websocket&sid={sid}"), get("/socket.io/?EIO=4&transport=x&sid={sid}"),
	get(pollPath + "&sid={sid}&sid={sid}"), request("PUT", pollPath+"&sid={sid}"), request("OPTIONS", pollPath+"&sid={sid}"),
	request("OPTIONS", pollPath+"&sid={sid}", "Origin: http://evil.example", "Access-Control-Request-Method: POST"),
	request("DELETE", pollPath+"&sid={sid}", "Content-Length: 2") + "42", request("HEAD", pollPath+"&sid={sid}"),
	post(pollPath+"&sid={sid}", "3"), post(pollPath+"&sid={sid}", ""), post(pollPath+"&sid={sid}", "9"), post(pollPath+"&sid={sid}", "1"),
	post(pollPath+"&sid={sid}", `42["echo",2]`), post(pollPath+"&sid={sid}", `42["echo"`), post(pollPath+"&sid={sid}", "bAQI="),
	post(pollPath+"&sid={sid}", "b!"), post(pollPath+"&sid={sid}", "4"+strings.Repeat("x", 1_000_000)), post(pollPath+"&sid={sid}", sized(100_000)),
	post(pollPath+"&sid={sid}", "3", "Content-Type: application/octet-stream"), post(pollPath+"&sid={sid}", gzipped("3"), "Content-Encoding: gzip"),
	post(pollPath+"&sid={sid}&j=0", "d=3"), post(pollPath+"&sid={sid}&j=0", "x=3"), post("/socket.io/?EIO=3&transport=polling&sid={sid}", "1:2"),
	post(wsPath+"&sid={sid}", "3"), chunked(pollPath+"&sid={sid}", chunk("3")+"0\r\n\r\n"),
	upgrade("/socket.io/?EIO=3&transport=websocket&sid={sid}"), upgrade(pollPath + "&sid={sid}"),
	upgrade(wsPath+"&sid={sid}", "Origin: http://evil.example"), strings.Replace(upgrade(wsPath+"&sid={sid}"), "Version: 13", "Version: 8", 1),
	strings.Replace(upgrade(wsPath+"&sid={sid}"), "Key: dGhl", "Key: ", 1),
}

// Older clients.
var sharedOldRows = slices.Concat(
	tunnelled("shared",
		"revision 3: empty", "revision 3: a length beyond its end", "revision 3: a length of a million digits", "revision 3: half a character",
		"revision 3, binary: a length beyond its end", "revision 3, binary: all bits", "revision 3: a length of nothing",
		"JSONP of data that ends a script",
	),
	[]row{
		{name: "JSONP elsewhere", cites: "T1 H17", in: nowhere, on: "shared", steps: []step{
			send(get(oldPath + "&j=3")), answer(200, `___eio[3]("`), on("b"), send(post(oldPath+"&j=3&sid={sid}", "d="+`10:42["echo"]`)), answer(200, "ok"),
			on("d"), send(get(oldPath + "&j=3;alert(1)&sid={sid}")), answer(200, "^.*\n\n___eio\\[3\\]\\(", "!alert"),
			on("b"), send(post(oldPath+"&j=3&sid={sid}", "x=1")), answer(400), on("d"), send(get(oldPath + "&j=3&sid={sid}")), answer(400, unknownSID),
		}},
		{name: "an older upgrade elsewhere", cites: "T1 H18", in: nowhere, on: "shared", steps: []step{
			send(get(oldPath)), answer(200, `0{"sid"`), on("b"), send(get(oldPath + "&sid={sid}")), answer(200, "2:40"),
			on("ws"), send(upgrade("/socket.io/?EIO=4&transport=websocket&sid={sid}")), answer(400, "Bad request"), dropped(),
			on("ws"), send(upgrade("/socket.io/?EIO=3&transport=websocket&sid={sid}")), answer(101), send(text("2probe")), message("3probe"),
			on("b"), send(get(oldPath + "&sid={sid}")), answer(200, "1:6"), on("ws"), send(text("5"), text(`421["echo","old"]`)), message(`431["old"]`),
			send(text("2")), message("3"), send(binaryOf("\x09x")), closes(0),
		}},
	},
)
