package websocket_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/kawat-go/kawat/internal/epoll"
	"github.com/kawat-go/kawat/internal/host"
	"github.com/kawat-go/kawat/internal/rfc6455"
	"github.com/kawat-go/kawat/internal/websocket"
)

// TestRFC6455 has the table's conversations with a Conn alone, over each of the
// ways in which it reads and writes. In a pipe each write of the client's is a read
// of its own.
func TestRFC6455(t *testing.T) {
	t.Run("pipe", func(t *testing.T) {
		t.Parallel()
		var s echoServer
		rfc6455.Run(t, rfc6455.Target{Path: "/", Dial: func() (net.Conn, error) {
			ours, peer := net.Pipe()
			s.all.Go(func() { s.serve(ours) })
			return peer, nil
		}})
		s.all.Wait()
	})
	groups := map[string]*epoll.Group{"tcp": nil}
	if epoll.Supported() {
		groups["parked"] = epoll.New()
	}
	for name, group := range groups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := echoServer{group: group}
			s.all.Go(func() {
				for {
					conn, err := ln.Accept()
					if err != nil {
						return
					}
					s.all.Go(func() { s.serve(conn) })
				}
			})
			rfc6455.Run(t, rfc6455.Target{Path: "/", Dial: func() (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }})
			ln.Close()
			s.all.Wait()
		})
	}
}

// An echoServer sends messages back.
type echoServer struct {
	group *epoll.Group
	all   sync.WaitGroup
}

// serve serves one connection, the opening handshake first, until it ends.
func (s *echoServer) serve(conn net.Conn) {
	r := bufio.NewReader(conn)
	req, err := http.ReadRequest(r)
	if err != nil {
		conn.Close()
		return
	}
	digest := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(digest[:]) + "\r\n"
	deflate := host.OffersDeflate(req.Header["Sec-Websocket-Extensions"])
	if deflate {
		answer += "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
	}
	if _, err := fmt.Fprint(conn, answer, "\r\n"); err != nil {
		conn.Close()
		return
	}
	behind, _ := r.Peek(r.Buffered())
	s.echo(websocket.New(conn, behind, websocket.Config{Group: s.group, Deflate: deflate}))
}

func (s *echoServer) echo(c *websocket.Conn) {
	defer c.Abort()
	echo := func(binary bool, data []byte) error { return c.WriteMessage(binary, data) }
	if s.group == nil {
		for c.ReadMessages(echo) == nil {
		}
		return
	}
	ended := make(chan struct{})
	parked := c.Park(func() {
		for {
			more, err := c.ReadAvailable(echo)
			switch {
			case err != nil:
				close(ended)
				return
			case !more && c.Rest():
				return
			}
		}
	})
	if !parked {
		panic("the group has not taken the connection")
	}
	<-ended
}
