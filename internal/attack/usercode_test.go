package attack

import (
	"fmt"
	"testing"

	"github.com/kawat-go/kawat/internal/target"
)

func TestUserCode(t *testing.T) { table(t, userCodeRows) }

var userCodeRows = []row{
	{name: "a handler that fails", cites: "C1", in: joined, steps: []step{
		says(`421["panic"]`), hears(`^431\[\{"error":\{"message":"internal error"\}\}\]$`), lives(), says(`42["panic"]`), lives(),
		says(`421["goexit"]`), hears(`^431\[\{"error":\{"message":"internal error"\}\}\]$`), lives(), says(`42["goexit"]`), lives(),
	}},
	{name: "handlers that fail, many of them", cites: "C1", in: connected, alone: true, steps: []step{
		counted(func(before, now target.Snapshot) error {
			return same("panics", int(now.IO.Panics-before.IO.Panics), 2*scaled(10_000))
		}, volumes(10_000, func(int) string { return `42["panic"]` }), volumes(10_000, func(int) string { return `42["goexit"]` }), lives()),
	}},
	{name: "middleware that fails", cites: "C2", in: sessions, steps: []step{
		faulty("use", "panic"), hears(`^44/faulty,\{"message":"internal error"\}$`),
		faulty("use", "goexit"), hears(`^44/faulty,\{"message":"internal error"\}$`), lives(),
	}},
	{name: "OnConnection that fails", cites: "C3", in: sessions, steps: []step{
		faulty("connection", "panic"), hears(`^40/faulty,\{"sid"`), hears("^41/faulty,$"),
		faulty("connection", "goexit"), hears(`^40/faulty,\{"sid"`), hears("^41/faulty,$"), lives(),
	}},
	{name: "event middleware that fails", cites: "C4", in: sessions, steps: []step{
		faulty("useevent", "panic"), hears(`^40/faulty,`), says(`42/faulty,1["echo",1]`), hears(`^43/faulty,1\[\{"error":\{"message":"internal error"`),
		lives(),
	}},
	{name: "event middleware that ends its goroutine", cites: "C4", in: sessions, steps: []step{
		faulty("useevent", "goexit"), hears(`^40/faulty,`), says(`42/faulty,1["echo",1]`), hears(`^43/faulty,1\[\{"error":\{"message":"internal error"`),
		lives(),
	}},
	{name: "a catch-all that fails", cites: "C4", in: sessions, steps: []step{
		faulty("any", "panic"), hears(`^40/faulty,`), says(`42/faulty,1["echo",1]`), hears(`^43/faulty,1\[`), lives(),
	}},
	{name: "endings that fail", cites: "C5", in: connected, alone: true, steps: []step{
		counted(func(before, now target.Snapshot) error {
			return same("panics", int(now.IO.Panics-before.IO.Panics), 4)
		},
			faulty("disconnecting", "panic"), hears(`^40/faulty,`), says("41/faulty,"), faulty("disconnecting", "goexit"), hears(`^40/faulty,`), says("41/faulty,"),
			faulty("disconnect", "panic"), hears(`^40/faulty,`), says("41/faulty,"), faulty("disconnect", "goexit"), hears(`^40/faulty,`), says("41/faulty,"),
			lives()),
	}},
	{name: "endings that fail while the connection is cut", cites: "C5", in: connected, steps: []step{
		many(1000, faulty("disconnect", "panic"), hears(`^40/faulty,`)), many(1000, faulty("disconnecting", "goexit"), hears(`^40/faulty,`)), lives(),
	}},

	{name: "functions that call back in", cites: "C6", in: sessions, alone: true, steps: []step{
		faulty("use", "reenter"), hears(`^4[04]/faulty,`), lives(),
	}},
	{name: "connections that call back in", cites: "C6", in: connected, alone: true, steps: []step{
		faulty("connection", "reenter"), hears(`^40/faulty,`), awaits(`^41/faulty,$`), lives(),
	}},
	{name: "leaving calls back in", cites: "C6", in: connected, alone: true, steps: []step{
		faulty("disconnecting", "reenter"), hears(`^40/faulty,`), says("41/faulty,"), lives(),
	}},
	{name: "endings that call back in", cites: "C6", in: connected, alone: true, steps: []step{
		faulty("disconnect", "reenter"), hears(`^40/faulty,`), says("41/faulty,"), lives(),
	}},
	{name: "middleware that hangs up", cites: "C6", in: connected, steps: []step{faulty("use", "kick"), kicked()}},
	{name: "OnConnection that hangs up", cites: "C6", in: connected, steps: []step{faulty("connection", "kick"), kicked()}},
	{name: "endings that hang up", cites: "C6", in: connected, steps: []step{
		faulty("disconnect", "kick"), hears(`^40/faulty,`), says("41/faulty,"), lives(), // it has left already
	}},
	{name: "handlers that call back in", cites: "C6", in: joined, steps: []step{
		says(`421["reenter"]`), awaits(`^431\[`), lives(), says(`42["kick"]`), hears("^41$"), says("40"), hears(`^40\{`), lives(),
		says(`42["kickall"]`), hears("^41$"), ends(),
	}},

	{name: "handlers that never return", cites: "C7", in: []state{connectedWS}, on: "blocked", alone: true, steps: []step{
		check("block", func(a *attacker) error {
			n := scaled(1000)
			var stuck []*attacker
			defer func() {
				for _, s := range stuck {
					s.hangUp()
				}
			}()
			for range n {
				s := a.twin(connectedWS)
				stuck = append(stuck, s)
				if err := s.enter(); err != nil {
					return err
				}
				if err := s.run(says(`42["block"]`, `42["none"]`, `42["none"]`)); err != nil {
					return err
				}
			}
			if err := a.eventually(func(s target.Snapshot) error { return same("blocked", s.Blocked, n) }); err != nil {
				return err
			}
			if err := a.run(lives(), besides(connectedPoll, lives()), besides(upgradingWS, lives())); err != nil {
				return err
			}
			return a.target.Release()
		}),
	}},
	{name: "disconnects by a handler amid events", cites: "C8", in: connected, steps: []step{
		many(500, says(`42["echo",1]`, `42["kick"]`, `42["echo",2]`, `421["late"]`), awaits("^41$"), says("40"), awaits(`^40\{`), lives()),
	}},
	{name: "binary from many at once", cites: "C9", in: []state{connectedWS}, steps: []step{
		many(200, times(20, says("451-7[\"echo\","+ph+"]", "bAQID", "451-8[\"echo\","+ph+"]", "bBAUG"),
			hears("^461-7"), hears("^bAQID$"), hears("^461-8"), hears("^bBAUG$"))), lives(),
	}},
}

// faulty joins the namespace whose functions fail as the client wants.
func faulty(in, how string) step {
	return says(fmt.Sprintf(`40/faulty,{"in":"%s","how":"%s"}`, in, how))
}

// counted compares the state of the server before and after steps, when what they have
// set off is over.
func counted(compare func(before, now target.Snapshot) error, steps ...step) step {
	return step{"counted", func(a *attacker) error {
		before := a.target.Snapshot()
		if err := a.run(steps...); err != nil {
			return err
		}
		return a.eventually(func(now target.Snapshot) error { return compare(before, now) })
	}}
}
