package socketio

import "context"

// None stands for the lack of an argument: an event without one, an empty ack.
type None = struct{}

// On adds a handler for an event with one argument, which is decoded into a T. A
// client that sends something else is told "invalid arguments" in the ack, if it
// waits for one, and the log has the details. Events with several arguments have
// [Namespace.OnEvent]. It panics if the event's name is reserved: see [CheckEvent].
func On[T any](r Registrar, event string, h func(ctx context.Context, s *Socket, arg T) error) (remove func()) {
	return r.OnEvent(event, typed(h))
}

func typed[T any](h func(ctx context.Context, s *Socket, arg T) error) Handler {
	return func(ctx context.Context, e *Event) error {
		arg, err := argument[T](e)
		if err != nil {
			return err
		}
		return h(ctx, e.socket, arg)
	}
}

// OnWithAck is like [On] for an event that the client wants acknowledged: the
// handler's result is the ack.
func OnWithAck[T, R any](r Registrar, event string, h func(ctx context.Context, s *Socket, arg T) (R, error)) (remove func()) {
	return r.OnEvent(event, typedWithAck(h))
}

func typedWithAck[T, R any](h func(ctx context.Context, s *Socket, arg T) (R, error)) Handler {
	return func(ctx context.Context, e *Event) error {
		arg, err := argument[T](e)
		if err != nil {
			return err
		}
		reply, err := h(ctx, e.socket, arg)
		if err != nil {
			return err
		}
		return e.Ack(optional(reply)...)
	}
}

// argument decodes the argument of an event; a None has none.
func argument[T any](e *Event) (arg T, err error) {
	if _, none := any(arg).(None); none {
		return arg, nil
	}
	return arg, e.Bind(&arg)
}

// optional returns v as a list of arguments; a None makes it empty.
func optional(v any) []any {
	if _, none := v.(None); none {
		return nil
	}
	return []any{v}
}

// An Emitter sends events: a [Server], [Namespace], [Broadcast], [Socket],
// [Direct] or [RemoteSocket].
type Emitter interface {
	Emit(event string, args ...any) error
}

// An AckEmitter sends events to one client that acknowledges them: a [Socket],
// [Direct] or [RemoteSocket].
type AckEmitter interface {
	EmitWithAck(ctx context.Context, event string, args ...any) (Reply, error)
}

// A BroadcastEmitter sends events to clients that acknowledge them: a [Server],
// [Namespace] or [Broadcast].
type BroadcastEmitter interface {
	EmitWithAckAll(ctx context.Context, event string, args ...any) ([]Reply, error)
}

// EmitWithAck sends an event and waits for the client to acknowledge it with one
// argument, which is decoded into a T. The wait ends, with an error, when ctx
// ends, when the time set by Timeout is up or, if that is not set and ctx has no
// deadline, Config.AckTimeout ([ErrAckTimeout]), or when the socket disconnects ([ErrDisconnected]). A handler may wait for the
// client whose event it handles.
func EmitWithAck[T any](ctx context.Context, to AckEmitter, event string, args ...any) (T, error) {
	var v T
	reply, err := to.EmitWithAck(ctx, event, args...)
	if err != nil {
		return v, err
	}
	return unpack[T](reply)
}

// EmitWithAckAll sends an event and waits for all receivers to acknowledge it with
// one argument, which is decoded into a T. It returns what came in, in the order in
// which it came, and an *[AckError] if that is not from all. A handler that
// broadcasts to its own client too may wait here.
func EmitWithAckAll[T any](ctx context.Context, to BroadcastEmitter, event string, args ...any) ([]T, error) {
	replies, err := to.EmitWithAckAll(ctx, event, args...)
	values := make([]T, 0, len(replies))
	for _, reply := range replies {
		v, bindErr := unpack[T](reply)
		if bindErr == nil {
			values = append(values, v)
		} else if err == nil {
			err = bindErr
		}
	}
	return values, err
}

func unpack[T any](reply Reply) (v T, err error) {
	if _, none := any(v).(None); none {
		return v, nil
	}
	return v, reply.Bind(&v)
}
