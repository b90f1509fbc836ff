package smoke

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
)

// endTime is how long a program may take to end after SIGTERM.
const endTime = 5 * time.Second

var address = regexp.MustCompile(`http://[\d.]+:\d+`)

// EndsInOrder runs the program in the test's folder, on a free port, and sends it
// SIGTERM while clients are connected over polling and WebSocket. They must be told, in
// the way that has stock clients connect anew, and it must end in time with status 0.
// path is where Socket.IO is, such as "/socket.io".
func EndsInOrder(t *testing.T, path string, header http.Header, args ...string) {
	t.Helper()
	program := start(t, args...)
	poller := Connect(t, program.url+path, header)
	poller.ended = true // its session goes with the program
	poll := make(chan string, 1)
	go func() { poll <- poller.next("1") }()
	conn, res, err := websocket.DefaultDialer.DialContext(t.Context(),
		strings.Replace(program.url, "http", "ws", 1)+path+"/?EIO=4&transport=websocket", header)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	hear(t, conn, "0{")
	if err := conn.WriteMessage(websocket.TextMessage, []byte("40")); err != nil {
		t.Fatal(err)
	}
	hear(t, conn, "40{")

	began := time.Now()
	if err := program.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var closed *websocket.CloseError
	if _, text, err := conn.ReadMessage(); !errors.As(err, &closed) {
		t.Errorf("the WebSocket is sent %q, %v; want a close frame", text, err)
	}
	if last := <-poll; last != "1" {
		t.Errorf("the poll is answered %q, want the end of the session", last)
	}
	err = program.cmd.Wait()
	if took := time.Since(began); err != nil || took > endTime {
		t.Errorf("ended after %v: %v: %s", took, err, program.errors)
	}
}

func hear(t *testing.T, conn *websocket.Conn, prefix string) {
	t.Helper()
	_, text, err := conn.ReadMessage()
	if err != nil || !strings.HasPrefix(string(text), prefix) {
		t.Fatalf("received %q, %v, want %q", text, err, prefix)
	}
}

// A program is one that runs.
type program struct {
	cmd    *exec.Cmd
	url    string
	errors *strings.Builder
}

// start builds the program and waits until it has said where it listens.
func start(t *testing.T, args ...string) program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p := program{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), path, append(args, "-addr", "127.0.0.1:0")...), errors: new(strings.Builder)}
	p.cmd.Stderr = p.errors
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if p.url = address.FindString(line); p.url == "" {
		t.Fatalf("no address in %q: %v", line, err)
	}
	return p
}

// Bundle makes a folder with what stands for the client's files.
func Bundle(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "socket.io.min.js"), []byte("// the client"), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}
