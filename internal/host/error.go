package host

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/kawat-go/kawat/core/engine"
)

// An Error is a failure of the host, not of the protocol: an adapter answers it
// in its framework's own style. Nothing has been written yet.
type Error struct {
	Status  int
	Message string
	culprit string
}

func (e *Error) Error() string { return e.Message }

// noHijack says that the connection is out of reach behind the culprit, a type
// that the operator can find; why is what it said itself, if anything.
func noHijack(culprit, why string) *Error {
	if why != "" {
		why = " (" + why + ")"
	}
	return &Error{
		Status: http.StatusNotImplemented,
		Message: fmt.Sprintf("WebSocket needs the connection, but %s%s gives no access to it (no Hijack): "+
			"mount Socket.IO outside http.TimeoutHandler and any other middleware that brings this writer", culprit, why),
		culprit: culprit,
	}
}

// A Complaint logs what is wrong with a set-up once for each culprit, since it
// shows on every request.
type Complaint struct{ made sync.Map }

// Log logs the message unless there has been one about the culprit before.
func (c *Complaint) Log(srv *engine.Server, culprit, message string) {
	if _, again := c.made.LoadOrStore(culprit, true); !again {
		srv.Logger().Error("kawat: " + message)
	}
}
