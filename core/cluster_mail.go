package socketio

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/kawat-go/kawat/core/backplane"
)

// An operation is what a node of Kawat's tells or asks another by mail, where Node's
// servers have no word for it. It travels as JSON; members that are not known are
// ignored, and so are operations.
type operation struct {
	Op        string         `json:"op"`
	Request   string         `json:"request,omitzero"`
	Namespace string         `json:"nsp,omitzero"`
	Rooms     []string       `json:"rooms,omitzero"`
	Except    []string       `json:"except,omitzero"`
	Prefix    string         `json:"prefix,omitzero"`
	Why       int            `json:"why,omitzero"`
	Count     int            `json:"count,omitzero"`
	Counts    map[string]int `json:"counts,omitzero"`

	// What opChildren has besides.
	Parent       int            `json:"parent,omitzero"`
	Pattern      string         `json:"pattern,omitzero"`
	Event        jsontext.Value `json:"event,omitzero"`
	Attachments  [][]byte       `json:"attachments,omitzero"`
	Uncompressed bool           `json:"uncompressed,omitzero"`
	Volatile     bool           `json:"volatile,omitzero"`
	Had          []string       `json:"had,omitzero"` // children that the sender has
}

const (
	opLost   = "lost"   // a client will not acknowledge the broadcast of a Request
	opAbsent = "absent" // the node has nothing to say to a Request

	opChildren = "children" // an event for the children of a parent that the sender does not have

	opCount    = "count"    // how many sockets are there
	opRooms    = "rooms"    // how many are in each room whose name has a Prefix
	opPresence = "presence" // how many have each key
	opAnswer   = "answer"   // to one of these
)

// lossReasons are why a client will not acknowledge. Their places are known to other
// versions.
func lossReasons() []error {
	return []error{ErrDisconnected, ErrTooManyAcks, ErrQueueFull, ErrDropped, ErrAckTimeout}
}

func (a operation) reason() error {
	if reasons := lossReasons(); a.Why > 0 && a.Why < len(reasons) {
		return reasons[a.Why]
	}
	return ErrDisconnected
}

// mailOptions let names of rooms pass that are no text.
func mailOptions() json.Options {
	return json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
}

// tell sends an operation to the node, or to all if that is "".
func (c *cluster) tell(to string, a operation) error {
	mail, err := json.Marshal(a, mailOptions())
	if err != nil {
		return err
	}
	return c.post(to, append(newMail(mailOperations, len(mail)), mail...))
}

// tellLost tells a node of Kawat's that a client will not acknowledge what it has
// sent; others wait until their time is up.
func (c *cluster) tellLost(m backplane.Message, err error) {
	if c.isKawat(m.From) {
		_ = c.tell(m.From, operation{Op: opLost, Request: m.Request, Why: max(0, slices.Index(lossReasons(), err))})
	}
}

// tellAbsent says that this node has nothing to do with a request.
func (c *cluster) tellAbsent(m backplane.Message) bool {
	return c.isKawat(m.From) && c.tell(m.From, operation{Op: opAbsent, Request: m.Request}) == nil
}

func (c *cluster) isKawat(node string) bool { return slices.Contains(c.node.Nodes(), node) }

// operate takes operations from other nodes of Kawat's.
func (c *cluster) operate(from string, mail []byte) {
	var a operation
	if err := json.Unmarshal(mail, &a, mailOptions()); err != nil {
		c.server.ignoredMail.Add(1)
		return
	}
	switch a.Op {
	case opLost, opAbsent, opAnswer:
		if q := c.asked(a.Request); q != nil {
			q.mail(from, a)
		}
	case opCount, opRooms, opPresence:
		c.survey(from, a)
	case opChildren:
		c.childrenBroadcast(from, a)
	default:
		c.server.ignoredMail.Add(1)
	}
}
