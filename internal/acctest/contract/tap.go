package contract

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// version is the part of Graph that the contract is about. Other requests pass unseen.
const version = "/v1.0"

// Tap listens to what a handler is asked and what it answers.
type Tap struct {
	judge func(Exchange) []string

	guard      sync.Mutex
	checked    int
	violations []string
}

// NewTap returns a tap that has heard nothing yet. It judges by one of a contract's methods.
func NewTap(judge func(Exchange) []string) *Tap { return &Tap{judge: judge} }

// Around puts the tap before a handler, whose answers pass unchanged. Bodies of requests have to come in clear.
func (t *Tap) Around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target, ours := strings.CutPrefix(r.URL.RequestURI(), version)
		if !ours {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		heard := &listener{ResponseWriter: w, status: http.StatusOK}
		e := Exchange{Method: r.Method, Target: target, Header: r.Header.Clone(), Body: body, Lost: true}
		defer func() { t.note(t.judge(e)) }() // also where the answer gets lost, which is a panic
		next.ServeHTTP(heard, r)
		e.Lost, e.Status, e.Answered, e.Answer = false, heard.status, w.Header().Clone(), heard.body.Bytes()
	})
}

func (t *Tap) note(violations []string) {
	t.guard.Lock()
	defer t.guard.Unlock()
	t.checked++
	for _, violation := range violations {
		if !slices.Contains(t.violations, violation) {
			t.violations = append(t.violations, violation)
		}
	}
}

// Checked is how many exchanges were held against the contract, a batch being one.
func (t *Tap) Checked() int {
	t.guard.Lock()
	defer t.guard.Unlock()
	return t.checked
}

// Violations are what was heard so far and is not in the contract, each once.
func (t *Tap) Violations() []string {
	t.guard.Lock()
	defer t.guard.Unlock()
	return slices.Clone(t.violations)
}

// listener copies an answer.
type listener struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (l *listener) WriteHeader(status int) {
	l.status = status
	l.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (l *listener) Write(data []byte) (int, error) {
	l.body.Write(data)
	return l.ResponseWriter.Write(data)
}

// Unwrap gives http.ResponseController what is below.
func (l *listener) Unwrap() http.ResponseWriter { return l.ResponseWriter }
