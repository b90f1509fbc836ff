package socketio

// messageEvent is the event that Send sends.
const messageEvent = "message"

// Send emits the event "message": see [Namespace.Emit].
func (n *Namespace) Send(args ...any) error { return n.Emit(messageEvent, args...) }

// Send emits the event "message": see [Broadcast.Emit].
func (b Broadcast) Send(args ...any) error { return b.Emit(messageEvent, args...) }

// Send emits the event "message": see [ParentNamespace.Emit].
func (p *ParentNamespace) Send(args ...any) error { return p.Emit(messageEvent, args...) }

// Send emits the event "message": see [ParentBroadcast.Emit].
func (b ParentBroadcast) Send(args ...any) error { return b.Emit(messageEvent, args...) }

// Send emits the event "message": see [Socket.Emit].
func (s *Socket) Send(args ...any) error { return s.Emit(messageEvent, args...) }

// Send emits the event "message": see [Direct.Emit].
func (d Direct) Send(args ...any) error { return d.Emit(messageEvent, args...) }

// Send emits the event "message": see [RemoteSocket.Emit].
func (r *RemoteSocket) Send(args ...any) error { return r.Emit(messageEvent, args...) }
