package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"

	"github.com/kawat-go/kawat/core/backplane"
)

// A bus links the nodes of the process, and strangers: nodes that no server is behind,
// which say what the test wants.
type bus struct {
	*backplane.Memory

	mu        sync.Mutex
	nodes     []string // the ids of the servers' nodes, in order
	strangers map[string]*stranger
}

// Join implements [backplane.Backplane].
func (b *bus) Join(ctx context.Context, host backplane.Host) (backplane.Node, error) {
	n, err := b.Memory.Join(ctx, host)
	if err == nil {
		b.mu.Lock()
		b.nodes = append(b.nodes, n.ID())
		b.mu.Unlock()
	}
	return n, err
}

// A stranger keeps the private mail that it gets until the test asks for it.
type stranger struct {
	node backplane.Node

	mu   sync.Mutex
	mail [][]byte
}

// maxMail is how many pieces of it a stranger keeps.
const maxMail = 10_000

func (s *stranger) relayed(_ string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mail) < maxMail {
		s.mail = append(s.mail, data)
	}
}

// mount adds what the test asks of strangers.
func (b *bus) mount(mux *http.ServeMux) {
	mux.HandleFunc("/stranger/join", b.stranger)
	for path, f := range map[string]func(*stranger, http.ResponseWriter, *http.Request) error{
		"/stranger/post": b.post,
		"/stranger/mail": func(s *stranger, w http.ResponseWriter, _ *http.Request) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			mail := s.mail
			s.mail = nil
			return json.NewEncoder(w).Encode(mail)
		},
		"/stranger/leave": func(s *stranger, _ http.ResponseWriter, _ *http.Request) error {
			b.mu.Lock()
			delete(b.strangers, s.node.ID())
			b.mu.Unlock()
			return s.node.Close()
		},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			b.mu.Lock()
			s := b.strangers[r.URL.Query().Get("id")]
			b.mu.Unlock()
			if s == nil {
				http.Error(w, "there is no such stranger", http.StatusNotFound)
				return
			}
			if err := f(s, w, r); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
}

// stranger answers with the id of a new one.
func (b *bus) stranger(w http.ResponseWriter, r *http.Request) {
	s := new(stranger)
	n, err := b.Memory.Join(r.Context(), backplane.Host{
		Receive: func(backplane.Message) {}, Relay: s.relayed, Left: func(string) {}, Observe: func(backplane.Event) {},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.node = n
	b.mu.Lock()
	b.strangers[n.ID()] = s
	b.mu.Unlock()
	_, _ = io.WriteString(w, n.ID())
}

// post sends the pieces in the body to the node whose number is "to".
func (b *bus) post(s *stranger, _ http.ResponseWriter, r *http.Request) error {
	var pieces [][]byte
	if err := json.NewDecoder(r.Body).Decode(&pieces); err != nil {
		return err
	}
	to, err := strconv.Atoi(r.URL.Query().Get("to"))
	if err != nil || to < 0 || to >= len(b.nodes) {
		return fmt.Errorf("there is no node %d: %w", to, err)
	}
	for _, piece := range pieces {
		if err := s.node.Relay(b.nodes[to], piece); err != nil {
			return err
		}
	}
	return nil
}
