package attack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

func TestLimits(t *testing.T) { table(t, limitRows) }

// sized is an event with an ack whose packet has n bytes.
func sized(n int) string {
	const around = len(`421["count",""]`)
	return `421["count","` + strings.Repeat("x", n-around) + `"]`
}

var limitRows = []row{
	{name: "a message as large as may be", cites: "L1", in: connected, steps: []step{says(sized(1_000_000)), hears(`^431\[1\]$`), lives()}},
	{name: "a message larger than that", cites: "L1", in: []state{connectedWS}, steps: []step{violates(1009, text(sized(1_000_001)))}},
	{name: "a body larger than that", cites: "L1", in: []state{connectedPoll}, steps: []step{
		send(post(pollPath+"&sid={sid}", sized(1_000_001))), refused(413),
	}},
	{name: "attachments larger than that", cites: "L1 L6 GHSA-xfhh-g9f5-x4m4 CVE-2020-36049", in: []state{connectedWS}, steps: []step{
		says("451-[\"echo\"," + ph + "]"), violates(1009, binaryOf(strings.Repeat("x", 1_000_001))),
	}},
	{name: "attachments as large as may be", cites: "L6", in: []state{connectedWS}, alone: true, steps: []step{
		on("ws"), send(text(`4510-1["count"]`), strings.Repeat(binaryOf(strings.Repeat("x", 1_000_000)), 10)), hears(`^431\[0\]$`), lives(),
	}},
	{name: "a declared length over the limit", cites: "L2", in: polls[:2], steps: []step{
		except("fiber", "it takes a body up to its own BodyLimit before it asks anybody",
			declares(5_000_000), declares(1_000_001)),
	}},
	// Fiber's own ReadTimeout holds in place of ours: see the rows about bodies.
	{name: "a body that does not come", cites: "L3", in: polls[:2], on: "brisk", hosts: []string{"nethttp", "gin", "echo"}, steps: []step{
		send(request("POST", pollPath+"&sid={sid}", "Content-Length: 10"), "42"),
		notBefore(500*time.Millisecond, refused(408)), ends(),
	}},
	{name: "who does not read", cites: "L4", in: []state{connectedWS}, on: "unread", alone: true, steps: []step{
		says(`42["flood",300,100000]`), check("cut", func(a *attacker) error {
			return a.eventually(func(s target.Snapshot) error { return same("sessions", s.IO.Engine.Sessions, 1) })
		}),
	}},
	{name: "fragments as many as may be", cites: "L5", in: []state{connectedWS}, steps: []step{
		on("ws"), send(fragments(16_384)), hears("^431"), lives(),
	}},
	{name: "a fragment too many", cites: "L5", in: []state{connectedWS}, steps: []step{violates(1008, fragments(16_385))}},
	{name: "a message that does not end", cites: "L5", in: []state{connectedWS}, on: "brisk", steps: []step{
		on("ws"), send(partOf(opText, `421["count"`)), check("cut", func(a *attacker) error {
			// A ping cannot be answered within a message, so this is the ping's timeout.
			return within(4*time.Second, notBefore(900*time.Millisecond, kickedOff())).do(a)
		}),
	}},
	{name: "names as long as may be", cites: "L7", in: joined, steps: []step{
		says("40/" + strings.Repeat("n", 511)), hears("^44/n"), lives(), each("40/" + strings.Repeat("n", 512)),
	}},

	{name: "messages that wait, as many as may be", cites: "L9", in: []state{connectedPoll}, alone: true, steps: []step{
		says(`42["flood",16380,0]`), waiting(16_380), hearsMany(16_380, `^42\["flood",`), lives(),
	}},
	{name: "messages that wait, too many", cites: "L9", in: []state{connectedPoll}, alone: true, steps: []step{
		slow(says(`42["flood",16390,0]`)), kicked(),
	}},
	{name: "bytes that wait, as many as may be", cites: "L9", in: []state{connectedPoll}, alone: true, steps: []step{
		says(`42["flood",41,100000]`), waiting(41), hearsMany(41, `^42\["flood",`), lives(),
	}},
	{name: "bytes that wait, too many", cites: "L9", in: []state{connectedPoll}, alone: true, steps: []step{
		slow(says(`42["flood",43,100000]`)), kicked(),
	}},
	{name: "bytes that wait for all", cites: "L9", in: []state{connectedPoll}, on: "total", alone: true, steps: []step{
		check("cut", func(a *attacker) error {
			var hoarders []*attacker
			defer func() {
				for _, h := range hoarders {
					h.hangUp()
				}
			}()
			before := a.target.Snapshot().IO.Engine.SlowConsumers
			for range 8 { // of whom each may keep 400,000 bytes, and all 1,000,000
				h := a.twin(connectedPoll)
				hoarders = append(hoarders, h)
				if err := h.enter(); err != nil {
					return err
				}
				if err := h.run(says(`42["flood",40,10000]`)); err != nil {
					return err
				}
			}
			err := a.eventually(func(s target.Snapshot) error {
				if cut := s.IO.Engine.SlowConsumers - before; cut < 4 || s.IO.Engine.QueuedBytes > 1_000_000 {
					return fmt.Errorf("%d were cut, %d bytes wait", cut, s.IO.Engine.QueuedBytes)
				}
				return nil
			})
			if err != nil {
				return err
			}
			return a.run(lives())
		}),
	}},
	{name: "events that wait", cites: "L10", in: []state{connectedWS}, alone: true, steps: []step{
		// 64 of them wait for the handler, and one for its place; a ping behind is not read.
		on("ws"), says(`42["slow",700]`), pause(200 * time.Millisecond),
		send(strings.Repeat(text(`42["none"]`), 80), pingOf("late")), notBefore(300*time.Millisecond, pongs("late")), lives(),
		says(`42["slow",700]`), pause(200 * time.Millisecond),
		send(strings.Repeat(text(`42["none"]`), 60), pingOf("soon")), within(300*time.Millisecond, pongs("soon")), lives(),
	}},
	{name: "an upgrade that does not end", cites: "L13", in: []state{upgradingPoll}, on: "brisk", steps: []step{
		on("ws"), notBefore(300*time.Millisecond, kickedOff()), lives(),
	}},
	{name: "sessions as many as may be", cites: "L14", in: []state{connectedPoll}, on: "few", alone: true, steps: []step{
		check("refused", func(a *attacker) error {
			var others []*attacker
			defer func() {
				for _, o := range others {
					o.hangUp()
				}
			}()
			for a.target.Snapshot().IO.Engine.Sessions < servers["few"].MaxSessions {
				o := a.twin(freshPoll)
				others = append(others, o)
				if err := o.enter(); err != nil {
					return err
				}
			}
			return a.run(on("b"), send(get(pollPath)), answer(503, "Retry-After:"), send(upgrade(wsPath)), refused(503), lives())
		}),
	}},
}

// declares expects that a body of that length is refused before any of it has come.
func declares(length int) step {
	return where(polls[:2], within(10*maxP99, send(request("POST", pollPath+"&sid={sid}", fmt.Sprint("Content-Length: ", length))),
		answer(413, "Connection: close")), closed())
}

// fragments is an event with an ack in so many fragments.
func fragments(n int) string {
	var b strings.Builder
	b.WriteString(partOf(opText, `421["count","`))
	for range n - 2 {
		b.WriteString(frame{payload: "x", more: true}.bytes())
	}
	b.WriteString(restOf(`"]`))
	return b.String()
}

// slow expects that one client is cut as a slow consumer by steps.
func slow(steps ...step) step {
	return step{"slow", func(a *attacker) error {
		before := a.target.Snapshot().IO.Engine.SlowConsumers
		if err := a.run(steps...); err != nil {
			return err
		}
		return a.eventually(func(s target.Snapshot) error {
			return same("slow consumers", int(s.IO.Engine.SlowConsumers-before), 1)
		})
	}}
}

// waiting expects that so many messages wait for clients.
func waiting(n int) step {
	return step{"waiting", func(a *attacker) error {
		return a.eventually(func(s target.Snapshot) error { return same("messages", int(s.IO.Engine.QueuedMessages), n) })
	}}
}

// pongs expects a pong of WebSocket, whatever comes before it.
func pongs(payload string) step {
	return onWire("pongs", func(_ *attacker, w *wire) error {
		w.patience(target.Patience)
		for {
			first, got, err := w.frame()
			if err != nil || first == 0x80|opPong && got == payload {
				return err
			}
		}
	})
}

// kickedOff expects the end of the WebSocket, whatever comes before it.
func kickedOff() step {
	return onWire("kicked off", func(_ *attacker, w *wire) error {
		w.patience(target.Patience)
		for {
			first, _, err := w.frame()
			if hungUp(err) || first == 0x80|opClose {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
}
