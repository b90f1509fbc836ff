package socketio_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	socketio "github.com/kawat-go/kawat/core"
)

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
	g := &game{t: t, r: r, any: func() *server { return io }, arrive: func() {}}
	g.join(0)
	for step := range 120 {
		p := g.one()
		switch what := r.IntN(14); what {
		case 0, 1, 2:
			g.cut(p, what)
		case 3, 4:
			p.returns(limits.MaxPackets == 0)
		case 5:
			g.sleep()
		case 6:
			g.enter(p)
		case 7:
			g.exit(p)
		case 8:
			p.hear()
		default:
			g.emit(fmt.Sprint("e", step), p)
		}
	}
	for _, p := range g.players {
		p.returns(limits.MaxPackets == 0)
		p.check()
	}
}
