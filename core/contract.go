package socketio

import "context"

// A Message is the contract of an event with an argument of type T: its name and
// its type in one place, for both who handles it and who sends it.
//
//	const Chat = socketio.Message[ChatMessage]("chat")
type Message[T any] string

// On adds a handler: see the function [On].
func (m Message[T]) On(r Registrar, h func(ctx context.Context, s *Socket, arg T) error) (remove func()) {
	return On(r, string(m), h)
}

// Emit sends the event. Of a Message[None] the argument is left out.
func (m Message[T]) Emit(to Emitter, arg T) error { return to.Emit(string(m), optional(arg)...) }

// A Request is the contract of an event with an argument of type Req that is
// acknowledged with a Res. Either side can be the one that asks.
//
//	const Join = socketio.Request[JoinRequest, JoinReply]("join")
type Request[Req, Res any] string

// On adds a handler whose result is the ack: see the function [OnWithAck].
func (q Request[Req, Res]) On(r Registrar, h func(ctx context.Context, s *Socket, arg Req) (Res, error)) (remove func()) {
	return OnWithAck(r, string(q), h)
}

// Call sends the event to one client and waits for its ack: see the function
// [EmitWithAck].
func (q Request[Req, Res]) Call(ctx context.Context, to AckEmitter, arg Req) (Res, error) {
	return EmitWithAck[Res](ctx, to, string(q), optional(arg)...)
}

// CallAll sends the event to many clients and waits for their acks: see the
// function [EmitWithAckAll].
func (q Request[Req, Res]) CallAll(ctx context.Context, to BroadcastEmitter, arg Req) ([]Res, error) {
	return EmitWithAckAll[Res](ctx, to, string(q), optional(arg)...)
}
