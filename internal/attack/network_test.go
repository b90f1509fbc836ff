package attack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/faultproxy"
	"github.com/kawat-go/kawat/internal/target"
)

func TestNetwork(t *testing.T) { table(t, networkRows) }

// heartbeat is when the server "brisk" gives up a client that is silent.
const heartbeat = 3500 * time.Millisecond

// stall is how long a client rests that comes back: 30 s in the whole suite.
func stall() time.Duration {
	return 3*time.Second + time.Duration(27*float64(time.Second)*min(*scale, 1))
}

// Networks, and clients, that do not do their part. What a server sees of a peer that
// has vanished is one that is silent.
var networkRows = []row{
	{name: "half-open WebSocket", cites: "N1", in: []state{freshWS, connectedWS}, on: "brisk", steps: []step{
		within(heartbeat+2*time.Second, gone(), check("forgotten", forgotten)),
	}},
	{name: "half-open while polling", cites: "N1 N7", in: polls, on: "brisk", steps: []step{
		within(heartbeat+2*time.Second, check("forgotten", forgotten)),
	}},
	{name: "half-open with a poll that hangs", cites: "N1", in: pollStates, on: "brisk", steps: []step{
		on("b"), send(get(pollPath + "&sid={sid}")), within(heartbeat+2*time.Second, check("forgotten", forgotten)),
	}},
	{name: "half-open while upgrading", cites: "N1", in: []state{upgradingWS}, on: "brisk", steps: []step{
		within(heartbeat+2*time.Second, closeFrame(0), check("forgotten", forgotten)),
	}},
	{name: "half-open behind the upgrade", cites: "N1", in: []state{upgradingWS}, on: "brisk", steps: []step{
		send(text("5")), within(heartbeat+2*time.Second, gone(), check("forgotten", forgotten)),
	}},
	{name: "FIN", cites: "N2", in: []state{freshWS, connectedWS}, steps: []step{fin(), gone(), check("forgotten", forgotten)}},
	{name: "RST", cites: "N2", in: []state{freshWS, connectedWS}, steps: []step{rst(), check("forgotten", forgotten)}},
	{name: "FIN behind an event", cites: "N2", in: []state{connectedWS}, steps: []step{check("heard", func(a *attacker) error {
		return a.run(aside(says(`421["join","{sid}"]`), hears("431[2]"),
			check("shout", func(*attacker) error { return a.run(says(shout), fin(), gone(), check("forgotten", forgotten)) }),
			hears(`42["said","heard"]`), lives()))
	})}},
	{name: "FIN within a frame", cites: "N2", in: []state{connectedWS}, steps: []step{
		unheard(send(text(`42["say","x","heard"]`)[:12]), fin(), gone(), check("forgotten", forgotten)),
	}},
	{name: "frames of a byte at a time", cites: "N3", in: []state{connectedWS, upgradingWS}, steps: []step{
		where([]state{upgradingWS}, drip(text("5"), 1, 0), nowWebSocket()),
		drip(text(`421["echo","`+strings.Repeat("x", 300)+`"]`)+pingOf("p")+partOf(opText, `422["echo",`)+restOf("1]"), 1, 0),
		check("answers", func(a *attacker) error {
			w, err := a.wire("ws")
			if err != nil {
				return err
			}
			seen := ""
			for range 3 { // a pong may overtake
				_, payload, err := w.frame()
				if err != nil {
					return err
				}
				seen += payload + " "
			}
			if !found(`431["xxx`, seen) || !found("432[1]", seen) || !found("p ", seen) {
				return fmt.Errorf("%q", seen)
			}
			return nil
		}), lives(),
	}},
	{name: "requests of a byte at a time", cites: "N3", in: joinedPolls, steps: []step{
		on("b"), drip("POST "+pollPath+"&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\n"+`421["order",0]`, 1, 0), answer(200, "ok"),
		drip("GET "+pollPath+"&sid={sid} HTTP/1.1\r\nHost: x\r\n\r\n", 1, 0), answer(200), lives(),
	}},
	{name: "jitter", cites: "N4", in: []state{connectedWS, connectedPoll}, steps: []step{
		check("proxy", throughProxy), lives(), lives(), lives(),
	}},
	{name: "slow frames", cites: "N4", in: []state{connectedWS}, steps: []step{
		drip(text(`421["order",0]`), 4, 200*time.Millisecond), hears("431[0]"), lives(),
	}},
	{name: "stall and resume", cites: "N5", in: connected, on: "patient", steps: []step{
		says(`42["flood",100,100]`), check("stall", stalls),
		check("resumes", func(a *attacker) error {
			for i := range 100 {
				if err := a.run(hears(fmt.Sprintf(`42["flood",%d,`, i))); err != nil {
					return err
				}
			}
			return nil
		}), lives(),
	}},
	{name: "never reading", cites: "N6", in: joined, steps: []step{
		times(8, says(`42["flood",100,100000]`)), check("forgotten", forgotten),
	}},
	{name: "many half-open WebSockets", cites: "N8", in: []state{connectedWS}, on: "brisk", alone: true, steps: []step{
		many(5000/4, gone()),
	}},
	{name: "many that never poll", cites: "N8 N7", in: []state{connectedPoll}, on: "brisk", alone: true, steps: []step{
		many(5000/4, check("leave", func(a *attacker) error { a.byes = nil; return nil })), // see Recovers
	}},
	{name: "many that never read", cites: "N8 N6", in: []state{connectedWS}, alone: true, steps: []step{
		many(500/4, times(8, says(`42["flood",20,100000]`)), check("forgotten", forgotten)),
	}},
}

// stalls rests. Hosts may close connections that are kept alive for so long.
func stalls(a *attacker) error {
	time.Sleep(stall())
	for _, name := range []string{"api", "poll"} {
		if w := a.wires[name]; w != nil {
			_ = w.conn.Close()
			delete(a.wires, name)
		}
	}
	return nil
}

// forgotten expects that the server forgets the session. It asks in a way that does
// not touch the session.
func forgotten(a *attacker) error {
	for end := time.Now().Add(target.Patience); ; time.Sleep(10 * time.Millisecond) {
		res, err := a.exchange("asks", request("PUT", pollPath+"&sid={sid}"))
		switch {
		case err != nil:
			return err
		case res.status == 400 && res.body == unknownSID:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("it is still there: %d, %q", res.status, res.body)
		}
	}
}

// throughProxy lets what follows go over wires that slice and delay.
func throughProxy(a *attacker) error {
	way := faultproxy.Way{Slice: 7, Jitter: 20 * time.Millisecond}
	proxy, err := faultproxy.Start(a.target.Addr, faultproxy.Options{Seed: 1, Plan: func(int) faultproxy.Plan {
		return faultproxy.Plan{Up: way, Down: way}
	}})
	if err != nil {
		return err
	}
	a.hangUp()
	a.closers = append(a.closers, proxy.Close)
	a.addr, a.byes, a.joined, a.over, a.wires = proxy.Addr(), nil, false, "", make(map[string]*wire)
	return a.enter()
}
