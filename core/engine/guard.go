package engine

// guard calls a function of the user's, whose panic must hurt nobody else. It
// counts and logs that, and also the end of the goroutine by runtime.Goexit, which
// nobody can stop: the caller's deferred functions run, and nothing else. It is for
// goroutines that are the server's own, and whose end somebody sees to.
func (s *Server) guard(what string, f func()) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			s.notePanic(what, v)
		} else if !returned {
			s.notePanic(what, "runtime.Goexit was called")
		}
	}()
	f()
	returned = true
}

// recovered, when deferred, stops a panic, and counts and logs it.
func (s *Server) recovered(what string) {
	if v := recover(); v != nil {
		s.notePanic(what, v)
	}
}

// Call calls a function of the user's on behalf of an HTTP host, in a goroutine of
// its own, and waits for it. It reports whether the function has returned: a panic
// is stopped, counted and logged under the name what, and so is runtime.Goexit. The
// goroutine of the request goes on in any case, which matters where it serves more
// than this request, or where the host does not stop panics.
func (s *Server) Call(what string, f func()) (returned bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.guard(what, func() {
			f()
			returned = true
		})
	}()
	<-done
	return returned
}
