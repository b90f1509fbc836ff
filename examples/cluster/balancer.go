package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"time"
)

// A balancer hands each request to another node, in turn. It knows nothing of
// sessions: a poll goes here, the next one there.
type balancer struct {
	listener net.Listener
	proxy    *httputil.ReverseProxy

	mu    sync.Mutex
	nodes []*url.URL
	turn  int
}

func newBalancer(addr string) (*balancer, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	b := &balancer{listener: listener}
	b.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			if node := b.next(); node != nil {
				r.SetURL(node)
			}
			r.Out.Host = r.In.Host // which the page's origin is compared with
			r.SetXForwarded()
		},
		// A node that was killed leaves requests that nobody answers. Clients repeat them.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		ErrorLog:     log.New(discard{}, "", 0),
	}
	return b, nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (b *balancer) addr() string { return b.listener.Addr().String() }

func (b *balancer) close() error { return b.listener.Close() }

func (b *balancer) add(node *url.URL) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nodes = append(b.nodes, node)
}

func (b *balancer) remove(node *url.URL) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nodes = slices.DeleteFunc(b.nodes, func(other *url.URL) bool { return *other == *node })
}

// next returns the node whose turn it is, or nil if there is none.
func (b *balancer) next() *url.URL {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.nodes) == 0 {
		return nil
	}
	b.turn++
	return b.nodes[b.turn%len(b.nodes)]
}

// serve serves until ctx ends. The nodes end with it, so nothing is waited for.
func (b *balancer) serve(ctx context.Context) error {
	server := &http.Server{Handler: b.proxy, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() {
		time.Sleep(drainTime + time.Second) // in which the nodes tell their clients
		_ = server.Close()
	})
	defer stop()
	if err := server.Serve(b.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
