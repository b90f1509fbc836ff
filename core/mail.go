package socketio

// Nodes of Kawat's tell each other what Node's servers would not understand by mail
// of their own: see [backplane.Node].Relay. The first byte of a piece says for which
// part of the server it is, the rest is that part's.

// A mailKind is that byte. Its value is known to other versions: do not change it, and
// do not use one again.
type mailKind byte

const (
	mailSessions   mailKind = 1 // requests and connections of clients whose sessions are elsewhere
	mailOperations mailKind = 2 // questions about rooms and sockets
	mailRecovery   mailKind = 3 // sockets that move to another node
	mailKinds      mailKind = 4
)

// A mailbox is a part of the server that takes mail of one kind. Its functions are
// called as those of a [backplane.Host]: they must not wait for other mail.
type mailbox struct {
	// take is called for each piece, those of one node one after another. data is
	// without the kind, and valid as long as it likes, but not to be changed.
	take func(from string, data []byte)
	// left is called for each node that has left; nil if it does not matter.
	left func(node string)
}

// A postOffice hands mail to the parts. They open their boxes before the server is a
// node, so that nothing changes after that.
type postOffice struct {
	boxes [mailKinds]mailbox
}

// newMail returns the beginning of a piece of mail, to be appended to and given to post.
func newMail(kind mailKind, size int) []byte {
	return append(make([]byte, 0, 1+size), byte(kind))
}

// post sends mail to the node, or to all nodes if that is "". It does not wait, and
// whether it arrives nobody says. The mail must not be changed any more.
func (c *cluster) post(to string, mail []byte) error { return c.node.Relay(to, mail) }

// received takes mail from the backplane.
func (c *cluster) received(from string, mail []byte) {
	<-c.joined
	defer c.server.recovered("Config.Backplane")
	if c.node == nil || c.ctx.Err() != nil || from == c.node.ID() {
		return
	}
	if len(mail) == 0 || int(mail[0]) >= len(c.mail.boxes) || c.mail.boxes[mail[0]].take == nil {
		c.server.ignoredMail.Add(1) // of a version to come, or nobody here wants it
		return
	}
	c.mail.boxes[mail[0]].take(from, mail[1:])
}

// left is told that a node of Kawat's has left.
func (c *cluster) left(node string) {
	<-c.joined
	if c.node == nil {
		return
	}
	for i := range c.mail.boxes {
		if f := c.mail.boxes[i].left; f != nil {
			c.tellLeft(f, node)
		}
	}
}

func (c *cluster) tellLeft(f func(node string), node string) {
	defer c.server.recovered("Config.Backplane")
	f(node)
}
