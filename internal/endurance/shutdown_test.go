package endurance

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

// crowd is how many guests there are: a process has 20,000 descriptors at most, and
// each guest costs one on either side.
func crowd() int { return min(scaled(9000), 9000) }

// A party is a server with its guests.
type party struct {
	*target.Target
	guests []*guest
	before target.Snapshot
	began  chan struct{} // closed when the end begins
	all    sync.WaitGroup
}

// onEachHost calls f with a party on each host, one after the other.
func onEachHost(t *testing.T, f func(t *testing.T, p *party)) {
	for _, host := range target.Hosts() {
		t.Run(host, func(t *testing.T) {
			p := &party{Target: target.Start(t, target.Settings{Host: host}), began: make(chan struct{})}
			p.before = p.Snapshot()
			p.guests = inviteAll(t, p.Addr, crowd())
			p.Eventually(func(s target.Snapshot) error {
				if s.IO.Sockets != len(p.guests) {
					return fmt.Errorf("%d of %d guests are there", s.IO.Sockets, len(p.guests))
				}
				return nil
			})
			f(t, p)
		})
	}
}

// listen has the guests listen. Of those who poll, half do so only some time after
// the end has begun, so that all that is said waits for them.
func (p *party) listen() {
	for i, g := range p.guests {
		p.all.Go(func() {
			if g.sid != "" && i%2 == 0 {
				<-p.began
				time.Sleep(time.Duration(i%500) * time.Millisecond)
			}
			g.listen()
		})
	}
}

// say says the numbers from first up to, and without, last to all.
func (p *party) say(t *testing.T, first, last int) {
	t.Helper()
	for i := first; i < last; i++ {
		if err := p.Emit("said", strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// check checks that each guest has heard the numbers from 0 on in order, at least up to
// the one that was said last before the end began, and that it was told of the end.
func (p *party) check(t *testing.T, atLeast int) {
	t.Helper()
	p.all.Wait()
	wrong := 0
	for i, g := range p.guests {
		ok := len(g.heard) >= atLeast
		for n, text := range g.heard {
			ok = ok && text == strconv.Itoa(n)
		}
		if g.sid == "" {
			ok = ok && g.told == "close frame"
		} else {
			ok = ok && g.told == "close packet"
		}
		if wrong++; ok {
			wrong--
		} else if wrong <= 5 {
			t.Errorf("guest %d, polling: %v, heard %q, and was told by: %s", i, g.sid != "", g.heard, g.told)
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d guests", wrong, len(p.guests))
	}
}

// gone waits until nothing is left of the guests.
func (p *party) gone() {
	p.Eventually(func(now target.Snapshot) error {
		if err := now.Empty(); err != nil {
			return err
		}
		if now.Descriptors > p.before.Descriptors || now.Goroutines > p.before.Goroutines+20 {
			return fmt.Errorf("%d descriptors, %d goroutines; before %d, %d",
				now.Descriptors, now.Goroutines, p.before.Descriptors, p.before.Goroutines)
		}
		return nil
	})
}

// lateness measures, until it is called, how late a timer can be on this machine at the
// time: something else may want its processors.
func lateness() (worst func() time.Duration) {
	const tick = 5 * time.Millisecond
	stop, result := make(chan struct{}), make(chan time.Duration)
	go func() {
		var worst time.Duration
		for {
			began := time.Now()
			select {
			case <-time.After(tick):
				worst = max(worst, time.Since(began)-tick)
			case <-stop:
				result <- worst
				return
			}
		}
	}()
	return func() time.Duration {
		close(stop)
		return <-result
	}
}

// A shutdown delivers what was emitted before, tells everybody, and leaves nothing, in
// five seconds with nine thousand clients.
func TestShutdownOfACrowd(t *testing.T) {
	onEachHost(t, func(t *testing.T, p *party) {
		p.listen()
		p.say(t, 0, 5)
		began := time.Now()
		close(p.began)
		err := p.Shutdown(target.Patience)
		took := time.Since(began)
		if err != nil {
			t.Error(err)
		}
		p.check(t, 5)
		p.gone()
		t.Logf("%d guests, %v", len(p.guests), took)
		if whole() && took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// Clients that do not answer are dropped when the context ends.
func TestShutdownOfACrowdThatIsSilent(t *testing.T) {
	const within = time.Second
	onEachHost(t, func(t *testing.T, p *party) {
		p.say(t, 0, 5)
		late, began := lateness(), time.Now()
		err := p.Shutdown(within)
		took, mood := time.Since(began), late()
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d clients had not confirmed the shutdown", len(p.guests))) {
			t.Errorf("%v", err)
		}
		t.Logf("%d guests, %v; timers were up to %v late", len(p.guests), took, mood)
		if took < within || whole() && took > within+100*time.Millisecond+mood {
			t.Errorf("took %v", took)
		}
		p.Eventually(target.Snapshot.Empty)
	})
}

// A drain sends them away one after the other, none without what was emitted before
// its turn, and lets nobody in.
func TestDrainOfACrowd(t *testing.T) {
	const over = 3 * time.Second
	onEachHost(t, func(t *testing.T, p *party) {
		p.listen()
		p.say(t, 0, 3)
		late, began := lateness(), time.Now()
		close(p.began)
		done := make(chan error, 1)
		go func() { done <- p.Drain(over, target.Patience) }()
		for n := 3; len(done) == 0; n++ {
			p.say(t, n, n+1)
			time.Sleep(over / 10)
		}
		err := <-done
		took, mood := time.Since(began), late()
		if err != nil {
			t.Error(err)
		}
		p.refuses(t)
		p.check(t, 3)
		if err := p.Shutdown(target.Patience); err != nil {
			t.Error(err)
		}
		p.gone()
		share := p.shares(began, over/10)
		t.Logf("%d guests, %v; in each tenth of the time %v; timers were up to %v late", len(p.guests), took, share, mood)
		if whole() && mood < over/20 { // else nobody can tell
			for tenth, n := range share[:9] {
				if even := len(p.guests) / 15; n < even/2 || n > even*2 { // two of three do not poll
					t.Errorf("%d guests went in tenth %d, of %d", n, tenth, even)
				}
			}
		}
	})
}

// shares counts who went in each tenth of the time.
func (p *party) shares(began time.Time, tenth time.Duration) []int {
	share := make([]int, 10)
	for _, g := range p.guests {
		if g.sid == "" { // else it had to come for it
			share[min(9, int(g.when.Sub(began)/tenth))]++
		}
	}
	return share
}

// refuses checks that a server which drains refuses who comes.
func (p *party) refuses(t *testing.T) {
	t.Helper()
	res, err := http.Get("http://" + p.Addr + "/socket.io/?EIO=4&transport=polling")
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	line, _ := bufio.NewReader(res.Body).ReadString('\n')
	if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || !slices.Contains([]string{`{"code":3,"message":"Server shutting down"}`}, line) {
		t.Errorf("who comes is answered %d %v %q", res.StatusCode, res.Header, line)
	}
	http.DefaultClient.CloseIdleConnections()
}
