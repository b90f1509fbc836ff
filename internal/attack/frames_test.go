package attack

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFrames(t *testing.T) { table(t, frameRows) }

// Each rule of RFC 6455 in each state; the whole of them, by the frame, is in package
// websocket.
var frameRows = slices.Concat(violations, []row{
	{name: "as many fragments as may be, and one more", cites: "F14", in: webSockets, steps: []step{
		violates(1008, partOf(opText, "3"), strings.Repeat(partOf(opContinuation, ""), 16_383), partOf(opContinuation, "")),
	}},
	{name: "a length of 2^62", cites: "F13", in: webSockets, steps: []step{
		violates(1009, frame{op: opBinary, length: 1 << 62, short: true}.bytes()),
	}},
	{name: "a message that is too large", cites: "F13", in: webSockets, steps: []step{
		violates(1009, frame{op: opText, length: 1_000_001, short: true}.bytes()),
	}},
	{name: "fragments that are too large together", cites: "F13", in: webSockets, steps: []step{
		violates(1009, partOf(opText, strings.Repeat("4", 600_000)), frame{length: 400_001, short: true}.bytes()),
	}},
	{name: "fragments within a character", cites: "F12", in: connected[1:], steps: []step{
		send(partOf(opText, "421[\"echo\",\"\xe2\x82"), pingOf("between"), restOf("\xac\"]")),
		check("pong", func(a *attacker) error {
			w, err := a.wire("ws")
			if err != nil {
				return err
			}
			_, _, err = w.frame()
			return err
		}), hears(`431["€"]`), lives(),
	}},
	{name: "half a header and silence", cites: "F16", in: webSockets, on: "brisk", steps: []step{
		send(frame{op: opText, payload: "3"}.bytes()[:1]), where([]state{freshWS, connectedWS}, within(5*time.Second, gone())),
		where([]state{upgradingWS}, within(1500*time.Millisecond, closeFrame(0)), stillPolls(), lives()),
	}},
	{name: "half a payload and silence", cites: "F16", in: webSockets, on: "brisk", steps: []step{
		send(frame{op: opText, payload: "42xxxxx"}.bytes()[:9]), where([]state{freshWS, connectedWS}, within(5*time.Second, gone())),
		where([]state{upgradingWS}, within(1500*time.Millisecond, closeFrame(0)), stillPolls(), lives()),
	}},
	{name: "reset in every state of the handshake", cites: "F17 N2", in: append(nowhere, pollStates...), steps: []step{
		on("1"), rst(), on("2"), send("G"), rst(), on("3"), send(upgrade(wsPath)[:40]), rst(),
		on("4"), send(strings.TrimSuffix(upgrade(wsPath), "\r\n")), rst(), on("5"), send(upgrade(wsPath)), rst(),
		on("6"), send(upgrade(wsPath)), answer(101), rst(), on("7"), send(upgrade(wsPath), text("40")), rst(),
		on("8"), send(upgrade(wsPath)), answer(101), send(text("40")), rst(),
		where(pollStates,
			on("9"), send(upgrade(wsPath+"&sid={sid}")), rst(), on("10"), send(upgrade(wsPath+"&sid={sid}")), answer(101), rst(),
			on("11"), send(upgrade(wsPath+"&sid={sid}"), text("2probe")), rst(), lives()),
	}},
	{name: "frames behind the upgrade request", cites: "F18", in: nowhere, steps: []step{
		on("ws"), send(upgrade(wsPath), text("40"), text("3")), answer(101), message(`0{"sid":`), message(`40{"sid":`),
		send(text(`421["echo","head"]`)), message(`431["head"]`),
	}},
	{name: "half a frame behind the upgrade request", cites: "F18", in: nowhere, steps: []step{
		on("ws"), send(upgrade(wsPath), text("40")[:3]), answer(101), message(`0{"sid":`), send(text("40")[3:]), message(`40{"sid":`),
	}},
	{name: "the whole move behind the upgrade request", cites: "F18", in: connected[:1], steps: []step{
		on("ws"), send(upgrade(wsPath+"&sid={sid}"), text("2probe"), text("5"), text(`421["echo","head"]`)), answer(101),
		message("3probe"), message(`431["head"]`), nowWebSocket(), lives(),
	}},
	{name: "a violation behind the upgrade request", cites: "F18", in: nowhere, steps: []step{
		on("ws"), send(upgrade(wsPath), "\x80\x00"), answer(101), message(`0{"sid":`), closes(1002),
	}},
	{name: "our close frame is not answered", cites: "F19", in: []state{connectedWS}, steps: []step{
		send(text(`42["kickall"]`)), within(6500*time.Millisecond, notBefore(4*time.Second, message("41"), closeFrame(0), closed())),
	}},
	{name: "a violation, and the close frame is not answered", cites: "F19", in: webSockets, steps: []step{
		send("\xff\xff"), within(6500*time.Millisecond, closeFrame(1002), times(3, send(text("3")), pause(10*time.Millisecond)), closed()),
	}},
	{name: "a close frame, and then more", cites: "F19", in: []state{connectedWS}, steps: []step{
		unheard(send(closeOf(1000)), check("say", func(a *attacker) error { return a.emit(shout) }), gone()),
	}},
	{name: "a close frame without a code", cites: "F11", in: webSockets, steps: []step{violates(0, closeRaw(""))}},
	{name: "a close frame with a code of the application's", cites: "F11", in: webSockets, steps: []step{violates(4999, closeOf(4999))}},
	{name: "a bomb", cites: "F13", in: []state{freshWS}, on: "deflate", steps: []step{
		on("ws2"), send(upgrade(wsPath, "Sec-WebSocket-Extensions: permessage-deflate")), answer(101, "permessage-deflate"), message(`0{"sid":`),
		send(frame{op: opText, rsv: 4, payload: deflated("4" + strings.Repeat("0", 50_000_000))}.bytes()), closes(1009), on("ws"), lives(),
	}},
	{name: "compressed nonsense", cites: "F2", in: []state{freshWS}, on: "deflate", steps: []step{
		on("ws2"), send(upgrade(wsPath, "Sec-WebSocket-Extensions: permessage-deflate")), answer(101, "permessage-deflate"), message(`0{"sid":`),
		send(frame{op: opText, rsv: 4, payload: "\xff\xff\xff\xff"}.bytes()), closes(1007), on("ws"), lives(),
	}},
	{name: "compression that was not agreed on", cites: "F2", in: webSockets, on: "deflate", steps: []step{
		violates(1002, frame{op: opText, rsv: 4, payload: deflated("3")}.bytes()),
	}},
})

// gone reads over whatever comes until the connection ends.
func gone() step {
	return onWire("gone", func(_ *attacker, w *wire) error {
		for {
			w.patience(30 * time.Second)
			if _, _, err := w.frame(); hungUp(err) {
				return nil
			} else if err != nil {
				return err
			}
		}
	})
}

var violations = func() (rows []row) {
	add := func(cites string, code int, name string, bytes ...string) {
		rows = append(rows, row{name: "frame: " + name, cites: cites, in: webSockets, steps: []step{violates(code, bytes...)}})
	}
	add("F1", 1002, "unmasked", frame{op: opText, payload: "3", unmasked: true}.bytes())
	add("F1", 1002, "unmasked control", frame{op: opPing, unmasked: true}.bytes())
	add("F2", 1002, "RSV1", frame{op: opText, payload: "3", rsv: 4}.bytes())
	add("F2", 1002, "RSV1 on a ping", frame{op: opPing, rsv: 4}.bytes())
	add("F3 CVE-2022-21676", 1002, "RSV2", frame{op: opText, payload: "3", rsv: 2}.bytes())
	add("F3 CVE-2022-21676", 1002, "RSV3", frame{op: opText, payload: "3", rsv: 1}.bytes())
	add("F3", 1002, "all reserved bits", frame{op: opText, payload: "3", rsv: 7}.bytes())
	for _, op := range []byte{3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf} {
		add("F4", 1002, "opcode "+string("0123456789ABCDEF"[op]), frame{op: op, payload: "3"}.bytes())
	}
	add("F5", 1002, "length of 16 bits for 125", frame{op: opText, payload: "4" + strings.Repeat("x", 124), wide: 2}.bytes())
	add("F5", 1002, "length of 64 bits for 126", frame{op: opText, payload: "4" + strings.Repeat("x", 125), wide: 8}.bytes())
	add("F5", 1002, "length of 64 bits for 65535", frame{op: opText, payload: "4" + strings.Repeat("x", 65_534), wide: 8}.bytes())
	add("F5", 1002, "length with the highest bit", frame{op: opText, length: 1 << 63, short: true}.bytes())
	add("F6", 1002, "ping of 126 bytes", frame{op: opPing, payload: strings.Repeat("x", 126)}.bytes())
	add("F6", 1002, "close of 126 bytes", closeRaw("\x03\xe8"+strings.Repeat("x", 124)))
	add("F7", 1002, "fragmented ping", partOf(opPing, "x"))
	add("F7", 1002, "fragmented close", partOf(opClose, "\x03\xe8"))
	add("F8", 1002, "continuation without a start", restOf("3"))
	add("F8", 1002, "continuation without a start that goes on", partOf(opContinuation, "3"))
	add("F9", 1002, "message within a message", partOf(opText, "3"), text("3"))
	add("F9", 1002, "binary within a text", partOf(opText, "3"), partOf(opBinary, "3"))
	add("F10", 1002, "close of one byte", closeRaw("\x03"))
	for name, code := range map[string]uint16{
		"0": 0, "999": 999, "1004": 1004, "1005": 1005, "1006": 1006, "1015": 1015, "1016": 1016, "2999": 2999, "5000": 5000, "65535": 65535,
	} {
		add("F11", 1002, "close with "+name, closeOf(code))
	}
	for name, bytes := range map[string]string{
		"a bad byte": "4\xff", "an overlong form": "4\xc0\xaf", "half a surrogate pair": "4\xed\xa0\x80", "beyond U+10FFFF": "4\xf4\x90\x80\x80",
		"half a character": "4\xe2\x82", "a stray continuation": "4\x80",
	} {
		add("F12", 1007, "text with "+name, text(bytes))
		add("F12", 1007, "close with "+name, closeRaw("\x03\xe8"+bytes))
	}
	add("F12", 1007, "bad UTF-8 across fragments", partOf(opText, "4\xe2\x82"), restOf("x"))
	add("F15", 0, "empty text", text(""))
	add("F15", 0, "empty text in fragments", partOf(opText, ""), restOf(""))
	add("F15", 0, "empty binary", binaryOf(""))
	return rows
}()
