package socketio_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/kawat-go/kawat/core"
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
	all := durableNodes(t, count, cfg)
	g := &game{t: t, r: r, any: func() *server { return all[r.IntN(len(all))] }}
	g.arrive = func() {
		time.Sleep(lag)
		synctest.Wait()
	}
	g.join(lag)
	comesBack := func(p *player) {
		p.io = g.any()
		p.returns(true)
	}
	for step := range 120 {
		p := g.one()
		switch what := r.IntN(16); what {
		case 0, 1, 2:
			g.cut(p, what)
		case 3, 4, 5:
			comesBack(p)
		case 6:
			g.sleep()
		case 7:
			g.enter(p)
		case 8:
			g.exit(p)
		case 9:
			p.hear()
		case 10:
			if r.IntN(3) > 0 {
				continue
			}
			i := r.IntN(len(all))
			for _, p := range g.players {
				p.leaves(p.io == all[i])
			}
			replaceNode(t, all, i, cfg, time.Duration(r.IntN(2))*time.Second)
		default:
			g.emit(fmt.Sprint("e", step), p)
		}
	}
	for _, p := range g.players {
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
