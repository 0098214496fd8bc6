package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// The backends that the CLI can keep its state in. The local one writes the whole state for each change of a resource;
// every other one writes it at the end, and each 20 seconds, as every shared state is.
const (
	httpBackend  = "http"
	localBackend = "local"
)

// stateStore keeps states in memory, as Terraform's backend http asks for it: GET, and POST of a new one.
type stateStore struct {
	guard    sync.Mutex
	states   map[string][]byte // by path
	server   *http.Server
	listener net.Listener
}

// startStateStore serves on the loopback interface, until it is closed.
func startStateStore() (*stateStore, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &stateStore{states: map[string][]byte{}, listener: listener}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

// Close ends the server.
func (s *stateStore) Close() error { return s.server.Close() }

// ServeHTTP implements http.Handler.
func (s *stateStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.guard.Lock()
	defer s.guard.Unlock()
	state, found := s.states[r.URL.Path]
	switch r.Method {
	case http.MethodGet:
		if !found {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = w.Write(state)
	case http.MethodPost:
		state, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.states[r.URL.Path] = state
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// use writes into a folder of the CLI where it keeps its state.
func (s *stateStore) use(folder, backend string) error {
	text := "terraform {\n  backend \"local\" {}\n}\n"
	if backend == httpBackend {
		text = fmt.Sprintf("terraform {\n  backend \"http\" {\n    address = %q\n  }\n}\n",
			(&url.URL{Scheme: "http", Host: s.listener.Addr().String(), Path: filepath.ToSlash(folder)}).String())
	}
	return os.WriteFile(filepath.Join(folder, "backend.tf"), []byte(text), 0o600)
}
