// Package history records the requests to the sandbox: who asked for what, what was answered and as of which moment,
// which fault the request met, and what it wrote. It writes them as JSON lines for programs and as text for people.
package history

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// Request is one request. Neither headers nor bodies are in it, because secrets are in those.
type Request struct {
	Time            time.Time `json:"time"` // when it began
	Method          string    `json:"method"`
	Path            string    `json:"path"`   // with the query, of which no secret
	Status          int       `json:"status"` // 0: the connection ended without an answer
	Millis          float64   `json:"ms"`
	Protocol        string    `json:"protocol"`   // such as HTTP/2.0
	Connection      string    `json:"connection"` // the client's address, one for each connection
	ClientRequestID string    `json:"client_request_id,omitempty"`
	tenant.Notes
}

// Ended is when the request was answered.
func (r Request) Ended() time.Time {
	return r.Time.Add(time.Duration(r.Millis * float64(time.Millisecond)))
}

// Read reads JSON lines.
func Read(lines io.Reader) ([]Request, error) {
	var requests []Request
	for decoder := json.NewDecoder(lines); decoder.More(); {
		var request Request
		if err := decoder.Decode(&request); err != nil {
			return nil, fmt.Errorf("reading the sandbox's log: %w", err)
		}
		requests = append(requests, request)
	}
	return requests, nil
}

// kept is how many requests a recorder remembers: what a long session of a person sends, in some tens of megabytes.
const kept = 20_000

// Recorder remembers the last requests. Its methods may be called from several goroutines.
type Recorder struct {
	now func() time.Time
	log io.Writer

	mu       sync.Mutex
	requests []Request
}

// NewRecorder returns a recorder with the tenants' clock. It also writes each request to the log, as a line of JSON,
// unless that is nil.
func NewRecorder(now func() time.Time, log io.Writer) *Recorder { return &Recorder{now: now, log: log} }

// Requests returns the last requests in the order in which they were answered.
func (h *Recorder) Requests() []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Request{}, h.requests...)
}

// Around records each request once it is answered.
func (h *Recorder) Around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := &Request{Time: h.now().UTC(), Method: r.Method, Path: tenant.LoggedPath(r.URL.RequestURI()),
			Protocol: r.Proto, Connection: r.RemoteAddr, ClientRequestID: tenant.RequestID(r.Header.Get("client-request-id"))}
		started := time.Now()
		watched := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() { // also where the connection is ended, which is a panic
			request.Millis = float64(time.Since(started).Microseconds()) / 1000
			h.record(*request)
		}()
		next.ServeHTTP(watched, r.WithContext(tenant.WithNotes(r.Context(), &request.Notes)))
		request.Status = watched.status
	})
}

func (h *Recorder) record(request Request) {
	var line []byte
	if h.log != nil {
		line, _ = json.Marshal(request) // of texts, numbers and times there is nothing that JSON has no form for
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.requests = append(h.requests, request); len(h.requests) > kept {
		h.requests = append([]Request{}, h.requests[kept/10:]...)
	}
	if h.log != nil {
		_, _ = h.log.Write(append(line, '\n')) // a full disk must not change what the tenants answer
	}
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap gives http.ResponseController what is below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
