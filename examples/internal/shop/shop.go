// Package shop is the application that the framework examples have before
// Socket.IO comes to it: orders, and users with tokens. It knows no framework.
package shop

import (
	"slices"
	"strings"
	"sync"
)

// A User is who a token belongs to.
type User struct {
	Name string `json:"name"`
}

var tokens = map[string]User{"ani-token": {Name: "Ani"}, "budi-token": {Name: "Budi"}}

// Authenticate finds the user of an Authorization header, "Bearer ani-token".
func Authenticate(header string) (User, bool) {
	user, ok := tokens[strings.TrimPrefix(header, "Bearer ")]
	return user, ok
}

// An Order is what somebody wants.
type Order struct {
	ID   int    `json:"id"`
	Item string `json:"item"`
	By   string `json:"by"`
}

// OrderRequest asks for an item.
type OrderRequest struct {
	Item string `json:"item"`
}

// A Store keeps the last orders in memory.
type Store struct {
	mu     sync.Mutex
	last   int
	orders []Order
}

const most = 100

// Add makes an order.
func (s *Store) Add(user User, item string) Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	order := Order{ID: s.last, Item: item, By: user.Name}
	s.orders = append(s.orders, order)
	if len(s.orders) > most {
		s.orders = slices.Delete(s.orders, 0, 1)
	}
	return order
}

// All returns the orders, the oldest first.
func (s *Store) All() []Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Order{}, s.orders...)
}
