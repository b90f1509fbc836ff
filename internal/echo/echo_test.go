package echo

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// A host writes down what it is given: the message's request, and its offset or "-".
type host struct {
	mu    sync.Mutex
	given []string
	busy  bool
	both  bool // it was given two messages at a time
	hook  func(m backplane.Message)
}

func (h *host) receive(m backplane.Message) {
	h.mu.Lock()
	h.both = h.both || h.busy
	h.busy = true
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.busy = false
		h.mu.Unlock()
	}()
	if h.hook != nil {
		h.hook(m)
	}
	text := m.Request + " -"
	if !m.Offset.IsZero() {
		text = fmt.Sprint(m.Request, " ", m.Offset.Minor)
	}
	h.mu.Lock()
	h.given = append(h.given, text)
	h.mu.Unlock()
}

func (h *host) want(t *testing.T, given ...string) {
	t.Helper()
	if got := h.take(t); !slices.Equal(got, given) {
		t.Errorf("given: %s\n want: %s", strings.Join(got, ", "), strings.Join(given, ", "))
	}
}

func queued(uint64) error { return nil }

// send sends messages that ask for an echo; their requests are their numbers.
func send(t *testing.T, e *Echoes, n int) {
	t.Helper()
	for range n {
		if err := e.Send(backplane.Message{Echo: true, Request: fmt.Sprint(next(e))}, queued); err != nil {
			t.Error(err)
		}
	}
}

func next(e *Echoes) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.number + 1
}

func met(e *Echoes, numbers ...uint64) {
	for _, n := range numbers {
		e.Met(n, backplane.Offset{Major: 1, Minor: n})
	}
}

func bubble(t *testing.T, c Config, f func(t *testing.T, e *Echoes, h *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := new(host)
		c.Give = h.receive
		e := New(c)
		defer e.Close()
		f(t, e, h)
		h.want(t)
	})
}

func TestInPlace(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		send(t, e, 2)
		if n := e.Waiting(); n != 2 {
			t.Errorf("%d wait", n)
		}
		time.Sleep(99 * time.Millisecond)
		h.want(t)
		met(e, 1)
		h.want(t, "1 1")
		met(e, 2, 2, 1) // each once, whatever the log says
		h.want(t, "2 2")
		if n := e.Waiting(); n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}

// What does not ask for an echo has a number, and is passed over.
func TestNoEcho(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		send(t, e, 1)
		if err := e.Send(backplane.Message{Request: "none"}, func(n uint64) error {
			if n != 2 {
				t.Errorf("number %d", n)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		send(t, e, 1)
		met(e, 1, 2, 3)
		h.want(t, "1 1", "3 3")
	})
}

func TestNotQueued(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		full := errors.New("full")
		if err := e.Send(backplane.Message{Echo: true}, func(uint64) error { return full }); !errors.Is(err, full) {
			t.Error(err)
		}
		send(t, e, 1) // it has the same number
		met(e, 1)
		h.want(t, "1 1")
		time.Sleep(time.Second)
	})
}

func TestLate(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		send(t, e, 1)
		time.Sleep(50 * time.Millisecond)
		send(t, e, 2)
		time.Sleep(50*time.Millisecond - 1)
		h.want(t)
		time.Sleep(time.Nanosecond)
		h.want(t, "1 -", "2 -", "3 -") // all of them, with the first that is late
		send(t, e, 1)
		h.want(t, "4 -")
		met(e, 1, 2, 3, 4) // they were given
		h.want(t)
	})
}

func TestLateAgainAndAgain(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		for n := uint64(1); n < 100; n++ { // each waits less than it may, together they wait for long
			send(t, e, 1)
			time.Sleep(60 * time.Millisecond)
			met(e, n)
			h.want(t, fmt.Sprintf("%d %d", n, n))
		}
		send(t, e, 1)
		time.Sleep(100 * time.Millisecond)
		h.want(t, "100 -")
	})
}

func TestFail(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		send(t, e, 2)
		e.Fail()
		h.want(t, "1 -", "2 -")
		e.Fail()
		met(e, 1, 2)
		h.want(t)
	})
}

// steady sends messages that are met after delay, for a while.
func steady(t *testing.T, e *Echoes, every, delay, lasts time.Duration) {
	for start := time.Now(); time.Since(start) < lasts; time.Sleep(every - delay) {
		n := next(e)
		send(t, e, 1)
		time.Sleep(delay)
		met(e, n)
	}
}

// take returns what was given, and forgets it.
func (h *host) take(t *testing.T) (given []string) {
	t.Helper()
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.both {
		t.Error("two messages at a time")
	}
	given, h.given = h.given, nil
	return given
}

func (h *host) offsets(t *testing.T) (with, without int) {
	t.Helper()
	return count(h.take(t))
}

func count(given []string) (with, without int) {
	for _, text := range given {
		if strings.HasSuffix(text, "-") {
			without++
		} else {
			with++
		}
	}
	return with, without
}

func TestRecovery(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		e.Fail()
		time.Sleep(time.Hour) // that nothing was sent proves nothing
		steady(t, e, 100*time.Millisecond, 5*time.Millisecond, 2*time.Second)
		if with, without := h.offsets(t); with != 0 || without != 20 {
			t.Errorf("%d with an offset, %d without", with, without)
		}
		time.Sleep(10 * time.Millisecond) // two seconds after the first was met
		steady(t, e, 100*time.Millisecond, 5*time.Millisecond, 2*time.Second)
		if with, without := h.offsets(t); with != 20 || without != 0 {
			t.Errorf("%d with an offset, %d without", with, without)
		}
	})
}

// One that is late among those that are not begins the two seconds anew.
func TestRecoveryDelayed(t *testing.T) {
	for name, trouble := range map[string]func(t *testing.T, e *Echoes){
		"failed": func(_ *testing.T, e *Echoes) { e.Fail() },
		"late":   func(t *testing.T, e *Echoes) { steady(t, e, 200*time.Millisecond, 101*time.Millisecond, 1) },
		"not met": func(t *testing.T, e *Echoes) {
			n := next(e)
			send(t, e, 1)
			time.Sleep(101 * time.Millisecond)
			send(t, e, 1)
			met(e, n, n+1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
				e.Fail()
				steady(t, e, 100*time.Millisecond, 0, 1900*time.Millisecond)
				trouble(t, e)
				h.offsets(t)
				steady(t, e, 100*time.Millisecond, 0, 2*time.Second)
				if with, without := h.offsets(t); with != 0 || without != 20 {
					t.Errorf("%d with an offset, %d without", with, without)
				}
				time.Sleep(200 * time.Millisecond)
				steady(t, e, 100*time.Millisecond, 0, time.Second)
				if with, without := h.offsets(t); with != 10 || without != 0 {
					t.Errorf("%d with an offset, %d without", with, without)
				}
			})
		})
	}
}

// A log that stops every three seconds makes few messages wait.
func TestFlapping(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		waited, sent := 0, 0
		began := map[string]time.Time{}
		h.hook = func(m backplane.Message) {
			h.mu.Lock()
			defer h.mu.Unlock()
			if time.Since(began[m.Request]) > 20*time.Millisecond {
				waited++
			}
		}
		var unmet []uint64
		for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(10 * time.Millisecond) {
			n := next(e)
			h.mu.Lock()
			began[fmt.Sprint(n)] = time.Now()
			h.mu.Unlock()
			send(t, e, 1)
			sent++
			synctest.Wait()
			unmet = append(unmet, n)
			if time.Since(start)%(3500*time.Millisecond) < 3*time.Second {
				met(e, unmet...)
				unmet = nil
			}
		}
		if n := len(h.take(t)); n != sent || waited*100 > sent {
			t.Errorf("of %d messages %d were given, %d had to wait", sent, n, waited)
		}
		time.Sleep(time.Hour) // and it is forgotten in the end
		steady(t, e, 100*time.Millisecond, 0, 40*time.Second)
		e.Fail()
		h.offsets(t)
		steady(t, e, 100*time.Millisecond, 0, 40*time.Second)
		h.offsets(t)
		time.Sleep(time.Hour)
		e.Fail()
		steady(t, e, 100*time.Millisecond, 0, 2*time.Second)
		h.offsets(t)
		steady(t, e, 100*time.Millisecond, 0, time.Second)
		if with, without := h.offsets(t); with != 10 || without != 0 {
			t.Errorf("%d with an offset, %d without", with, without)
		}
	})
}

// What could not be put into the log leaves no hole in the order.
func TestLost(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		send(t, e, 3)
		met(e, 3)
		h.want(t, "1 -", "2 -", "3 3")
	})
}

// While the host is busy with one message, the next is late: it waits for its turn.
func TestSlowHost(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		h.hook = func(m backplane.Message) {
			if m.Request == "1" {
				time.Sleep(5 * time.Second)
			}
		}
		send(t, e, 2)
		met(e, 1)
		h.want(t, "1 1", "2 -")
		met(e, 2)
	})
}

// While messages are given early, the log has recovered: those that are sent now
// must not overtake.
func TestSlowHostEarly(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		h.hook = func(m backplane.Message) {
			if m.Request == "1" {
				time.Sleep(10 * time.Second)
			}
		}
		send(t, e, 1)
		e.Fail()
		synctest.Wait()
		done := make(chan struct{})
		go func() {
			defer close(done)
			time.Sleep(time.Second)
			send(t, e, 3)
			met(e, 1, 2, 3, 4) // waits until the host is there
		}()
		<-done
		h.want(t, "1 -", "2 -", "3 -", "4 -")
	})
}

// The host may send, and the link fail, while it has a message.
func TestReentrant(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		h.hook = func(m backplane.Message) {
			if m.Request == "1" {
				send(t, e, 1)
				e.Fail()
			}
		}
		send(t, e, 1)
		met(e, 1)
		h.want(t, "1 1", "2 -")
	})
}

// A host that ends the goroutine loses one message.
func TestGoexit(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		h.hook = func(m backplane.Message) {
			if m.Request == "1" {
				runtime.Goexit()
			}
		}
		send(t, e, 3)
		e.Fail()
		h.want(t, "2 -", "3 -")
	})
}

func TestFull(t *testing.T) {
	bubble(t, Config{Max: 3}, func(t *testing.T, e *Echoes, h *host) {
		send(t, e, 4) // the fourth cannot wait, nor can those before it then
		h.want(t, "1 -", "2 -", "3 -", "4 -")
		for n := 5; n < 15; n++ {
			send(t, e, 1)
			h.want(t, fmt.Sprint(n, " -"))
		}
		e.mu.Lock()
		if len(e.sent) > 3 {
			t.Errorf("%d are remembered", len(e.sent))
		}
		e.mu.Unlock()
		release := make(chan struct{})
		h.hook = func(backplane.Message) { <-release }
		for range 4 { // one is with the host
			send(t, e, 1)
			synctest.Wait()
		}
		if err := e.Send(backplane.Message{Echo: true}, queued); !errors.Is(err, backplane.ErrQueueFull) {
			t.Error(err)
		}
		if err := e.Send(backplane.Message{}, queued); err != nil {
			t.Error(err)
		}
		close(release)
		h.want(t, "15 -", "16 -", "17 -", "18 -")
	})
}

func TestClose(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		send(t, e, 2)
		e.Close()
		e.Fail()
		met(e, 1, 2)
		if err := e.Send(backplane.Message{Echo: true}, queued); !errors.Is(err, backplane.ErrClosed) {
			t.Error(err)
		}
		time.Sleep(time.Second)
	})
}

// Closing while messages are given early leaves out the rest.
func TestCloseEarly(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
		h.hook = func(backplane.Message) { e.Close() }
		send(t, e, 3)
		e.Fail()
		h.want(t, "1 -")
	})
}

// Whatever the log and the link do, each message is given once, in order.
func TestAnything(t *testing.T) {
	var with, without int
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		bubble(t, Config{}, func(t *testing.T, e *Echoes, h *host) {
			const messages = 2000
			log := make(chan uint64, messages)
			h.hook = func(backplane.Message) { time.Sleep(time.Duration(rand.N(1000)) * time.Microsecond) }
			var all sync.WaitGroup
			all.Go(func() {
				for n := range log {
					if rand.N(100) == 0 {
						time.Sleep(time.Duration(rand.N(150)) * time.Millisecond)
					}
					met(e, n)
				}
			})
			for i := range messages {
				if random.IntN(200) == 0 {
					e.Fail()
				}
				if random.IntN(3) == 0 {
					time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
				}
				if err := e.Send(backplane.Message{Echo: true, Request: fmt.Sprint(i)}, func(n uint64) error {
					log <- n
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			close(log)
			all.Wait()
			synctest.Wait()
			time.Sleep(time.Minute)
			given := h.take(t)
			if len(given) != messages {
				t.Errorf("seed %d: %d of %d", seed, len(given), messages)
			}
			for i, text := range given {
				if n, _, _ := strings.Cut(text, " "); n != fmt.Sprint(i) {
					t.Fatalf("seed %d: message %d is %s", seed, i, text)
				}
			}
			w, wo := count(given)
			with, without = with+w, without+wo
		})
	}
	if with == 0 || without == 0 { // a link that is bad from the start does not recover in each
		t.Errorf("%d with an offset, %d without", with, without)
	}
}
