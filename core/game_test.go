package socketio_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

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

// A game is what four players go through, at random.
type game struct {
	t       *testing.T
	r       *rand.Rand
	any     func() *server // one of those that they are connected to
	arrive  func()         // waits until what was said is known everywhere
	players []*player
}

// join has the players connect.
func (g *game) join(lag time.Duration) {
	for i := range 4 {
		transport := []string{engine.WebSocket, engine.Polling}[i%2]
		p := &player{phone: call(g.t, g.any(), siotest.Options{Transport: transport, Silent: i == 3}), lag: lag}
		p.leaves(p.opts.Silent)
		g.players = append(g.players, p)
	}
}

// one is the player whose turn it is.
func (g *game) one() *player { return g.players[g.r.IntN(len(g.players))] }

var gameRooms = []string{"a", "b", "c", "d"}

func (g *game) room() string { return gameRooms[g.r.IntN(len(gameRooms))] }

func (g *game) some() (rooms []string) {
	for range g.r.IntN(3) {
		rooms = append(rooms, g.room())
	}
	return rooms
}

// cut ends a player's connection in one of three ways.
func (g *game) cut(p *player, way int) {
	p.leaves(true)
	switch way {
	case 0:
		p.vanish() // perhaps until the ping timeout finds it out, or somebody else asks
	case 1:
		p.cut()
	default:
		p.Abort()
		synctest.Wait()
	}
}

func (g *game) enter(p *player) {
	g.t.Helper()
	room := g.room()
	g.arrive()
	must(g.t, g.any().In(p.id).SocketsJoin(room))
	if !slices.Contains(p.rooms, room) {
		p.rooms = append(p.rooms, room)
	}
	g.arrive()
}

func (g *game) exit(p *player) {
	g.t.Helper()
	room := g.room()
	g.arrive()
	must(g.t, g.any().In(p.id).SocketsLeave(room))
	p.rooms = slices.DeleteFunc(p.rooms, func(r string) bool { return r == room })
	g.arrive()
}

func (g *game) sleep() { time.Sleep(time.Duration(g.r.IntN(30)) * time.Second) }

// emit sends an event to some rooms, and perhaps to a player, but not to some others.
func (g *game) emit(name string, p *player) {
	g.t.Helper()
	to, except := g.some(), g.some()
	if g.r.IntN(4) == 0 {
		to = append(to, p.id)
	}
	must(g.t, g.any().To(to...).Except(except...).Emit(name, "text"))
	for _, p := range g.players {
		if (len(to) == 0 || p.in(to)) && !p.in(except) {
			p.want = append(p.want, name+" text")
		}
	}
}
