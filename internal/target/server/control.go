package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"runtime/pprof"
	"time"

	"github.com/kawat-go/kawat/internal/target"
)

// control is what the test, and nobody else, asks of the process.
func (s *server) control() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/snapshot", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(s.snapshot(r.URL.Query().Has("leaks")))
	})
	mux.HandleFunc("/goroutines", func(w http.ResponseWriter, _ *http.Request) {
		_ = pprof.Lookup("goroutine").WriteTo(w, 1)
	})
	mux.HandleFunc("/log", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(s.log.bytes()) })
	mux.HandleFunc("/release", func(http.ResponseWriter, *http.Request) { close(s.blocks.release) })
	mux.HandleFunc("/emit", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		s.answer(w, s.io.Emit(q.Get("event"), q.Get("text")))
	})
	mux.HandleFunc("/drain", func(w http.ResponseWriter, r *http.Request) { s.answer(w, s.drain(r)) })
	mux.HandleFunc("/shutdown", func(w http.ResponseWriter, r *http.Request) { s.answer(w, s.shutdown(r)) })
	return mux
}

func (s *server) answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// drain moves the clients away over the query's "over", at most for its "within".
func (s *server) drain(r *http.Request) error {
	over, err := time.ParseDuration(r.URL.Query().Get("over"))
	if err != nil {
		return err
	}
	within, err := time.ParseDuration(r.URL.Query().Get("within"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), within)
	defer cancel()
	return s.io.Drain(ctx, over)
}

// shutdown shuts down everything, in the documented order, within the query's "within".
func (s *server) shutdown(r *http.Request) error {
	within, err := time.ParseDuration(r.URL.Query().Get("within"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), within)
	defer cancel()
	for _, shutdown := range []func(context.Context) error{s.io.Shutdown, s.packed.Shutdown, s.engine.Shutdown, s.app.Shutdown} {
		if err := shutdown(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) snapshot(leaks bool) target.Snapshot {
	shot := target.Snapshot{
		Blocked: int(s.blocks.waiting.Load()), Connections: s.connections.Load(), Disconnects: s.disconnects.Load(),
	}
	if leaks {
		shot.Leaked, shot.Leaks = leaked()
	}
	runtime.GC() // twice: what pools keep goes in two steps
	debug.FreeOSMemory()
	shot.Goroutines = runtime.NumGoroutine()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	shot.Heap = int64(sample[0].Value.Uint64())
	shot.RSS = resident()
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		shot.Descriptors = len(files) - 1 // that of the folder itself
	}
	shot.IO, shot.Packed, shot.Engine = s.io.Stats(), s.packed.Stats(), s.engine.Stats()
	for _, other := range s.others {
		shot.Others = append(shot.Others, other.io.Stats())
	}
	return shot
}

// leaked returns what the runtime's profile of leaked goroutines finds.
func leaked() (int, string) {
	profile := pprof.Lookup("goroutineleak")
	if profile == nil {
		return -1, "built without GOEXPERIMENT=goroutineleakprofile"
	}
	var text bytes.Buffer
	if err := profile.WriteTo(&text, 1); err != nil {
		return -1, err.Error()
	}
	var n int
	if _, err := fmt.Sscanf(text.String(), "goroutineleak profile: total %d", &n); err != nil {
		return -1, text.String()
	}
	return n, text.String()
}

// resident is the process's resident memory.
func resident() int64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
