package membership

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
)

// TestSlowHost holds that a host that does not keep pace loses what is relayed, within
// bounds, is told so once, and still hears who comes and goes.
func TestSlowHost(t *testing.T) {
	for name, bound := range map[string]func(*Config){
		"items": func(c *Config) { c.MaxItems = 3 },
		"bytes": func(c *Config) { c.MaxBytes = 18 },
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, b *bus) {
				gate := make(chan struct{})
				one := b.add(t, 1, bound)
				one.also = func(string) { <-gate }
				two := b.add(t, 2)
				synctest.Wait()
				time.Sleep(moment) // it is told that two has joined
				for i := range 10 {
					_ = two.Relay("", fmt.Appendf(nil, "word %d", i))
				}
				two.Close()
				time.Sleep(moment)
				close(gate)
				one.expect(t, "2 joined", "2 says word 0", "2 says word 1", "2 says word 2", "2 left")
				if e := copyOf(one, &one.event); len(e) != 1 || e[0].Kind != backplane.Gap || e[0].Lost != -1 {
					t.Errorf("%v", copyOf(one, &one.event))
				}
				three := b.add(t, 3)
				_ = three.Relay("", []byte("again"))
				time.Sleep(moment)
				one.expect(t, "3 joined", "3 says again")
			})
		})
	}
}

// TestRoom holds that what the host has taken makes room, and that each loss after that is
// told once more.
func TestRoom(t *testing.T) {
	for name, bound := range map[string]func(*Config){
		"items": func(c *Config) { c.MaxItems = 2 },
		"bytes": func(c *Config) { c.MaxBytes = 12 },
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, b *bus) {
				one := b.add(t, 1, bound)
				time.Sleep(moment)
				gate := make(chan struct{})
				one.set(func() { one.also = func(string) { <-gate } })
				word := func(n int, want ...string) {
					one.Received(fmt.Appendf([]byte{version, byte(relay), 0, 0, 0, 0, 0, 0, 0, 2}, "word %d", n))
					one.expect(t, want...)
				}
				word(0, "2 joined")
				gate <- struct{}{} // it may hear the first word
				word(1, "2 says word 0")
				word(2) // they wait
				word(3) // no room
				word(4)
				gate <- struct{}{}
				one.expect(t, "2 says word 1")
				word(5) // in the place of word 1
				word(6)
				close(gate)
				one.expect(t, "2 says word 2", "2 says word 5")
				if e := copyOf(one, &one.event); len(e) != 1 {
					t.Errorf("%v", e)
				}
				again := make(chan struct{})
				one.set(func() { one.also = func(string) { <-again } })
				word(7, "2 says word 7")
				word(8)
				word(9)
				word(10)
				close(again)
				one.expect(t, "2 says word 8", "2 says word 9")
				if e := copyOf(one, &one.event); len(e) != 2 {
					t.Errorf("%v", e)
				}
			})
		})
	}
}

// TestHostMisbehaves holds that a host may call the Members, panic, and end the
// goroutine.
func TestHostMisbehaves(t *testing.T) {
	story(t, func(t *testing.T, b *bus) {
		one, two := b.add(t, 1), b.add(t, 2)
		time.Sleep(moment)
		one.set(func() {
			one.told = nil
			one.also = func(what string) {
				switch what {
				case "2 says panic":
					panic("as asked")
				case "2 says exit":
					runtime.Goexit()
				case "2 says ask":
					one.knows(t, 2)
					_ = one.Relay(name(2), []byte("answer"))
				case "2 says close":
					one.Close()
				}
			}
		})
		two.set(func() { two.told = nil })
		words := []string{"panic", "exit", "ask", "close", "never heard"}
		for _, word := range words {
			_ = two.Relay("", []byte(word))
		}
		time.Sleep(moment)
		one.expect(t, "2 says panic", "2 says exit", "2 says ask", "2 says close")
		two.expect(t, "1 says answer", "1 left")
	})
}

// TestClosedWhileWaiting holds that a host is told nothing more once Close was called.
func TestClosedWhileWaiting(t *testing.T) {
	story(t, func(t *testing.T, b *bus) {
		one, two := b.add(t, 1), b.add(t, 2)
		gate := make(chan struct{})
		one.set(func() { one.also = func(string) { <-gate } })
		for range 3 {
			_ = two.Relay("", []byte("word"))
		}
		time.Sleep(moment)
		one.Close()
		close(gate)
		one.expect(t, "2 joined")
	})
}

// TestUpAgain holds that all have the whole time to speak again once the link is back,
// however long they had not been heard before it was found to be cut.
func TestUpAgain(t *testing.T) {
	story(t, func(t *testing.T, b *bus) {
		one, _ := b.add(t, 1), b.add(t, 2)
		time.Sleep(moment)
		one.Members.mu.Lock()
		for who := range one.nodes {
			one.nodes[who] = time.Now().Add(-7 * time.Second)
		}
		one.Members.mu.Unlock()
		one.Down()
		one.Up()
		one.Members.mu.Lock()
		one.expire(time.Now().Add(2*time.Second), 0)
		one.Members.mu.Unlock()
		one.knows(t, 2)
	})
}
