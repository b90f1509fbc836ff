package engine

// ServeFiles sets what is asked first about every request that does not ask for a
// WebSocket, before middlewares and the protocol: it reports whether it has an answer.
// A server on top uses it to serve a client's scripts below the server's path.
//
// The reply is sent as it is, except that the pages of Config.AllowedOrigins may read
// it, too; nobody is refused because of an origin. To a HEAD the reply is that to a
// GET: hosts leave the body out.
func (s *Server) ServeFiles(f func(r *Request) (Reply, bool)) { s.serveFile.Store(&f) }

// file asks the function of ServeFiles.
func (s *Server) file(r *Request) (reply Reply, ok bool) {
	f := s.serveFile.Load()
	if f == nil {
		return Reply{}, false
	}
	reply, ok = Reply{Status: statusInternal}, true // should it panic
	s.guard("ServeFiles", func() { reply, ok = (*f)(r) })
	if ok {
		if reply.Header == nil {
			reply.Header = Header{}
		}
		s.addCORS(reply.Header, r)
	}
	return reply, ok
}
