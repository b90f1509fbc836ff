package endurance

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/kawat-go/kawat/internal/faultproxy"
	"github.com/kawat-go/kawat/internal/testclient"
)

// plans returns the plans of the trial's connections, in the order in which the
// client opens them: for GET, for POST, then the WebSockets.
func (tr *trial) plans() func(int) faultproxy.Plan {
	var all [8]faultproxy.Plan
	for i := range all {
		all[i] = faultproxy.Plan{Up: someWay(tr.random), Down: someWay(tr.random)}
	}
	return func(n int) faultproxy.Plan { return all[n%len(all)] }
}

// someWay is a network that may slice, may delay, or may do nothing.
func someWay(r *rand.Rand) faultproxy.Way {
	switch r.IntN(6) {
	case 0, 1:
		return faultproxy.Way{}
	case 2:
		return faultproxy.Way{Slice: 300 + r.IntN(2000)}
	case 3:
		return faultproxy.Way{Slice: 2000 + r.IntN(4000), Jitter: time.Duration(r.IntN(4000)) * time.Microsecond}
	case 4:
		return faultproxy.Way{Delay: time.Duration(r.IntN(5000)) * time.Microsecond, Jitter: 5 * time.Millisecond}
	default:
		return faultproxy.Way{Slice: 1000, After: int64(r.IntN(20_000)), Then: faultproxy.Stall, For: time.Duration(r.IntN(40)) * time.Millisecond}
	}
}

// pollPause lets some clients take their time between polls.
func (tr *trial) pollPause() func() time.Duration {
	if tr.random.IntN(4) > 0 {
		return nil
	}
	r := rand.New(rand.NewPCG(tr.seed, 1))
	return func() time.Duration { return time.Duration(r.IntN(20)) * time.Millisecond }
}

// move moves the client, after tries that go wrong.
func (tr *trial) move() error {
	for range max(0, tr.random.IntN(4)-1) {
		if err := tr.fall(failure(tr.random.IntN(int(failureKinds)))); err != nil {
			return err
		}
		tr.falls++
	}
	for {
		w, err := tr.client.Dial(tr.ctx)
		if err != nil {
			return err
		}
		if err := w.Probe(tr.ctx); err != nil {
			w.GiveUp()
			tr.turnedAway++
			if tr.falls == 0 || tr.ctx.Err() != nil {
				return err
			}
			time.Sleep(time.Millisecond) // the server did not know yet that the last one had gone
			continue
		}
		if err := w.Pause(tr.ctx); err != nil {
			return err
		}
		early := tr.random.IntN(2) == 0
		if early {
			close(tr.resume)
		}
		tr.log.moves()
		if err := w.Finish(tr.ctx); err != nil {
			return err
		}
		if !early {
			close(tr.resume)
		}
		return nil
	}
}

// A failure is how a try goes wrong.
type failure int

const (
	inHandshake   failure = iota // the opening handshake of the WebSocket is cut
	afterQuestion                // between the probe and its answer
	vanishing                    // there, too, but nobody is told, for a while
	afterAnswer                  // when the probe has been answered
	afterPause                   // when polling has stopped as well
	inUpgrade                    // within the frame of the packet that would have moved the session
	byClient                     // the client changes its mind
	failureKinds
)

const (
	probeFrame   = 2 + 4 + 6 // the bytes of the frame with 2probe
	upgradeFrame = 2 + 4 + 1 // with 5
)

// fall makes a try that goes wrong; the client goes on polling.
func (tr *trial) fall(how failure) error {
	cut := faultproxy.Cut
	if tr.random.IntN(2) == 0 {
		cut = faultproxy.Reset
	}
	if how == inHandshake {
		tr.next = &faultproxy.Plan{Up: faultproxy.Way{After: int64(tr.random.IntN(150)), Then: cut}}
		if _, err := tr.client.Dial(tr.ctx); err == nil {
			return errors.New("a WebSocket came through a connection that was cut")
		}
		return tr.ctx.Err()
	}
	w, err := tr.client.Dial(tr.ctx)
	if err != nil {
		return err
	}
	defer w.GiveUp()
	conn, question := tr.latest, faultproxy.Way{After: probeFrame, Then: cut}
	switch how {
	case afterQuestion:
		conn.Set(faultproxy.Plan{Up: question})
	case vanishing:
		question.Then = faultproxy.Vanish
		conn.Set(faultproxy.Plan{Up: question})
		time.AfterFunc(time.Duration(tr.random.IntN(20))*time.Millisecond, func() { conn.Do(cut) })
	}
	if w.Probe(tr.ctx) != nil { // cut, or turned away because the server did not know yet that the last one had gone
		w.GiveUp()
		<-conn.Done()
		return tr.ctx.Err()
	}
	if how == afterQuestion || how == vanishing {
		return errors.New("a probe was answered over a connection that was cut")
	}
	return tr.fallLate(w, conn, how, cut)
}

// fallLate goes on behind the probe's answer.
func (tr *trial) fallLate(w *testclient.Candidate, conn *faultproxy.Conn, how failure, cut faultproxy.Action) error {
	if how == afterPause || how == inUpgrade {
		if err := w.Pause(tr.ctx); err != nil {
			return err
		}
	}
	switch how {
	case inUpgrade:
		conn.Set(faultproxy.Plan{Up: faultproxy.Way{After: int64(1 + tr.random.IntN(upgradeFrame-1)), Then: cut}})
		_ = w.Move() // the cut may come before it returns
	case byClient:
		return nil
	default:
		conn.Do(cut)
	}
	return w.Wait(tr.ctx)
}
