package socketio_test

import (
	"context"
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

// Whatever happens, in whatever order, on whatever node: who comes back in time is
// recovered, and has heard everything, once, in order.
func TestRecoveryAmongNodesAtRandom(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 15
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ls := durableLines(nil)
				if seed%3 > 0 {
					ls = durableLines(rand.New(rand.NewPCG(uint64(seed), 2)))
				}
				playMoves(t, rand.New(rand.NewPCG(uint64(seed), 1)), 2+seed%2, ls)
			})
		})
	}
}

func playMoves(t *testing.T, r *rand.Rand, count int, ls *lines) {
	cfg := socketio.Config{Backplane: ls}
	lag := time.Duration(0)
	if ls.r != nil {
		lag = time.Second
	}
	arrive := func() {
		time.Sleep(lag)
		synctest.Wait()
	}
	all := durableNodes(t, count, cfg)
	any := func() *server { return all[r.IntN(len(all))] }
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
		p := &player{phone: call(t, any(), siotest.Options{Transport: transport, Silent: i == 3}), lag: lag}
		p.leaves(p.opts.Silent)
		players = append(players, p)
	}
	comesBack := func(p *player) {
		p.io = any()
		p.returns(true)
	}
	for step := range 120 {
		p := players[r.IntN(len(players))]
		switch r.IntN(16) {
		case 0:
			p.leaves(true)
			p.vanish() // perhaps until the ping timeout finds it out, or somebody else asks
		case 1:
			p.leaves(true)
			p.cut()
		case 2:
			p.leaves(true)
			p.Abort()
			synctest.Wait()
		case 3, 4, 5:
			comesBack(p)
		case 6:
			time.Sleep(time.Duration(r.IntN(30)) * time.Second)
		case 7:
			room := rooms[r.IntN(len(rooms))]
			arrive()
			must(t, any().In(p.id).SocketsJoin(room))
			if !slices.Contains(p.rooms, room) {
				p.rooms = append(p.rooms, room)
			}
			arrive()
		case 8:
			room := rooms[r.IntN(len(rooms))]
			arrive()
			must(t, any().In(p.id).SocketsLeave(room))
			p.rooms = slices.DeleteFunc(p.rooms, func(r string) bool { return r == room })
			arrive()
		case 9:
			p.hear()
		case 10:
			if r.IntN(3) > 0 {
				continue
			}
			i := r.IntN(len(all))
			for _, p := range players {
				p.leaves(p.io == all[i])
			}
			replaceNode(t, all, i, cfg, time.Duration(r.IntN(2))*time.Second)
		default:
			to, except := some(), some()
			if r.IntN(4) == 0 {
				to = append(to, p.id)
			}
			name := fmt.Sprint("e", step)
			must(t, any().To(to...).Except(except...).Emit(name, "text"))
			for _, p := range players {
				if (len(to) == 0 || p.in(to)) && !p.in(except) {
					p.want = append(p.want, name+" text")
				}
			}
		}
	}
	for _, p := range players {
		comesBack(p)
		p.check()
	}
}

// replaceNode lets a node leave, and another one take its place.
func replaceNode(t *testing.T, all []*server, i int, cfg socketio.Config, over time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if over > 0 {
		must(t, all[i].Drain(ctx, over))
	}
	_ = all[i].Shutdown(ctx) // who does not answer is dropped
	all[i] = durableNodes(t, 1, cfg)[0]
	synctest.Wait()
}
