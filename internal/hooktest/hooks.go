// Package hooktest lists the places where a program's code hangs in the server's, for
// the tests that let it go wrong there: in memory, in core, and over the network, in
// adaptertest.
package hooktest

import (
	"context"
	"log/slog"
	"strings"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// A Hook is a place where the program's code hangs in the server's.
type Hook struct {
	Name   string
	Stands []string // the parts of the API that it tests

	// One of these puts act there: into the configuration, or into the server when it
	// is made. The socket is nil where there is none.
	Config  func(cfg *socketio.Config, act func(*socketio.Socket))
	Install func(io *Stage, act func(*socketio.Socket))

	// What becomes of the client if act panics and, if that is not the same, if it
	// ends its goroutine.
	Fate, Exit Fate

	Polling   bool // only clients that poll get there
	Uncounted bool // a panic is an error like others there: neither counted nor logged
	Unlogged  bool // there is nothing to log to
	Within    bool // it runs in the goroutine of another, which ends with it, and counts as well
	Either    bool // and, over a network, perhaps in one of its own
	Once      bool // it is called once only
	Exits     bool // runtime.Goexit ends the goroutine of the HTTP request
}

// A Fate is the first thing in which a client's story is not the usual one.
type Fate string

// The fates.
const (
	Usual     Fate = ""
	AsPanic   Fate = "the story goes on" // for Exit: as after a panic
	TurnedOff Fate = "the handshake is refused"
	NotLetIn  Fate = "CONNECT is refused"
	Failed    Fate = "the event is answered by an error"
	Cut       Fate = "the socket is disconnected"
	Dropped   Fate = "the connection is closed"
)

// A Registrar is the part of a namespace, a parent or a socket that registers functions.
type Registrar interface {
	socketio.Registrar
	UseEvent(m func(next socketio.Handler) socketio.Handler)
	OnAny(f func(ctx context.Context, e *socketio.Event)) (remove func())
	PrependAny(f func(ctx context.Context, e *socketio.Event)) (remove func())
	OnAnyOutgoing(f func(ctx context.Context, e *socketio.OutgoingEvent)) (remove func())
	PrependAnyOutgoing(f func(ctx context.Context, e *socketio.OutgoingEvent)) (remove func())
	OnDisconnecting(f func(ctx context.Context, s *socketio.Socket, reason socketio.Reason))
	OnDisconnect(f func(ctx context.Context, s *socketio.Socket, reason socketio.Reason))
	OnError(f func(ctx context.Context, s *socketio.Socket, e *socketio.Event, err error))
}

var (
	_ Registrar = (*socketio.Namespace)(nil)
	_ Registrar = (*socketio.ParentNamespace)(nil)
	_ Registrar = (*socketio.Socket)(nil)
)

// All lists all of them.
func All() []Hook {
	all := append(httpHooks(), codecHooks()...)
	all = append(all, namespaceHooks()...)
	all = append(all, valueHooks()...)
	for _, h := range handlerHooks() {
		for level, with := range levels {
			one := Hook{Name: h.name + " of the " + level, Fate: h.fate, Exit: h.exit, Within: strings.Contains(h.name, "Outgoing"), Once: h.name == "OnceEvent"}
			for _, method := range h.methods {
				if !strings.Contains(method, ".") {
					method = level + "." + method
				}
				one.Stands = append(one.Stands, method)
			}
			one.Install = func(io *Stage, act func(*socketio.Socket)) {
				with(io, func(r Registrar) { h.install(r, act) })
			}
			all = append(all, one)
		}
	}
	return all
}

// levels are where handlers can be registered.
var levels = map[string]func(io *Stage, register func(Registrar)){
	"ParentNamespace": func(io *Stage, register func(Registrar)) { register(io.Parent) },
	"Namespace": func(io *Stage, register func(Registrar)) {
		io.OnNewNamespace(func(n *socketio.Namespace) { register(n) })
	},
	"Socket": func(io *Stage, register func(Registrar)) {
		io.Parent.OnConnection(func(_ context.Context, s *socketio.Socket) error { register(s); return nil })
	},
}

type handlerHook struct {
	name       string
	methods    []string
	install    func(r Registrar, act func(*socketio.Socket))
	fate, exit Fate
}

func handlerHooks() []handlerHook {
	type act = func(*socketio.Socket)
	any := func(a act) func(context.Context, *socketio.Event) {
		return func(_ context.Context, e *socketio.Event) { a(e.Socket()) }
	}
	outgoing := func(a act) func(context.Context, *socketio.OutgoingEvent) {
		return func(_ context.Context, e *socketio.OutgoingEvent) {
			if e.Name == "answer" {
				a(e.Socket)
			}
		}
	}
	end := func(a act) func(context.Context, *socketio.Socket, socketio.Reason) {
		return func(_ context.Context, s *socketio.Socket, _ socketio.Reason) { a(s) }
	}
	handler := func(a act) socketio.Handler {
		return func(_ context.Context, e *socketio.Event) error { a(e.Socket()); return nil }
	}
	return []handlerHook{
		{"OnEvent", []string{"OnEvent"}, func(r Registrar, a act) { r.OnEvent("bad", handler(a)) }, Failed, AsPanic},
		{"OnceEvent", []string{"OnceEvent"}, func(r Registrar, a act) { r.OnceEvent("bad", handler(a)) }, Failed, AsPanic},
		{"a middleware of UseEvent", []string{"UseEvent"}, func(r Registrar, a act) {
			r.UseEvent(func(next socketio.Handler) socketio.Handler {
				return func(ctx context.Context, e *socketio.Event) error { a(e.Socket()); return next(ctx, e) }
			})
		}, Failed, AsPanic},
		{"UseEvent's making of one", []string{"UseEvent"}, func(r Registrar, a act) {
			r.UseEvent(func(next socketio.Handler) socketio.Handler { a(nil); return next })
		}, Failed, AsPanic},
		{"OnAny", []string{"OnAny"}, func(r Registrar, a act) { r.OnAny(any(a)) }, Usual, Failed},
		{"PrependAny", []string{"PrependAny"}, func(r Registrar, a act) { r.PrependAny(any(a)) }, Usual, Failed},
		{"OnAnyOutgoing", []string{"OnAnyOutgoing"}, func(r Registrar, a act) { r.OnAnyOutgoing(outgoing(a)) }, Usual, Failed},
		{"PrependAnyOutgoing", []string{"PrependAnyOutgoing"}, func(r Registrar, a act) { r.PrependAnyOutgoing(outgoing(a)) }, Usual, Failed},
		{"OnDisconnecting", []string{"OnDisconnecting"}, func(r Registrar, a act) { r.OnDisconnecting(end(a)) }, Usual, AsPanic},
		{"OnDisconnect", []string{"OnDisconnect"}, func(r Registrar, a act) { r.OnDisconnect(end(a)) }, Usual, AsPanic},
		{"OnError", []string{"OnError"}, func(r Registrar, a act) {
			r.OnError(func(_ context.Context, s *socketio.Socket, _ *socketio.Event, _ error) { a(s) })
		}, Usual, AsPanic},
		{"the methods of an error of OnEvent", nil, func(r Registrar, a act) {
			r.OnEvent("bad", func(context.Context, *socketio.Event) error { return rude{a} })
		}, Failed, AsPanic},
		{"DedupeConfig.ID", []string{"DedupeConfig.ID"}, func(r Registrar, a act) {
			deduplicated(r, func(e *socketio.Event) { a(e.Socket()) }, func(*socketio.Socket) {}, func(*socketio.Event) {})
		}, Failed, AsPanic},
		{"DedupeConfig.Scope", []string{"DedupeConfig.Scope"}, func(r Registrar, a act) {
			deduplicated(r, func(*socketio.Event) {}, a, func(*socketio.Event) {})
		}, Failed, AsPanic},
		{"DedupeConfig.Remember", []string{"DedupeConfig.Remember"}, func(r Registrar, a act) {
			deduplicated(r, func(*socketio.Event) {}, func(*socketio.Socket) {}, func(e *socketio.Event) { a(e.Socket()) })
		}, Usual, AsPanic},
	}
}

func deduplicated(r Registrar, id func(*socketio.Event), scope func(*socketio.Socket), remember func(*socketio.Event)) {
	r.UseEvent(socketio.Deduplicate(socketio.DedupeConfig{
		ID:       func(e *socketio.Event) (string, bool) { id(e); return e.Name(), true },
		Scope:    func(s *socketio.Socket) string { scope(s); return s.ID() },
		Remember: func(e *socketio.Event, _ error) bool { remember(e); return false },
	}))
}

// A rude is an error with code of its own.
type rude struct{ act func(*socketio.Socket) }

func (r rude) Error() string { r.act(nil); return "rude" }
func (r rude) Unwrap() error { r.act(nil); return nil }
func (r rude) Is(error) bool { r.act(nil); return false }
func (r rude) As(any) bool   { r.act(nil); return false }

func httpHooks() []Hook {
	type act = func(*socketio.Socket)
	return []Hook{
		{Name: "AllowRequest", Stands: []string{"Config.AllowRequest"}, Fate: TurnedOff, Exit: AsPanic, Config: func(cfg *socketio.Config, a act) {
			cfg.AllowRequest = func(context.Context, *engine.Request) error { a(nil); return nil }
		}},
		{Name: "the methods of its error", Fate: TurnedOff, Exit: AsPanic, Config: func(cfg *socketio.Config, a act) {
			cfg.AllowRequest = func(_ context.Context, r *engine.Request) error {
				if isBad(r) {
					return rude{a}
				}
				return nil
			}
		}},
		{Name: "InitialHeaders", Stands: []string{"Config.InitialHeaders"}, Exit: AsPanic, Config: func(cfg *socketio.Config, a act) {
			cfg.InitialHeaders = func(engine.Header, *engine.Request) { a(nil) }
		}},
		{Name: "Headers", Stands: []string{"Config.Headers"}, Exit: AsPanic, Config: func(cfg *socketio.Config, a act) {
			cfg.Headers = func(_ engine.Header, r *engine.Request) {
				if isBad(r) {
					a(nil)
				}
			}
		}},
		{Name: "GenerateID", Stands: []string{"Config.GenerateID"}, Fate: TurnedOff, Exit: AsPanic, Config: func(cfg *socketio.Config, a act) {
			cfg.GenerateID = func(*engine.Request) (string, error) { a(nil); return engine.NewID(), nil }
		}},
		{Name: "Engine().Use", Stands: []string{"engine.Server.Use"}, Fate: TurnedOff, Exit: AsPanic, Install: func(io *Stage, a act) {
			io.Engine().Use(func(_ context.Context, r *engine.Request) error {
				if isBad(r) {
					a(nil)
				}
				return nil
			})
		}},
		{Name: "the methods of its error", Fate: TurnedOff, Exit: AsPanic, Install: func(io *Stage, a act) {
			io.Engine().Use(func(_ context.Context, r *engine.Request) error {
				if isBad(r) {
					return rude{a}
				}
				return nil
			})
		}},
		{Name: "Engine().OnConnectionError", Stands: []string{"engine.Server.OnConnectionError"}, Exit: AsPanic, Install: func(io *Stage, a act) {
			io.Engine().OnConnectionError(func(engine.ConnectionError) { a(nil) })
		}},
		{Name: "Conn().OnClose", Stands: []string{"engine.Session.OnClose"}, Exit: AsPanic, Install: func(io *Stage, a act) {
			io.Parent.OnConnection(func(_ context.Context, s *socketio.Socket) error {
				s.Conn().OnClose(func(engine.Reason, error) { a(s) })
				return nil
			})
		}},
		{Name: "Conn().OnUpgrade", Stands: []string{"engine.Session.OnUpgrade"}, Exit: AsPanic, Polling: true, Install: func(io *Stage, a act) {
			io.Parent.OnConnection(func(_ context.Context, s *socketio.Socket) error {
				s.Conn().OnUpgrade(func() { a(s) })
				return nil
			})
		}},
		{Name: "Logger", Stands: []string{"Config.Logger"}, Exit: AsPanic, Unlogged: true, Config: func(cfg *socketio.Config, a act) {
			cfg.Logger = slog.New(rudeLog{cfg.Logger.Handler(), a})
		}},
	}
}

func isBad(r *engine.Request) bool { return r.Header.Get("X-Bad") != "" }

// A rudeLog is a log handler that acts on what it is told of the story.
type rudeLog struct {
	slog.Handler
	act func(*socketio.Socket)
}

func (l rudeLog) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "event handler failed") {
		l.act(nil)
	}
	return l.Handler.Handle(ctx, r)
}

func namespaceHooks() []Hook {
	type act = func(*socketio.Socket)
	room := func(name string, on func(n *socketio.Namespace, f func(room string))) Hook {
		return Hook{Name: name, Stands: []string{"Namespace." + name}, Exit: Failed, Within: true, Either: true, Install: func(io *Stage, a act) {
			io.OnNewNamespace(func(n *socketio.Namespace) {
				on(n, func(room string) {
					if room == "bad" {
						a(nil)
					}
				})
			})
		}}
	}
	use := func(a act) socketio.Middleware {
		return func(_ context.Context, s *socketio.Socket) (context.Context, error) { a(s); return nil, nil }
	}
	connection := func(a act) func(context.Context, *socketio.Socket) error {
		return func(_ context.Context, s *socketio.Socket) error { a(s); return nil }
	}
	return []Hook{
		{Name: "OfFunc", Stands: []string{"Server.OfFunc"}, Fate: NotLetIn, Exit: AsPanic, Install: func(io *Stage, a act) {
			io.Early = (func(context.Context, string, *socketio.Handshake) (bool, error) { a(nil); return false, nil })
		}},
		{Name: "the methods of its error", Fate: NotLetIn, Exit: AsPanic, Install: func(io *Stage, a act) {
			io.Early = (func(context.Context, string, *socketio.Handshake) (bool, error) { return false, rude{a} })
		}},
		{Name: "OnNewNamespace", Stands: []string{"Server.OnNewNamespace"}, Fate: NotLetIn, Exit: AsPanic, Install: func(io *Stage, a act) {
			io.OnNewNamespace(func(*socketio.Namespace) { a(nil) })
		}},
		{Name: "Use", Stands: []string{"Namespace.Use"}, Fate: NotLetIn, Exit: AsPanic, Install: func(io *Stage, a act) {
			io.OnNewNamespace(func(n *socketio.Namespace) { n.Use(use(a)) })
		}},
		{Name: "the parent's Use", Stands: []string{"ParentNamespace.Use"}, Fate: NotLetIn, Exit: AsPanic, Install: func(io *Stage, a act) {
			io.Parent.Use(use(a))
		}},
		{Name: "the methods of its error", Fate: NotLetIn, Exit: AsPanic, Install: func(io *Stage, a act) {
			io.Parent.Use(func(context.Context, *socketio.Socket) (context.Context, error) { return nil, rude{a} })
		}},
		{Name: "OnConnection", Stands: []string{"Namespace.OnConnection"}, Fate: Cut, Exit: AsPanic, Install: func(io *Stage, a act) {
			io.OnNewNamespace(func(n *socketio.Namespace) { n.OnConnection(connection(a)) })
		}},
		{Name: "the parent's OnConnection", Stands: []string{"ParentNamespace.OnConnection"}, Fate: Cut, Exit: AsPanic, Install: func(io *Stage, a act) {
			io.Parent.OnConnection(connection(a))
		}},
		{Name: "OnServerSide", Stands: []string{"Namespace.OnServerSide"}, Exit: AsPanic, Install: func(io *Stage, a act) {
			io.OnServerSide("bad", func(context.Context, *socketio.ServerSideEvent) error { a(nil); return nil })
		}},
		{Name: "the methods of its error", Exit: AsPanic, Install: func(io *Stage, a act) {
			io.OnServerSide("bad", func(context.Context, *socketio.ServerSideEvent) error { return rude{a} })
		}},
		{Name: "PresenceKey", Stands: []string{"Namespace.PresenceKey"}, Exit: AsPanic, Install: func(io *Stage, a act) {
			io.PresenceKey(func(*socketio.RemoteSocket) string { a(nil); return "somebody" })
		}},
		room("OnCreateRoom", func(n *socketio.Namespace, f func(string)) { n.OnCreateRoom(f) }),
		room("OnDeleteRoom", func(n *socketio.Namespace, f func(string)) { n.OnDeleteRoom(f) }),
		room("OnJoinRoom", func(n *socketio.Namespace, f func(string)) { n.OnJoinRoom(func(room, _ string) { f(room) }) }),
		room("OnLeaveRoom", func(n *socketio.Namespace, f func(string)) { n.OnLeaveRoom(func(room, _ string) { f(room) }) }),
	}
}

// valueHooks are the methods of the program's own types.
func valueHooks() []Hook {
	type act = func(*socketio.Socket)
	value := func(name string, handle func(a act, e *socketio.Event) error) Hook {
		return Hook{Name: name, Fate: Failed, Exit: AsPanic, Uncounted: true, Install: func(io *Stage, a act) {
			io.Parent.OnEvent("bad", func(_ context.Context, e *socketio.Event) error { return handle(a, e) })
		}}
	}
	return []Hook{
		value("MarshalJSON of an ack", func(a act, e *socketio.Event) error { return e.Ack(marshaler{a}) }),
		value("MarshalJSON of an event", func(a act, e *socketio.Event) error { return e.Socket().Emit("x", marshaler{a}) }),
		value("MarshalJSON of a broadcast", func(a act, e *socketio.Event) error { return e.Socket().Namespace().Emit("x", marshaler{a}) }),
		value("MarshalText of a key", func(a act, e *socketio.Event) error { return e.Ack(map[texter]int{{&a}: 1}) }),
		value("UnmarshalJSON", func(a act, e *socketio.Event) error { v := marshaler{a}; return e.Bind(&v) }),
		value("UnmarshalText", func(a act, e *socketio.Event) error { v := texter{&a}; return e.Bind(&v) }),
		{Name: "MarshalJSON of an Error's Data", Fate: NotLetIn, Exit: Dropped, Uncounted: true, Install: func(io *Stage, a act) {
			io.Parent.Use(func(context.Context, *socketio.Socket) (context.Context, error) {
				return nil, &socketio.Error{Message: "no", Data: marshaler{a}}
			})
		}},
	}
}

type marshaler struct{ act func(*socketio.Socket) }

func (m marshaler) MarshalJSON() ([]byte, error) { m.act(nil); return []byte("1"), nil }
func (m *marshaler) UnmarshalJSON([]byte) error  { m.act(nil); return nil }

type texter struct{ act *func(*socketio.Socket) }

func (t texter) MarshalText() ([]byte, error) { (*t.act)(nil); return []byte("x"), nil }
func (t *texter) UnmarshalText([]byte) error  { (*t.act)(nil); return nil }

func codecHooks() []Hook {
	type act = func(*socketio.Socket)
	with := func(name string, fate, exit Fate, make func(a act) rudeCodec) Hook {
		read := name == "its Add" || name == "its Pending"
		return Hook{Name: name, Stands: []string{"Config.Codec"}, Fate: fate, Exit: exit, Exits: read, Config: func(cfg *socketio.Config, a act) {
			codec := make(a)
			codec.Codec = packet.JSON()
			cfg.Codec = codec
		}}
	}
	return []Hook{
		with("the codec's Encode of an answer to CONNECT", Dropped, AsPanic, func(a act) rudeCodec {
			return rudeCodec{encode: func(p packet.Outgoing) {
				if p.Type == packet.Connect && p.Namespace == Room {
					a(nil)
				}
			}}
		}),
		with("its Encode of an ack", Failed, AsPanic, func(a act) rudeCodec {
			return rudeCodec{encode: func(p packet.Outgoing) {
				if p.Type == packet.Ack && p.Namespace == Room && p.ID == 1 && len(p.Args) == 1 && p.Args[0] == "ok" {
					a(nil)
				}
			}}
		}),
		with("its NewDecoder", Dropped, AsPanic, func(a act) rudeCodec { return rudeCodec{newDecoder: func() { a(nil) }} }),
		with("its Add", Dropped, AsPanic, func(a act) rudeCodec {
			return rudeCodec{add: func(data []byte) {
				if strings.Contains(string(data), Room) {
					a(nil)
				}
			}}
		}),
		with("its Pending", Usual, Dropped, func(a act) rudeCodec {
			return rudeCodec{add: func([]byte) {}, pending: func() { a(nil) }}
		}),
	}
}

// A rudeCodec is JSON with code around it.
type rudeCodec struct {
	packet.Codec
	encode     func(packet.Outgoing)
	newDecoder func()
	add        func([]byte)
	pending    func()
}

func (c rudeCodec) Encode(dst []byte, p packet.Outgoing) (packet.Encoded, error) {
	if c.encode != nil {
		c.encode(p)
	}
	return c.Codec.Encode(dst, p)
}

func (c rudeCodec) NewDecoder(limits packet.Limits) packet.Decoder {
	if c.newDecoder != nil {
		c.newDecoder()
	}
	return &rudeDecoder{Decoder: c.Codec.NewDecoder(limits), codec: c}
}

type rudeDecoder struct {
	packet.Decoder
	codec rudeCodec
	bad   bool // it is the bad client's
}

func (d *rudeDecoder) Add(data []byte, binary bool) (packet.Incoming, bool, error) {
	d.bad = d.bad || strings.Contains(string(data), Room)
	if d.codec.add != nil {
		d.codec.add(data)
	}
	return d.Decoder.Add(data, binary)
}

func (d *rudeDecoder) Pending() bool {
	if d.bad && d.codec.pending != nil {
		d.codec.pending()
	}
	return d.Decoder.Pending()
}
