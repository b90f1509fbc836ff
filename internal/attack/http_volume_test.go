package attack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

// What is harmless once, very often.
var httpVolumeRows = []row{
	// A million in all, on the four hosts.
	{name: "guessed sids", cites: "H6", in: nowhere, alone: true, steps: []step{check("guess", func(a *attacker) error {
		return sideBySide(16, func() error {
			return guess(a, scaled(250_000)/16+1, func() string { return fmt.Sprintf("%020x", rand.Uint64()) })
		})
	})}},
	// Five thousand in all, likewise.
	{name: "many bodies of a byte now and then", cites: "H11", in: []state{freshPoll}, on: "bodies", alone: true, steps: []step{
		many(5000/4, slowBody(3), except("fiber", "its own ReadTimeout, of 20 s, holds instead", rst(), refused(400, 408))),
	}},
	{name: "abandoned handshakes", cites: "H20", in: nowhere, on: "abandoned", alone: true, steps: []step{check("abandon", abandon)}},
	{name: "handshakes and good-byes", cites: "H20", in: []state{freshPoll, freshWS}, alone: true, steps: []step{
		times(scaled(1000), many(100, says("40"), hears("40{"), says("41", "1"))),
	}},
}

func sideBySide(n int, do func() error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do() })
	}
	all.Wait()
	return errors.Join(errs...)
}

// guess asks for n sessions that do not exist, as fast as it gets answers.
func guess(a *attacker, n int, id func() string) error {
	b := a.twin(bare)
	defer b.hangUp()
	w, err := b.wire("b")
	if err != nil {
		return err
	}
	const together = 50
	for done := 0; done < n; done += together {
		var requests strings.Builder
		for i := range together {
			sid := id()
			switch i % 3 {
			case 0:
				requests.WriteString(post(pollPath+"&sid="+sid, "1"))
			default:
				requests.WriteString(get(pollPath + "&sid=" + sid))
			}
		}
		w.write(b.filled(requests.String()))
		w.patience(target.Patience)
		for range together {
			res, err := w.response()
			if err != nil {
				return err
			}
			if res.status != 400 || res.body != unknownSID {
				return fmt.Errorf("a hit: %d, %.100q", res.status, res.body)
			}
		}
	}
	return nil
}

// connectTimeout is that of the server "abandoned".
const connectTimeout = 3 * time.Second

// abandon opens sessions that nobody comes back to.
func abandon(a *attacker) error {
	before, n := a.target.Snapshot(), scaled(20_000)
	if err := sideBySide(8, func() error { return openSome(a, n/8+1) }); err != nil {
		return err
	}
	start, shot := time.Now(), a.target.Snapshot()
	// Some may be gone again, on a busy machine.
	sessions := int64(shot.IO.Engine.Sessions - before.IO.Engine.Sessions)
	const each, around = 2 << 10, 512 << 10
	if more := shot.Heap - before.Heap; more > sessions*each+around {
		return fmt.Errorf("%d sessions take %d bytes of heap", sessions, more)
	}
	if more := shot.Goroutines - before.Goroutines; more > 40 {
		return fmt.Errorf("%d sessions take %d goroutines", sessions, more)
	}
	if whole() && sessions < int64(n/2) {
		return fmt.Errorf("only %d of %d sessions were there together", sessions, n)
	}
	for shot.IO.Engine.Sessions > before.IO.Engine.Sessions {
		if time.Since(start) > bound(connectTimeout+time.Second) {
			return fmt.Errorf("%d sessions are left after %v", shot.IO.Engine.Sessions-before.IO.Engine.Sessions, time.Since(start))
		}
		time.Sleep(20 * time.Millisecond)
		shot = a.target.Snapshot()
	}
	return nil
}

func openSome(a *attacker, n int) error {
	b := a.twin(bare)
	defer func() { b.byes = nil; b.hangUp() }() // nobody comes back
	w, err := b.wire("b")
	if err != nil {
		return err
	}
	const together = 50
	for done := 0; done < n; done += together {
		w.write(b.filled(strings.Repeat(get(pollPath), together)))
		w.patience(target.Patience)
		for range together {
			if res, err := w.response(); err != nil || res.status != 200 {
				return fmt.Errorf("%v, %w", res, err)
			}
		}
	}
	return nil
}
