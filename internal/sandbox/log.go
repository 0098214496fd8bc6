package sandbox

import (
	"io"
	"slices"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/history"
)

// ReadLog reads the lines of a log.
func ReadLog(log io.Reader) ([]Request, error) { return history.Read(log) }

// WriteHistory writes requests as text for people: aligned, one line for each, with its time after the first one.
func WriteHistory(out io.Writer, requests []Request) error { return history.WriteText(out, requests) }

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
