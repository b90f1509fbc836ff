package attack

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

func TestPacketVolumes(t *testing.T) { table(t, packetVolumeRows) }

var packetVolumeRows = []row{
	{name: "one socket for two CONNECTs", cites: "S2", in: connected, alone: true, steps: []step{
		check("counts", func(a *attacker) error {
			before := a.target.Snapshot().IO.Sockets
			if err := a.run(says("40/slow,", "40/slow,", "40/slow,"), hears("^40/slow,"), lives()); err != nil {
				return err
			}
			return a.sockets(before + 1)
		}),
	}},
	{name: "20,000 refused CONNECTs", cites: "S4 L8", in: connected, alone: true, steps: []step{
		volumes(20_000, func(i int) string { return fmt.Sprintf("40/n%d,", i) }),
		atMost(100, "^44/n"),
	}},
	{name: "100 namespaces and one more", cites: "L8", in: connected, alone: true, steps: []step{
		joins(99, "40/child-l%d,"), lives(), says("40/child-one,"), ends(),
	}},
	{name: "100 refusals and one more", cites: "L8", in: []state{freshPoll, freshWS}, alone: true, steps: []step{
		floods(100, func(i int) string { return fmt.Sprintf("40/n%d,", i) }), hearsMany(100, "^44/n"), says("40/one,"), ends(),
	}},
	{name: "100,000 names of namespaces", cites: "S5 L8", in: []state{freshWS}, on: "names", alone: true, steps: []step{
		check("made", func(a *attacker) error {
			before := a.target.Snapshot().IO.Namespaces
			var serial atomic.Int64
			err := a.run(many(1000, check("joins", func(a *attacker) error {
				return a.run(times(100, check("join", func(a *attacker) error {
					name := fmt.Sprintf("/child-v%d", serial.Add(1))
					return a.run(says("40"+name+","), hears("^4[04]"+name+`,\{("sid":"[^"]+"|"message":"Too many namespaces")\}$`))
				})), check("capped", func(a *attacker) error {
					if n := a.target.Snapshot().IO.Namespaces; n > before+servers["names"].MaxChildNamespaces {
						return fmt.Errorf("%d namespaces", n)
					}
					return nil
				}))
			})))
			if err != nil {
				return err
			}
			return a.eventually(func(s target.Snapshot) error { return same("namespaces", s.IO.Namespaces, before) })
		}),
	}},
	{name: "no hook is fired by a name", cites: "S6", in: connected, alone: true, steps: []step{
		check("counts", func(a *attacker) error {
			settled := func(s target.Snapshot) error {
				return same("connections", int(s.Connections-s.Disconnects), s.IO.Sockets)
			}
			if err := a.eventually(settled); err != nil {
				return err
			}
			before := a.target.Snapshot()
			err := a.run(says(`42["connection",{}]`, `42["connection"]`, `42["newListeners"]`, `42["end"]`, `42["close"]`), lives())
			if err != nil {
				return err
			}
			now := a.target.Snapshot()
			if now.Connections != before.Connections || now.Disconnects != before.Disconnects || now.IO.Panics != before.IO.Panics {
				return fmt.Errorf("%d, %d; before %d, %d", now.Connections, now.Disconnects, before.Connections, before.Disconnects)
			}
			return nil
		}),
	}},

	{name: "nesting and one more", cites: "S8 L7", in: joined, steps: []step{
		says(`421["count",` + nested(999) + `]`), hears(`^431\[1\]$`), says(`40/chat,` + `{"a":` + nested(999) + `}`), hears("^40/chat,"),
		each(`42["count",`+nested(1000)+`]`, `430[`+nested(1000)+`]`, `42["count",`+strings.Repeat(`{"a":`, 1000)+"1"+strings.Repeat("}", 1000)+`]`,
			`40/slow,{"a":`+nested(1000)+`}`),
	}},
	{name: "arguments and one more", cites: "S8 L7", in: joined, steps: []step{
		says(`421["count"` + strings.Repeat(",1", 1023) + `]`), hears(`^431\[1023\]$`), each(`42["count"` + strings.Repeat(",1", 1024) + `]`),
	}},
	{name: "very deep, very many", cites: "S8", in: connected, alone: true, steps: []step{
		within(6*maxP99, each(`42["count",`+nested(9_999)+`]`, `42["count",`+nested(400_000)+`]`, `42["count",`+strings.Repeat("[", 900_000),
			`42["count"`+strings.Repeat(",1", 450_000)+`]`, `42["count",`+strings.Repeat(`{"a":`, 180_000)+`]`,
			`42[`+strings.Repeat(" ", 900_000))),
	}},
	{name: "large values that nobody looks at", cites: "S8", in: connected, alone: true, steps: []step{
		quickly(`421["count",[` + strings.Repeat("1,", 450_000) + `1]]`), quickly(`421["count","` + strings.Repeat(`\u0000`, 160_000) + `"]`),
		quickly(`421["count",` + object(100_000) + `]`), quickly(`421["count","` + strings.Repeat("\x7f", 990_000) + `"]`), lives(),
	}},
	{name: "large values that are kept", cites: "S8", in: connected, alone: true, steps: []step{
		keeps(20, `[`+strings.Repeat("1,", 450_000)+`1]`), keeps(20, `"`+strings.Repeat(`\u0000`, 160_000)+`"`),
		keeps(20, object(80_000)), keeps(20, nested(990)), lives(),
	}},

	{name: "100,000 acks that nobody waits for", cites: "S10", in: connected, alone: true, steps: []step{
		volumes(100_000, func(i int) string { return fmt.Sprintf("43%d[%[1]d]", i) }), lives(),
	}},
	{name: "a million acks that nobody answers", cites: "S12 L11", in: []state{connectedWS}, on: "acks", alone: true, steps: []step{
		check("asked", func(a *attacker) error {
			n := scaled(250_000) + 5_000
			if err := a.run(says(fmt.Sprintf(`421["ask",%d]`, n)), awaits(`^431\[`)); err != nil {
				return err
			}
			if owed := a.target.Snapshot().IO.PendingAcks; owed > 10_000 {
				return fmt.Errorf("%d acks are owed", owed)
			}
			return a.eventually(func(s target.Snapshot) error { return same("acks", int(s.IO.PendingAcks), 0) })
		}), says(`428["echo",1]`), awaits(`^438\[1\]$`), // behind the questions that were on their way
	}},
	{name: "10,000 acks are owed at most", cites: "S12 L11", in: []state{connectedWS}, on: "owed", alone: true, steps: []step{
		check("asked", func(a *attacker) error {
			if err := a.run(says(`421["ask",12000]`), awaits(`^431\[`)); err != nil {
				return err
			}
			return a.eventually(func(s target.Snapshot) error { return same("acks", int(s.IO.PendingAcks), 10_000) })
		}),
	}},

	{name: "a flood of events", cites: "S16 L10", in: []state{connectedWS}, alone: true, steps: []step{says(`42["slow",1500]`), stuck(func(i int) string {
		return fmt.Sprintf(`42["none",%d]`, i)
	}, func() int { return scaled(250_000) })}},
	{name: "a flood of large events", cites: "S16 L10", in: []state{connectedWS}, alone: true, steps: []step{says(`42["slow",1500]`), stuck(func(i int) string {
		return fmt.Sprintf(`42["none",%d,"%s"]`, i, strings.Repeat("x", 100_000))
	}, func() int { return 300 })}},

	{name: "100,000 rooms", cites: "S17", in: connected, on: "rooms", alone: true, steps: []step{
		check("joined", func(a *attacker) error {
			n := scaled(100_000)
			if err := a.run(says(fmt.Sprintf(`421["rooms",%d]`, n)), hears(fmt.Sprintf(`^431\[%d\]$`, n+1))); err != nil {
				return err
			}
			if rooms := a.target.Snapshot().IO.Rooms; rooms != n {
				return fmt.Errorf("%d rooms", rooms)
			}
			if err := a.run(says("41")); err != nil {
				return err
			}
			return a.eventually(func(s target.Snapshot) error { return same("rooms", s.IO.Rooms, 0) })
		}),
	}},
	{name: "rooms joined while the socket ends", cites: "S17", in: connected, alone: true, steps: []step{
		many(200, says(`421["churn",200]`, `42["churn",50]`), hears("^431"), says("41")),
		check("left", func(a *attacker) error {
			return a.eventually(func(s target.Snapshot) error { return same("rooms", s.IO.Rooms, 0) })
		}),
	}},
	{name: "the room of another socket", cites: "S18", in: connected, steps: []step{
		check("listens", func(a *attacker) error {
			victim := a.twin(connectedWS)
			defer victim.hangUp()
			if err := victim.enter(); err != nil {
				return err
			}
			say := says(`42["say","` + victim.id + `","secret"]`)
			return a.run( // prefixed, as SECURITY.md says, the name is another room's
				says(`421["enter","`+victim.id+`"]`), hears(`^431\[2\]$`), besides(connectedWS, say, lives()), lives(),
				says(`421["join","`+victim.id+`"]`), hears(`^431\[3\]$`), besides(connectedWS, say, lives()), hears(`^42\["said","secret"\]$`))
		}),
	}},
}

func same(what string, now, want int) error {
	if now != want {
		return fmt.Errorf("%d %s; want %d", now, what, want)
	}
	return nil
}

// eventually takes snapshots until one satisfies the condition.
func (a *attacker) eventually(condition func(target.Snapshot) error) error {
	for deadline := time.Now().Add(target.Patience); ; time.Sleep(20 * time.Millisecond) {
		err := condition(a.target.Snapshot())
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func (a *attacker) sockets(want int) error {
	return same("sockets", a.target.Snapshot().IO.Sockets, want)
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// object is one with so many members.
func object(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%d":1`, i)
	}
	return "{" + b.String()[1:] + "}"
}

// floods says n packets, hundreds of them at a time, as long as the session is there.
func floods(n int, packet func(i int) string) step {
	return step{"floods", func(a *attacker) error {
		for i := 0; i < n; {
			var batch []string
			for ; i < n && len(batch) < 500; i++ {
				batch = append(batch, packet(i))
			}
			if err := a.emit(batch...); err != nil {
				return err
			}
		}
		return nil
	}}
}

// volumes is [floods] with a scaled number of packets.
func volumes(n int, packet func(i int) string) step {
	return check("volumes", func(a *attacker) error { return a.run(floods(scaled(n), packet)) }) // -scale is known by now
}

// atMost expects the end, and before it no more than n packets that match the
// pattern. Who is cut in the middle of a flood may have lost some.
func atMost(n int, pattern string) step {
	return step{"at most", func(a *attacker) error {
		for got := 0; ; {
			p, err := a.packet()
			switch {
			case errors.Is(err, errEnded) && got <= n:
				return nil
			case err != nil:
				return fmt.Errorf("after %d: %w", got, err)
			case found(pattern, p):
				got++
			}
		}
	}}
}

// awaits expects a packet that matches the pattern, whatever comes before it.
func awaits(pattern string) step {
	return step{"awaits " + pattern, func(a *attacker) error {
		for {
			p, err := a.packet()
			if err != nil || found(pattern, p) {
				return err
			}
		}
	}}
}

// hearsMany expects n packets that match the pattern, and nothing between them.
func hearsMany(n int, pattern string) step { return times(n, hears(pattern)) }

// joins joins namespaces.
func joins(n int, packet string) step {
	return step{"joins", func(a *attacker) error {
		for i := range n {
			if err := a.run(says(fmt.Sprintf(packet, i)), hears("^40/")); err != nil {
				return err
			}
		}
		return nil
	}}
}

// quickly says an event with an ack that must come soon.
func quickly(event string) step {
	return within(maxP99, says(event), hears(`^431\[1\]$`))
}

// keeps lets the server keep a value, which may take so many times its text.
func keeps(times int64, value string) step {
	return step{"keeps", func(a *attacker) error {
		if err := a.run(says(`421["keep",null]`), hears(`^431\[\]$`)); err != nil {
			return err
		}
		before := a.target.Snapshot().Heap
		if err := a.run(says(`421["keep",`+value+`]`), hears(`^431\[\]$`)); err != nil {
			return err
		}
		const besides = 1 << 20 // what pools and the honest client have grown by
		if took := a.target.Snapshot().Heap - before; took > times*int64(len(value))+besides {
			return fmt.Errorf("%d bytes for %d", took, len(value))
		}
		return nil
	}}
}

// stuck sends events while a handler does not return, until all are sent or nothing
// is taken any more. The server may keep little of that. When the handler has returned
// it goes on.
func stuck(event func(i int) string, number func() int) step {
	return onWire("stuck", func(a *attacker, w *wire) error {
		n := number()
		before := a.target.Snapshot().Heap
		sent := make(chan error, 1)
		go func() {
			var b strings.Builder
			for i := 0; i < n; {
				for ; i < n && b.Len() < 1<<16; i++ {
					b.WriteString(text(event(i)))
				}
				_ = w.conn.SetWriteDeadline(time.Now().Add(target.Patience))
				if _, err := w.conn.Write([]byte(b.String())); err != nil {
					sent <- err
					return
				}
				b.Reset()
			}
			sent <- nil
		}()
		time.Sleep(500 * time.Millisecond)
		kept := a.target.Snapshot().Heap - before
		if err := <-sent; err != nil {
			return err
		}
		if kept > 8<<20 {
			return fmt.Errorf("%d bytes are kept", kept)
		}
		return a.run(lives())
	})
}
