package acctest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
)

// Request is one line of the sandbox's log.
type Request struct {
	Time     time.Time `json:"time"` // when it began
	Millis   float64   `json:"ms"`
	Method   string    `json:"method"`
	Path     string    `json:"path"`
	Status   int       `json:"status"`
	TenantID string    `json:"tenant_id"`
	Parts    []struct {
		Method string `json:"method"`
		Path   string `json:"path"`
		Status int    `json:"status"`
	} `json:"parts"`
}

// requestLog collects what the sandbox logs.
type requestLog struct {
	guard sync.Mutex
	text  bytes.Buffer
}

func (l *requestLog) Write(line []byte) (int, error) {
	l.guard.Lock()
	defer l.guard.Unlock()
	return l.text.Write(line)
}

// Requests returns what was requested since the kitchen started, or since the last call of Forget.
func (k *Kitchen) Requests() []Request {
	k.t.Helper()
	k.log.guard.Lock()
	defer k.log.guard.Unlock()
	var requests []Request
	decoder := json.NewDecoder(bytes.NewReader(k.log.text.Bytes()))
	for decoder.More() {
		var request Request
		if err := decoder.Decode(&request); err != nil {
			k.t.Fatalf("the sandbox's log: %v", err)
		}
		requests = append(requests, request)
	}
	return requests
}

// Forget empties the log, so that a test counts from here.
func (k *Kitchen) Forget() {
	k.log.guard.Lock()
	defer k.log.guard.Unlock()
	k.log.text.Reset()
}

// Graph are the requests to Microsoft Graph among the requests.
func Graph(requests []Request) []Request {
	return slices.DeleteFunc(slices.Clone(requests), func(request Request) bool { return !strings.HasPrefix(request.Path, "/v1.0/") })
}

// InSequence is how many of the requests had to wait for each other: the longest row of which each began after the one
// before it had ended. Give the sandbox a latency, so that what is sent at once overlaps.
func InSequence(requests []Request) int {
	end := func(request Request) time.Time {
		return request.Time.Add(time.Duration(request.Millis * float64(time.Millisecond)))
	}
	row := 0
	var ended time.Time
	for _, request := range slices.SortedFunc(slices.Values(requests), func(a, b Request) int { return end(a).Compare(end(b)) }) {
		if !request.Time.Before(ended) {
			row++
			ended = end(request)
		}
	}
	return row
}
