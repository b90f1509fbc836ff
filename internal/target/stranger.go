package target

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// A Stranger is a node on the bus of a server of several nodes that says what the test
// wants. Only what nodes tell each other in private comes to it.
type Stranger struct {
	ID string // 16 hexadecimal digits

	target *Target
}

// Stranger lets one join.
func (g *Target) Stranger() (*Stranger, error) {
	id, err := g.ask("/stranger/join")
	return &Stranger{ID: string(id), target: g}, err
}

// Post sends pieces of private mail to the node of that number.
func (s *Stranger) Post(to int, pieces ...[]byte) error {
	body, err := json.Marshal(pieces)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 2 * Patience}
	defer client.CloseIdleConnections()
	res, err := client.Post(fmt.Sprintf("%s/stranger/post?id=%s&to=%d", s.target.control, s.ID, to), "", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if text, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		return fmt.Errorf("target: %s", text)
	}
	return nil
}

// Mail returns what has come to it since the last call.
func (s *Stranger) Mail() (pieces [][]byte, err error) {
	body, err := s.target.ask("/stranger/mail?id=" + s.ID)
	if err == nil {
		err = json.Unmarshal(body, &pieces)
	}
	return pieces, err
}

// Leave lets it leave the bus.
func (s *Stranger) Leave() error { _, err := s.target.ask("/stranger/leave?id=" + s.ID); return err }
