package socketio

// survey answers a question of another node about this node's sockets.
func (c *cluster) survey(from string, q operation) {}
