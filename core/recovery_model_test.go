package socketio_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/siotest"
)

// A player is a phone in a game that is played at random, and what it should have
// heard.
type player struct {
	*phone
	rooms []string
	want  []string
	gone  time.Time     // when its connection may have ended; zero while it cannot have
	lag   time.Duration // how long events may be on their way
}

func (p *player) in(rooms []string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool { return r == p.id || slices.Contains(p.rooms, r) })
}

// Whatever happens, in whatever order, who is recovered has heard everything, once,
// in order; and who comes back in time, while nothing is forgotten, is recovered.
func TestRecoveryAtRandom(t *testing.T) {
	rounds := 150
	if testing.Short() {
		rounds = 20
	}
	for seed := range rounds {
		limits := socketio.Recovery{}
		if seed%3 == 2 {
			limits.MaxPackets = 5 + seed%40
		}
		synctest.Test(t, func(t *testing.T) {
			playRecovery(t, rand.New(rand.NewPCG(uint64(seed), 0)), limits)
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func playRecovery(t *testing.T, r *rand.Rand, limits socketio.Recovery) {
	io := recoverable(t, limits)
	rooms := []string{"a", "b", "c", "d"}
	some := func() (picked []string) {
		for range r.IntN(3) {
			picked = append(picked, rooms[r.IntN(len(rooms))])
		}
		return picked
	}
	var players []*player
	for i := range 4 {
		transport := []string{engine.WebSocket, engine.Polling}[i%2]
		p := &player{phone: call(t, io, siotest.Options{Transport: transport, Silent: i == 3})}
		p.leaves(p.opts.Silent)
		players = append(players, p)
	}
	for step := range 120 {
		p := players[r.IntN(len(players))]
		switch r.IntN(14) {
		case 0:
			p.leaves(true)
			p.vanish() // perhaps until the ping timeout finds it out
		case 1:
			p.leaves(true)
			p.cut()
		case 2:
			p.leaves(true)
			p.Abort()
			synctest.Wait()
		case 3, 4:
			p.returns(limits.MaxPackets == 0)
		case 5:
			time.Sleep(time.Duration(r.IntN(30)) * time.Second)
		case 6:
			room := rooms[r.IntN(len(rooms))]
			must(t, io.In(p.id).SocketsJoin(room))
			if !slices.Contains(p.rooms, room) {
				p.rooms = append(p.rooms, room)
			}
		case 7:
			room := rooms[r.IntN(len(rooms))]
			must(t, io.In(p.id).SocketsLeave(room))
			p.rooms = slices.DeleteFunc(p.rooms, func(r string) bool { return r == room })
		case 8:
			p.hear()
		default:
			to, except := some(), some()
			if r.IntN(4) == 0 {
				to = append(to, p.id)
			}
			name := fmt.Sprint("e", step)
			must(t, io.To(to...).Except(except...).Emit(name, "text"))
			for _, p := range players {
				if (len(to) == 0 || p.in(to)) && !p.in(except) {
					p.want = append(p.want, name+" text")
				}
			}
		}
	}
	for _, p := range players {
		p.returns(limits.MaxPackets == 0)
		p.check()
	}
}

// leaves notes that the player's connection ends, if it has not before.
func (p *player) leaves(yes bool) {
	if yes && p.gone.IsZero() {
		p.gone = time.Now()
	}
}

// returns lets a player connect anew. If it has not recovered it begins anew.
func (p *player) returns(remembered bool) {
	p.t.Helper()
	inTime := p.gone.IsZero() || time.Since(p.gone) < 2*time.Minute
	if err := p.connect(); err != nil {
		p.t.Fatal(err)
	}
	p.gone = time.Time{}
	p.leaves(p.opts.Silent)
	if p.recovered {
		p.check()
		return
	}
	if inTime && remembered {
		p.t.Error("not recovered")
	}
	p.rooms, p.want, p.heard = nil, nil, nil
}

func (p *player) check() {
	p.t.Helper()
	time.Sleep(p.lag)
	p.hear()
	if !slices.Equal(p.heard, p.want) {
		p.t.Errorf("heard %q\nwant  %q", p.heard, p.want)
	}
}
