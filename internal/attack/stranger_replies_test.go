package attack

import (
	"fmt"
	"math"
	"strings"
)

// What the node answers that a client's session is said to be at.
var repliesRows = func() (rows []row) {
	for _, r := range []struct {
		name    string
		pieces  func(stream uint64) []string
		expects step
	}{
		{"a reply", func(s uint64) []string { return []string{replied(s, 200, "X-A", "b", "hello")} }, answer(200, "X-A: b", "^.*\n\nhello$")},
		{"a reply in pieces", func(s uint64) []string {
			return []string{piece(sayReply, []uint64{s, 0}, "\x00", varint(200), "\x00"), piece(sayData, []uint64{s, 1}, "hel"),
				piece(sayData, []uint64{s, 2}, "lo"), piece(sayEnd, []uint64{s, 3})}
		}, answer(200, "^.*\n\nhello$")},
		{"header fields that break out", func(s uint64) []string { return []string{replied(s, 200, "X-A", "b\r\nSet-Cookie: a=b", "hello")} }, answer(400, unknownSID)},
		{"names of header fields that break out", func(s uint64) []string { return []string{replied(s, 200, "X-A: b\r\nSet-Cookie", "a=b", "hello")} }, answer(400, unknownSID)},
		{"a length that is wrong", func(s uint64) []string { return []string{replied(s, 200, "Content-Length", "50", "hello")} }, answer(200, "^.*\n\nhello$")},
		{"a length that is none", func(s uint64) []string { return []string{replied(s, 200, "Content-Length", "-1", "hello")} }, answer(200, "^.*\n\nhello$")},
		{"a transfer coding", func(s uint64) []string { return []string{replied(s, 200, "Transfer-Encoding", "chunked", "hello")} }, answer(200, "^.*\n\nhello$")},
		{"wrong numbers", func(s uint64) []string {
			return []string{piece(sayReply, []uint64{s, 1}, "\x01", varint(200), "\x00hello")}
		}, answer(400, unknownSID)},
		{"a replay", func(s uint64) []string {
			data := piece(sayData, []uint64{s, 0}, "hel")
			return []string{data, data, replied(s, 200, "X-A", "b", "lo")}
		}, answer(400, unknownSID)},
		{"a gap", func(s uint64) []string {
			return []string{piece(sayReply, []uint64{s, 0}, "\x00", varint(200), "\x00"), piece(sayData, []uint64{s, 2}, "lo"), piece(sayEnd, []uint64{s, 3})}
		}, answer(400, unknownSID)},
		{"a reply cut short", func(s uint64) []string {
			return []string{piece(sayReply, []uint64{s, 0}, "\x01", varint(200), "\x05\x01")}
		}, answer(400, unknownSID)},
		{"a reply without end", func(s uint64) []string {
			return []string{piece(sayReply, []uint64{s, 0}, "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")}
		}, answer(400, unknownSID)},
		{"a huge number of header fields", func(s uint64) []string {
			return []string{piece(sayReply, []uint64{s, 0}, "\x01", varint(200), varint(1<<60))}
		}, answer(400, unknownSID)},
		{"an end of it", func(s uint64) []string { return []string{piece(sayAbort, []uint64{s})} }, answer(400, unknownSID)},
		{"more than was asked for", func(s uint64) []string {
			var pieces []string
			for i := range 8 {
				pieces = append(pieces, piece(sayData, []uint64{s, uint64(i)}, strings.Repeat("x", 500_000)))
			}
			return pieces
		}, answer(400, unknownSID)},
		{"that it does not know of it", func(s uint64) []string { return []string{piece(sayAnswer, []uint64{1, s, 0})} }, answer(400, unknownSID)},
		{"what is for others", func(s uint64) []string {
			pieces := []string{piece(sayAnswer, []uint64{1, s + 1, 0}), piece(sayAbort, []uint64{s + 1}), piece(sayAck, []uint64{s, math.MaxUint64}),
				piece(sayGoOn, []uint64{s, 0}), piece(sayClosing, []uint64{s, 1}, varint(99_999), prefixed("why"))}
			return append(pieces, piece(sayReply, []uint64{s, 2}, "\x01", varint(200), "\x00hello"))
		}, answer(200, "^.*\n\nhello$")},
		{"more behind the reply", func(s uint64) []string {
			return []string{replied(s, 200, "X-A", "b", "hello"), piece(sayData, []uint64{s, 1}, "more"), piece(sayReply, []uint64{s, 2}, "\x01", varint(500), "\x00no")}
		}, answer(200, "^.*\n\nhello$")},
	} {
		rows = append(rows, repliesRow(r.name, r.pieces, r.expects))
	}
	for _, status := range []uint64{0, 1, 99, 100, 101, 103, 199, 600, 999, 1000, math.MaxUint64} {
		rows = append(rows, repliesRow(fmt.Sprint("status ", status),
			func(s uint64) []string { return []string{replied(s, status, "X-A", "b", "hello")} }, answer(400, unknownSID)))
	}
	return rows
}()

func repliesRow(name string, pieces func(stream uint64) []string, expects step) row {
	return row{name: "another node answers: " + name, cites: "T6", in: []state{connectedPoll}, on: hostile, steps: []step{
		joinsBus(), on("b"), send(get(pollPath + "&sid={tag}AAAAAAAAAAAA")), replies(pieces), expects,
		send(post(pollPath+"&sid={tag}AAAAAAAAAAAA", "3")), replies(pieces), expects, lives(),
	}}
}

// The same for a WebSocket. framed is what it has to say, in a piece with the number 1.
var repliesWSRows = func() (rows []row) {
	accepted := func(s uint64) string { return piece(sayAccepted, []uint64{s, 0}) }
	data := func(s uint64, bytes string) string { return piece(sayData, []uint64{s, 1}, bytes) }
	for _, r := range []struct {
		name    string
		pieces  func(stream uint64) []string
		expects step
	}{
		{"yes", func(s uint64) []string { return []string{accepted(s), data(s, "\x14hello")} }, steps(answer(101), message("hello"), leavesBus(), kickedOff())},
		{"yes, twice", func(s uint64) []string {
			return []string{accepted(s), piece(sayAccepted, []uint64{s, 1}), piece(sayAbort, []uint64{s})}
		}, steps(refused(101, 400), kickedOff())},
		{"yes, and the end", func(s uint64) []string { return []string{accepted(s), piece(sayAbort, []uint64{s})} }, steps(refused(101, 400), kickedOff())},
		{"a code that is none", func(s uint64) []string {
			return []string{accepted(s), piece(sayClosing, []uint64{s, 1}, varint(99_999), prefixed(strings.Repeat("x", 100_000)))}
		}, steps(answer(101), closes(0))},
		{"a code beyond all", func(s uint64) []string {
			return []string{accepted(s), piece(sayClosing, []uint64{s, 1}, varint(math.MaxUint64), prefixed(""))}
		}, steps(answer(101), closes(0))},
		{"a reason that is too long", func(s uint64) []string {
			return []string{accepted(s), piece(sayClosing, []uint64{s, 1}, varint(4000), prefixed(strings.Repeat("é", 100_000)))}
		}, steps(answer(101), closes(4000))},
		{"a message without end", func(s uint64) []string { return []string{accepted(s), data(s, strings.Repeat("\x80", 20))} }, steps(answer(101), kickedOff())},
		{"a message of 2^62 bytes", func(s uint64) []string { return []string{accepted(s), data(s, varint(math.MaxUint64))} }, steps(answer(101), kickedOff())},
		{"a message that does not come", func(s uint64) []string { return []string{accepted(s), data(s, varint(1<<38)+"x")} }, steps(answer(101), leavesBus(), kickedOff())},
		{"a gap", func(s uint64) []string { return []string{accepted(s), piece(sayData, []uint64{s, 2}, "\x14hello")} }, steps(refused(101, 400), kickedOff())},
		{"more than may be", func(s uint64) []string { return []string{accepted(s), data(s, strings.Repeat("x", 1_000_000))} }, steps(refused(101, 400), kickedOff())},
		{"a reply behind a yes", func(s uint64) []string {
			return []string{accepted(s), piece(sayReply, []uint64{s, 1}, "\x01", varint(200), "\x00"), piece(sayAbort, []uint64{s})}
		}, steps(refused(101, 400), kickedOff())},
		{"status 101", func(s uint64) []string { return []string{replied(s, 101, "Upgrade", "websocket", "")} }, refused(400)},
		{"status 0", func(s uint64) []string { return []string{replied(s, 0, "X-A", "b", "")} }, refused(400)},
		{"a refusal that breaks out", func(s uint64) []string { return []string{replied(s, 403, "X-A", "b\r\nSet-Cookie: a=b", "no")} }, refused(400)},
	} {
		rows = append(rows, row{name: "another node answers a WebSocket: " + r.name, cites: "T6", in: []state{connectedPoll}, on: hostile, steps: []step{
			joinsBus(), on("b"), send(upgrade(wsPath + "&sid={tag}AAAAAAAAAAAA")), replies(r.pieces), r.expects, lives(),
		}})
	}
	return rows
}()
