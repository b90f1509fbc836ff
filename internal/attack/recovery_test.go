package attack

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

func TestRecovery(t *testing.T) { table(t, recoveryRows) }

var recoveryRows = []row{
	{name: "private ids", cites: "R1 GHSA-qv2v-m59f-v5fw CVE-2017-16031", in: fresh, on: "recovery", steps: []step{
		says("40"), captures(`^40\{"sid":"([\w-]{20})","pid":"([\w-]{20})"\}$`, func(a *attacker, ids []string) []step {
			if ids[0] == ids[1] || ids[0] == a.sid || ids[1] == a.sid {
				return []step{check("ids", func(*attacker) error { return errors.New("are the same") })}
			}
			return []step{echoes()}
		}),
	}},
	{name: "guessed private ids", cites: "R1", in: fresh, on: "recovery", steps: []step{
		many(1_000, check("guesses", func(a *attacker) error {
			guess := strings.Repeat("A", 16) + a.sid[:4]
			if err := a.run(says(claimOf(guess, "")), hears(`^40\{"sid"`)); err != nil {
				return err
			}
			if a.pid == guess {
				return errors.New("a session was made under the guess")
			}
			return a.run(echoes())
		})),
		claims(`40{"pid":"","offset":""}`), claims(`40{"pid":null}`), claims(`40{"pid":["x"]}`), claims(`40{"pid":{"toString":1}}`),
		claims(`40{"pid":"` + strings.Repeat("A", 900_000) + `"}`), claims(`40{"pid":"__proto__","offset":"x"}`),
	}},
	{name: "private ids are not logged", cites: "R1", in: connected, on: "replays", alone: true, steps: []step{
		check("log", func(a *attacker) error {
			pid, offset := a.pid, ""
			if err := a.run(says(`42["flood",1,10]`), hears(`^42\["flood",0,`)); err != nil {
				return err
			}
			offset = a.offset
			for _, again := range []struct {
				packet string
				same   bool
			}{{claimOf(pid, offset), true}, {claimOf(pid, "zzzzzzzzzzzzzz"), true}, {claimOf(pid, offset[:6]+"--------"), false}} {
				if err := a.comesBack(again.packet, pid, again.same); err != nil {
					return err
				}
			}
			bad := a.twin(freshWS)
			defer bad.hangUp()
			if err := errors.Join(bad.enter(), bad.run(says(claimOf(pid, offset)+"x"), ends())); err != nil {
				return err
			}
			log := a.target.Log()
			if !strings.Contains(log, "broke the protocol") {
				return errors.New("the log has nothing of this")
			}
			if strings.Contains(log, pid) {
				return fmt.Errorf("the log has a private id: %.300q", log[strings.Index(log, pid)-200:])
			}
			return nil
		}),
	}},

	{name: "the private id of another user", cites: "R2", in: fresh, on: "recovery", steps: []step{
		says(`40/user,{"user":"alice"}`), captures(`^40/user,\{"sid":"([^"]+)","pid":"([^"]+)"\}$`, func(a *attacker, ids []string) []step {
			theft := func(auth string) step {
				return besides(freshWS, says(`40/user,{"pid":"`+ids[1]+`"`+auth+`}`), hears(`^44/user,\{"message":"unauthorized"\}$`))
			}
			return []step{theft(""), theft(`,"user":"mallory"`), theft(`,"user":""`), theft(`,"user":["alice"]`),
				says(`42/user,1["echo",1]`), hears(`^43/user,1\[1\]$`), // she is still there, and can come back
				besides(freshWS, says(`40/user,{"pid":"`+ids[1]+`","user":"alice"}`), hears(`^40/user,\{"sid":"`+ids[0]+`","pid":"`+ids[1]+`"\}$`)),
				kicked()}
		}),
	}},

	{name: "bad offsets", cites: "R3", in: connected, on: "recovery", steps: []step{
		says(`42["flood",2,10]`), hears(`^42\["flood",0,`), hears(`^42\["flood",1,`), check("offsets", func(a *attacker) error {
			pid, offset := a.pid, a.offset
			for _, bad := range []string{
				`"` + strings.Repeat("A", 900_000) + `"`, `"` + offset[:6] + `--------"`, `"` + offset + `A"`, `"` + offset[:13] + `"`,
				`{"_placeholder":true,"num":0}`, `7`, `""`, `"` + offset[:13] + "\u00e9\"", `"\u0000"`, `["` + offset + `"]`, `true`,
			} {
				if err := a.comesBack(`40{"pid":"`+pid+`","offset":`+bad+`}`, pid, false); err != nil {
					return fmt.Errorf("offset %.60s: %w", bad, err)
				}
			}
			if err := a.run(lives()); err != nil { // nobody has taken over
				return err
			}
			return a.comesBack(claimOf(pid, offset), pid, true)
		}),
	}},

	{name: "1,000 replays of the most", cites: "R4 L15", in: []state{connectedWS}, on: "replays", alone: true, steps: []step{
		check("replays", func(a *attacker) error {
			pid := a.pid
			if err := a.run(says(`42["flood",1,10]`), hears(`^42\["flood",0,`)); err != nil {
				return err
			}
			first := a.offset
			if err := a.run(says(`42["flood",40,100000]`), hearsMany(40, `^42\["flood",`)); err != nil {
				return err
			}
			before, replays := a.target.Snapshot().IO.Recovery.Recovered, 0
			for range max(20, scaled(1000)) {
				n, err := a.replayed(claimOf(pid, first), pid)
				if err != nil {
					return err
				}
				replays += n
			}
			recovered := a.target.Snapshot().IO.Recovery.Recovered - before
			if recovered < 1 || recovered > 5 || replays > 5*40 {
				return fmt.Errorf("%d recovered, %d events were replayed", recovered, replays)
			}
			return nil
		}),
	}},
	{name: "more than may be replayed", cites: "R4 L15", in: []state{connectedWS}, on: "replays", alone: true, steps: []step{
		check("replays", func(a *attacker) error {
			pid := a.pid
			if err := a.run(says(`42["flood",1,10]`), hears(`^42\["flood",0,`)); err != nil {
				return err
			}
			first := a.offset
			if err := a.run(says(`42["flood",43,100000]`), hearsMany(43, `^42\["flood",`)); err != nil {
				return err
			}
			return a.comesBack(claimOf(pid, first), pid, false)
		}),
	}},
	{name: "more than is remembered", cites: "L15", in: []state{connectedWS}, on: "forgetful", alone: true, steps: []step{
		check("replays", func(a *attacker) error {
			pid := a.pid
			if err := a.run(says(`42["flood",1,10]`), hears(`^42\["flood",0,`)); err != nil {
				return err
			}
			first := a.offset
			if err := a.run(says(`42["flood",100,10]`), hearsMany(100, `^42\["flood",`)); err != nil {
				return err
			}
			if n := a.target.Snapshot().IO.Recovery.Packets; n != 100 {
				return fmt.Errorf("%d events are remembered", n)
			}
			if err := a.comesBack(claimOf(pid, first), pid, true); err != nil {
				return err
			}
			b := a.twin(freshWS) // which the socket is with now
			defer b.hangUp()
			if err := errors.Join(b.enter(), b.run(says(claimOf(pid, first)), hears("^40"), hearsMany(100, "^42"), says(`42["flood",1,10]`), hears("^42"))); err != nil {
				return err
			}
			return a.comesBack(claimOf(pid, first), pid, false)
		}),
	}},

	{name: "takeovers in turn", cites: "R5", in: []state{connectedWS}, on: "replays", alone: true, steps: []step{
		check("turns", func(a *attacker) error {
			before := a.target.Snapshot()
			pid := a.pid
			for i := range max(50, scaled(2_000)) {
				if err := a.comesBack(claimOf(pid, ""), pid, true); err != nil {
					return fmt.Errorf("turn %d: %w", i, err)
				}
			}
			return a.eventually(func(now target.Snapshot) error {
				if now.Goroutines > before.Goroutines+30 || now.IO.Sockets > before.IO.Sockets {
					return fmt.Errorf("%d goroutines, %d sockets; before %d, %d", now.Goroutines, now.IO.Sockets, before.Goroutines, before.IO.Sockets)
				}
				return nil
			})
		}),
	}},
	{name: "takeovers at once", cites: "R5", in: connected, on: "replays", alone: true, steps: []step{
		check("at once", func(a *attacker) error {
			before, pid := a.target.Snapshot().IO.Sockets, a.pid
			err := a.run(step{"", func(a *attacker) error {
				twins := make([]*attacker, 40)
				for i := range twins {
					twins[i] = a.twin(freshWS)
					defer twins[i].hangUp()
					if err := twins[i].enter(); err != nil {
						return err
					}
				}
				for _, b := range twins {
					_ = b.run(says(claimOf(pid, "")))
				}
				return a.eventually(func(s target.Snapshot) error { // one has the session, others may have got a new one
					if s.IO.Sockets > before+40 {
						return fmt.Errorf("%d sockets", s.IO.Sockets)
					}
					return nil
				})
			}})
			if err != nil {
				return err
			}
			return a.eventually(func(s target.Snapshot) error {
				if s.IO.Sockets > before {
					return fmt.Errorf("%d sockets", s.IO.Sockets)
				}
				return nil
			})
		}),
	}},
	{name: "a message for both", cites: "R6", in: connected, on: "replays", alone: true, steps: []step{
		check("both", func(a *attacker) error {
			b := a.twin(freshWS)
			defer b.hangUp()
			if err := errors.Join(b.enter(), b.run(says(claimOf(a.pid, "")), hears(`^40\{"sid":"`+a.id+`","pid":"`+a.pid+`"\}$`))); err != nil {
				return err
			}
			return errors.Join(b.run(says(`42["say","`+a.id+`","once"]`)), a.run(ends()), b.run(hears(`^42\["said","once",`), echoes()))
		}),
	}},

	{name: "strangers who are away", cites: "R7 L15", in: []state{connectedWS}, on: "strangers", alone: true, steps: []step{
		check("push out", func(a *attacker) error {
			// Connected for a ping's interval, it is nobody's place that strangers can take.
			for start := time.Now(); time.Since(start) < 3300*time.Millisecond; time.Sleep(100 * time.Millisecond) {
				if err := a.run(lives()); err != nil {
					return err
				}
			}
			if err := a.run(on("ws"), rst(), many(1_000, on("ws"), rst())); err != nil {
				return err
			}
			return a.comesBack(claimOf(a.pid, ""), a.pid, true)
		}),
	}},
}

// claimOf is a CONNECT that asks for a session.
func claimOf(pid, offset string) string {
	if offset == "" {
		return `40{"pid":"` + pid + `"}`
	}
	return `40{"pid":"` + pid + `","offset":"` + offset + `"}`
}

// echoes has an event echoed.
func echoes() step { return times(1, says(`425["echo",5]`), hears(`^435\[5\]$`)) }

// claims says a CONNECT in a session of its own, which must be answered with a new
// socket.
func claims(packet string) step {
	return besides(freshWS, says(packet), hears(`^40\{"sid":"[\w-]{20}","pid":"[\w-]{20}"\}$`))
}

// comesBack connects beside the attacker, and says whether the session that the packet
// asks for must be the one that it gets.
func (a *attacker) comesBack(packet, pid string, same bool) error {
	b := a.twin(freshWS)
	defer b.hangUp()
	if err := errors.Join(b.enter(), b.run(says(packet), hears(`^40\{"sid"`))); err != nil {
		return err
	}
	if (b.pid == pid) != same {
		return fmt.Errorf("private id %s: %v; want %v", b.pid, b.pid == pid, same)
	}
	return nil
}

// replayed comes back, and returns how many events were replayed.
func (a *attacker) replayed(packet, pid string) (n int, err error) {
	b := a.twin(freshWS)
	defer b.hangUp()
	if err := errors.Join(b.enter(), b.run(says(packet))); err != nil {
		return 0, err
	}
	for {
		p, err := b.packet()
		switch {
		case err != nil:
			return n, err
		case strings.HasPrefix(p, "431"):
			return n, nil
		case strings.HasPrefix(p, "42"):
			n++
		default: // the answer; what was replayed comes before that of an event
			if err := b.run(says(`421["echo",1]`)); err != nil || b.pid != pid {
				return n, err
			}
		}
	}
}
