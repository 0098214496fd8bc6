package acctest

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// Request is one line of the sandbox's log.
type Request = sandbox.Request

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

// Requests returns what was requested since the test environment started, or since the last call of Forget.
func (env *Env) Requests() []Request {
	env.t.Helper()
	return env.log.requests(env.t)
}

func (l *requestLog) requests(t testing.TB) []Request {
	t.Helper()
	l.guard.Lock()
	defer l.guard.Unlock()
	requests, err := sandbox.ReadLog(bytes.NewReader(l.text.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return requests
}

// Forget empties the log, so that a test counts from here.
func (env *Env) Forget() {
	env.log.guard.Lock()
	defer env.log.guard.Unlock()
	env.log.text.Reset()
}

// Graph are the requests to Microsoft Graph among the requests.
func Graph(requests []Request) []Request {
	return slices.DeleteFunc(slices.Clone(requests), func(request Request) bool {
		return !strings.HasPrefix(request.Path, "/v1.0/")
	})
}

// InSequence is how many of the requests had to wait for each other.
func InSequence(requests []Request) int { return len(sandbox.Chain(requests)) }
