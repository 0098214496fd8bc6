package sandbox

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// Request is a line of the log. Neither headers nor bodies are in it, because secrets are in those.
type Request struct {
	Time       time.Time `json:"time"` // when it began
	Method     string    `json:"method"`
	Path       string    `json:"path"`   // with the query
	Status     int       `json:"status"` // 0: the connection ended without an answer
	TenantID   string    `json:"tenant_id,omitempty"`
	Millis     float64   `json:"ms"`
	Protocol   string    `json:"protocol"`        // such as HTTP/2.0
	Connection string    `json:"connection"`      // the client's address, one for each connection
	Parts      []Part    `json:"parts,omitempty"` // of a batch
}

// ReadLog reads the lines of a log.
func ReadLog(log io.Reader) ([]Request, error) {
	var requests []Request
	for decoder := json.NewDecoder(log); decoder.More(); {
		var request Request
		if err := decoder.Decode(&request); err != nil {
			return nil, fmt.Errorf("reading the sandbox's log: %w", err)
		}
		requests = append(requests, request)
	}
	return requests, nil
}

// Ended is when the request was answered.
func (r Request) Ended() time.Time {
	return r.Time.Add(time.Duration(r.Millis * float64(time.Millisecond)))
}

// Chain returns the requests that had to wait for each other: the longest row of which each began after the one before
// it had ended. Give the sandbox a latency, so that what is sent at once overlaps.
func Chain(requests []Request) []Request {
	var row []Request
	for _, request := range slices.SortedFunc(slices.Values(requests), func(a, b Request) int {
		return a.Ended().Compare(b.Ended())
	}) {
		if len(row) == 0 || !request.Time.Before(row[len(row)-1].Ended()) {
			row = append(row, request)
		}
	}
	return row
}

// logged writes a line for each request once it is answered.
func logged(out io.Writer, now func() time.Time, next http.Handler) http.Handler {
	if out == nil {
		return next
	}
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		line := &Request{Time: now().UTC(), Method: r.Method, Path: r.URL.RequestURI(), Protocol: r.Proto,
			Connection: r.RemoteAddr}
		started := time.Now()
		watched := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		notes := &tenant.Notes{}
		defer func() {
			line.TenantID, line.Parts = notes.TenantID, notes.Parts
			line.Millis = float64(time.Since(started).Microseconds()) / 1000
			text, err := json.Marshal(line)
			if err != nil {
				return // of strings and numbers there is nothing that JSON has no form for
			}
			mu.Lock()
			defer mu.Unlock()
			_, _ = out.Write(append(text, '\n')) // a full disk must not change what the tenants answer
		}()
		next.ServeHTTP(watched, r.WithContext(tenant.WithNotes(r.Context(), notes)))
		line.Status = watched.status
	})
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

// maxInflated bounds a request's body after decompression, in bytes.
const maxInflated = 16 << 20

var errNotGzip = errors.New("the request's body is not what its Content-Encoding says")

// gunzipped decodes the bodies that Microsoft's SDKs compress. A body that only claims to be compressed is refused,
// as a real server does, so that a client that resends one in clear is found out.
func gunzipped(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Encoding") == "gzip" {
			plain, err := inflate(r.Body)
			if err != nil {
				http.Error(w, errNotGzip.Error(), http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(plain))
			r.ContentLength = int64(len(plain))
			r.Header.Del("Content-Encoding")
		}
		next.ServeHTTP(w, r)
	})
}

func inflate(body io.Reader) ([]byte, error) {
	reader, err := gzip.NewReader(body)
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(reader, maxInflated+1))
	if err == nil && len(plain) > maxInflated {
		err = errNotGzip
	}
	return plain, err
}
