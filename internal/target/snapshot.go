package target

import (
	"fmt"

	socketio "github.com/kawat-go/kawat/core"
	"github.com/kawat-go/kawat/core/engine"
)

// A Snapshot is the state of a server at one moment, after its garbage has been
// collected.
type Snapshot struct {
	Goroutines int
	// Leaked are the goroutines that wait for what nobody can ever do, as the
	// runtime's profile of leaked goroutines finds them; Leaks is that profile.
	Leaked int
	Leaks  string `json:",omitempty"`
	// Heap are the bytes of the objects that are alive, RSS those that the system counts.
	Heap, RSS   int64
	Descriptors int
	// Blocked are the handlers of the event "block" that wait.
	Blocked int
	// Connections and Disconnects are the calls of OnConnection and OnDisconnect
	// functions since the start.
	Connections, Disconnects int64
	IO                       socketio.Stats   // of Socket.IO
	Packed                   socketio.Stats   // of that in MessagePack
	Engine                   engine.Stats     // of the plain Engine.IO server beside it
	Others                   []socketio.Stats // of the other nodes' Socket.IO
}

// Empty reports what is left of clients, as an error.
func (s Snapshot) Empty() error {
	if s.IO.Engine.Sessions != 0 || s.IO.Sockets != 0 || s.IO.Rooms != 0 || s.IO.PendingAcks != 0 ||
		s.IO.Engine.QueuedBytes != 0 || s.Packed.Engine.Sessions != 0 || s.Packed.Sockets != 0 || s.Packed.PendingAcks != 0 || s.Engine.Sessions != 0 || s.Engine.QueuedBytes != 0 {
		return fmt.Errorf("clients have left something: Socket.IO %+v, Engine.IO %+v", s.IO, s.Engine)
	}
	for _, io := range append([]socketio.Stats{s.IO}, s.Others...) {
		if r := io.Relay; io.Engine.Sessions != 0 || io.Sockets != 0 || io.Rooms != 0 || io.Engine.QueuedBytes != 0 ||
			r.Waiting != 0 || r.Serving != 0 || r.WebSockets != 0 || r.Bytes != 0 {
			return fmt.Errorf("clients have left something at a node: %+v", io)
		}
	}
	return nil
}
