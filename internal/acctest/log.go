package acctest

import (
	"bytes"
	"encoding/json"
	"sync"
)

// Request is one line of the sandbox's log.
type Request struct {
	Method   string `json:"method"`
	Path     string `json:"path"`
	Status   int    `json:"status"`
	TenantID string `json:"tenant_id"`
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
