package msgpack

import (
	"errors"
	"unicode/utf8"

	"github.com/kawat-go/kawat/core/packet"
	"github.com/kawat-go/kawat/internal/notepack"
)

// translated returns an error of the decoder's for one of notepack's.
func translated(err error) error {
	switch {
	case errors.Is(err, notepack.ErrMalformed):
		return packet.ErrInvalidPayload
	case errors.Is(err, notepack.ErrExtension):
		return errExt
	}
	return err
}

// check returns an error for what clients have no word for.
func check(i notepack.Item) error {
	switch {
	case i.Kind == notepack.Timestamp:
		return errExt
	case i.Kind == notepack.Date && !i.IsDate():
		return packet.ErrInvalidPayload
	}
	return nil
}

// skip checks one value, at most so deep, and returns what is behind it. Strings
// are UTF-8, and the keys of maps are strings.
func skip(b []byte, depth int) (rest []byte, err error) {
	i, rest, err := notepack.Next(b)
	if err == nil {
		err = check(i)
	}
	switch {
	case err != nil:
		return nil, err
	case i.Kind == notepack.String && !utf8.Valid(i.Data):
		return nil, packet.ErrInvalidPayload
	case i.Kind < notepack.Array:
		return rest, nil
	}
	return skipAll(i, rest, depth)
}

// A level is a container that is being read.
type level struct {
	left  uint64 // items that are still to come
	names bool   // every other item, while left is even, is a key
}

func levelOf(i notepack.Item) level {
	if i.Kind == notepack.Map {
		return level{2 * i.Num, true}
	}
	return level{i.Num, false}
}

// skipAll checks what is in a container.
func skipAll(i notepack.Item, b []byte, depth int) (rest []byte, err error) {
	if depth < 1 {
		return nil, packet.ErrTooDeep
	}
	var few [8]level
	open := append(few[:0], levelOf(i))
	for len(open) > 0 {
		top := &open[len(open)-1]
		if top.left == 0 {
			open = open[:len(open)-1]
			continue
		}
		if i, b, err = notepack.Next(b); err != nil {
			return nil, err
		}
		if err := check(i); err != nil {
			return nil, err
		}
		if top.names && top.left%2 == 0 && i.Kind != notepack.String || i.Kind == notepack.String && !utf8.Valid(i.Data) {
			return nil, packet.ErrInvalidPayload
		}
		top.left--
		if i.Kind < notepack.Array {
			continue
		}
		if len(open) == depth {
			return nil, packet.ErrTooDeep
		}
		open = append(open, levelOf(i))
	}
	return b, nil
}
