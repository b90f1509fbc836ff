package socketio

import (
	"net/url"
	"strings"

	"github.com/kawat-go/kawat/core/engine"
	"github.com/kawat-go/kawat/core/packet"
)

// Clients of Socket.IO 1 and 2 speak protocol 4, over revision 3 of Engine.IO. Their
// packets are those of today but for how a namespace is joined: everybody is in "/"
// without asking, what the client has to say for itself is a query behind the
// namespace's name, and it works out the ids of its sockets from the connection's.

// maxQuery is how long such a query may be, beyond the limit for a name.
const maxQuery = 8 << 10

// legacyLimits makes room for the query.
func legacyLimits(l packet.Limits) packet.Limits {
	l = l.Default()
	l.NamespaceLength += maxQuery
	return l
}

// joinMain joins the client to the main namespace.
func (c *conn) joinMain() { c.join(c.server.Namespace, packet.Args{}) }

// modernize makes of a packet what a client of today would have sent. It reports
// false if the namespace's name is too long.
func (c *conn) modernize(p *packet.Incoming) bool {
	name, query, _ := strings.Cut(p.Namespace, "?")
	p.Namespace = name
	if p.Type == packet.Connect {
		p.Args = c.queryAuth(query)
	}
	return len(name) <= c.server.cfg.PacketLimits.Default().NamespaceLength
}

// queryAuth makes an auth payload of a query. Of a parameter that is there twice the
// last counts, and of one that is not well-formed nothing, as in the reference.
func (c *conn) queryAuth(query string) (auth packet.Args) {
	values, _ := url.ParseQuery(query)
	if len(values) == 0 {
		return auth
	}
	object := make(map[string]string, len(values))
	for key, all := range values {
		object[strings.ToValidUTF8(key, "\ufffd")] = strings.ToValidUTF8(all[len(all)-1], "\ufffd")
	}
	// The codec is the only one who knows how arguments are encoded.
	codec := c.server.cfg.Codec
	c.server.guard("Config.Codec", func() {
		encoded, err := codec.Encode(nil, packet.Outgoing{Type: packet.Connect, ID: packet.NoID, Args: []any{object}})
		if err != nil {
			return
		}
		if p, complete, err := codec.NewDecoder(c.server.cfg.PacketLimits).Add(encoded.Head, encoded.Binary); err == nil && complete {
			auth = p.Args
		}
	})
	return auth
}

// newSocketID makes the id of a socket.
func (c *conn) newSocketID(namespace string) string {
	switch {
	case !c.legacy:
		return engine.NewID()
	case namespace == "/":
		return c.session.ID()
	}
	return namespace + "#" + c.session.ID()
}

// connectArgs are what the answer to a CONNECT says.
func (s *Socket) connectArgs() []any {
	if s.conn.legacy {
		return nil
	}
	return []any{s.connectAnswer()}
}

// legacyRefusal is the answer to a refused CONNECT: the error's data or, where there
// is none or it is a mere number, its message. An unknown namespace is refused in
// the form of today, as in the reference.
func (c *conn) legacyRefusal(namespace string, why *Error) ([]*engine.Frame, error) {
	shapes := []any{why.Data, why.Message}
	switch {
	case why == errInvalidNamespace:
		shapes = []any{errorObject(*why)}
	case why.Data == nil:
		shapes = shapes[1:]
	}
	var frames []*engine.Frame
	var err error
	for _, shape := range shapes {
		frames, err = c.server.encode(packet.Outgoing{
			Type: packet.ConnectError, Namespace: namespace, ID: packet.NoID, Args: []any{shape},
		}, true)
		if err == nil {
			break
		}
	}
	return frames, err
}
