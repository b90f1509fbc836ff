package attack

import (
	"fmt"
	"strings"
	"time"
)

const (
	fixedBodies  = "it has the whole body before the engine hears of the request: docs/hosts.md"
	blindToLeave = "fasthttp does not notice that a client goes away while its poll hangs: docs/hosts.md"
)

// Polls and POSTs of one session that get in each other's way, or break off.
var pollRows = []row{
	{name: "two polls at once", cites: "H7", in: []state{freshPoll, connectedPoll}, steps: []step{
		attempts(5, on("b"), send(get(pollPath+"&sid={sid}")), settle(), on("c"), send(get(pollPath+"&sid={sid}")),
			answer(400, "\n\n"), on("b"), answer(200, "^.*\n\n1$"), ends()),
	}},
	{name: "a poll that is broken off, and another", cites: "H8", in: []state{freshPoll, connectedPoll}, steps: []step{
		attempts(5, on("b"), send(get(pollPath+"&sid={sid}")), settle(), rst(),
			on("c"), send(get(pollPath+"&sid={sid}")), answer(400), ends()),
	}},
	{name: "a poll whose client stops sending, and another", cites: "H8", in: []state{freshPoll, connectedPoll}, steps: []step{
		attempts(5, on("b"), send(get(pollPath+"&sid={sid}")), settle(), fin(),
			on("c"), send(get(pollPath+"&sid={sid}")), answer(400), ends()),
	}},
	{name: "messages after a poll that is broken off", cites: "H8", in: []state{connectedPoll}, on: "recovery", steps: []step{
		attempts(5, check("recovers", recoversAfterBreak)),
	}},
	{name: "two POSTs at once", cites: "H9", in: joinedPolls, steps: []step{
		attempts(5, except("fiber", fixedBodies, servedInTurn, servedNeither)),
	}},
	{name: "two POSTs in turn", cites: "H9", in: joinedPolls, steps: []step{
		on("b"), send(post(pollPath+"&sid={sid}", `421["order",0]`)), on("c"), on("b"), answer(200, "ok"),
		on("c"), send(post(pollPath+"&sid={sid}", `422["order",0]`)), answer(200, "ok"), hears("431[0]"), hears("432[1]"), lives(),
	}},
	{name: "a POST that is broken off", cites: "H10", in: joinedPolls, steps: []step{
		unheard(on("b"), send(half(shout)), pause(30*time.Millisecond), rst(),
			except("fiber", fixedBodies, lives(), ends())),
	}},
	{name: "a POST whose client stops sending", cites: "H10", in: joinedPolls, steps: []step{
		unheard(on("b"), send(half(shout)), fin(), refused(400), except("fiber", fixedBodies, lives(), ends())),
	}},
	{name: "chunks that break off", cites: "H10", in: joinedPolls, steps: []step{
		unheard(on("b"), send(chunked(pollPath+"&sid={sid}", chunk(shout))), fin(), refused(400),
			except("fiber", fixedBodies, lives(), ends())),
	}},
	{name: "chunks that break off within one", cites: "H10", in: joinedPolls, steps: []step{
		unheard(on("b"), send(chunked(pollPath+"&sid={sid}", strings.TrimSuffix(chunk(shout), "\r\n"))), fin(), refused(400),
			except("fiber", fixedBodies, lives(), ends())),
	}},
}

// half is a POST of a body that is one byte longer than what comes of it. Packets are
// complete: what is used before the body is would be heard.
func half(body string) string {
	return request("POST", pollPath+"&sid={sid}", fmt.Sprint("Content-Length: ", size(body)+1)) + body
}

// chunk is one, in the chunked transfer coding.
func chunk(body string) string { return fmt.Sprintf("%x\r\n%s\r\n", size(body), body) }

var (
	joinedPolls   = []state{connectedPoll, upgradingPoll}
	servedNeither = unheard(on("b"), send(half(shout)), settle(), on("c"), send(post(pollPath+"&sid={sid}", "3")), answer(400, "\n\n"),
		on("b"), refused(400, 408), ends())
	servedInTurn = steps(on("b"), send(half(`421["order",0]`)), settle(), on("c"), send(post(pollPath+"&sid={sid}", `422["order",0]`)),
		answer(200, "\n\nok"), on("b"), send(" "), answer(200, "\n\nok"), hears("432[0]"), hears("431[1]"), lives())
)

// recoversAfterBreak loses a poll, and gets what it has missed by recovery.
func recoversAfterBreak(a *attacker) error {
	return a.run(
		says(`421["join","{sid}"]`), hears("431[2]"), says(shout), hears(`42["said","heard","`), // where its offset is
		on("b"), send(get(pollPath+"&sid={sid}")), settle(), rst(),
		aside(says(`42["say","{sid}","missed"]`), lives()),
		check("comes back", func(a *attacker) error {
			back := a.twin(freshPoll)
			defer back.hangUp()
			err := back.enter()
			if err == nil {
				err = back.run(says(fmt.Sprintf(`40{"pid":%q,"offset":%q}`, a.pid, a.offset)), hears("40{"), hears(`42["said","missed","`))
			}
			if err != nil {
				err = fmt.Errorf("%w\n\t%s", err, &back.log)
			}
			return err
		}),
	)
}
