package goroutines

import (
	"testing"
	"testing/synctest"
)

func TestInBubble(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	for range 100 { // of no bubble
		go func() { <-stop }()
	}
	synctest.Test(t, func(t *testing.T) {
		before := InBubble()
		end := make(chan struct{})
		for range 1000 {
			go func() { <-end }()
		}
		synctest.Wait()
		if n := InBubble() - before; n != 1000 {
			t.Errorf("%d more, want 1000", n)
		}
		close(end)
		synctest.Wait()
		if n := InBubble() - before; n != 0 {
			t.Errorf("%d more after they have ended", n)
		}
	})
	defer func() {
		if recover() == nil {
			t.Error("no panic outside of a bubble")
		}
	}()
	InBubble()
}
