package acctest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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

// keepHistory writes what was requested of a failed test's sandbox into the checkout, for people to read.
func keepHistory(t testing.TB, server *sandbox.Server) {
	t.Helper()
	if !t.Failed() {
		return
	}
	folder := filepath.Join(checkout(t), ".cache", "history")
	name := fmt.Sprintf("%s-%d.txt", unsafeInNames.ReplaceAllString(t.Name(), "_"), server.Seed())
	var text bytes.Buffer
	err := sandbox.WriteHistory(&text, server.History())
	if err == nil {
		err = os.MkdirAll(folder, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, name), text.Bytes(), 0o600)
	}
	if err != nil {
		t.Errorf("the history could not be kept: %v", err)
		return
	}
	t.Logf("what was requested is in %s", filepath.Join(folder, name))
}

// unsafeInNames are the characters that a file's name should not have, on any system.
var unsafeInNames = regexp.MustCompile(`[^\w.-]+`)

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
