package engine

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var almostOne = math.Nextafter(1, 0)

// run has turns taken on time, and returns when they are.
func (p *pace) run(jitter func() float64) (turns []time.Duration) {
	for p.turns > 0 {
		last := time.Duration(0)
		if len(turns) > 0 {
			last = turns[len(turns)-1]
		}
		turns = append(turns, p.next(jitter(), last))
	}
	return turns
}

// Each turn is in its slot, and all of them take the time that was given.
func TestPaceIsEven(t *testing.T) {
	for _, over := range []time.Duration{0, 1, time.Millisecond, time.Second, 30 * time.Second, 10 * time.Hour} {
		for _, n := range []int{1, 2, 3, 7, 100, 9_000, 100_003} {
			for name, jitter := range map[string]func() float64{
				"early":  func() float64 { return 0 },
				"late":   func() float64 { return almostOne },
				"random": rand.Float64,
			} {
				slot := float64(over) / float64(n)
				for i, turn := range newPace(n, over).run(jitter) {
					early, late := float64(i)*slot, float64(i+1)*slot
					rounding := 2 + slot/1e6
					if at := float64(turn); at < early-rounding || at > late+rounding ||
						name == "early" && at > early+rounding || name == "late" && at < late-rounding {
						t.Fatalf("%d over %v, %s: turn %d at %v, its slot begins at %v", n, over, name, i, turn, time.Duration(early))
					}
				}
			}
		}
	}
}

// Jitter is what was asked for, in each slot.
func TestPaceHasJitter(t *testing.T) {
	const n, slot = 1000, 100 * time.Millisecond
	var tenths [10]int
	for i, turn := range newPace(n, n*slot).run(rand.Float64) {
		tenths[int((turn-time.Duration(i)*slot)*10/slot)%10]++
	}
	for tenth, count := range tenths {
		if count < n/20 || count > n/5 {
			t.Errorf("%d of %d turns are in tenth %d of their slot: %v", count, n, tenth, tenths)
		}
	}
}

func TestPaceThatIsLate(t *testing.T) {
	for name, row := range map[string]struct {
		taken int           // of 100 turns in 10 s, without jitter
		now   time.Duration // when the next one is asked for
		want  []time.Duration
	}{
		"on time":                     {50, 4900 * time.Millisecond, []time.Duration{5000 * time.Millisecond, 5100 * time.Millisecond}},
		"a little":                    {50, 5100 * time.Millisecond, []time.Duration{5000 * time.Millisecond, 5100 * time.Millisecond}},
		"too much":                    {50, 6100 * time.Millisecond, []time.Duration{6000 * time.Millisecond, 6080 * time.Millisecond, 6160 * time.Millisecond}},
		"more than can be caught up":  {50, 9100 * time.Millisecond, []time.Duration{9000 * time.Millisecond, 9050 * time.Millisecond, 9100 * time.Millisecond}},
		"until after the end":         {50, time.Minute, []time.Duration{time.Minute - maxCatchUp, time.Minute - maxCatchUp + 50*time.Millisecond}},
		"from the beginning, by half": {0, 5100 * time.Millisecond, []time.Duration{5000 * time.Millisecond, 5050 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPace(100, 10*time.Second)
			for range row.taken {
				p.next(0, 0)
			}
			for i, want := range row.want {
				if got := p.next(0, row.now); (got - want).Abs() > 100 { // nanoseconds, of rounding
					t.Errorf("turn %d at %v, want %v", i, got, want)
				}
			}
		})
	}
}

// Whatever holds it up, there are never more turns in a while than twice those that
// were planned for it, and for what may be caught up with.
func TestNoWaveIsLargerThanThat(t *testing.T) {
	const n, over, while = 3000, 30 * time.Second, 500 * time.Millisecond
	const most = n * (while + maxCatchUp) * 2 / over
	for range 50 {
		p := newPace(n, over)
		var turns []time.Duration
		for now := time.Duration(0); p.turns > 0; {
			if rand.N(300) == 0 {
				now += rand.N(5 * time.Second) // nothing runs
			}
			now = max(now, p.next(rand.Float64(), now))
			turns = append(turns, now)
		}
		first := 0
		for i, turn := range turns {
			for turns[first] < turn-while {
				first++
			}
			if i-first > int(most) {
				t.Fatalf("%d turns within %v, want at most %d", i-first, while, most)
			}
		}
	}
}

func TestPaceOfNoTime(t *testing.T) {
	for _, over := range []time.Duration{0, -time.Second, math.MinInt64} {
		for _, turn := range newPace(5, over).run(rand.Float64) {
			if turn > 0 {
				t.Errorf("over %v: a turn at %v", over, turn)
			}
		}
	}
}
