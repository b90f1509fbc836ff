package engine_test

import (
	be "encoding/binary"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/kawat-go/kawat/core/engine"
)

func TestSlowConsumersAreCut(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  engine.Config
		size int // of each message, the packet's digit included
		fits int
	}{
		"by count":      {engine.Config{MaxQueuedMessages: 10}, 1, 10},
		"by bytes":      {engine.Config{MaxQueuedBytes: 1000}, 100, 10},
		"by the total":  {engine.Config{MaxTotalQueuedBytes: 1000}, 100, 10},
		"just one":      {engine.Config{MaxQueuedBytes: 50}, 100, 1}, // or no long message could ever be sent
		"not even that": {engine.Config{MaxTotalQueuedBytes: 49}, 100, 0},
	} {
		t.Run(name+"/polling", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, c.cfg)
				client := h.connect()
				overflow(t, h, client.recorder, c.size, c.fits)
				wantBody(t, "poll", client.poll(), "400")
			})
		})
		t.Run(name+"/websocket", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := c
				switch { // what is being written counts too
				case c.fits == 0:
					c.cfg.MaxTotalQueuedBytes += int64(c.size) / 2
				case c.cfg.MaxTotalQueuedBytes > 0:
					c.cfg.MaxTotalQueuedBytes += int64(c.size)
				}
				h := serve(t, c.cfg)
				p, r := h.connectWebSocket()
				if p == nil {
					return
				}
				synctest.Wait() // the handshake's answer has left
				p.stall()
				_ = r.session.SendText(strings.Repeat("x", c.size-1))
				synctest.Wait() // it is being written now
				overflow(t, h, r, c.size, c.fits)
				if !p.isAborted() {
					t.Error("the connection is not dropped")
				}
			})
		})
	}
}

func overflow(t *testing.T, h *host, r *recorder, size, fits int) {
	t.Helper()
	text := strings.Repeat("x", size-1)
	before := h.Stats().QueuedBytes
	for i := range fits {
		if err := r.session.SendText(text); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	if got, want := h.Stats().QueuedBytes-before, int64(fits*size); got != want {
		t.Errorf("queued bytes: %d, want %d", got, want)
	}
	if err := r.session.SendText(text); !errors.Is(err, engine.ErrQueueFull) {
		t.Errorf("sending to a full queue: %v", err)
	}
	// A shorter message that would fit must not overtake the one that did not.
	if err := r.session.SendText(""); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("sending after that: %v", err)
	}
	synctest.Wait()
	wantBody(t, "reason", r.reason(), "slow consumer")
	wantBody(t, "cause", r.description(), engine.ErrQueueFull.Error())
	if stats := h.Stats(); stats.QueuedBytes != 0 || stats.Sessions != 0 || stats.SlowConsumers != 1 {
		t.Errorf("stats: %+v", stats)
	}
}

// A batch that does not fit is refused as a whole, and a poll that hangs is told
// of the end.
func TestABatchFitsOrNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, engine.Config{MaxQueuedMessages: 2}).connect()
		poll := c.pollLater()
		synctest.Wait()
		f := engine.BinaryFrame([]byte("x"))
		if err := c.session.SendFrames(f, f, f); !errors.Is(err, engine.ErrQueueFull) {
			t.Errorf("three into two: %v", err)
		}
		wantBody(t, "poll", <-poll, "1")
		synctest.Wait()
		wantBody(t, "reason", c.reason(), "slow consumer")
	})
}

// A client that keeps up is not limited in all.
func TestTheLimitsAreForWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{MaxQueuedMessages: 2, MaxQueuedBytes: 10, MaxTotalQueuedBytes: 200})
		p, r := h.connectWebSocket()
		for range 100 {
			if err := r.session.SendText("12345678"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if got := len(p.rest()); got != 100 {
			t.Errorf("%d messages arrived, want 100", got)
		}
	})
}

// Those who read do not suffer for those who do not, up to a point.
func TestAHogIsCutAndNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, engine.Config{MaxTotalQueuedBytes: 1000})
		hog, other := h.connect(), h.connect()
		_ = hog.session.SendText(strings.Repeat("x", 999))
		if err := other.session.SendText(strings.Repeat("x", 99)); err != nil {
			t.Errorf("a client for whom nothing waits: %v", err)
		}
		if err := hog.session.SendText("x"); !errors.Is(err, engine.ErrQueueFull) {
			t.Errorf("the hog: %v", err)
		}
		synctest.Wait()
		wantBody(t, "the hog's end", hog.reason(), "slow consumer")
		wantBody(t, "the other's end", other.reason(), "")
	})
}

// A ping that finds no room in the queues of all clients leaves nothing behind
// that a poll would be answered with.
func TestAPingThatFindsNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := golden()
		cfg.MaxTotalQueuedBytes = 50
		h := serve(t, cfg)
		hog, c := h.connect(), h.connect()
		_ = hog.session.SendText(strings.Repeat("x", 99))
		poll := c.pollLater()
		wantBody(t, "poll", <-poll, "1")
		synctest.Wait() // the poll is answered before the receiver is told
		wantBody(t, "reason", c.reason(), "ping timeout")
	})
}

// The frames of one call are sent with nothing between them, whoever else sends.
func TestFramesOfOneCallStayTogether(t *testing.T) {
	const senders, calls, frames = 64, 20, 5
	h := serve(t, engine.Config{})
	p, r := h.connectWebSocket()
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for call := range calls {
				batch := make([]*engine.Frame, frames)
				for i := range batch {
					batch[i] = engine.BinaryFrame(be.BigEndian.AppendUint32(nil, uint32(sender<<16|call<<8|i)))
				}
				if err := r.session.SendFrames(batch...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	next := make([]uint32, senders) // the call that is due from each sender
	for range senders * calls {
		var first uint32
		for i := range uint32(frames) {
			n := be.BigEndian.Uint32([]byte(p.next()[1:]))
			if i == 0 {
				first = n
			}
			sender, call := n>>16, n>>8&0xff
			if n != first+i || call != next[sender] {
				t.Fatalf("frame %d of call %d of sender %d follows %x, call %d is due", n&0xff, call, sender, first, next[sender])
			}
		}
		next[first>>16]++
	}
}
