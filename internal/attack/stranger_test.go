package attack

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/kawat-go/kawat/internal/target"
)

func TestStrangers(t *testing.T) { table(t, strangerRows) }

// What comes from a node that says what it likes. It can do to the sessions that clients
// have there, and to those whose ids it knows, what it wants; to nothing else anything.
var strangerRows = slices.Concat(asksRows, repliesRows, repliesWSRows)

const hostile = "shared hostile"

var asksRows = []row{
	{name: "mail that makes no sense", cites: "T5", in: connected, on: hostile, steps: []step{
		joinsBus(), check("nonsense", func(a *attacker) error {
			for node := range a.target.Addrs {
				if err := a.ignores(node, nonsense()); err != nil {
					return err
				}
			}
			return nil
		}), lives(),
	}},
	{name: "other nodes' requests for sessions that are not there", cites: "T5", in: []state{connectedPoll}, on: hostile, steps: []step{
		joinsBus(), check("ask", func(a *attacker) error {
			for i, sid := range []string{"", "x", a.sid[:8], a.sid[:8] + "AAAAAAAAAAAA", a.sid + "&sid=" + a.sid, a.sid + "A", "%00", strings.Repeat("x", 100_000)} {
				id := uint64(10 * i)
				for k, p := range []string{
					asked(id, flagWhole, "GET", pollQuery+sid, 0, ""), asked(id+1, flagWhole, "POST", pollQuery+sid, 1, "3"),
					asked(id+2, flagWaits, "POST", pollQuery+sid, math.MaxInt64, ""), asked(id+3, 0, "POST", pollQuery+sid, -5, "3"),
					asked(id+4, flagUpgrade, "GET", wsQuery+sid, 0, ""), asked(id+5, 0, "PUT", pollQuery+sid, 0, ""),
				} {
					what := unknownSID
					if sid == "" && k != 4 { // a handshake has no place here
						what = ""
					}
					if err := a.run(tells(func(*attacker) []string { return []string{p} }), isTold(sayReply, "\x90\x03", what)); err != nil {
						return fmt.Errorf("%.60q, %d: %w", sid, k, err)
					}
				}
			}
			return nil
		}), lives(),
	}},
	{name: "other nodes' strange requests", cites: "T5", in: connected, on: hostile, steps: []step{
		joinsBus(), tells(func(a *attacker) []string {
			var pieces []string
			for i, method := range []string{"PUT", "", "GET\r\nX: y", "OPTIONS", strings.Repeat("x", 100_000)} {
				pieces = append(pieces, asked(uint64(i), flagWhole, method, pollQuery+a.sid, math.MinInt64, "x"))
			}
			for i, query := range []string{"", "&", "%", "EIO=3&transport=polling&sid=" + a.sid, "EIO=4&transport=x&sid=" + a.sid, "EIO=4&sid=" + a.sid, pollQuery + "x&sid=" + a.sid} {
				pieces = append(pieces, asked(uint64(10+i), flagWhole, "GET", query, 0, ""), asked(uint64(20+i), 255, "GET", query, 0, ""))
			}
			// More at once than there may be of one request.
			return append(pieces, asked(30, flagWhole, "POST", pollQuery+a.sid, 3_000_000, strings.Repeat("4", 3_000_000)))
		}), isTold(sayAbort), lives(),
	}},
	{name: "other nodes' bodies, larger than may be", cites: "T5 L1", in: pollStates, on: hostile, steps: []step{
		joinsBus(), tells(func(a *attacker) []string { return []string{asked(1, flagWaits, "POST", pollQuery+a.sid, -1, "")} }), isTold(sayGoOn),
		check("body", func(a *attacker) error {
			for i := range 16 { // the last ones are too many
				if err := a.post(a.home, piece(askData, []uint64{1, uint64(i + 1)}, strings.Repeat("4", 65_600))); err != nil {
					return err
				}
				if i < 15 { // each is large enough to be told of
					if err := a.run(isTold(sayAck)); err != nil {
						return fmt.Errorf("piece %d: %w", i, err)
					}
				}
			}
			return nil
		}), isTold(sayReply, "\x9d\x03"), lives(),
	}},
	{name: "other nodes' bodies out of order", cites: "T5 H10", in: []state{connectedPoll}, on: hostile, steps: func() (all []step) {
		data := func(number uint64, a *attacker) string {
			return piece(askData, []uint64{1, number}, strings.ReplaceAll(shout, "{sid}", a.sid))
		}
		end := func(number uint64) string { return piece(askEnd, []uint64{1, number}, "\x00\x00\x00") }
		for _, pieces := range []func(a *attacker) []string{
			func(a *attacker) []string { return []string{data(2, a), end(3)} },
			func(a *attacker) []string { return []string{data(0, a), end(1)} },
			func(a *attacker) []string { return []string{data(1, a), data(1, a), end(2)} },
			func(a *attacker) []string { return []string{data(1, a), end(3)} },
			func(a *attacker) []string { return []string{data(math.MaxUint64, a), end(0)} },
			func(a *attacker) []string { return []string{data(1, a), piece(askEnd, []uint64{1, 2}, "\x01\x00\x00")} },
			func(a *attacker) []string { return []string{data(1, a), piece(askEnd, []uint64{1, 2}, "\x09")} },
			func(a *attacker) []string { return []string{data(1, a), piece(askReset, []uint64{1}, "\x00\x00")} },
			func(a *attacker) []string { // all at once, without a word from the other side
				return append(slices.Collect(func(yield func(string) bool) {
					for i := range uint64(12) {
						if !yield(piece(askData, []uint64{1, i + 1}, strings.Repeat("4", 65_000))) {
							return
						}
					}
				}), end(13))
			},
		} {
			all = append(all, step{"", func(a *attacker) error {
				return attack(a.target, a.host, a.state, []step{
					joinsBus(), unheard(tells(func(a *attacker) []string { return []string{asked(1, flagWaits, "POST", pollQuery+a.sid, -1, "")} }),
						isTold(sayGoOn), tells(pieces), ends()),
				})
			}})
		}
		return append(all, lives())
	}()},
	{name: "frames behind the end", cites: "T5", in: []state{connectedPoll}, on: hostile, steps: []step{
		joinsBus(), tells(func(a *attacker) []string {
			body := `421["order",0]`
			return []string{asked(7, flagWhole, "POST", pollQuery+a.sid, int64(len(body)), body)}
		}), isTold(sayReply, "ok"), unheard(tells(func(a *attacker) []string {
			pieces := []string{piece(askData, []uint64{7, 1}, strings.ReplaceAll(shout, "{sid}", a.sid)), piece(askEnd, []uint64{7, 2}, "\x00\x00\x00")}
			for kind := range byte(80) {
				pieces = append(pieces, piece(kind, []uint64{7, 3}, "\x00\x00"))
			}
			return slices.DeleteFunc(pieces, func(p string) bool { return p[1] == askRequest })
		}), hears(`^431\[0\]$`), lives()),
	}},
	{name: "another node's WebSocket without an end", cites: "T5 U2 U4", in: []state{connectedPoll}, on: hostile, steps: func() (all []step) {
		data := func(number uint64, bytes string) string { return piece(askData, []uint64{1, number}, bytes) }
		framed := func(text string) string { return varint(uint64(len(text))<<2) + text }
		begins := []step{
			joinsBus(), tells(func(a *attacker) []string { return []string{asked(1, flagUpgrade, "GET", wsQuery+a.sid, 0, "")} }), isTold(sayAccepted),
		}
		probes := append(slices.Clone(begins), tells(func(*attacker) []string {
			return []string{piece(askStart, []uint64{1, 1}), data(2, framed("2probe"))}
		}), isTold(sayData, "3probe"))
		// The session goes on polling.
		for _, pieces := range [][]string{
			{data(1, framed("2probe")), data(2, framed("5"))}, {piece(askStart, []uint64{1, 2})}, {piece(askMove, []uint64{1, 1}), piece(askMove, []uint64{1, 2})},
			{asked(1, flagUpgrade, "GET", wsQuery, 0, "")}, {piece(askReset, []uint64{1}, "\x00\x00")},
			{piece(askStart, []uint64{1, 1}), data(2, strings.Repeat("\x80", 11))}, {piece(askStart, []uint64{1, 1}), data(2, varint(1<<62))},
			{piece(askStart, []uint64{1, 1}), data(2, varint(math.MaxUint64))}, {piece(askStart, []uint64{1, 1}), data(2, varint(1_000_001<<2))},
			{piece(askStart, []uint64{1, 1}), piece(askStart, []uint64{1, 2}), piece(askStart, []uint64{1, 3}), data(4, framed("x"))},
		} {
			all = append(all, step{"", func(a *attacker) error {
				return attack(a.target, a.host, a.state, append(slices.Clone(begins),
					tells(func(*attacker) []string { return pieces }), lives(), leavesBus(), lives()))
			}})
		}
		for _, pieces := range [][]string{
			{data(3, varint(1<<60))}, {data(4, framed("5"))}, {data(2, framed("5"))}, {piece(askEnd, []uint64{1, 3}, "\x04", varint(5_000_000_000), prefixed(strings.Repeat("x", 1_000_000)))},
			{piece(askEnd, []uint64{1, 3}, "\xff", varint(math.MaxUint64), prefixed("EOF"))}, {piece(askAck, []uint64{1, math.MaxUint64}), piece(askReset, []uint64{1}, "\x00\x00")},
		} {
			all = append(all, step{"", func(a *attacker) error {
				return attack(a.target, a.host, a.state, append(slices.Clone(probes),
					tells(func(*attacker) []string { return pieces }), stillPolls(), lives()))
			}})
		}
		// It has taken over.
		for _, pieces := range [][]string{
			{data(5, framed(`42["none"]`))}, {data(4, varint(1<<60))}, {data(4, framed("x"))}, {piece(askEnd, []uint64{1, 4}, "\x00\x00\x00")},
			{piece(askReset, []uint64{1}, "\x00\x00")}, {data(4, strings.Repeat("\x00", 400_000))},
		} {
			all = append(all, step{"", func(a *attacker) error {
				return attack(a.target, a.host, a.state, append(slices.Clone(probes), tells(func(*attacker) []string {
					return append([]string{data(3, framed("5"))}, pieces...)
				}), check("gone", goneFromPolling)))
			}})
		}
		return append(all, lives())
	}()},
	{name: "a node that leaves amid all of it", cites: "T5", in: []state{connectedPoll}, on: hostile, steps: []step{
		joinsBus(), tells(func(a *attacker) []string { return []string{asked(1, flagUpgrade, "GET", wsQuery+a.sid, 0, "")} }), isTold(sayAccepted),
		on("b"), send(get(pollPath + "&sid={tag}AAAAAAAAAAAA")), on("d"), send(upgrade(wsPath + "&sid={tag}AAAAAAAAAAAA")),
		isTold(askRequest), isTold(askRequest), except("fiber", fixedBodies, steps(), steps(
			on("e"), send(request("POST", pollPath+"&sid={tag}AAAAAAAAAAAA", "Content-Length: 100000"), "4"), isTold(askRequest))),
		leavesBus(), on("b"), answer(400, unknownSID), on("d"), answer(400, "Session ID unknown"),
		except("fiber", fixedBodies, steps(), steps(on("e"), refused(400))), lives(),
	}},
	{name: "a flood of mail", cites: "T5", in: []state{connectedWS}, on: hostile, alone: true, steps: []step{
		joinsBus(), times(10, tells(func(a *attacker) []string {
			return slices.Repeat([]string{piece(askData, []uint64{1, 1}, "x"), "\x01", asked(1, 1, "GET", "", 0, "")}, 500)
		})),
		lives(),
	}},
	{name: "more at another node than may be", cites: "T5 T4", in: []state{connectedPoll}, on: hostile, steps: []step{
		joinsBus(), check("wait", func(a *attacker) error {
			most := servers[hostile].MaxSharedRequests
			for i := range most {
				name := fmt.Sprint("hangs", i)
				if err := a.run(on(name), send(get(pollPath+"&sid={tag}AAAAAAAAAAAA")), isTold(askRequest)); err != nil {
					return err
				}
			}
			err := a.run(on("b"), send(get(pollPath+"&sid={tag}AAAAAAAAAAAA")), answer(503, "Retry-After:"),
				send(post(pollPath+"&sid={tag}AAAAAAAAAAAA", "3")), answer(503, "Retry-After:"), send(upgrade(wsPath+"&sid={tag}AAAAAAAAAAAA")), refused(503),
				lives(), leavesBus())
			for i := range most {
				if err == nil {
					err = a.run(on(fmt.Sprint("hangs", i)), answer(400, unknownSID))
				}
			}
			return err
		}), lives(),
	}},
}

// nonsense are pieces of which each must be ignored and counted.
func nonsense() (pieces []string) {
	pieces = append(pieces, "", "\x01")
	for kind := range 256 {
		k := string([]byte{byte(kind)})
		if kind == 0 || kind > 3 {
			pieces = append(pieces, k, k+strings.Repeat("\x00", 100)) // no mailbox
		}
		pieces = append(pieces, "\x01"+k, "\x01"+k+strings.Repeat("\xff", 20))
	}
	good := asked(1, flagWhole, "GET", pollQuery, 0, "")
	for i := range len(good) {
		pieces = append(pieces, good[:i])
	}
	huge := varint(1 << 62)
	return append(pieces,
		piece(askRequest, []uint64{1, 0}, "\x04", huge+"GET"), piece(askRequest, []uint64{1, 0}, "\x04", strings.Repeat("\x00", 5), huge),
		piece(askRequest, []uint64{1, 0}, "\x04", strings.Repeat("\x00", 5), "\x01", "\x01a", huge),
		piece(askRoll, []uint64{0, math.MaxUint64, 1 << 62}), piece(askRoll, []uint64{9, 1, 5}, "\x01\x01"),
		piece(sayAnswer, []uint64{1 << 62}), piece(sayAnswer, []uint64{0, 1 << 40}, "\x01"),
	)
}

// ignores expects that a node ignores each of the pieces.
func (a *attacker) ignores(node int, pieces []string) error {
	ignored := func(s target.Snapshot) int64 {
		if node > 0 {
			return s.Others[node-1].IgnoredMail
		}
		return s.IO.IgnoredMail
	}
	before := ignored(a.target.Snapshot())
	if err := a.post(node, pieces...); err != nil {
		return err
	}
	return a.eventually(func(s target.Snapshot) error {
		if n := int(ignored(s) - before); n < len(pieces) {
			return fmt.Errorf("%d of %d pieces were ignored", n, len(pieces))
		}
		return nil
	})
}
