package backplane_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/core/backplane/backplanetest"
)

func TestDurableMemory(t *testing.T) {
	backplanetest.RunDurable(t, func(*testing.T) backplane.Backplane { return backplane.NewDurableMemory() }, 10_001)
}

// What is beyond the bounds is forgotten, the oldest first, and what is over does not
// count.
func TestDurableMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := join(t, backplane.NewDurableMemory(), ignore).(backplane.Durable)
		save := func(pid string, lasts time.Duration) {
			s := backplane.Session{Namespace: "/", PID: pid, Marks: &backplane.Marks{Start: a.Head("/")}}
			if err := a.SaveSession(t.Context(), s, lasts); err != nil {
				t.Fatal(err)
			}
		}
		there := func(pid string) bool {
			_, _, err := a.RestoreSession(t.Context(), "/", pid, backplane.Offset{})
			if err != nil && !errors.Is(err, backplane.ErrNoSession) {
				t.Fatal(err)
			}
			return err == nil
		}
		save("early", time.Hour)
		save("short", time.Second)
		for i := range 9_998 {
			save(fmt.Sprint(i), time.Hour)
		}
		save("early", time.Hour) // anew, so it is the last
		time.Sleep(time.Minute)
		save("late", time.Hour) // in the place of the short one
		save("last", time.Hour)
		if there("short") || there("0") || !there("1") || !there("early") || !there("late") {
			t.Error("others than the oldest were forgotten")
		}
	})
}

// Who does not take its own messages may not send any more.
func TestDurableMemoryOfWhoDoesNotKeepUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := backplane.NewDurableMemory()
		m.MaxQueued = 3
		release := make(chan struct{})
		n := join(t, m, func(backplane.Message) { <-release })
		event := backplane.Message{Kind: backplane.Broadcast, Namespace: "/", Echo: true}
		for i := range 6 {
			err := n.Publish(event)
			if want := i >= 4; errors.Is(err, backplane.ErrQueueFull) != want { // one is being taken
				t.Errorf("%d: %v", i, err)
			}
			synctest.Wait()
		}
		close(release)
		synctest.Wait()
		if err := n.Publish(event); err != nil {
			t.Error(err)
		}
		_ = n.Close()
		d := n.(backplane.Durable)
		if err := d.SaveSession(t.Context(), backplane.Session{}, time.Hour); err != backplane.ErrClosed {
			t.Error(err)
		}
		if _, _, err := d.RestoreSession(t.Context(), "/", "", backplane.Offset{}); err != backplane.ErrClosed {
			t.Error(err)
		}
	})
}
