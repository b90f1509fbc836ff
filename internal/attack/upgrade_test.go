package attack

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

func TestUpgrade(t *testing.T) { table(t, upgradeRows) }

// opensCandidate opens a WebSocket for the session, on the wire of that name.
func opensCandidate(wire string) step {
	return steps(on(wire), send(upgrade(wsPath+"&sid={sid}")), answer(101))
}

var pollStates = []state{freshPoll, connectedPoll}

// What a WebSocket may send that asks to take over a session, and what may happen to
// both. Where it goes wrong the session goes on polling.
var upgradeRows = slices.Concat([]row{
	{name: "messages in flight both ways", cites: "U1", in: []state{connectedPoll}, steps: []step{check("flight", inFlight)}},
	{name: "an upgrade without a probe", cites: "U2", in: pollStates, steps: []step{
		// The reference lets it; here a probe comes first, as all clients do it.
		opensCandidate("ws"), send(text("5")), closes(0), lives(),
	}},
	{name: "another probe", cites: "U3", in: []state{upgradingWS}, steps: []step{
		send(text("2probe")), closes(0), stillPolls(), lives(),
	}},
	{name: "a thousand probes", cites: "U3", in: pollStates, steps: []step{
		opensCandidate("ws"), send(strings.Repeat(text("2probe"), 1000)), message("3probe"), closes(0), lives(),
	}},
	{name: "anything but the upgrade behind the probe", cites: "U3", in: []state{upgradingWS}, steps: []step{
		send(text("40")), closes(0), stillPolls(), lives(),
	}},
	{name: "an event behind the probe", cites: "U3", in: []state{upgradingWS}, steps: []step{
		unheard(send(text(`42["say","x","heard"]`)), closes(0), stillPolls(), lives()),
	}},
	{name: "binary behind the probe", cites: "U3", in: []state{upgradingWS}, steps: []step{
		send(binaryOf("5")), closes(0), stillPolls(), lives(),
	}},
	{name: "probe and silence", cites: "U4", in: []state{freshPoll}, on: "brisk", steps: []step{
		says("40"), hears("40{"), opensCandidate("ws"), send(text("2probe")), message("3probe"),
		within(1500*time.Millisecond, notBefore(700*time.Millisecond, closes(0))),
		on("b"), send(get(pollPath + "&sid={sid}")), answer(200, "^.*\n\n2$"), says("3"), lives(), // it still pings
	}},
	{name: "no probe but silence", cites: "U4", in: []state{connectedPoll}, on: "brisk", steps: []step{
		opensCandidate("ws"), within(1500*time.Millisecond, notBefore(700*time.Millisecond, closes(0))), lives(),
	}},
	{name: "two at once", cites: "U5", in: []state{upgradingWS}, steps: []step{
		opensCandidate("second"), closes(0), opensCandidate("third"), send(text("2probe"), text("5")), closes(0), on("ws"), lives(),
	}},
	{name: "another behind the upgrade", cites: "U5", in: []state{upgradingWS}, steps: []step{
		lives(), opensCandidate("second"), closes(0), on("ws"), lives(),
	}},
	{name: "another for a WebSocket", cites: "U5", in: []state{freshWS, connectedWS}, steps: []step{
		opensCandidate("second"), closes(0), on("ws"), lives(),
	}},
	{name: "gone between probe and upgrade", cites: "U6", in: []state{upgradingWS}, steps: []step{
		aside(lives()), fin(), gone(), stillPolls(), lives(),
	}},
	{name: "reset between probe and upgrade", cites: "U6", in: []state{upgradingWS}, steps: []step{
		stillPolls(), says(`421["echo","kept"]`), on("ws"), rst(), hears(`431["kept"]`), lives(),
	}},
	{name: "reset behind the upgrade", cites: "U6", in: []state{upgradingWS}, steps: []step{
		send(text("5")), rst(), stillPolls(), check("gone", goneFromPolling),
	}},
	{name: "disconnected while upgrading", cites: "U7", in: []state{upgradingPoll, upgradingWS}, steps: []step{
		stillPolls(), says(`421["echo","last"]`, `42["kickall"]`), hears(`431["last"]`), hears("41"), ends(), on("ws"), closes(0),
	}},
	{name: "disconnected, then upgraded", cites: "U7", in: []state{upgradingWS}, steps: []step{
		check("says by polling", func(a *attacker) error {
			return a.run(on("api"), send(post(pollPath+"&sid={sid}", `421["echo","last"]`+"\x1e"+`42["kickall"]`)), answer(200), on("ws"))
		}),
		pause(50 * time.Millisecond), send(text("5")), message(`431["last"]`), message("41"), closes(0),
	}},
	{name: "several polls while upgrading", cites: "U8", in: []state{upgradingPoll}, steps: []step{
		within(5*time.Second, times(5, within(time.Second, on("b"), send(get(pollPath+"&sid={sid}")), answer(200, "^.*\n\n6$")))),
		on("ws"), send(text("5")), check("over", func(a *attacker) error { a.over, a.probed = webSocket, false; return nil }), lives(),
	}},
	{name: "a poll that hangs while upgrading", cites: "U8", in: []state{connectedPoll}, steps: []step{
		on("b"), send(get(pollPath + "&sid={sid}")), opensCandidate("ws"), send(text("2probe")), message("3probe"),
		within(time.Second, on("b"), answer(200, "^.*\n\n6$")), on("ws"), send(text("5")), nowWebSocket(), lives(),
	}},
	{name: "noops on the WebSocket", cites: "U9", in: []state{upgradingWS}, on: "brisk", steps: []step{
		send(text("5")), nowWebSocket(), check("frames", func(a *attacker) error { return pingsOnly(a, 3) }), lives(),
	}},
	{name: "a ping while upgrading", cites: "U10", in: []state{freshPoll}, on: "brisk", steps: []step{check("ping", onePing)}},
}, foreignCandidates)

// Whatever else comes first over a WebSocket that asks to take over.
var foreignCandidates = func() (rows []row) {
	for _, c := range []struct{ name, frame string }{
		{"a message", text("40")}, {"a binary probe", binaryOf("2probe")}, {"a pong", text("3probe")}, {"a ping", text("2")},
		{"a strange ping", text("2probe2")}, {"nothing", text("")}, {"an open packet", text("0")}, {"the end", text("1")},
		{"a noop", text("6")}, {"no packet", text("x")}, {"binary", binaryOf("x")}, {"an empty binary", binaryOf("")},
	} {
		rows = append(rows, row{name: c.name + " in place of the probe", cites: "U3", in: pollStates, steps: []step{
			opensCandidate("ws"), send(c.frame), closes(0), lives(),
		}})
	}
	return rows
}()

// stillPolls and nowWebSocket tell the harness which transport the session is on.
func stillPolls() step {
	return step{"still polls", func(a *attacker) error { a.over, a.probed = polling, false; return nil }}
}

func nowWebSocket() step {
	return step{"now over WebSocket", func(a *attacker) error { a.over, a.probed = webSocket, false; return nil }}
}

// goneFromPolling expects that polls find no session any more.
func goneFromPolling(a *attacker) error {
	for end := time.Now().Add(target.Patience); ; time.Sleep(5 * time.Millisecond) {
		res, err := a.exchange("check", get(pollPath+"&sid={sid}"))
		if err != nil {
			return err
		}
		if res.status == 400 && res.body == unknownSID {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("it is still there: %d, %q", res.status, res.body)
		}
	}
}

// inFlight moves to WebSocket while 200 events go each way, and checks that none is
// lost, repeated or out of order.
func inFlight(a *attacker) error {
	const n = 200
	send := func(from, to int) step {
		var packets []string
		for i := from; i < to; i++ {
			packets = append(packets, fmt.Sprintf(`42%d["order",0]`, i))
		}
		return says(packets...)
	}
	if err := a.run(says(fmt.Sprintf(`42["flood",%d,10]`, n)), send(0, 50)); err != nil {
		return err
	}
	if err := a.probe(); err != nil {
		return err
	}
	if err := a.run(send(50, 100)); err != nil {
		return err
	}
	got := a.inbox
	for len(got) < n/4 { // some come by polls, the rest over the WebSocket
		p, err := a.packet()
		if err != nil {
			return err
		}
		got = append(got, p)
	}
	if err := a.complete(""); err != nil {
		return err
	}
	if err := a.run(send(100, n)); err != nil {
		return err
	}
	for len(got) < 2*n {
		p, err := a.packet()
		if err != nil {
			return err
		}
		got = append(got, p)
	}
	floods, acks := 0, 0
	for _, p := range got {
		switch {
		case strings.HasPrefix(p, fmt.Sprintf(`42["flood",%d,`, floods)):
			floods++
		case p == fmt.Sprintf("43%d[%[1]d]", acks):
			acks++
		default:
			return fmt.Errorf("after %d floods and %d acks: %q", floods, acks, p)
		}
	}
	return nil
}

// pingsOnly reads n pings from the WebSocket, and answers them. Nothing else must
// come, and no second one before the answer.
func pingsOnly(a *attacker, n int) error {
	w, err := a.wire("ws")
	if err != nil {
		return err
	}
	for range n {
		w.patience(target.Patience)
		if _, payload, err := w.frame(); err != nil || payload != "2" {
			return fmt.Errorf("%q, %w", payload, err)
		}
		w.patience(100 * time.Millisecond)
		if first, payload, err := w.frame(); !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("%02x %q behind a ping, %w", first, payload, err)
		}
		w.write(text("3"))
	}
	return nil
}

// onePing has the time of a ping come while the session is upgrading. It comes by
// polling, once; the next one, after its answer, over the WebSocket.
func onePing(a *attacker) error {
	a.over = polling
	if err := a.probe(); err != nil {
		return err
	}
	pings := 0
	for pings == 0 {
		res, err := a.exchange("poll", get(pollPath+"&sid={sid}"))
		switch {
		case err != nil:
			return err
		case res.status == 200 && res.body == "2":
			pings++
		case res.status != 200 || res.body != "6":
			return fmt.Errorf("%d, %q", res.status, res.body)
		}
	}
	if err := a.complete(""); err != nil {
		return err
	}
	return a.run(on("ws"), quiet(200*time.Millisecond), send(text("3")), check("pings", func(a *attacker) error { return pingsOnly(a, 2) }))
}

// A server that shuts down delivers what it had emitted, also to who is about to move.
func TestShutdownWhileUpgrading(t *testing.T) {
	for _, host := range target.Hosts() {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			server := target.Start(t, target.Settings{Host: host})
			var moving []*attacker
			for _, in := range []state{upgradingPoll, upgradingWS} {
				a := newAttacker(server, host, in)
				defer a.hangUp()
				if err := a.enter(); err != nil {
					t.Fatal(err)
				}
				moving = append(moving, a)
			}
			if err := server.Emit("news", "last"); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- server.Shutdown(target.Patience) }()
			for _, a := range moving {
				if err := a.run(stillPolls(), hears(`42["news","last"]`), ends(), on("ws"), closes(0)); err != nil {
					t.Errorf("%s: %v\n\t%s", a.state, err, &a.log)
				}
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}
