package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"

	"github.com/kawat-go/kawat/core/backplane"
	"github.com/kawat-go/kawat/internal/outbox"
)

// draftOverhead is what a draft takes in memory beside its data, about.
const draftOverhead = 128

// writeMost is how many entries are written at once.
const writeMost = 500

// A writer writes the entries of one sender to a stream, as soon as that can be.
type writer struct {
	cfg     StreamsConfig
	name    string // of the stream
	bus     *bus
	entries entryFormat
	outbox  *outbox.Outbox[draft]
	// position is an entry that is older than what is written now; zero if none is known.
	position func() backplane.Offset
	failed   func()       // is told that writing has failed
	refused  atomic.Int64 // messages that the queue had no room for

	// These belong to the outbox's goroutine.
	link   *link
	floor  backplane.Offset // entries that nobody knows about are behind it
	unsure bool             // nobody knows whether those that were written last have arrived
}

// newWriter makes a writer, which is to be finished, and then closed.
func newWriter(c StreamsConfig, name string, b *bus, position func() backplane.Offset, failed func()) *writer {
	w := &writer{cfg: c, name: name, bus: b, entries: c.entries(), position: position, failed: failed}
	w.outbox = outbox.New(outbox.Config[draft]{
		MaxItems: c.MaxQueuedMessages,
		MaxBytes: c.MaxQueuedBytes,
		MaxBatch: writeMost,
		Size:     func(d draft) int { return len(d.data) + len(d.namespace) + draftOverhead },
		Send:     w.write,
		Retry:    true,
		Dropped:  w.dropped,
	})
	return w
}

// finish writes what is queued until ctx ends.
func (w *writer) finish(ctx context.Context) error {
	if err := w.outbox.Close(ctx); err != nil {
		return fmt.Errorf("redis: the last messages were not written to the stream %q: %w", w.name, err)
	}
	return nil
}

// queue queues a message whose data is encoded.
func (w *writer) queue(m backplane.Message, data []byte, number string) error {
	err := w.outbox.Push(draft{kind: m.Kind, from: m.From, namespace: m.Namespace, data: data, number: number})
	if errors.Is(err, backplane.ErrQueueFull) {
		w.refused.Add(1)
	}
	return err
}

// dropped is told of messages that will not be written.
func (w *writer) dropped(n int, err error) {
	w.bus.tell(backplane.Event{Kind: backplane.Gap, Lost: n, Err: streamError{err}})
}

// A streamError says that a gap is one of a stream.
type streamError struct{ error }

func (e streamError) Unwrap() error { return e.error }

// encode returns the data of a message's entry.
func (w *writer) encode(m backplane.Message) ([]byte, error) {
	data, err := encode(m)
	if most := w.cfg.MaxMessageBytes; len(data) > most {
		return nil, fmt.Errorf("redis: a message of %d bytes is longer than Config.MaxMessageBytes, %d", len(data), most)
	}
	return data, err
}

// write writes a batch, all of it or nothing. If it is not known which, the stream is
// looked at before anything else is written.
func (w *writer) write(ctx context.Context, batch []draft) (done int, err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			w.failed()
			w.close()
			w.bus.moved(ctx)
		}
	}()
	if w.link == nil {
		if w.link, err = w.bus.linkTo(ctx, w.name, linkTimeout); err != nil {
			return 0, err
		}
	}
	if w.unsure {
		if done, err = w.written(ctx, batch); err != nil {
			return 0, err
		}
		w.unsure = false
		if done == len(batch) {
			return done, nil
		}
	}
	if w.floor = w.position(); w.floor.IsZero() {
		if w.floor, err = last(ctx, w.link, w.name); err != nil {
			return 0, err
		}
	}
	n, err := w.add(ctx, batch[done:])
	if err != nil {
		return done + n, err
	}
	if refused := w.refused.Swap(0); refused > 0 {
		w.dropped(int(refused), backplane.ErrQueueFull)
	}
	return len(batch), nil
}

// add writes entries. What the server refuses together is written one by one.
func (w *writer) add(ctx context.Context, batch []draft) (done int, err error) {
	err = w.addAll(ctx, batch)
	if len(batch) == 1 || !refused(err) {
		return 0, err
	}
	for done < len(batch) {
		if err = w.addAll(ctx, batch[done:done+1]); err != nil {
			return done, err
		}
		done++
	}
	return done, nil
}

// addAll writes all entries, or none.
func (w *writer) addAll(ctx context.Context, batch []draft) error {
	pipe := w.link.client.Pipeline
	if len(batch) > 1 {
		pipe = w.link.client.TxPipeline
	}
	p := pipe()
	for _, d := range batch {
		cmd := goredis.NewStringCmd(ctx, w.entries.command(w.name, w.cfg.MaxLen, d)...)
		_ = p.Process(ctx, cmd)
	}
	_, err := p.Exec(ctx)
	w.unsure = err != nil && !refused(err) && !neverSent(err)
	if len(batch) == 1 && refused(err) && hopeless(err) {
		return outbox.Never(err)
	}
	return err
}

// refused reports whether an error is the server's answer.
func refused(err error) bool {
	var answer goredis.Error
	return errors.As(err, &answer)
}

// hopeless reports whether what the server has refused will always be. What is
// refused because of the state that the server is in is not.
func hopeless(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "ERR ") && !strings.Contains(text, "max number of clients")
}

// written returns how many of a batch are in the stream already.
func (w *writer) written(ctx context.Context, batch []draft) (n int, err error) {
	index := make(map[string]int, len(batch))
	for i, d := range batch {
		index[d.number] = i
	}
	for from := w.floor; ; {
		entries, err := page(ctx, w.link, w.name, from)
		if err != nil {
			return 0, err
		}
		for i := range entries {
			e := &entries[i]
			if j, is := index[string(e.number)]; is && string(e.from) == batch[j].from {
				n = max(n, j+1)
			}
			from = next(e.id)
		}
		if len(entries) < pageSize {
			return n, nil
		}
	}
}

// pageSize is how many entries are looked at in one go.
const pageSize = 1000

// page returns the entries of a stream from an id on, the first pageSize of them.
func page(ctx context.Context, a asker, name string, from backplane.Offset) ([]entry, error) {
	raw, err := a.ask(ctx, "xrange", name, from.String(), "+", "count", pageSize)
	if err != nil {
		return nil, err
	}
	return parseRange(raw)
}

// close closes the connection. The next write makes another.
func (w *writer) close() {
	if l := w.link; l != nil {
		w.link = nil
		l.close()
	}
}
