package fault

import (
	"bytes"
	"net/http"
	"strconv"
)

// recorded is an answer that was not sent yet: a fault may still change it.
type recorded struct {
	status int
	header http.Header
	body   bytes.Buffer
	cutOff bool // it breaks off in its middle
}

func newRecorded() *recorded { return &recorded{status: http.StatusOK, header: http.Header{}} }

// Header implements http.ResponseWriter.
func (a *recorded) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *recorded) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *recorded) Write(data []byte) (int, error) { return a.body.Write(data) }

func (a *recorded) send(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.cutOff && a.body.Len() == 0 {
		panic(http.ErrAbortHandler)
	}
	if a.cutOff {
		w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body.Bytes()[:a.body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // the client is gone: nobody is left to be told
}
