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
}

func (e *Error) Error() string { return e.Message }

// noHijack says that the connection is out of reach behind culprit, which the
// operator can find by its type.
func noHijack(culprit string) *Error {
	return &Error{
		Status: http.StatusNotImplemented,
		Message: fmt.Sprintf("WebSocket needs the connection, but %s gives no access to it (no Hijack): "+
			"mount Socket.IO outside http.TimeoutHandler and any other middleware that brings this writer", culprit),
	}
}

// A Complaint logs each message once, since a wrong set-up fails on every request.
type Complaint struct{ made sync.Map }

// Log logs the message unless it has been logged before.
func (c *Complaint) Log(srv *engine.Server, message string) {
	if _, again := c.made.LoadOrStore(message, true); !again {
		srv.Logger().Error("kawat: " + message)
	}
}
